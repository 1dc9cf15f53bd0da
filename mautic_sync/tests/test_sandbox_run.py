"""Scraped contacts through the job loop and into the sandbox, over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from contacts.models import Contact, Domain, Suppression
from curation_sdk.cycle import run_cycle
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.queueing import queue_contacts
from curation_sdk.report import CycleReport
from curation_sdk.testing import FakeClock
from mautic_sync.job import MAUTIC
from sandbox.mautic import account
from sandbox.server import Sandbox, running_sandbox

pytestmark = pytest.mark.django_db

BATCH_PATH = "/api/contacts/batch/new"


@pytest.fixture(params=["user", "client"])
def any_log_in(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as running:
        settings.MAUTIC_API_BASE_URL = running.mautic_url
        log_in(settings, "user")
        settings.MAUTIC_RATE_LIMIT_PER_SECOND = 5000.0
        settings.MAUTIC_SEGMENT_ID = "1"
        yield running


def log_in(settings: Any, kind: str) -> None:
    user = (account.DEFAULT_USERNAME, account.DEFAULT_PASSWORD) if kind == "user" else ("", "")
    client = (account.DEFAULT_CLIENT_ID, account.DEFAULT_CLIENT_SECRET) if kind == "client" else ("", "")
    settings.MAUTIC_USERNAME, settings.MAUTIC_PASSWORD = user
    settings.MAUTIC_CLIENT_ID, settings.MAUTIC_CLIENT_SECRET = client


def scraped(count: int) -> None:
    domain = Domain.objects.create(domain="acme.example")
    Contact.objects.bulk_create(
        Contact(email=f"p{number}@acme.example", name="Ada Lovelace", phone_number="+1 212 555 0123", domain=domain)
        for number in range(count)
    )


def go(clock: FakeClock | None = None, **options: Any) -> CycleReport:
    queue_contacts(MAUTIC, Contact.objects.all(), now=clock.now() if clock else timezone.now())
    return run_cycle(MAUTIC, trigger=SyncRun.Trigger.COMMAND, clock=clock, **options)


def statuses() -> Counter[tuple[str, int]]:
    return Counter(Contact.objects.values_list("mautic_sync_status", "mautic_retry_count"))


def batches(sandbox: Sandbox) -> list[int]:
    """How many contacts each call held."""
    bodies = [request.body for request in sandbox.mautic.requests if request.path == BATCH_PATH]
    return [len(body) for body in bodies if isinstance(body, list)]


def test_many_contacts_of_every_kind(sandbox: Sandbox, settings: Any, any_log_in: str) -> None:
    log_in(settings, any_log_in)
    sandbox.mautic.set(mautic_token_calls=3)
    scraped(220)
    Contact.objects.create(email=None)
    Contact.objects.create(email="ada@@acme")
    Contact.objects.create(email="A^da@acme.example")
    Contact.objects.create(email=f"{'x' * 60}@acme.example")
    Contact.objects.create(email=" P7@ACME.example ", name="Ada Lovelace")
    Suppression.objects.create(email_key="p10@acme.example", reason="unsubscribed")
    report = go()

    assert report.state == SyncRun.State.FINISHED
    assert report.notes == [
        "Mautic drops scrapersky_domain_id, scrapersky_page_id, scrapersky_email_type, scrapersky_source_url, "
        'scrapersky_has_gmail: it has no such contact fields. "manage.py mautic_setup --create" makes them.'
    ]
    ended = Counter(Contact.objects.values_list("mautic_sync_status", flat=True))
    assert ended == {"Complete": 220, "Skipped": 3, "Error": 2}
    arrived = sandbox.mautic.contacts
    assert len(arrived) == 219
    for row in Contact.objects.filter(mautic_sync_status="Complete"):
        there = arrived[row.email_key]
        assert row.mautic_contact_id == str(there.id)
        assert there.segment_ids == (1,)
        assert there.values["website"] == "https://acme.example"
    banned, long = Contact.objects.filter(mautic_sync_status="Error").order_by("email")
    assert banned.mautic_processing_error == 'Mautic refused it (400): "email: A^da@acme.example is invalid.".'
    assert "email has 73 characters. A Mautic administrator can raise" in (long.mautic_processing_error or "")
    assert max(batches(sandbox)) <= 50
    assert len(batches(sandbox)) < 15
    tokens = [request for request in sandbox.mautic.requests if request.path == "/oauth/v2/token"]
    assert (len(tokens) >= 3) == (any_log_in == "client")


def test_a_second_run_doubles_nobody(sandbox: Sandbox) -> None:
    scraped(60)
    go()
    ids = dict(Contact.objects.values_list("pk", "mautic_contact_id"))
    go()
    assert dict(Contact.objects.values_list("pk", "mautic_contact_id")) == ids
    assert len(sandbox.mautic.contacts) == 60


def test_the_size_of_a_batch_is_that_of_the_settings(sandbox: Sandbox, settings: Any) -> None:
    settings.MAUTIC_SYNC_SCHEDULER_BATCH_SIZE = 7
    scraped(40)
    go()
    assert max(batches(sandbox)) == 7
    assert statuses() == {("Complete", 0): 40}


def test_an_installation_that_takes_less_stops_the_run_and_says_so(sandbox: Sandbox) -> None:
    sandbox.mautic.set(mautic_batch_limit=20)
    scraped(40)
    report = go()
    assert report.stopped
    assert "Set MAUTIC_SYNC_SCHEDULER_BATCH_SIZE to 20 or less." in report.reason
    assert statuses() == {("Queued", 0): 40}
    assert len(batches(sandbox)) <= 2


@pytest.mark.parametrize(
    "kind",
    [
        *("500", "502_html", "503", "425", "429", "403_html", "524_html"),
        *("truncated_json", "empty_200", "garbage_200", "reset", "lost_answer"),
    ],
)
@pytest.mark.parametrize("path", [BATCH_PATH, "/api/segments/1/contacts/add"])
def test_a_fault_that_passes_loses_nobody_and_doubles_nobody(sandbox: Sandbox, kind: str, path: str) -> None:
    scraped(60)
    clock = FakeClock()
    queue_contacts(MAUTIC, Contact.objects.all(), now=clock.now())
    sandbox.add_fault(kind, times=2, path=path)
    for _ in range(6):
        run_cycle(MAUTIC, trigger=SyncRun.Trigger.COMMAND, clock=clock)
        clock.advance(minutes=30)
    assert statuses() == {("Complete", 0): 60}
    assert len(sandbox.mautic.contacts) == 60
    assert all(one.segment_ids == (1,) for one in sandbox.mautic.contacts.values())


def test_a_redirect_stops_the_run_and_is_not_followed(sandbox: Sandbox) -> None:
    sandbox.mautic.set(mautic_https_only=True)
    scraped(5)
    report = go()
    assert report.stopped
    assert "Correct MAUTIC_API_BASE_URL" in report.reason
    assert "https" in report.reason
    assert statuses() == {("Queued", 0): 5}


def test_one_contact_that_breaks_mautic_does_not_take_the_others_with_it(sandbox: Sandbox) -> None:
    sandbox.mautic.set(mautic_crash_at="p17@acme.example")
    scraped(50)
    clock = FakeClock()
    queue_contacts(MAUTIC, Contact.objects.all(), now=clock.now())
    for _ in range(6):
        run_cycle(MAUTIC, trigger=SyncRun.Trigger.COMMAND, clock=clock)
        clock.advance(hours=1)
    assert statuses() == {("Complete", 0): 49, ("Error", 3): 1}
    assert Contact.objects.get(mautic_sync_status="Error").email == "p17@acme.example"
    assert len(sandbox.mautic.contacts) == 49


def test_a_segment_that_is_deleted_stops_the_run_and_loses_nothing(sandbox: Sandbox, settings: Any) -> None:
    settings.MAUTIC_SYNC_SCHEDULER_BATCH_SIZE = 5
    scraped(20)

    def delete_it(counts: Counter[str]) -> None:
        with sandbox.lock:
            sandbox.mautic.account.store.segments.clear()

    go(limit=5, progress=delete_it)
    report = run_cycle(MAUTIC, trigger=SyncRun.Trigger.COMMAND)
    assert report.stopped
    assert "Mautic has no segment 1. Correct MAUTIC_SEGMENT_ID" in report.reason
    assert statuses() == {("Complete", 0): 5, ("Queued", 0): 15}


@pytest.mark.parametrize(
    ("switch", "said"),
    [
        ("mautic_api_enabled", 'set "API enabled" to yes'),
        ("mautic_basic_auth_enabled", 'set "Enable HTTP basic auth" to yes'),
        ("mautic_may_create", "The role of our user needs"),
        ("mautic_may_segment", "The role of our user needs"),
    ],
)
def test_what_an_administrator_has_to_switch_on(sandbox: Sandbox, switch: str, said: str) -> None:
    sandbox.mautic.set(**{switch: False})
    scraped(60)
    report = go()
    assert report.stopped
    assert said in report.reason
    assert statuses() == {("Queued", 0): 60}


def test_a_role_that_may_not_read_fields_is_no_obstacle(sandbox: Sandbox) -> None:
    sandbox.mautic.set(mautic_may_read_fields=False)
    scraped(3)
    report = go()
    assert statuses() == {("Complete", 0): 3}
    assert report.notes == ["Mautic did not let us read its contact fields, so nobody knows which of ours it drops."]


def test_the_hourly_limit_costs_no_try(sandbox: Sandbox) -> None:
    sandbox.mautic.set(mautic_hourly_limit=2)
    scraped(30)
    clock = FakeClock()
    report = go(clock)
    assert statuses() == {("Queued", 0): 30}
    assert "slow down (429)" in report.reason
    sandbox.mautic.set(mautic_hourly_limit=None)
    clock.advance(hours=1)
    run_cycle(MAUTIC, trigger=SyncRun.Trigger.COMMAND, clock=clock)
    assert statuses() == {("Complete", 0): 30}


def test_an_opt_out_over_there_survives_and_is_learnt(sandbox: Sandbox) -> None:
    scraped(3)
    go()
    sandbox.mautic.unsubscribe("p1@acme.example")
    report = go()
    assert report.counts == {"synced": 3, "warned": 1}
    assert sandbox.mautic.contacts["p1@acme.example"].blocked
    learnt = Suppression.objects.get()
    assert (learnt.email_key, learnt.source, learnt.note) == (
        "p1@acme.example",
        "Mautic",
        "Mautic does not mail this address: unsubscribed there.",
    )


@pytest.mark.parametrize("with_type", [True, False])
def test_a_long_company_is_cut_and_said(sandbox: Sandbox, with_type: bool) -> None:
    sandbox.mautic.set(mautic_with_type=with_type)
    long = Domain.objects.create(domain="acme.example", company_name="Acme and Daughters " * 6)
    Contact.objects.create(email="ada@acme.example", name="Ada Lovelace", domain=long)
    Contact.objects.create(email="bob@acme.example", domain=Domain.objects.create(domain=f"{'x' * 60}.example"))
    report = go()
    assert report.counts == {"synced": 1, "failed": 1, "warned": 1}
    assert len(str(sandbox.mautic.contacts["ada@acme.example"].values["company"])) <= 64
    warning = SyncAttempt.objects.get(outcome="synced").reason
    assert warning.startswith("Mautic found company too long; cut to 64 characters. A Mautic administrator can raise")
    refusal = SyncAttempt.objects.get(outcome="rejected").reason
    assert "website has 76 characters. A Mautic administrator can raise" in refusal
    assert "company has 68 characters." in refusal

    sandbox.mautic.set(mautic_core_length=191)
    assert go().counts == {"synced": 2}
    assert len(str(sandbox.mautic.contacts["ada@acme.example"].values["company"])) > 64
