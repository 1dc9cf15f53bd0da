"""Contacts through the job loop, into the stand-in over HTTP, and back by its callbacks to our own web server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from contacts.models import Contact
from curation_sdk.cycle import run_cycle
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.queueing import queue_contacts
from curation_sdk.report import CycleReport
from curation_sdk.testing import FakeClock, run
from n8n_sync.job import N8N
from n8n_sync.models import Enrichment
from n8n_sync.tests.support import COMPLETE
from sandbox.n8n.callbacks import CallRecord
from sandbox.n8n.workflow import DEFAULT_SECRET
from sandbox.server import Sandbox, running_sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    with running_sandbox() as running:
        settings.N8N_WEBHOOK_URL = f"{running.n8n_url}/webhook/scrapersky-contact"
        settings.N8N_WEBHOOK_SECRET = DEFAULT_SECRET
        settings.N8N_RATE_LIMIT_PER_SECOND = 5000.0
        settings.N8N_SYNC_SCHEDULER_BATCH_SIZE = 100
        yield running


@pytest.fixture
def calls_back(sandbox: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The workflow reports. What it sends is kept, and delivered to our address by `deliver`: the test's database
    belongs to the test's thread."""
    settings.N8N_EXPECT_CALLBACK = True

    def record(call: Any) -> CallRecord:
        return CallRecord(call.body(), 200)

    monkeypatch.setattr("sandbox.n8n.callbacks._make", record)
    sandbox.n8n.set(n8n_callback_url="http://127.0.0.1:9/", n8n_callback_delay_seconds=0)
    return sandbox


def deliver(sandbox: Sandbox, count: int) -> Counter[int]:
    """Hand over the workflow's callbacks, all that it has made, newest first; their statuses."""
    made = sandbox.n8n.wait_for_callbacks(count)
    assert len(made) == count
    client, bearer = Client(), {"Authorization": f"Bearer {DEFAULT_SECRET}"}
    answers = [
        client.post(COMPLETE, record.body, content_type="application/json", headers=bearer)
        for record in reversed(made)
    ]
    return Counter(answer.status_code for answer in answers)


def people(count: int) -> None:
    for number in range(count):
        Contact.objects.create(email=f"p{number}@acme.example", name="Ada Lovelace")
    queue_contacts(N8N, Contact.objects.all(), now=timezone.now())


def push() -> CycleReport:
    return run_cycle(N8N, trigger=SyncRun.Trigger.COMMAND)


def statuses() -> Counter[str]:
    return Counter(Contact.objects.values_list("n8n_sync_status", flat=True))


@pytest.mark.parametrize("mode", ["onReceived", "responseNode", "lastNode"])
def test_every_contact_arrives_once(sandbox: Sandbox, mode: str) -> None:
    sandbox.n8n.set(n8n_mode=mode)
    people(60)
    assert push().counts == {"synced": 60}
    assert statuses() == {"Complete": 60}
    received = Counter(execution.text("email") for execution in sandbox.n8n.executions)
    assert received == {f"p{number}@acme.example": 1 for number in range(60)}


def test_out_and_back_with_each_report_twice(calls_back: Sandbox) -> None:
    calls_back.n8n.set(n8n_callback_copies=2)
    people(30)
    assert push().counts == {"waiting": 30}
    assert statuses() == {"Processing": 30}
    assert deliver(calls_back, 60) == {200: 60}
    assert statuses() == {"Complete": 30}
    assert Enrichment.objects.filter(answered=True, phone="+1-555-0100").count() == Enrichment.objects.count() == 30


def test_a_crash_in_n8n_costs_nobody(calls_back: Sandbox) -> None:
    """Accepted, killed, never called back: after the deadline they go again under the same delivery."""
    calls_back.n8n.set(n8n_callback_copies=0)
    people(5)
    clock = FakeClock(timezone.now())
    run(N8N, clock)
    clock.advance(minutes=30)
    calls_back.n8n.set(n8n_callback_copies=1)
    run(N8N, clock)
    deliver(calls_back, 5)
    assert statuses() == {"Complete": 5}
    deliveries = Counter(execution.text("delivery_id") for execution in calls_back.n8n.executions)
    assert sorted(deliveries.values()) == [2] * 5


def test_a_workflow_that_fails(calls_back: Sandbox) -> None:
    calls_back.n8n.set(n8n_callback_status="failed")
    people(3)
    push()
    deliver(calls_back, 3)
    assert statuses() == {"Error": 3}
    reasons = set(Contact.objects.values_list("n8n_processing_error", flat=True))
    assert reasons == {"n8n could not enrich the contact: The sandbox found nothing"}


def test_an_n8n_that_starts(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("n8n_sync.services.LOOK_AGAIN", timedelta(seconds=0.2))
    sandbox.n8n.set(n8n_starting_seconds=0.3)
    people(5)
    report = push()
    assert (report.stopped, statuses()) == (False, {"Complete": 5})
    assert set(Contact.objects.values_list("n8n_retry_count", flat=True)) == {0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n8n_secret": "other"}, 'n8n refused the secret (403): "Authorization data is wrong!"'),
        ({"n8n_active": False}, "n8n knows no active workflow at N8N_WEBHOOK_URL (404)"),
    ],
    ids=["secret", "inactive"],
)
def test_what_stops_the_run_is_nobodys_error(sandbox: Sandbox, change: dict[str, Any], words: str) -> None:
    sandbox.n8n.set(n8n_development=True, **change)
    people(30)
    report = run(N8N, FakeClock(timezone.now()))
    assert report.stopped
    assert words in report.reason
    assert "/usr/lib" not in report.reason + " ".join(SyncAttempt.objects.values_list("message", flat=True))
    assert set(Contact.objects.values_list("n8n_sync_status", "n8n_retry_count")) == {("Queued", 0)}


@pytest.mark.parametrize("kind", ["500", "503", "425", "502_html", "reset", "lost_answer", "429"])
def test_trouble_passes(sandbox: Sandbox, kind: str) -> None:
    people(20)
    clock = FakeClock(timezone.now())
    sandbox.add_fault(kind, times=4, share=0.5, seed=7)
    for _ in range(4):
        run(N8N, clock)
        clock.advance(minutes=30)
    assert statuses() == {"Complete": 20}
