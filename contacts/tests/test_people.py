"""Rows of one person, merged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from contacts.models import Contact, Domain
from contacts.people import merge
from curation_sdk.testing import NOON


def row(age: int = 0, **columns: Any) -> Contact:
    """A contact that was changed `age` minutes ago."""
    return Contact(email="ann@x.example", updated_at=NOON - timedelta(minutes=age), **columns)


def test_one_row_is_itself() -> None:
    only = row(name="Ann")

    assert merge([only], "brevo_contact_id") is only
    assert only.name == "Ann"


def test_the_latest_value_that_is_not_blank_wins_whatever_the_order() -> None:
    new, old = row(0, name="", phone_number=None, context="new"), row(5, name="Ann", phone_number="1", context="old")
    for rows in ([new, old], [old, new]):
        person = merge(rows, "brevo_contact_id")
        assert (person.name, person.phone_number, person.context) == ("Ann", "1", "new")


def test_placeholders_are_blank() -> None:
    new = row(0, name="Contact at example.com", phone_number="Phone not found")
    person = merge([row(5, name="Ann", phone_number="+1 555"), new], "brevo_contact_id")

    assert (person.name, person.phone_number) == ("Ann", "+1 555")


def test_placeholders_everywhere_do_no_harm() -> None:
    person = merge([row(0, name="N/A"), row(5, name="unknown")], "brevo_contact_id")

    assert person.name == "N/A"


def test_the_third_row_fills_what_two_leave_open() -> None:
    domain = Domain(domain="acme.example")
    rows = [row(0), row(1, email_type="UNKNOWN"), row(2, email_type="FREE", domain=domain, has_gmail=True)]

    person = merge(rows, "brevo_contact_id")

    assert (person.email_type, person.domain, person.has_gmail) == ("FREE", domain, True)
    assert person.domain_id == domain.pk


def test_the_platforms_own_id_is_found_and_others_are_not_mixed_in() -> None:
    rows = [row(0, hubspot_contact_id="h"), row(5, brevo_contact_id="42", mautic_contact_id="m")]

    person = merge(rows, "brevo_contact_id")

    assert (person.brevo_contact_id, person.hubspot_contact_id, person.mautic_contact_id) == ("42", "h", None)


def test_rows_stay_as_they_are() -> None:
    new, old = row(0, name=""), row(5, name="Ann", has_gmail=True, domain=Domain(domain="a.example"))

    merge([new, old], "brevo_contact_id")

    assert (new.name, new.has_gmail, new.domain) == ("", False, None)


def test_rows_changed_at_the_same_moment_give_the_same_answer_in_any_order() -> None:
    a, b = row(name="Ann"), row(name="Anna")

    assert merge([a, b], "brevo_contact_id").name == merge([b, a], "brevo_contact_id").name
