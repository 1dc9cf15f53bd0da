"""Platforms that answer later, and other programs that take contacts: who holds them, for how long, and the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet

from contacts.models import Contact, Suppression
from curation_sdk.claiming import claim, work_is_due
from curation_sdk.handed_over import hand_over, in_hand, report, take_back
from curation_sdk.job import SyncJob
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.outcomes import Outcome, Rejected, Retry, Skipped, Synced, Waiting
from curation_sdk.queueing import cancel_queued, queue_contacts
from curation_sdk.testing import NOON, FakeClock, ScriptedPusher, before_settling, run, scripted_job
from n8n_sync.job import N8N

pytestmark = pytest.mark.django_db

ADA = "ada@acme.example"
OTHER = "ADA@acme.example "  # the same person
HOUR = timedelta(hours=1)
LATER = Waiting("Its report is awaited.", HOUR)
Queued = Callable[..., Contact]


def state(contact: Contact) -> tuple[Any, ...]:
    contact.refresh_from_db()
    names = ("sync_status", "processing_status", "retry_count", "next_attempt_at", "processing_error")
    return tuple(getattr(contact, getattr(N8N, name)) for name in names)


@pytest.fixture
def queued(make_contact: Callable[..., Contact], clock: FakeClock) -> Queued:
    """Makes a contact that is queued since now for a platform that answers later."""

    def make(email: str = ADA, **columns: Any) -> Contact:
        contact = make_contact(email, **columns)
        queue_contacts(N8N, Contact.objects.filter(pk=contact.pk), now=clock.now())
        return contact

    return make


@pytest.fixture
def pusher() -> ScriptedPusher:
    return ScriptedPusher({ADA: [LATER], OTHER: [LATER]})


@pytest.fixture
def job(pusher: ScriptedPusher) -> SyncJob:
    return scripted_job(N8N, pusher)


def test_who_waits_stays_processing_until_the_answer_is_overdue(
    queued: Queued, clock: FakeClock, job: SyncJob
) -> None:
    contact = queued()
    due = clock.now() + HOUR
    outcome = run(job, clock)
    assert state(contact) == ("Processing", "Processing", 1, due, "Its report is awaited.")
    assert outcome.sentence() == "1 waiting for an answer."
    assert SyncRun.objects.get().waiting == 1
    assert not SyncAttempt.objects.exists()
    assert run(job, clock).reason == "Nothing is due."


def test_who_is_overdue_is_pushed_again_and_in_the_end_an_error(
    queued: Queued, clock: FakeClock, job: SyncJob, pusher: ScriptedPusher
) -> None:
    contact = queued()
    for tries in range(1, 5):
        run(job, clock)
        assert (len(pusher.pushed), state(contact)[2]) == (tries, tries)
        clock.advance(minutes=59)
        run(job, clock)
        assert len(pusher.pushed) == tries
        clock.advance(minutes=1)
    job = replace(job, lapsed=lambda row: f"{row.email} is silent")
    run(job, clock)
    assert len(pusher.pushed) == 4
    assert state(contact)[:2] == ("Error", "Error")
    assert state(contact)[4] == "ada@acme.example is silent, at the last of 4 tries."


def test_all_tries_share_when_the_first_began_and_a_new_order_has_its_own(
    queued: Queued, clock: FakeClock, job: SyncJob, pusher: ScriptedPusher
) -> None:
    contact = queued()
    first = clock.now()
    for _ in range(3):
        run(job, clock)
        clock.advance(hours=1)
    cancel_queued(job, Contact.objects.all())
    queue_contacts(job, Contact.objects.all(), now=clock.now())
    run(job, clock)
    assert [seen.n8n_begun_at for seen in pusher.seen] == [first, first, first, first + 3 * HOUR]
    contact.refresh_from_db()
    assert contact.n8n_begun_at == first + 3 * HOUR


def test_an_acceptance_proves_that_pushing_works(make_contact: Any, clock: FakeClock) -> None:
    """Failures in between do not add up to a run that is stopped."""
    for number in range(60):
        contact = make_contact(f"p{number:02d}@acme.example")
        queue_contacts(N8N, Contact.objects.filter(pk=contact.pk), now=clock.advance(seconds=1))
    script = {f"p{n:02d}@acme.example": [LATER if n % 15 == 0 else Retry("No.")] for n in range(60)}
    outcome = run(scripted_job(N8N, ScriptedPusher(script), batch_size=60), clock)
    assert (outcome.stopped, outcome.counts["waiting"], outcome.counts["retried"]) == (False, 4, 56)


def test_a_report_that_is_quicker_than_the_run(queued: Queued, clock: FakeClock, job: SyncJob) -> None:
    contact = queued()

    def report_at_once() -> None:
        person = in_hand(N8N, [contact.pk])[contact.pk]
        assert report(N8N, [(person, Synced("7"))], now=clock.now())["synced"] == 1

    with before_settling(report_at_once):
        outcome = run(job, clock)
    assert state(contact) == ("Complete", "Complete", 0, None, None)
    assert contact.n8n_contact_id == "7"
    assert outcome.counts == {"waiting": 1}
    assert not SyncAttempt.objects.exists(), "nothing went wrong"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Synced("7"), ("Complete", "Complete", 0)),
        (Rejected("No."), ("Error", "Error", 0)),
        (Skipped("No."), ("Skipped", None, 0)),
        (Retry("No."), ("Queued", "Queued", 1)),
    ],
    ids=["synced", "rejected", "skipped", "retry"],
)
def test_a_report_is_an_answer_like_any_other(
    queued: Queued, clock: FakeClock, job: SyncJob, answer: Outcome, expected: Any
) -> None:
    contact, sibling = queued(), queued(OTHER)
    run(job, clock)
    person = in_hand(N8N, [contact.pk])[contact.pk]
    report(N8N, [(person, answer)], now=clock.now())
    assert state(contact)[:3] == state(sibling)[:3] == expected


def test_a_retry_counts_as_many_tries_as_were_made(queued: Queued, clock: FakeClock, job: SyncJob) -> None:
    contact = queued()
    for _ in range(4):
        run(job, clock)
        person = in_hand(N8N, [contact.pk])[contact.pk]
        report(N8N, [(person, Retry("Not now."))], now=clock.now())
        clock.advance(hours=2)
    assert state(contact)[:2] == ("Error", "Error")
    assert state(contact)[4] == "Not now. Given up after 4 tries."


def test_a_report_on_nobody_in_hand_changes_nothing(queued: Queued, clock: FakeClock, job: SyncJob) -> None:
    contact = queued()
    assert in_hand(N8N, [contact.pk]) == {}
    run(job, clock)
    person = in_hand(N8N, [contact.pk])[contact.pk]
    cancel_queued(N8N, Contact.objects.all())
    assert report(N8N, [(person, Synced("7"))], now=clock.now()) == {"late": 1}
    assert report(N8N, [], late=[(contact, Rejected("No."))], now=clock.now()) == {"late": 1}
    assert state(contact) == ("New", None, 0, None, None)
    assert list(SyncAttempt.objects.values_list("outcome", "run")) == [("late", None)] * 2


def test_who_waits_for_another_try_is_taken_back_in_hand(
    queued: Queued, clock: FakeClock, job: SyncJob, pusher: ScriptedPusher
) -> None:
    contact, sibling = queued(), queued(OTHER)
    pusher.script = {ADA: [Retry("No answer.")], OTHER: [Retry("No answer.")]}
    run(job, clock)
    newer = queued(OTHER)  # was not pushed yet
    contact.refresh_from_db()
    until = clock.now() + HOUR
    assert take_back(N8N, contact, until=until)
    assert state(contact)[:4] == state(sibling)[:4] == ("Processing", "Processing", 1, until)
    assert state(newer)[:3] == ("Queued", "Queued", 0)
    assert not take_back(N8N, contact, until=until), "it does not wait any more"
    person = in_hand(N8N, [contact.pk])[contact.pk]
    assert {row.pk for row in person.rows} == {contact.pk, sibling.pk}
    assert report(N8N, [(person, Synced("7"))], now=clock.now())["synced"] == 2


@pytest.mark.parametrize(
    "change",
    [
        {"n8n_retry_count": 0},
        {"n8n_processing_status": "Processing"},
        {"n8n_processing_status": None, "n8n_sync_status": "New"},
        {"email": "grace@acme.example"},
        {"n8n_begun_at": NOON + HOUR},
    ],
    ids=["queued again", "claimed", "taken out", "another address", "another order"],
)
def test_who_is_not_as_it_was_read_is_not_taken_back(
    queued: Queued, clock: FakeClock, job: SyncJob, pusher: ScriptedPusher, change: dict[str, Any]
) -> None:
    contact = queued()
    pusher.script = {ADA: [Retry("No answer.")]}
    run(job, clock)
    contact.refresh_from_db()
    Contact.objects.update(**change)
    before = state(Contact.objects.get())
    assert not take_back(N8N, contact, until=clock.now() + HOUR)
    assert state(contact) == before


def everybody(contact: Contact) -> None:
    """Nobody is refused."""


def test_handing_over_leases_and_answers_those_who_must_not_be_pushed(queued: Queued, clock: FakeClock) -> None:
    people = [queued(f"p{number}@acme.example") for number in range(5)]
    Suppression.objects.create(email_key="p0@acme.example")

    def refuse(contact: Contact) -> Skipped | None:
        return Skipped("Not this one.") if contact.email == "p1@acme.example" else None

    first = hand_over(N8N, now=clock.now(), size=2, lease=HOUR, refuse=refuse)
    second = hand_over(N8N, now=clock.now(), size=10, lease=HOUR, refuse=refuse)
    taken = [person.contact.email for person in (*first, *second)]
    assert (len(first), sorted(taken)) == (2, ["p2@acme.example", "p3@acme.example", "p4@acme.example"])
    assert {person.lease for person in first} == {clock.now() + HOUR}
    assert [state(contact)[0] for contact in people[:2]] == ["Skipped", "Skipped"]
    assert hand_over(N8N, now=clock.now(), size=10, lease=HOUR, refuse=refuse) == []
    clock.advance(hours=1)
    assert len(hand_over(N8N, now=clock.now(), size=10, lease=HOUR, refuse=refuse)) == 3
    assert state(people[2])[2] == 2


def test_handing_over_of_a_choice(queued: Queued, clock: FakeClock) -> None:
    for number in range(5):
        queued(f"p{number}@acme.example", has_gmail=number > 2)
    chosen: QuerySet[Contact] = Contact.objects.filter(has_gmail=True)
    taken = hand_over(N8N, now=clock.now(), size=10, lease=HOUR, refuse=everybody, contacts=chosen)
    assert len(taken) == 2
    assert Contact.objects.filter(n8n_sync_status="Queued").count() == 3


def test_a_run_and_another_program_never_have_the_same_contact(queued: Queued, clock: FakeClock, job: SyncJob) -> None:
    for number in range(4):
        queued(f"p{number}@acme.example")
    taken = hand_over(N8N, now=clock.now(), size=2, lease=HOUR, refuse=everybody)
    run(job, clock)
    assert Contact.objects.filter(n8n_sync_status="Complete").count() == 2
    assert hand_over(N8N, now=clock.now(), size=9, lease=HOUR, refuse=everybody) == []
    assert report(N8N, [(person, Synced("")) for person in taken], now=clock.now())["synced"] == 2


def test_a_wait_is_no_lease_of_a_clock_that_was_wrong(queued: Queued, clock: FakeClock, job: SyncJob) -> None:
    """With a run from the future, leases that are too long are mended. One that is as long as meant is not."""
    queued()
    claim(job, replace(job.policy(), lease=HOUR), now=clock.now(), size=1)
    times = dict.fromkeys(("started_at", "heartbeat_at"), clock.now() + timedelta(days=1))
    SyncRun.objects.create(platform="n8n", slot=1, worker="x", trigger="schedule", **times)
    assert not work_is_due(job, replace(job.policy(), answer_within=HOUR), now=clock.now())
    assert work_is_due(job, job.policy(), now=clock.now())
