"""What n8n's answers mean, by a stubbed wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import responses

from curation_sdk.answers import PlatformError
from curation_sdk.outcomes import StopRun, Throttled
from n8n_sync.client import NotRegistered
from n8n_sync.tests.support import SECRET, WEBHOOK, client

STACK = "Error: x\n    at /usr/lib/node_modules/n8n/dist/webhooks/live-webhooks.js:104"
BODY = {"contact_id": "c"}


def deliver(status: int, **answer: Any) -> Any:
    with responses.RequestsMock() as wire:
        wire.post(WEBHOOK, status=status, **answer)
        return client().deliver(BODY)


@pytest.mark.parametrize(
    ("status", "answer", "remote_id"),
    [
        (200, {"json": {"message": "Workflow was started"}}, ""),
        (202, {"body": "queued"}, ""),
        (204, {}, ""),
        (200, {"json": [{"a": 1}]}, ""),
        (202, {"json": {"execution_id": "21"}}, "21"),
        (200, {"json": {"executionId": 21}}, "21"),
        (201, {"json": {"id": True}}, ""),
    ],
)
def test_every_2xx_is_an_acceptance(status: int, answer: dict[str, Any], remote_id: str) -> None:
    accepted = deliver(status, **answer)
    assert (accepted.remote_id, accepted.evidence.http_status) == (remote_id, status)


@responses.activate
def test_the_secret_goes_as_a_bearer_header() -> None:
    responses.post(WEBHOOK)
    client().deliver(BODY)
    client(secret="").deliver(BODY)
    sent = [call.request.headers for call in responses.calls]
    assert [headers.get("Authorization") for headers in sent] == [f"Bearer {SECRET}", None]
    assert {headers["Content-Type"] for headers in sent} == {"application/json"}


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (500, {"json": {"message": "Error in workflow"}}, "The workflow in n8n failed (500)."),
        (500, {"json": {"code": 0, "message": "Problem", "stacktrace": STACK}}, 'n8n is in trouble (500): "Problem".'),
        (503, {"body": "<html><h1>Gone</h1></html>"}, 'n8n is in trouble (503): "Gone".'),
        (425, {}, "n8n is not ready for it yet (425)"),
        (302, {"headers": {"Location": "https://login.example/"}}, "Check N8N_WEBHOOK_URL."),
        (200, {"body": " <!DOCTYPE html>sign in"}, "A web page came instead of n8n's answer (200)."),
    ],
)
def test_what_may_work_later(status: int, answer: dict[str, Any], words: str) -> None:
    with pytest.raises(PlatformError) as caught:
        deliver(status, **answer)
    assert caught.value.transient
    assert words in caught.value.reason


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_concerns_this_contact(status: int) -> None:
    with pytest.raises(PlatformError, match=rf'n8n refused it \({status}\): "Failed"') as caught:
        deliver(status, json={"code": status, "message": "Failed", "hint": "h", "stacktrace": STACK})
    assert not caught.value.transient


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, "Authorization data is wrong!", 'n8n refused the secret (403): "Authorization data is wrong!"'),
        (401, "Authorization is required!", "n8n refused the secret (401)"),
        (405, "", "takes no POST (405)"),
    ],
)
def test_what_stops_the_run(status: int, body: str, words: str) -> None:
    with pytest.raises(StopRun) as caught:
        deliver(status, body=body)
    assert words in caught.value.reason


def test_a_404_is_about_the_webhook() -> None:
    with pytest.raises(NotRegistered, match=r"no active workflow at N8N_WEBHOOK_URL \(404\): \"Not registered\.\""):
        deliver(404, json={"code": 404, "message": "Not registered.", "hint": "Activate"})


@pytest.mark.parametrize(("header", "seconds"), [("17", 17), ("99999", 300), ("soon", 10)])
def test_slowing_down(header: str, seconds: int) -> None:
    with pytest.raises(Throttled) as caught:
        deliver(429, headers={"Retry-After": header})
    assert caught.value.after == timedelta(seconds=seconds)


@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_no_stack_trace_is_ever_shown(status: int) -> None:
    """Neither from its own field nor from the message, which some versions fill with it."""
    with pytest.raises(PlatformError) as caught:
        deliver(status, json={"message": STACK, "stacktrace": STACK})
    seen = f"{caught.value.reason} {caught.value.evidence}"
    assert "Error: x" in seen
    assert "/usr/lib" not in seen


def test_an_object_without_a_message_is_not_shown_raw() -> None:
    with pytest.raises(PlatformError) as caught:
        deliver(500, json={"stacktrace": STACK})
    assert "/usr/lib" not in f"{caught.value.reason} {caught.value.evidence}"


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_the_secret_is_never_shown(status: int) -> None:
    with pytest.raises((PlatformError, StopRun)) as caught:
        deliver(status, json={"code": SECRET, "message": f"Bearer {SECRET} is wrong"})
    assert SECRET not in f"{caught.value} {caught.value.evidence}"  # type: ignore[union-attr]


@responses.activate
def test_the_probe_runs_nothing() -> None:
    responses.patch(WEBHOOK, status=404, json={"message": "This webhook is not registered for PATCH requests."})
    assert client().probe() == "This webhook is not registered for PATCH requests."
