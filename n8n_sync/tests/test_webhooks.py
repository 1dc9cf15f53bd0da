"""`POST /api/v3/webhooks/n8n/enrichment-complete` and the health call, as old workflows make them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses
import time_machine
from django.test import Client

from contacts.models import Contact
from curation_sdk.models import SyncAttempt
from curation_sdk.queueing import cancel_queued
from curation_sdk.testing import NOON, FakeClock, run
from n8n_sync.deliveries import delivery_id
from n8n_sync.job import N8N
from n8n_sync.models import Enrichment, EnrichmentEvent
from n8n_sync.tests.support import BEARER, COMPLETE, HALF_AN_HOUR, HEALTH, WEBHOOK, queue, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(make_contact: Callable[..., Contact]) -> Contact:
    return make_contact("ada@acme.example", name="Ada Lovelace")


@pytest.fixture
def waiting(ada: Contact, clock: FakeClock, settings: Any) -> Contact:
    """Ada, pushed, with a report to come."""
    settings.N8N_EXPECT_CALLBACK = True
    push(clock)
    ada.refresh_from_db()
    return ada


def push(clock: FakeClock) -> None:
    queue(clock)
    with responses.RequestsMock() as wire:
        wire.post(WEBHOOK, json={"message": "Workflow was started"})
        run(N8N, clock)


def time_out(clock: FakeClock) -> dict[str, Any]:
    """Push one person to an n8n that accepts and does not say so in time. Returns what it got."""
    queue(clock)
    with responses.RequestsMock() as wire:
        wire.post(WEBHOOK, body=requests.exceptions.ReadTimeout())
        run(N8N, clock)
        sent: dict[str, Any] = json.loads(wire.calls[0].request.body or "")
    return sent


def post(body: Any, *, path: str = COMPLETE, headers: dict[str, str] = BEARER, kind: str = "application/json") -> Any:
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    return Client().post(path, data, content_type=kind, headers=headers)


def status(contact: Contact) -> tuple[Any, ...]:
    contact.refresh_from_db()
    return contact.n8n_sync_status, contact.n8n_processing_status


def test_an_enrichment_is_stored_and_the_contact_left_as_it_is(ada: Contact) -> None:
    answer = post(report(ada))
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "contact_id": str(ada.pk),
        "enrichment_id": "run-1",
        "message": "The enrichment was stored; no delivery waits for it.",
        "updated_fields": [
            *("phone", "address", "social_profiles", "company", "additional_emails", "confidence_score", "sources")
        ],
    }
    found = Enrichment.objects.get()
    assert (found.contact, found.phone, found.city, found.company_name) == (ada, "+1-555-0100", "Springfield", "Acme")
    assert (found.duration_seconds, found.api_calls, found.cost_estimate) == (4.2, 3, 0.15)
    assert not found.answered
    ada.refresh_from_db()
    assert (ada.phone_number, ada.n8n_sync_status) == (None, "New")
    event = EnrichmentEvent.objects.get()
    assert (event.state, event.contact_id, json.loads(event.body)) == ("applied", ada.pk, report(ada))


@pytest.mark.parametrize("ids", [["A", "A"], ["A", "B", "A"], ["A", "B", "B", "A"]], ids="".join)
def test_what_comes_again_changes_nothing(ada: Contact, ids: list[str]) -> None:
    seen: set[str] = set()
    for place, one in enumerate(ids):
        answer = post(report(ada, enrichment_id=one, timestamp=f"2026-11-24T12:00:0{place}Z"))
        assert answer.status_code == 200
        assert bool(answer.json()["updated_fields"]) == (one not in seen)
        seen.add(one)
    assert Enrichment.objects.count() == len(seen)
    assert EnrichmentEvent.objects.count() == len(ids)
    assert EnrichmentEvent.objects.filter(state="duplicate").count() == len(ids) - len(seen)


def test_the_same_id_for_another_contact_or_delivery_is_not_the_same(
    ada: Contact, make_contact: Callable[..., Contact]
) -> None:
    """n8n counts executions from 1 again with a new database."""
    grace = make_contact("grace@acme.example")
    for body in (report(ada), report(grace), report(ada, delivery_id="d-1"), report(ada, delivery_id="d-2")):
        assert post(body).json()["updated_fields"]
    assert Enrichment.objects.count() == 4


@pytest.mark.parametrize(
    ("sent", "expected"),
    [("complete", ("Complete", "Complete")), ("partial", ("Complete", "Complete")), ("failed", ("Error", "Error"))],
)
@pytest.mark.parametrize("echo", [True, False], ids=["with the delivery", "without"])
def test_a_report_answers_the_delivery_that_waits(waiting: Contact, sent: str, expected: Any, echo: bool) -> None:
    assert status(waiting) == ("Processing", "Processing")
    more = {"delivery_id": delivery_id(waiting)} if echo else {}
    answer = post(report(waiting, status=sent, error="No such company", **more))
    assert answer.json()["message"] == "The enrichment was stored."
    assert status(waiting) == expected
    assert Enrichment.objects.get().answered
    if sent == "failed":
        assert waiting.n8n_processing_error == "n8n could not enrich the contact: No such company"
        assert Enrichment.objects.get().error == "No such company"
    else:
        assert waiting.n8n_contact_id == "run-1"
    assert SyncAttempt.objects.count() == (sent != "complete")


def test_the_report_for_an_earlier_delivery_is_stored_and_answers_nothing(waiting: Contact, clock: FakeClock) -> None:
    old = delivery_id(waiting)
    cancel_queued(N8N, Contact.objects.all())
    clock.advance(minutes=1)
    push(clock)
    answer = post(report(waiting, delivery_id=old))
    assert (answer.status_code, status(waiting)) == (200, ("Processing", "Processing"))
    assert not Enrichment.objects.get().answered
    post(report(waiting, enrichment_id="run-2", delivery_id=delivery_id(waiting)))
    assert status(waiting) == ("Complete", "Complete")


def test_the_report_on_a_former_address_answers_nothing(waiting: Contact) -> None:
    old = delivery_id(waiting)
    Contact.objects.update(email="grace@acme.example")
    post(report(waiting, delivery_id=old))
    assert status(waiting) == ("Processing", "Processing")
    post(report(waiting, enrichment_id="run-2", delivery_id=delivery_id(waiting)))
    assert status(waiting) == ("Complete", "Complete")


@pytest.mark.parametrize("state", ["New", "Queued", "Complete", "Error", "Skipped"])
def test_a_late_report_changes_no_status(ada: Contact, state: str, settings: Any) -> None:
    settings.N8N_EXPECT_CALLBACK = True
    processing = state if state in ("Queued", "Complete", "Error") else None
    Contact.objects.update(n8n_sync_status=state, n8n_processing_status=processing)
    assert post(report(ada, status="failed")).status_code == 200
    assert status(ada) == (state, processing)
    assert Enrichment.objects.count() == 1


def test_a_report_that_is_quicker_than_the_run_leaves_no_trace_of_trouble(
    ada: Contact, clock: FakeClock, settings: Any
) -> None:
    settings.N8N_EXPECT_CALLBACK = True
    queue(clock)

    def call_back(request: Any) -> tuple[int, dict[str, str], str]:
        calls.append(json.loads(request.body))
        return 202, {}, ""

    calls: list[dict[str, Any]] = []
    from curation_sdk.testing import before_settling

    with responses.RequestsMock() as wire:
        wire.add_callback("POST", WEBHOOK, call_back)
        with before_settling(lambda: post(report(ada, delivery_id=calls[0]["delivery_id"]))):
            run(N8N, clock)
    assert status(ada) == ("Complete", "Complete")
    assert Enrichment.objects.get().answered
    assert not SyncAttempt.objects.exists()


def test_without_the_setting_a_report_never_gets_in_the_way_of_a_push(ada: Contact, clock: FakeClock) -> None:
    from curation_sdk.testing import before_settling

    queue(clock)
    with responses.RequestsMock() as wire:
        wire.post(WEBHOOK)
        with before_settling(lambda: post(report(ada, status="failed"))):
            outcome = run(N8N, clock)
    assert (status(ada), outcome.counts) == (("Complete", "Complete"), {"synced": 1})


def test_who_waits_is_answered_also_after_the_setting_was_changed(waiting: Contact, settings: Any) -> None:
    settings.N8N_EXPECT_CALLBACK = False
    post(report(waiting))
    assert status(waiting)[0] == "Complete"


@pytest.mark.parametrize(
    ("sent", "expected"), [("complete", ("Complete", "Complete")), ("failed", ("Error", "Error"))]
)
def test_a_report_on_a_push_that_timed_out_is_its_answer(
    ada: Contact, make_contact: Callable[..., Contact], clock: FakeClock, settings: Any, sent: str, expected: Any
) -> None:
    settings.N8N_EXPECT_CALLBACK = True
    sibling = make_contact("ADA@acme.example")
    pushed = time_out(clock)
    assert status(ada) == status(sibling) == ("Queued", "Queued")
    ids = {name: pushed[name] for name in ("contact_id", "delivery_id")}
    assert post(report(ada, status=sent, **ids)).json()["message"] == "The enrichment was stored."
    assert status(ada) == status(sibling) == expected
    assert Enrichment.objects.get().answered
    assert ada.n8n_next_attempt_at is None
    clock.advance(hours=1)
    assert run(N8N, clock).reason == "Nothing is due.", "nobody is pushed again"


@pytest.mark.parametrize("case", ["no id", "another id", "taken out and queued again", "no report is expected"])
def test_who_waits_for_another_try_is_answered_by_the_report_on_this_delivery_only(
    ada: Contact, clock: FakeClock, settings: Any, case: str
) -> None:
    settings.N8N_EXPECT_CALLBACK = case != "no report is expected"
    time_out(clock)
    ada.refresh_from_db()
    given = {"no id": None, "another id": "d-1"}.get(case, delivery_id(ada))
    if case == "taken out and queued again":
        cancel_queued(N8N, Contact.objects.all())
        queue(clock)
    post(report(ada, delivery_id=given))
    assert status(ada) == ("Queued", "Queued")
    assert not Enrichment.objects.get().answered


def test_a_report_that_answered_nothing_may_answer_when_it_is_repeated(
    ada: Contact, clock: FakeClock, settings: Any
) -> None:
    time_out(clock)
    ada.refresh_from_db()
    body = report(ada, delivery_id=delivery_id(ada))
    post(body)
    assert not Enrichment.objects.get().answered
    settings.N8N_EXPECT_CALLBACK = True
    clock.advance(hours=1)
    push(clock)
    assert status(ada) == ("Processing", "Processing")
    answer = post(body).json()
    assert (answer["updated_fields"], answer["message"]) == (
        [],
        "This enrichment was received before; it answers the delivery that waited.",
    )
    assert status(ada) == ("Complete", "Complete")
    assert Enrichment.objects.get().answered
    assert list(EnrichmentEvent.objects.values_list("state", flat=True)) == ["duplicate", "applied"]


def test_an_id_that_comes_again_without_a_delivery_answers_the_next_order(ada: Contact, settings: Any) -> None:
    """n8n counts executions from 1 again with a new database."""
    settings.N8N_EXPECT_CALLBACK = True
    with time_machine.travel(NOON, tick=False) as time:
        clock = FakeClock()
        push(clock)
        post(report(ada))
        assert status(ada) == ("Complete", "Complete")
        time.shift(HALF_AN_HOUR)
        clock.advance(minutes=30)
        push(clock)
        assert status(ada) == ("Processing", "Processing")
        assert post(report(ada, status="failed")).json()["updated_fields"] == []
    assert status(ada) == ("Error", "Error")
    assert Enrichment.objects.count() == 1


def test_a_report_that_names_its_delivery_never_answers_the_next_one(waiting: Contact, clock: FakeClock) -> None:
    body = report(waiting, delivery_id=delivery_id(waiting))
    post(body)
    assert status(waiting) == ("Complete", "Complete")
    clock.advance(minutes=1)
    push(clock)
    post(body)
    assert status(waiting) == ("Processing", "Processing")


@pytest.mark.parametrize(
    "path", [COMPLETE, f"{COMPLETE}/", f"{COMPLETE}//"], ids=["without a slash", "with one", "with two"]
)
def test_slashes_at_the_end(ada: Contact, path: str) -> None:
    assert post(report(ada), path=path).status_code == 200


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/json; charset=utf-8"])
@pytest.mark.parametrize("accept", ["application/json,text/html,application/xhtml+xml", "text/csv", "*/*"])
def test_content_type_and_accept_do_not_matter(ada: Contact, kind: str, accept: str) -> None:
    assert post(report(ada), kind=kind, headers={**BEARER, "Accept": accept}).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"", "body"),
        (b"[]", "body"),
        (b"\xff\xfe\x00", "body"),
        (b'{"contact_id": "7"}', "contact_id"),
        (b'{"contact_id": NaN}', "body"),
        (b"[" * 100_000, "body"),
    ],
    ids=["cut", "empty", "list", "bytes", "bad id", "nan", "deep"],
)
def test_a_body_that_cannot_be_read_is_422_and_kept(body: bytes, field: str) -> None:
    answer = post(body)
    assert answer.status_code == 422
    assert field in answer.json()["detail"]
    event = EnrichmentEvent.objects.get()
    assert (event.state, field in event.problem) == ("refused", True)


@pytest.mark.parametrize(
    ("over", "status_code"), [(0, 200), (1, 413), (2 * 1024 * 1024, 413)], ids=["just not", "just", "far"]
)
def test_a_report_that_is_too_large_is_413_and_says_so(ada: Contact, over: int, status_code: int) -> None:
    body = json.dumps(report(ada)).ljust(2_621_440 + over)
    answer = post(body)
    assert (answer.status_code, answer["Content-Type"]) == (status_code, "application/json")
    if status_code == 413:
        assert answer.json()["success"] is False
        assert answer.json()["detail"].startswith("The report is larger than 2.5 MB, so it was not stored.")
    assert EnrichmentEvent.objects.exists() == (status_code == 200)


def test_an_unknown_contact_is_404(ada: Contact) -> None:
    answer = post(report(ada, contact_id="00000000-0000-0000-0000-000000000000"))
    assert (answer.status_code, answer.json()["success"]) == (404, False)
    assert EnrichmentEvent.objects.get().state == "unknown"
    assert not Enrichment.objects.exists()


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", "Bearer wrong", "n8n-test-secret", "Basic n8n-test-secret"),
        *("Bearer n8n-test-secre", "Bearer n8n-test-secret x", "Bearer gänse"),
    ],
)
@pytest.mark.parametrize("path", [COMPLETE, HEALTH])
def test_without_the_secret_it_is_401_and_nothing_is_kept(path: str, header: str) -> None:
    client = Client()
    headers = {"Authorization": header} if header else {}
    answer = (
        client.post(path, "{}", content_type="application/json", headers=headers)
        if path == COMPLETE
        else (client.get(path, headers=headers))
    )
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert not EnrichmentEvent.objects.exists()


@pytest.mark.parametrize("header", ["Bearer ", "Bearer", "Bearer x", ""])
def test_without_a_secret_in_the_settings_all_are_refused(settings: Any, header: str) -> None:
    settings.N8N_WEBHOOK_SECRET = ""
    answer = post({}, headers={"Authorization": header})
    assert answer.status_code == 401
    assert "N8N_WEBHOOK_SECRET is not set here" in answer.json()["detail"]


def test_a_logged_in_person_is_no_workflow(admin_client: Client) -> None:
    assert admin_client.get(HEALTH).status_code == 401


@pytest.mark.parametrize("path", [HEALTH, f"{HEALTH}/"])
def test_health(path: str) -> None:
    answer = Client().get(path, headers={"Authorization": "bearer n8n-test-secret"})
    body = answer.json()
    assert (answer.status_code, body["status"], body["service"]) == (200, "healthy", "n8n-webhook")


def test_a_failure_of_ours_keeps_the_report_and_lets_n8n_try_again(
    ada: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(raise_request_exception=False)

    def fail(*arguments: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("n8n_sync.receiving.seen_before", fail)
        answer = client.post(COMPLETE, json.dumps(report(ada)), content_type="application/json", headers=BEARER)
        assert answer.status_code == 500
    assert EnrichmentEvent.objects.get().state == "received"
    assert post(report(ada)).json()["updated_fields"]
    assert Enrichment.objects.count() == 1
