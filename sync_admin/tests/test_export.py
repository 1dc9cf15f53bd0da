"""The list as a CSV file: what is in it, what no spreadsheet may do with it, and that it can be imported again."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from contacts import exporting
from contacts.importing.run import Importer, read_rows
from contacts.models import Contact, Domain, Page
from contacts.spreadsheets import as_it_was, harmless

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]


def export(client: Client, query: str = "") -> bytes:
    answer = client.get(reverse("sync-export") + query)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer.streaming
    assert "attachment" in answer["Content-Disposition"]
    return b"".join(answer.streaming_content)  # type: ignore[arg-type]


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def imported(data: bytes) -> Importer:
    refused: list[Any] = []
    importer = Importer(on_refused=refused.append)
    importer.run(read_rows(io.BytesIO(data)))
    assert refused == []
    return importer


def person(contact: Contact) -> tuple[Any, ...]:
    texts = (contact.email, contact.name, contact.phone_number, contact.source_url, contact.context)
    linked = (contact.domain and contact.domain.domain, contact.page and contact.page.url)
    return (contact.pk, *texts, *linked, contact.email_type, contact.has_gmail)


def test_the_list_becomes_a_file_the_newest_first(admin_client: Client, make_contact: Make) -> None:
    make_contact("ann@x.example", brevo_sync_status="Complete", brevo_contact_id="4711")
    make_contact("bob@x.example", brevo_sync_status="Error", brevo_processing_error="Bad phone.\nReally.")

    data = export(admin_client)

    assert data.startswith(
        b"\xef\xbb\xbfemail,name,phone_number,email_type,has_gmail,domain,page_url,source_url,context,"
        b"lawful_basis,lawful_basis_source,lawful_basis_date,id,"
    )
    bob, ann = rows(data)
    assert (ann["email"], ann["brevo_sync_status"], ann["brevo_contact_id"]) == ("ann@x.example", "Complete", "4711")
    assert (bob["brevo_processing_error"], bob["name"], bob["has_gmail"]) == ("Bad phone. Really.", "", "false")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?email_type__exact=FREE", ["c", "a"]),
        ("?email_type__exact=FREE&p=2&all=", ["c", "a"]),
        ("?q=acme", ["b"]),
        ("?q=", ["c", "b", "a"]),
        ("?q=nobody", []),
        ("?email_type__exact=FREE&o=1", ["c", "a"]),
    ],
)
def test_it_holds_what_the_list_shows_under_that_address(
    admin_client: Client, make_contact: Make, query: str, expected: list[str]
) -> None:
    make_contact("a@x.example", email_type="FREE")
    make_contact("b@x.example", domain=Domain.objects.create(domain="acme.example"))
    make_contact("c@x.example", email_type="FREE")

    assert [row["email"][0] for row in rows(export(admin_client, query))] == expected


@pytest.mark.parametrize("query", ["?nonsense=1", "?id=abc", "?email__regex=(", "?q=" + "a" * 600])
def test_an_address_that_makes_no_sense_exports_nobody(admin_client: Client, make_contact: Make, query: str) -> None:
    make_contact()
    answer = admin_client.get(reverse("sync-export") + query)
    if answer.status_code == 200:
        assert rows(b"".join(answer.streaming_content)) == []  # type: ignore[arg-type]
    else:
        assert answer.status_code == 302
        assert "Nothing was exported" in admin_client.get(answer["Location"]).content.decode()


FORMULAS = [
    "=1+1",
    "+1 415 555 2671",
    "-5",
    "@SUM(A1)",
    "'=x",
    "''+x",
    "\uff1dcmd",
    '=HYPERLINK("https://evil.example")',
]


@pytest.mark.parametrize("text", [*FORMULAS, "Ann", "'quoted'", "O'Neil", "", "a=b"])
def test_a_cell_is_harmless_and_can_be_read_back(text: str) -> None:
    cell = harmless(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))
    assert as_it_was(cell) == text
    assert (cell == text) == (text not in FORMULAS)


def test_an_export_is_imported_as_it_was(admin_client: Client, make_contact: Make) -> None:
    acme = Domain.objects.create(domain="acme.example")
    page = Page.objects.create(url="https://acme.example/team", domain=acme)
    make_contact(
        "ann@acme.example",
        name="=cmd|' /C calc'!A0",
        phone_number="+14155552671",
        context='Says "hello",\nand bye',
        source_url="https://acme.example/?a=1,2",
        domain=acme,
        page=page,
        brevo_sync_status="Complete",
    )
    make_contact("bob@gmail.com", name="Жанна d'Arc", email_type="FREE", has_gmail=True)
    make_contact(None, phone_number="'+49 1", context="\n".join("x" * 100))
    before = {person(contact) for contact in Contact.objects.all()}
    data = export(admin_client)

    again = imported(data)
    assert (again.tally.imported, again.tally.existing) == (0, 3)

    Contact.objects.all().delete()
    assert imported(data).tally.imported == 3
    after = {person(contact) for contact in Contact.objects.all()}
    # A text of more lines than an import follows is on one line.
    assert after == {
        tuple(" ".join(v.splitlines()) if isinstance(v, str) and v.count("\n") > 50 else v for v in one)
        for one in before
    }
    assert set(Contact.objects.values_list("brevo_sync_status", flat=True)) == {"New"}


def test_an_export_whose_ids_were_taken_away_is_read_as_it_was(admin_client: Client, make_contact: Make) -> None:
    make_contact("ann@x.example", phone_number="+14155552671")
    [row] = rows(export(admin_client))
    assert row.pop("id")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, row)
    writer.writeheader()
    writer.writerow(row)
    assert imported(text.getvalue().encode()).tally.imported == 1
    assert set(Contact.objects.values_list("phone_number", flat=True)) == {"+14155552671"}
    assert Contact.objects.count() == 2


def test_a_file_of_somebody_else_is_taken_literally(make_contact: Make) -> None:
    imported(b"email,name\na@x.example,'+1\n")
    assert Contact.objects.get().name == "'+1"


def test_a_row_with_an_id_that_is_none_is_refused(tmp_path: Any, capsys: Any) -> None:
    file = tmp_path / "x.csv"
    file.write_text("email,id\na@x.example,7\nb@x.example,\n")
    with pytest.raises(Exception, match="1 row was refused"):
        call_command("import_contacts", str(file))
    assert "line 2: id: '7' is not the id of a contact" in capsys.readouterr().err
    assert Contact.objects.get().email == "b@x.example"


def test_pieces_neither_repeat_nor_miss_a_contact(
    admin_client: Client, make_contact: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PIECE", 3)
    for number in range(10):
        make_contact(f"p{number}@x.example")
    Contact.objects.filter(email__lt="p5").update(created_at=Contact.objects.first().created_at)  # type: ignore[union-attr]

    addresses = [row["email"] for row in rows(export(admin_client))]

    assert sorted(addresses) == [f"p{number}@x.example" for number in range(10)]


def test_memory_does_not_grow_with_the_contacts(admin_client: Client) -> None:
    def peak(count: int) -> int:
        Contact.objects.bulk_create(Contact(email=f"{count}-{number}@x.example") for number in range(count))
        tracemalloc.start()
        for _ in exporting.csv_lines(Contact.objects.all()):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few = peak(4_000)
    assert peak(16_000) < few * 1.5


def test_the_list_offers_it(admin_client: Client, make_contact: Make) -> None:
    make_contact("a@x.example", email_type="FREE")
    make_contact("b@x.example", email_type="FREE")
    page = admin_client.get("/admin/contacts/contact/?email_type__exact=FREE&p=1").content.decode()
    assert '<a href="/admin/sync/contacts/export/?email_type__exact=FREE">Export these 2 as CSV</a>' in page
    # An empty value is a filter as well: without it the file would hold everybody.
    make_contact("c@x.example", name="")
    page = admin_client.get("/admin/contacts/contact/?name__exact=").content.decode()
    assert '<a href="/admin/sync/contacts/export/?name__exact=">Export this one as CSV</a>' in page
    assert "Export" not in admin_client.get("/admin/contacts/contact/?q=nobody").content.decode()
