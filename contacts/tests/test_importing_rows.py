"""What one row says."""

from __future__ import annotations

import uuid

import pytest

from contacts.importing.columns import COLUMNS, ID
from contacts.importing.problems import RowRefused
from contacts.importing.rows import LIMITS, Row, clean_row
from contacts.models import Contact, Domain, EmailType, Page


def clean(**cells: str) -> Row | None:
    return clean_row(list(cells), list(cells.values()))


def refused(**cells: str) -> str:
    with pytest.raises(RowRefused) as error:
        clean(**cells)
    return str(error.value)


def test_cells_are_trimmed_and_blank_ones_are_nothing() -> None:
    assert clean(email=" a@acme.example\t", name="  ", phone_number="\u00a0", context="\n") == Row(
        email="a@acme.example"
    )


def test_a_blank_row_is_nothing() -> None:
    assert clean(email=" ", name="", has_gmail="\t") is None


@pytest.mark.parametrize(
    "cells",
    [
        {"name": "Anna"},
        {"phone_number": "+49 30 23125 000"},
        {"email": "not an address"},
        {"email": "a@acme.example", "name": "Contact at acme.example", "phone_number": "Phone not found"},
        {"email": "a@acme.example", "name": "=cmd|' /C calc'!A0", "context": "<script>alert(1)</script>"},
        {"email": "a@acme.example", "name": "Anna\x1b[31m"},
    ],
)
def test_what_was_scraped_is_kept_as_it_is(cells: dict[str, str]) -> None:
    row = clean(**cells)
    assert row is not None
    assert {column: value for column, value in row._asdict().items() if value is not None} == cells


@pytest.mark.parametrize(
    "cells",
    [
        {"email": "", "context": "some text"},
        {"name": "Contact at acme.example", "phone_number": "Phone not found"},
        {"domain": "acme.example", "page_url": "https://acme.example/"},
    ],
)
def test_nothing_to_import(cells: dict[str, str]) -> None:
    assert refused(**cells) == "nothing to import: no e-mail, no name and no phone number"


@pytest.mark.parametrize(("column", "limit"), LIMITS.items())
def test_limits(column: str, limit: int) -> None:
    start = {"page_url": "https://a.example/", "source_url": "https://a.example/", "domain": "a."}.get(column, "x")
    fits = start + "x" * (limit - len(start))
    needed = {"lawful_basis": "consent", "lawful_basis_date": "2026-01-31"} if column.startswith("lawful") else {}
    row = clean(**{"email": "a@acme.example", **needed, column: fits})
    assert row is not None
    assert row._asdict()[column] == fits
    message = refused(**{"email": "a@acme.example", **needed, column: fits + "x"})
    assert message == f"{column}: {limit + 1:,} characters, at most {limit:,} fit"


def test_limits_are_the_databases() -> None:
    for column in ("email", "name", "phone_number", "source_url"):
        assert LIMITS[column] == Contact._meta.get_field(column).max_length
    assert LIMITS["domain"] == Domain._meta.get_field("domain").max_length
    assert LIMITS["page_url"] == Page._meta.get_field("url").max_length


def test_a_page_address_must_fit_into_postgresqls_index() -> None:
    url = "https://a.example/" + "é" * 1_400
    assert refused(email="a@acme.example", page_url=url) == "page_url: 2,818 bytes, at most 2,600 fit"
    assert clean(email="a@acme.example", source_url=url) is not None


@pytest.mark.parametrize("text", ["SERVICE", "corporate", "Free", " unknown "])
def test_email_type(text: str) -> None:
    row = clean(email="a@acme.example", email_type=text)
    assert row is not None
    assert row.email_type == EmailType(text.strip().upper())


def test_email_type_that_is_none() -> None:
    message = "email_type: 'private' is none of SERVICE, CORPORATE, FREE, UNKNOWN"
    assert refused(email="a@acme.example", email_type="private") == message


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("Yes", True), ("1", True), ("FALSE", False), ("no", False), ("0", False), ("", None)],
)
def test_has_gmail(text: str, value: bool | None) -> None:
    row = clean(email="a@acme.example", has_gmail=text)
    assert row is not None
    assert row.has_gmail is value


def test_has_gmail_that_is_neither() -> None:
    message = "has_gmail: 'maybe' is none of true, false, yes, no, 1, 0"
    assert refused(email="a@acme.example", has_gmail="maybe") == message


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("acme.example", "acme.example"),
        ("ACME.Example", "acme.example"),
        ("https://www.Acme.example/team?x=1#y", "www.acme.example"),
        ("acme.example/team", "acme.example"),
        ("acme.example:8080", "acme.example"),
        ("//acme.example", "acme.example"),
        ("acme.example.", "acme.example"),
        ("acme.example/?to=https://other.example", "acme.example"),
        ("bücher.example", "bücher.example"),
        ("उदाहरण.example", "उदाहरण.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("my_shop.acme.example", "my_shop.acme.example"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_domain(text: str, host: str) -> None:
    row = clean(email="a@acme.example", domain=text)
    assert row is not None
    assert row.domain == host


@pytest.mark.parametrize(
    "text",
    [
        *("localhost", "n/a", "https://", "/team", "javascript:alert(1)", "a b.example", "info@acme.example"),
        *("http://[::1", "acme..example", ".example", "<b>.example", "acme.example\x00x", "unknown", "-"),
    ],
)
def test_domain_without_a_host(text: str) -> None:
    message = refused(email="a@acme.example", domain=text)
    assert message.startswith("domain: ")
    assert message.endswith(" is not a host name such as example.com")


@pytest.mark.parametrize("column", ["page_url", "source_url"])
@pytest.mark.parametrize(
    "text",
    ["https://acme.example", "HTTP://acme.example/a b?c=d#e", "https://acme.example/é/\u202e", "http://a:80"],
)
def test_web_addresses(column: str, text: str) -> None:
    row = clean(**{"email": "a@acme.example", column: text})
    assert row is not None
    assert row._asdict()[column] == text


@pytest.mark.parametrize("column", ["page_url", "source_url"])
@pytest.mark.parametrize(
    "text",
    [
        *("javascript:alert(1)", "JavaScript://https://acme.example", "data:text/html,x", "ftp://acme.example"),
        *("acme.example", "//acme.example", "https:/acme.example", "https://", "https:///x", "http:// x"),
        *("https://acme.example/\tx", "https://acme.example/\x1bx", "\x01https://acme.example"),
    ],
)
def test_other_addresses_do_not_get_in(column: str, text: str) -> None:
    message = refused(**{"email": "a@acme.example", column: text})
    assert message.startswith(f"{column}: ")
    assert message.endswith(" is not an address that begins with http:// or https://")


def test_messages_are_short_and_show_no_control_characters() -> None:
    message = refused(email="a@acme.example", page_url="\x1b[31m" + "x" * 1_900)
    assert len(message) < 200
    assert message.isprintable()


# The id


def test_the_id_is_made_from_the_content() -> None:
    row = Row(email="a@acme.example", name="Zoë", has_gmail=False, email_type=EmailType.FREE)
    # Fixed: with another one, every file ever imported would be imported again.
    assert row.contact_id() == uuid.UUID("ed85235c-8f37-5ff8-b9ac-f8e77007bccc")


def test_every_column_counts() -> None:
    values = dict.fromkeys(COLUMNS, "x") | {"email_type": EmailType.FREE, "has_gmail": True}
    full = Row(**values)  # type: ignore[arg-type]
    ids = {full._replace(**{column: None}).contact_id() for column in COLUMNS} | {full.contact_id()}
    assert len(ids) == len(COLUMNS) + 1
    assert Row._fields == (*COLUMNS, ID)


def test_a_column_that_says_nothing_does_not_count() -> None:
    short, long = clean(email="a@acme.example"), clean(name="", domain=" ", email="a@acme.example ")
    assert short is not None
    assert long is not None
    assert short.contact_id() == long.contact_id()
