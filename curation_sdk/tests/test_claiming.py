"""Who is taken out of the queue, and when a claim still holds."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from brevo_sync.job import BREVO
from contacts.models import Contact, Domain
from curation_sdk import statements
from curation_sdk.claiming import SIBLINGS, Claimer, claim, due, still_to_push, work_is_due
from curation_sdk.models import SyncRun
from curation_sdk.queueing import cancel_queued, skip_contacts
from curation_sdk.testing import NOON, FakeClock, ScriptedPusher, run, scripted_job

Queued = Callable[..., Contact]

JOB = scripted_job(BREVO, ScriptedPusher())
POLICY = JOB.policy()


def emails(people: Any) -> list[str]:
    return sorted(row.email for person in people for row in person.rows)


def taken(clock: FakeClock) -> list[str]:
    """Who would be pushed now."""
    work_is_due(JOB, POLICY, now=clock.now())
    return emails(claim(JOB, POLICY, now=clock.now(), size=10).to_push)


# --- claims that hold ---------------------------------------------------------------------------------------


def test_a_claim_holds_until_somebody_takes_the_contact_away(queued: Queued, clock: FakeClock) -> None:
    for name in ("ada", "bob", "cyd", "dan"):
        queued(f"{name}@acme.example")
    people = claim(JOB, POLICY, now=clock.now(), size=10).to_push
    assert emails(still_to_push(JOB, people).to_push) == emails(people)
    skip_contacts(JOB, Contact.objects.filter(email="ada@acme.example"), reason="No.")
    cancel_queued(JOB, Contact.objects.filter(email="bob@acme.example"))
    Contact.objects.filter(email="cyd@acme.example").delete()
    assert emails(still_to_push(JOB, people).to_push) == ["dan@acme.example"]
    # Somebody else has it once its lease has passed.
    claim(JOB, POLICY, now=clock.advance(minutes=7), size=10)
    assert still_to_push(JOB, people).to_push == []


def test_of_a_person_the_rows_that_are_left_are_pushed(queued: Queued, clock: FakeClock) -> None:
    queued("ada@acme.example", name="Ada Old")
    clock.advance(seconds=1)
    newer = queued("ADA@acme.example", name="Ada New")
    (person,) = claim(JOB, POLICY, now=clock.now(), size=10).to_push
    assert person.contact.name == "Ada New"
    skip_contacts(JOB, Contact.objects.filter(pk=newer.pk), reason="No.")
    (left,) = still_to_push(JOB, [person]).to_push
    assert (left.contact.name, len(left.rows)) == ("Ada Old", 1)


def test_a_contact_that_is_skipped_while_it_waits_for_its_turn_is_not_pushed(queued: Queued, clock: FakeClock) -> None:
    for number in range(10):
        queued(f"p{number}@acme.example")
        clock.advance(milliseconds=1)
    skipped = Contact.objects.filter(email__in=["p8@acme.example", "p9@acme.example"])

    def skip(counts: Any) -> None:
        skip_contacts(JOB, skipped, reason="No.")

    pusher = ScriptedPusher()
    pusher.proven = pusher.paced = True
    run(scripted_job(BREVO, pusher, rate_per_second=5.0, concurrency=4), clock, progress=skip)
    assert len(pusher.pushed) < 10
    assert "p9@acme.example" not in pusher.pushed
    assert set(skipped.values_list("brevo_sync_status", flat=True)) == {"Skipped"}


# --- times that cannot be meant -----------------------------------------------------------------------------


def at(contact: Contact, **columns: Any) -> None:
    Contact.objects.filter(pk=contact.pk).update(**{f"brevo_{name}": value for name, value in columns.items()})


def test_a_wait_for_the_next_try_is_waited_out(queued: Queued, clock: FakeClock) -> None:
    at(queued(), next_attempt_at=clock.now() + timedelta(minutes=20), retry_count=2, processing_error="503")
    assert taken(clock) == []
    clock.advance(minutes=21)
    assert taken(clock) == ["ada@acme.example"]


def test_a_contact_that_somebody_set_to_a_later_time_waits_for_it(queued: Queued, clock: FakeClock) -> None:
    at(queued(), next_attempt_at=clock.now() + timedelta(hours=1))
    assert taken(clock) == []


@pytest.mark.parametrize("when", [None, timedelta(days=3)], ids=["no time", "later than any wait"])
def test_a_time_that_nothing_would_set_is_none(queued: Queued, clock: FakeClock, when: timedelta | None) -> None:
    at(queued(), next_attempt_at=when and clock.now() + when)
    assert taken(clock) == ["ada@acme.example"]


@pytest.fixture
def set_back(queued: Queued, clock: FakeClock) -> None:
    """A run has ended, one contact waits, one is in the hands of a worker that died; then the clock goes back."""
    queued("first@acme.example")
    run(JOB, clock)
    queued("waits@acme.example")
    queued("held@acme.example")
    Contact.objects.filter(email="held@acme.example").update(
        brevo_processing_status="Processing", brevo_next_attempt_at=clock.now() + POLICY.lease
    )
    SyncRun.objects.create(platform="brevo", slot=1, worker="dead", started_at=clock.now(), heartbeat_at=clock.now())


def test_a_clock_that_is_set_back_an_hour_holds_nobody_up(set_back: None, clock: FakeClock) -> None:
    clock.advance(hours=-1)
    # The dead run's slot, too: its heartbeat lies in the future.
    assert run(JOB, clock).counts["synced"] == 2
    assert set(Contact.objects.values_list("brevo_sync_status", flat=True)) == {"Complete"}


def test_a_clock_that_is_right_changes_nothing(set_back: None, clock: FakeClock) -> None:
    assert taken(clock) == ["waits@acme.example"]


# --- what it costs ------------------------------------------------------------------------------------------


@pytest.fixture
def two_thousand(db: None) -> None:
    """Contacts, none of them queued, and statistics that say so. Those that other tests left decide nothing then."""
    Contact.objects.bulk_create(Contact(email=f"p{number}@acme.example") for number in range(2000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE contacts")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the plan is PostgreSQL's")
@pytest.mark.usefixtures("two_thousand")
def test_looking_for_work_reads_a_range_of_the_index(clock: FakeClock) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for contacts in (due(JOB, now=clock.now())[:1], due(JOB, now=clock.now())[:10]):
            plan = contacts.explain()
            assert "contacts_brevo_due" in plan
            assert "Index Cond: (brevo_next_attempt_at <=" in plan
            assert "Sort" not in plan


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the plan is PostgreSQL's")
@pytest.mark.usefixtures("two_thousand")
def test_whatever_the_planner_believes_the_queue_is_not_walked_through(clock: FakeClock) -> None:
    """As right after a million contacts were queued, when the statistics say that none is."""
    columns = {"brevo_sync_status": "Queued", "brevo_processing_status": "Queued", "brevo_next_attempt_at": NOON}
    claimer, lease = Claimer(JOB, POLICY), clock.now()
    with connection.cursor() as cursor:
        Contact.objects.update(**columns)
        cursor.execute("SET LOCAL enable_seqscan = off")
        values = [clock.now(), 10, SIBLINGS, *claimer._reason_values]
        cursor.execute(f"EXPLAIN {claimer._select}", values)
        claiming = "\n".join(line for (line,) in cursor.fetchall())
        nothing = [None] * len(statements.answer_columns(JOB))
        cursor.execute(f"EXPLAIN {statements.store_answers(JOB, 1, [])}", [*nothing, uuid.uuid4(), lease])
        storing = "\n".join(line for (line,) in cursor.fetchall())
    assert claiming.count("contacts_brevo_due") == 1
    assert "contacts_email_key" in claiming
    assert "contacts_brevo_due" not in storing
    assert "contacts_pkey" in storing


def test_a_claim_takes_two_statements_and_one_for_what_belongs_to_the_contacts(
    queued: Queued, clock: FakeClock, django_assert_num_queries: Any
) -> None:
    domain = Domain.objects.create(domain="acme.example")
    for number in range(5):
        queued(f"p{number}@acme.example", domain=domain)
    with django_assert_num_queries(5):  # two of them make the savepoint
        claim(JOB, POLICY, now=clock.now(), size=10)
