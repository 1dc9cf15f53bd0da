"""From an answer to an outcome; a webhook that is not there; waiting for the report."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from contacts.models import Contact
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.testing import FakeClock, run
from n8n_sync.job import N8N
from n8n_sync.tests.support import HALF_AN_HOUR, WEBHOOK, queue

pytestmark = pytest.mark.django_db


@pytest.fixture
def wire() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        yield wire


@pytest.fixture
def ada(make_contact: Any, clock: FakeClock) -> Contact:
    contact: Contact = make_contact("ada@acme.example", name="Ada Lovelace")
    queue(clock)
    return contact


def state(contact: Contact) -> tuple[Any, ...]:
    contact.refresh_from_db()
    return contact.n8n_sync_status, contact.n8n_retry_count, contact.n8n_next_attempt_at


def not_there(wire: Any) -> None:
    wire.post(WEBHOOK, status=404, json={"code": 404, "message": "Not registered."})


def bodies(wire: Any) -> list[dict[str, Any]]:
    import json

    return [json.loads(call.request.body) for call in wire.calls]


def test_accepted_means_complete(ada: Contact, wire: Any, clock: FakeClock) -> None:
    wire.post(WEBHOOK, json={"message": "Workflow was started"})
    run(N8N, clock)
    assert state(ada) == ("Complete", 0, None)
    assert ada.n8n_contact_id is None


def test_with_a_report_to_come_it_waits_and_is_sent_again_as_the_same_delivery(
    ada: Contact, wire: Any, clock: FakeClock, settings: Any
) -> None:
    settings.N8N_EXPECT_CALLBACK = True
    wire.post(WEBHOOK, json={"message": "Workflow was started"})
    for tries in range(1, 5):
        run(N8N, clock)
        assert state(ada) == ("Processing", tries, clock.now() + HALF_AN_HOUR)
        clock.advance(minutes=30)
    run(N8N, clock)
    assert state(ada)[0] == "Error"
    assert ada.n8n_processing_error == "n8n accepted the contact but never reported back, at the last of 4 tries."
    sent = bodies(wire)
    assert len(sent) == 4
    assert sent[0]["delivery_id"]
    assert all(body == sent[0] for body in sent)
    queue(clock)
    run(N8N, clock)
    assert bodies(wire)[4]["delivery_id"] != sent[0]["delivery_id"], "a new order is a new delivery"


def test_a_try_that_failed_is_the_same_delivery(ada: Contact, wire: Any, clock: FakeClock) -> None:
    wire.post(WEBHOOK, status=500, json={"message": "Error in workflow"})
    wire.post(WEBHOOK)
    run(N8N, clock)
    clock.advance(minutes=6)
    run(N8N, clock)
    first, second = bodies(wire)
    assert first["delivery_id"] == second["delivery_id"]
    assert state(ada)[0] == "Complete"


def test_a_worker_that_died_has_another_end(ada: Contact, clock: FakeClock) -> None:
    Contact.objects.update(
        n8n_sync_status="Processing",
        n8n_processing_status="Processing",
        n8n_retry_count=4,
        n8n_next_attempt_at=clock.now(),
    )
    run(N8N, clock)
    assert state(ada)[0] == "Error"
    assert (ada.n8n_processing_error or "").startswith("The worker died while pushing this contact, or n8n fetched it")


def test_an_n8n_that_starts_is_waited_for_and_costs_no_try(ada: Contact, wire: Any, clock: FakeClock) -> None:
    not_there(wire)
    not_there(wire)
    wire.post(WEBHOOK)
    report = run(N8N, clock)
    assert not report.stopped
    assert (state(ada)[0], report.counts["synced"]) == ("Complete", 1)
    assert set(SyncAttempt.objects.values_list("outcome", flat=True)) == {"throttled"}


def test_a_workflow_that_is_not_active_stops_the_run(
    ada: Contact, wire: Any, clock: FakeClock, make_contact: Any
) -> None:
    for number in range(30):
        make_contact(f"p{number}@acme.example")
    queue(clock)
    not_there(wire)
    report = run(N8N, clock)
    assert report.stopped
    assert "n8n knows no active workflow at N8N_WEBHOOK_URL (404)" in report.reason
    assert "activate it in n8n" in report.reason
    assert len(wire.calls) < 10
    assert set(Contact.objects.values_list("n8n_sync_status", "n8n_retry_count")) == {("Queued", 0)}
    assert SyncRun.objects.get().state == "stopped"


def test_a_test_address_says_so(ada: Contact, wire: Any, clock: FakeClock, settings: Any) -> None:
    settings.N8N_WEBHOOK_URL = url = "https://n8n.test/webhook-test/x"
    wire.post(url, status=404, json={"message": "Not registered."})
    report = run(N8N, clock)
    assert "N8N_WEBHOOK_URL is a test address" in report.reason
    assert "N8N_WEBHOOK_URL is a test address" in " ".join(report.notes)


def test_a_new_404_after_an_answer_is_a_new_start(wire: Any, clock: FakeClock, make_contact: Any) -> None:
    for number in range(9):
        make_contact(f"p{number}@acme.example")
    queue(clock)
    for _ in range(9):
        not_there(wire)
        wire.post(WEBHOOK)
    assert run(N8N, clock).counts["synced"] == 9


def test_the_address_refuses_connections(ada: Contact, wire: Any, clock: FakeClock) -> None:
    wire.post(WEBHOOK, body=ConnectionRefusedError("refused"))
    run(N8N, clock)
    assert state(ada)[:2] == ("Queued", 1)
    assert (ada.n8n_processing_error or "").startswith("n8n did not answer: ")
