"""Queueing, cancelling and skipping: the counts add up, and nobody else's columns move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from curation_sdk.queueing import cancel_queued, make_due, queue_contacts, skip_contacts
from curation_sdk.status_counts import status_counts
from curation_sdk.testing import FakeClock

pytestmark = pytest.mark.django_db
Make = Callable[..., Contact]


def columns(contact: Contact) -> tuple[Any, ...]:
    contact.refresh_from_db()
    return (
        contact.brevo_sync_status,
        contact.brevo_processing_status,
        contact.brevo_processing_error,
        contact.brevo_retry_count,
        contact.brevo_next_attempt_at,
    )


def test_every_contact_is_counted_once(make_contact: Make, clock: FakeClock) -> None:
    Suppression.objects.create(email_key="no@acme.example", reason="complaint", since=clock.now())
    new = make_contact("ada@acme.example")
    again = make_contact(
        "bob@acme.example",
        brevo_sync_status="Error",
        brevo_processing_status="Error",
        brevo_processing_error="old",
        brevo_retry_count=3,
    )
    complete = make_contact("eve@acme.example", brevo_sync_status="Complete", brevo_processing_status="Complete")
    waiting = make_contact("w@acme.example", brevo_sync_status="Queued", brevo_processing_status="Queued")
    pushed = make_contact("p@acme.example", brevo_sync_status="Processing", brevo_processing_status="Processing")
    nobody, blank = make_contact(None), make_contact("  ")
    suppressed = make_contact(" NO@Acme.example ")
    result = queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
    assert (result.queued, result.already_queued, result.skipped_count) == (3, 2, 3)
    assert result.skipped == {"without an e-mail address": 2, "suppressed": 1}
    for contact in (new, again, complete):
        assert columns(contact) == ("Queued", "Queued", None, 0, clock.now())
    assert columns(waiting)[4] is None
    assert columns(pushed)[0] == "Processing"
    for contact in (nobody, blank):
        assert columns(contact)[:3] == (
            "Skipped",
            None,
            "There is no e-mail address. Add one, then queue the contact again.",
        )
    assert columns(suppressed)[:3] == ("Skipped", None, "Suppressed since 2026-11-24: Spam complaint.")
    assert result.sentence("Brevo") == (
        "Queued 3 contacts for Brevo. 2 were queued already. 3 skipped: 2 without an e-mail address, 1 suppressed."
    )


def test_a_filter_on_the_status_that_queueing_changes(make_contact: Make, clock: FakeClock) -> None:
    for number in range(3):
        make_contact(f"p{number}@acme.example", brevo_sync_status="Error", brevo_processing_status="Error")
    make_contact(None, brevo_sync_status="Error", brevo_processing_status="Error")
    make_contact("new@acme.example")
    result = queue_contacts(BREVO, Contact.objects.filter(brevo_sync_status="Error"), now=clock.now())
    assert (result.queued, result.already_queued, result.skipped_count) == (3, 0, 1)


def test_queueing_costs_the_same_number_of_statements_for_any_number(make_contact: Make, clock: FakeClock) -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
        return len(queries)

    make_contact("one@acme.example")
    few = statements()
    Contact.objects.bulk_create(Contact(email=f"p{number}@acme.example") for number in range(500))
    assert statements() == few <= 8


def test_queueing_twice_changes_nothing_the_second_time(make_contact: Make, clock: FakeClock) -> None:
    contact = make_contact()
    queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
    before = columns(contact)
    clock.advance(minutes=1)
    result = queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
    assert (result.queued, result.already_queued) == (0, 1)
    assert columns(contact) == before


def test_only_brevos_columns_move(make_contact: Make, clock: FakeClock) -> None:
    contact = make_contact()
    before = Contact.objects.values().get()
    queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
    cancel_queued(BREVO, Contact.objects.all())
    skip_contacts(BREVO, Contact.objects.all(), reason="No.")
    after = Contact.objects.values().get()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"brevo_sync_status", "brevo_processing_error", "brevo_error_cause"}
    contact.refresh_from_db()
    assert contact.updated_at == before["updated_at"]


def test_cancel_takes_out_what_is_queued_or_being_pushed(make_contact: Make, clock: FakeClock) -> None:
    queued, pushed, complete = (make_contact(f"{name}@acme.example") for name in "abc")
    queue_contacts(BREVO, Contact.objects.exclude(pk=complete.pk), now=clock.now())
    Contact.objects.filter(pk=pushed.pk).update(brevo_sync_status="Processing", brevo_processing_status="Processing")
    Contact.objects.filter(pk=complete.pk).update(brevo_sync_status="Complete", brevo_processing_status="Complete")
    taken = cancel_queued(BREVO, Contact.objects.all())
    assert (taken.count, taken.under_way) == (2, 1)
    assert columns(queued) == columns(pushed) == ("New", None, None, 0, None)
    assert columns(complete)[0] == "Complete"


def test_a_skip_says_how_many_a_run_had_in_hand(make_contact: Make, clock: FakeClock) -> None:
    states = [("New", None), ("Queued", "Queued"), ("Processing", "Processing"), ("Processing", "Processing")]
    for number, (sync, processing) in enumerate([*states, ("Complete", "Complete"), ("Skipped", None)]):
        make_contact(f"p{number}@acme.example", brevo_sync_status=sync, brevo_processing_status=processing)
    taken = skip_contacts(BREVO, Contact.objects.all(), reason="No.")
    assert (taken.count, taken.under_way) == (6, 2)
    assert taken.warning("Brevo") == "2 of them were being pushed at that moment and may have reached Brevo."
    assert set(Contact.objects.values_list("brevo_sync_status", "brevo_processing_error")) == {("Skipped", "No.")}
    assert skip_contacts(BREVO, Contact.objects.all(), reason="No.").warning("Brevo") == ""


def test_make_due_gives_waiting_contacts_their_try_now(make_contact: Make, clock: FakeClock) -> None:
    contact = make_contact()
    queue_contacts(BREVO, Contact.objects.all(), now=clock.advance(minutes=20))
    assert make_due(BREVO, Contact.objects.all(), now=clock.advance(minutes=-10)) == 1
    assert columns(contact)[4] == clock.now()
    assert make_due(BREVO, Contact.objects.all(), now=clock.now()) == 0


def test_status_counts_name_all_six(make_contact: Make) -> None:
    make_contact()
    make_contact(None, brevo_sync_status="Error")
    assert status_counts(BREVO) == {
        "New": 1,
        "Queued": 0,
        "Processing": 0,
        "Complete": 0,
        "Error": 1,
        "Skipped": 0,
    }


def test_every_column_that_the_job_names_exists() -> None:
    names = {field.name for field in Contact._meta.get_fields()}
    job_columns = (
        BREVO.sync_status,
        BREVO.processing_status,
        BREVO.processing_error,
        BREVO.contact_id,
        BREVO.retry_count,
        BREVO.next_attempt_at,
        BREVO.synced_at,
        BREVO.identity,
        *BREVO.related,
    )
    assert set(job_columns) <= names
