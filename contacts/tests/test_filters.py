"""The filters: each one by itself, together, and what must never be taken for "no filter"."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from contacts.filters import filter_contacts, known_filters
from contacts.models import Contact, Domain, Page
from curation_sdk.viewsets import read_filters

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]


def found(**filters: Any) -> set[str | None]:
    return set(filter_contacts(filters).values_list("email", flat=True))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("contact_curation_status", "Complete"),
        ("contact_processing_status", "Error"),
        ("brevo_sync_status", "Error"),
        ("hubspot_sync_status", "Queued"),
        ("mautic_sync_status", "Skipped"),
        ("n8n_sync_status", "Processing"),
        ("email_type", "CORPORATE"),
        ("has_gmail", True),
    ],
)
def test_a_column_filter_finds_the_rows_with_that_value_only(make_contact: Make, name: str, value: Any) -> None:
    make_contact("other@x.example")
    make_contact("wanted@x.example", **{name: value})

    assert found(**{name: value}) == {"wanted@x.example"}


def test_domain_and_page(make_contact: Make) -> None:
    domain = Domain.objects.create(domain="acme.example")
    page = Page.objects.create(url="https://acme.example/team", domain=domain)
    make_contact("other@x.example")
    make_contact("wanted@x.example", domain=domain, page=page)

    assert found(domain_id=str(domain.pk)) == {"wanted@x.example"}
    assert found(page_id=str(page.pk).upper()) == {"wanted@x.example"}
    assert found(page_id=str(uuid.uuid4())) == set()


def test_text_is_found_in_any_case_and_literally(make_contact: Make) -> None:
    make_contact("Ann_B@X.example", name="Ann O'Neil 100%")
    make_contact("annab@x.example", name=None)

    assert found(email_contains="ANN_B") == {"Ann_B@X.example"}
    assert found(name_contains="100%") == {"Ann_B@X.example"}
    assert found(name_contains="o'neil") == {"Ann_B@X.example"}
    assert found(email_contains="%") == set()
    assert found(name_contains="'; DROP TABLE contacts; --") == set()


def test_filters_given_together_must_all_match(make_contact: Make) -> None:
    make_contact("a@x.example", email_type="FREE", has_gmail=True)
    make_contact("b@x.example", email_type="FREE")

    assert found(email_type="FREE", has_gmail="false") == {"b@x.example"}


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "1", True])
def test_true_is_understood(make_contact: Make, text: Any) -> None:
    make_contact("a@x.example", has_gmail=True)
    make_contact("b@x.example")

    assert found(has_gmail=text) == {"a@x.example"}


@pytest.mark.parametrize("value", ["banana", "yes", "t", "2", 2, "null", " ", "", None, [], {}, 1.0])
def test_a_boolean_that_is_none_never_selects_everyone(make_contact: Make, value: Any) -> None:
    make_contact()

    with pytest.raises(ValidationError) as error:
        filter_contacts({"has_gmail": value})
    assert set(error.value.detail) == {"has_gmail"}


NEVER_FITS = [None, "", " ", "\t\n", "\u3000", [], ["New"], {}, {"a": 1}, 1.5, "\x00", "a\ud800"]


@pytest.mark.parametrize("value", NEVER_FITS, ids=ascii)
@pytest.mark.parametrize("name", known_filters())
def test_a_value_that_does_not_fit_names_its_field(make_contact: Make, name: str, value: Any) -> None:
    make_contact()

    with pytest.raises(ValidationError) as error:
        filter_contacts({name: value})
    assert set(error.value.detail) == {name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("brevo_sync_status", "new"),
        ("brevo_sync_status", "New "),
        ("brevo_sync_status", True),
        ("contact_processing_status", "New"),
        ("contact_processing_status", "null"),
        ("email_type", "OTHER"),
        ("domain_id", "abc"),
        ("domain_id", 7),
        ("page_id", 2**200),
        ("email_contains", True),
        ("email_contains", "a" * 60_000),
        ("name_contains", "a" * 256),
        ("name_contains", 10**4000),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_value_outside_its_range_names_its_field(make_contact: Make, name: str, value: Any) -> None:
    make_contact()

    with pytest.raises(ValidationError) as error:
        filter_contacts({name: value})
    assert set(error.value.detail) == {name}


def test_every_unknown_filter_is_named() -> None:
    with pytest.raises(ValidationError) as error:
        filter_contacts({"statuss": "New", "email__contains": "a", "email_type": "FREE"})
    assert set(error.value.detail) == {"statuss", "email__contains"}


def test_a_given_set_is_narrowed(make_contact: Make) -> None:
    make_contact("a@x.example")
    kept = make_contact("b@x.example")

    assert list(filter_contacts({"email_type": "UNKNOWN"}, Contact.objects.filter(pk=kept.pk))) == [kept]


@pytest.mark.parametrize("body", [None, [], "all", 3, True])
def test_filters_come_as_an_object(body: Any) -> None:
    with pytest.raises(ValidationError):
        read_filters(body)


@pytest.mark.parametrize("body", [{}, {"all": False}, {"all": 1}, {"all": "true"}, {"all": None}, {"status": "New"}])
def test_everyone_is_chosen_in_so_many_words_only(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as error:
        read_filters(body, besides=("status",))
    assert set(error.value.detail) == {"all"}


def test_what_stands_beside_the_filters_is_left_out() -> None:
    assert read_filters({"all": True, "status": "New"}, besides=("status",)) == {}
    assert read_filters({"status": "New"}) == {"status": "New"}
