"""A thousand scraped contacts through the job loop and into the sandbox, over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from brevo_sync.job import BREVO
from contacts.address_key import email_key
from contacts.models import Contact, Domain, Suppression
from curation_sdk.cycle import run_cycle
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.queueing import queue_contacts
from curation_sdk.testing import FakeClock
from sandbox.brevo.account import DEFAULT_KEY
from sandbox.server import Sandbox, running_sandbox

pytestmark = pytest.mark.django_db

NAMES = (
    "Ada Lovelace",
    "Jérôme d'Artois",
    "Cher",
    "山田 花子",
    "Łukasz Żółć",
    "Contact at acme.example",
    "",
    "  Ada  B ",
)
PHONES = (
    "(212) 555-0123",  # one number for a whole company: only one contact may have it
    "+33 1 42 68 53 00",
    "Phone not found",
    "12-34",
    "call reception, ext. 12",
    "",
    None,
)
NO_ADDRESSES = ("ada", "ada@", "ada(at)acme.example", "ada@@acme.example", "ada @acme.example", "ada@acme..example")


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as running:
        settings.BREVO_API_BASE_URL = running.brevo_url
        settings.BREVO_API_KEY = DEFAULT_KEY
        settings.BREVO_RATE_LIMIT_PER_SECOND = 5000.0
        settings.BREVO_CONCURRENCY = 4
        settings.BREVO_SYNC_SCHEDULER_BATCH_SIZE = 100
        settings.BREVO_LIST_ID = "2"
        yield running


def address(number: int) -> str | None:
    if number % 20 == 7:
        return (None, "", "  ")[number % 3]
    if number % 20 == 9:
        return NO_ADDRESSES[number % len(NO_ADDRESSES)]
    if number % 10 == 3:  # the person before, in other letters
        return f" P{number - 1}@Acme{number % 7}.EXAMPLE "
    return f"p{number}@acme{(number + 1) % 7 if number % 10 == 2 else number % 7}.example"


def scraped(count: int) -> list[Contact]:
    domains = [Domain(domain=f"acme{number}.example", company_name="") for number in range(7)]
    Domain.objects.bulk_create(domains)
    return Contact.objects.bulk_create(
        Contact(
            email=address(number),
            name=NAMES[number % len(NAMES)],
            phone_number=PHONES[number % len(PHONES)] if number % 2 else f"+1 212 555 {number:04}",
            domain=domains[number % 7],
            has_gmail=number % 5 == 0,
        )
        for number in range(count)
    )


def test_a_thousand_contacts(sandbox: Sandbox) -> None:
    scraped(1000)
    Suppression.objects.create(email_key="p10@acme3.example", reason="unsubscribed")
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    report = run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)

    assert report.state == SyncRun.State.FINISHED
    assert not report.work_left
    assert '"manage.py brevo_setup --create" makes them.' in report.sentence()
    ended = Counter(Contact.objects.values_list("brevo_sync_status", "brevo_processing_status"))
    assert ended == {("Complete", "Complete"): 899, ("Skipped", None): 101}
    assert report.counts["synced"] == 899

    # The sandbox holds each person exactly once, and in the list.
    people = {email_key(row.email) for row in Contact.objects.filter(brevo_sync_status="Complete")}
    arrived = sandbox.brevo.contacts
    assert set(arrived) == people
    assert len(people) == 799, "every tenth row is somebody who was there already"
    assert all(one.list_ids == (2,) for one in arrived.values())
    assert {request.status for request in sandbox.brevo.requests} <= {200, 201, 204, 400}

    # Every answer is one that a person can act on.
    for row in Contact.objects.filter(brevo_sync_status="Complete"):
        assert row.brevo_contact_id == str(arrived[email_key(row.email) or ""].id)
        assert row.brevo_synced_at is not None
        assert row.brevo_processing_error is None
    reasons = Contact.objects.filter(brevo_sync_status="Skipped").values_list("brevo_processing_error", flat=True)
    for reason in reasons:
        assert reason.startswith(("There is no e-mail address. ", "Invalid e-mail address: ", "Suppressed since "))
    phones = {one.attributes.get("SMS") for one in arrived.values()}
    assert {"12125550123", "33142685300"} <= phones
    warnings = set(SyncAttempt.objects.filter(outcome="synced").values_list("reason", flat=True))
    assert "The phone +12125550123 belongs to another Brevo contact already; sent without SMS." in warnings
    assert all(warning.startswith("The phone ") and "; sent without SMS." in warning for warning in warnings)
    assert SyncAttempt.objects.exclude(outcome__in=("synced", "skipped")).count() == 0


def test_the_second_run_changes_nothing_and_asks_for_no_id_again(sandbox: Sandbox) -> None:
    scraped(60)
    for _ in range(2):
        queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
        before = len(sandbox.brevo.requests)
        run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
        ids = dict(Contact.objects.values_list("pk", "brevo_contact_id"))
        contacts = {key: (one.id, one.attributes) for key, one in sandbox.brevo.contacts.items()}
    second = sandbox.brevo.requests[before:]
    assert not [request for request in second if "identifierType" in request.query_string]
    assert {request.status for request in second if request.method == "POST"} <= {204, 400}
    assert dict(Contact.objects.values_list("pk", "brevo_contact_id")) == ids
    assert {key: (one.id, one.attributes) for key, one in sandbox.brevo.contacts.items()} == contacts


def test_an_opt_out_over_there_survives_and_is_learnt(sandbox: Sandbox) -> None:
    """They were in the account before us, and left its mailings."""
    Contact.objects.create(email="ada@acme.example")
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
    sandbox.brevo.unsubscribe("ada@acme.example")
    Contact.objects.update(brevo_contact_id=None)
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    report = run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
    assert report.counts == {"synced": 1, "warned": 1}
    there = sandbox.brevo.contact("ada@acme.example")
    assert there is not None
    assert there.email_blacklisted
    assert Suppression.objects.get().email_key == "ada@acme.example"


@pytest.mark.parametrize("code", ["duplicate_parameter", "invalid_parameter"])
def test_a_shared_phone_under_both_codes(sandbox: Sandbox, code: str) -> None:
    sandbox.brevo.set(brevo_duplicate_code=code)
    for number in range(4):
        Contact.objects.create(email=f"p{number}@acme.example", phone_number="(212) 555-0123")
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    report = run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
    assert (report.counts["synced"], report.counts["warned"]) == (4, 3)
    posts = [request for request in sandbox.brevo.requests if request.method == "POST"]
    assert len(posts) == 7, "one second call for each of the three"


@pytest.mark.parametrize(
    "kind",
    [
        *("500", "502_html", "503", "425", "429", "403_html", "524_html", "redirect"),
        *("truncated_json", "empty_200", "garbage_200", "reset", "lost_answer"),
    ],
)
def test_a_fault_that_passes_loses_nobody_and_doubles_nobody(sandbox: Sandbox, kind: str) -> None:
    for number in range(30):
        Contact.objects.create(email=f"p{number}@acme.example", name="Ada Lovelace")
    clock = FakeClock()
    queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
    sandbox.add_fault(kind, times=4, path="/contacts", share=0.5, seed=7)
    for _ in range(4):
        run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND, clock=clock)
        clock.advance(minutes=30)
    assert Counter(Contact.objects.values_list("brevo_sync_status", flat=True)) == {"Complete": 30}
    assert len(sandbox.brevo.contacts) == 30


@pytest.mark.parametrize("kind", ["401", "401_ip"])
def test_a_key_that_dies_in_the_middle_gives_everybody_back(sandbox: Sandbox, kind: str) -> None:
    for number in range(30):
        Contact.objects.create(email=f"p{number}@acme.example")
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    sandbox.add_fault(kind, email="p5@acme.example")
    report = run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
    assert report.stopped
    left = Contact.objects.exclude(brevo_sync_status="Complete")
    assert set(left.values_list("brevo_sync_status", "brevo_retry_count")) == {("Queued", 0)}
    sandbox.clear_faults()
    run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
    assert Contact.objects.filter(brevo_sync_status="Complete").count() == 30
    assert len(sandbox.brevo.contacts) == 30


def test_a_list_that_is_deleted_during_the_run_stops_it(sandbox: Sandbox) -> None:
    for number in range(20):
        Contact.objects.create(email=f"p{number}@acme.example")
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())

    def delete_it(counts: Counter[str]) -> None:
        with sandbox.lock:
            sandbox.brevo.account.store.lists.pop(2, None)

    run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND, limit=5, progress=delete_it)
    report = run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
    assert report.stopped
    assert "Brevo has no list 2." in report.reason
    assert not Contact.objects.filter(brevo_sync_status="Error").exists()


def test_a_slower_account_than_we_were_told_is_never_a_failed_contact(settings: Any) -> None:
    """The headers say what the account allows: nothing is refused, and in the end everybody is there."""
    clock = FakeClock()
    with running_sandbox(rate_limit=5, clock=clock.monotonic) as sandbox:
        settings.BREVO_API_BASE_URL, settings.BREVO_API_KEY = sandbox.brevo_url, DEFAULT_KEY
        settings.BREVO_RATE_LIMIT_PER_SECOND, settings.BREVO_CONCURRENCY = 10.0, 1
        for number in range(40):
            Contact.objects.create(email=f"p{number}@acme.example")
        queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
        for _ in range(10):
            run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND, clock=clock)
            clock.advance(seconds=60)
        assert {request.status for request in sandbox.brevo.requests} == {200, 201}
        assert len(sandbox.brevo.contacts) == 40
    assert set(Contact.objects.values_list("brevo_sync_status", "brevo_retry_count")) == {("Complete", 0)}
    assert clock.monotonic() < timedelta(minutes=15).total_seconds()
