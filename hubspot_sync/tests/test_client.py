"""What goes over the wire to HubSpot, and what each of its answers comes to."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import responses
from responses import matchers

from curation_sdk.http import Unanswered
from curation_sdk.outcomes import NotPushed, StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.testing import FakeClock
from hubspot_sync.client import HubSpotClient, api_path
from hubspot_sync.properties import Found
from hubspot_sync.refusals import HubSpotError
from hubspot_sync.tests.support import (
    BASE,
    CONTACTS,
    KEY,
    PROPERTIES_URL,
    UPSERT,
    bad_value,
    client,
    config,
    error,
    refuses,
    reply,
    sent,
    takes_all,
    took,
)

PAGE = "<!DOCTYPE html><html><head><style>p {color: red}</style></head><body><h1>Bad gateway &amp; more</h1></body>"
SCOPE = {
    "message": "One or more of the following scopes are required.",
    "context": {"requiredGranularScopes": ["crm.objects.contacts.write"]},
}
MISSING = bad_value("scrapersky_page_id", "PROPERTY_DOESNT_EXIST", 'Property "scrapersky_page_id" does not exist')


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def answer(wire: responses.RequestsMock, status: int, body: Any, *, method: str = "POST", url: str = UPSERT) -> None:
    content = {"json": body} if isinstance(body, dict | list) else {"body": body}
    wire.add(method, url, status=status, headers={"Location": "https://elsewhere.test/"}, **content)


def raised(call: Callable[[], Any]) -> Any:
    with pytest.raises((HubSpotError, StopRun, Throttled, Unanswered)) as caught:
        call()
    return caught.value


# --- paths ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "objects", "properties"),
    [
        ("v3", "/crm/v3/objects/contacts", "/crm/v3/properties/contacts"),
        ("2026-09", "/crm/objects/2026-09/contacts", "/crm/properties/2026-09/contacts"),
        ("2026-03", "/crm/objects/2026-03/contacts", "/crm/properties/2026-03/contacts"),
    ],
)
def test_both_families_of_paths(wire: responses.RequestsMock, version: str, objects: str, properties: str) -> None:
    assert (api_path("objects", version), api_path("properties", version)) == (objects, properties)
    hubspot = client(version=version)
    answer(wire, 200, {"results": []}, method="GET", url=f"{BASE}{objects}?limit=1")
    answer(wire, 200, {"results": []}, method="GET", url=f"{BASE}{properties}")
    wire.add_callback("POST", f"{BASE}{objects}/batch/upsert", reply(takes_all))
    hubspot.see_contacts()
    assert hubspot.get_properties() == {}
    assert len(hubspot.upsert([sent()]).arrived) == 1


# --- the table: status, body -> what is raised ---------------------------------------------------------------

REFUSALS: dict[str, tuple[int, Any, Any, str]] = {
    # name: (status, body, "transient", "refused" or exception, what the reason holds)
    "401": (401, error("Authentication credentials not found.", "INVALID_AUTHENTICATION"), StopRun, "HUBSPOT_API_KEY"),
    "401 empty": (401, "", StopRun, "rejected the token (401): without a message. Check HUBSPOT_API_KEY"),
    "401 HTML": (401, PAGE, StopRun, "Bad gateway & more"),
    "403 scope": (403, error("no", "MISSING_SCOPES", errors=[SCOPE]), StopRun, "(403): crm.objects.contacts.write."),
    "403 scope unnamed": (403, error("no", "MISSING_SCOPES"), StopRun, "which HubSpot does not name"),
    "403 other": (403, error("no", "BANNED"), StopRun, 'not allowed to do this (403): "no"'),
    "403 edge HTML": (403, PAGE, "transient", "Something in front of HubSpot refused it (403)"),
    "400 no such property": (400, MISSING, StopRun, "the account has no property scrapersky_page_id."),
    "400 address": (
        400,
        bad_value("email", "INVALID_EMAIL", "Email address x is invalid"),
        "refused",
        'HubSpot refused it (400): "email: Email address x is invalid (INVALID_EMAIL)".',
    ),
    "400 non-unique": (400, error("email is a non-unique 0-1 property"), "refused", "non-unique 0-1 property"),
    "400 HTML": (400, PAGE, "refused", "Bad gateway & more"),
    "400 a list": (400, [1], "refused", "refused it (400): "),
    "404 HTML": (404, PAGE, StopRun, "Check HUBSPOT_API_BASE_URL and HUBSPOT_API_VERSION"),
    "404 JSON": (404, error("resource not found", "OBJECT_NOT_FOUND"), StopRun, "https://api.hubapi.com and 2026-09"),
    "408": (408, error("no"), "transient", "not ready for it yet (408)"),
    "409": (409, error("Conflict", "CONFLICT"), "refused", '(409): "Conflict"'),
    "414": (414, error("too long"), "refused", "(414)"),
    "414 HTML": (414, PAGE, "transient", "in front of HubSpot"),
    "425": (425, "", "transient", "(425)"),
    "500": (500, error("internal error"), "transient", '(500): "internal error"'),
    "502 HTML": (502, PAGE, "transient", '(502): "Bad gateway & more"'),
    "503": (503, "", "transient", "in trouble (503): without a message"),
    "521": (521, PAGE, "transient", "(521)"),
    "523": (523, PAGE, "transient", "(523)"),
    "524": (524, PAGE, "transient", "(524)"),
    "302": (302, "", "transient", "Check HUBSPOT_API_BASE_URL"),
    "200 HTML": (200, PAGE, "transient", "HubSpot answered 200 with a body that is not"),
    "200 empty": (200, "", "transient", "HubSpot answered 200"),
    "200 cut off": (200, '{"results": [', "transient", "HubSpot answered 200"),
    "200 without results": (200, {"status": "PENDING"}, "transient", "HubSpot answered 200"),
    "200 results no list": (200, {"results": {"id": 1}}, "transient", "HubSpot answered 200"),
    "207 nested too deeply": (207, "[" * 100_000, "transient", "HubSpot answered 207"),
}


@pytest.mark.parametrize(("status", "body", "expected", "holds"), REFUSALS.values(), ids=REFUSALS.keys())
def test_every_refusal(wire: responses.RequestsMock, status: int, body: Any, expected: Any, holds: str) -> None:
    answer(wire, status, body)
    found = raised(lambda: client().upsert([sent()]))
    if isinstance(expected, str):
        assert isinstance(found, HubSpotError)
        assert found.transient == (expected == "transient")
    else:
        assert type(found) is expected
    assert holds in found.reason
    assert "<" not in found.reason
    assert found.reason.endswith(".")
    assert found.evidence.http_status == status
    assert found.evidence.duration_ms is not None
    assert len(wire.calls) == 1, "nothing is tried twice and no redirect followed"


def test_evidence_keeps_code_words_and_correlation_id_apart(wire: responses.RequestsMock) -> None:
    answer(wire, 400, bad_value("email", "INVALID_EMAIL", "bad"))
    seen = raised(lambda: client().upsert([sent()])).evidence
    assert (seen.code, seen.message, seen.request_id) == ("INVALID_EMAIL", "email: bad (INVALID_EMAIL)", "c-1")


def test_a_message_without_end_is_cut_and_control_characters_are_gone(wire: responses.RequestsMock) -> None:
    answer(wire, 400, error("\x00\x1b[31m\u202e" + "no " * 1_000_000, "c" * 9000))
    found = raised(lambda: client().upsert([sent()]))
    assert len(found.reason) < 600
    assert len(found.evidence.code) <= 500
    assert found.reason.isprintable()


# --- asked to wait -------------------------------------------------------------------------------------------

WAITS: dict[str, tuple[int, Any, dict[str, str], timedelta]] = {
    "ten seconds": (429, {"message": "x", "policyName": "TEN_SECONDLY_ROLLING"}, {}, timedelta(seconds=10)),
    "a second": (429, {"message": "x", "policyName": "SECONDLY"}, {}, timedelta(seconds=1)),
    "a day": (429, {"message": "x", "policyName": "DAILY"}, {}, timedelta(hours=1)),
    "another": (429, {"message": "x", "policyName": "MINUTELY"}, {}, timedelta(seconds=10)),
    "no name, ten": (429, error("You have reached your ten_secondly_rolling limit."), {}, timedelta(seconds=10)),
    "no name, one": (429, error("You have reached your secondly limit."), {}, timedelta(seconds=1)),
    "no name, day": (429, error("You have reached your daily limit."), {}, timedelta(hours=1)),
    "no body": (429, "", {}, timedelta(seconds=10)),
    "HTML": (429, PAGE, {}, timedelta(seconds=10)),
    "its own wish": (429, {"policyName": "DAILY"}, {"Retry-After": "77"}, timedelta(seconds=77)),
    "a long wish": (429, {"policyName": "DAILY"}, {"Retry-After": "999999"}, timedelta(hours=24)),
    "a date": (
        429,
        {"policyName": "SECONDLY"},
        {"Retry-After": "Wed, 21 Oct 2026 07:28"},
        timedelta(seconds=1),
    ),
    "locked": (423, error("locked", "LOCKED"), {}, timedelta(seconds=2)),
    "locked, in a hurry": (423, error("locked"), {"Retry-After": "1"}, timedelta(seconds=2)),
    "locked for longer": (423, error("locked"), {"Retry-After": "9"}, timedelta(seconds=9)),
    "moving": (477, error("moving"), {"Retry-After": "7200"}, timedelta(hours=2)),
    "moving for days": (477, error("moving"), {"Retry-After": "500000"}, timedelta(hours=24)),
    "moving, nobody knows": (477, "", {}, timedelta(hours=1)),
}


@pytest.mark.parametrize(("status", "body", "headers", "wait"), WAITS.values(), ids=WAITS.keys())
def test_asked_to_wait(
    wire: responses.RequestsMock, status: int, body: Any, headers: dict[str, str], wait: timedelta
) -> None:
    content = {"json": body} if isinstance(body, dict) else {"body": body}
    wire.add("POST", UPSERT, status=status, headers=headers, **content)
    clock = FakeClock()
    limiter = RateLimiter(1000.0, clock)
    found = raised(lambda: HubSpotClient(config(), limiter).upsert([sent()]))
    assert type(found) is Throttled
    assert found.after == wait
    assert f"({status})" in found.reason
    assert f"We wait {int(wait.total_seconds()):,} second" in found.reason
    began = clock.monotonic()
    assert limiter.acquire() - began == pytest.approx(wait.total_seconds(), abs=0.01), "other threads wait too"


def calls_in(seconds: float, wire: responses.RequestsMock, *, others: int, limit: int = 100) -> int:
    """Our calls in so long a time, at up to 9 a second, when others take `others` of every ten seconds."""
    clock = FakeClock()
    ours: list[float] = []

    def rolling(request: Any) -> tuple[int, dict[str, str], str]:
        ours.append(clock.monotonic())
        used = others + sum(moment > clock.monotonic() - 10 for moment in ours)
        headers = {
            "X-HubSpot-RateLimit-Max": str(limit),
            "X-HubSpot-RateLimit-Remaining": str(max(limit - used, 0)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }
        return 200, headers, '{"results": []}'

    wire.add_callback("GET", f"{CONTACTS}?limit=1", rolling)
    hubspot = HubSpotClient(config(), RateLimiter(9.0, clock))
    while clock.monotonic() < seconds:
        hubspot.see_contacts()
    return len(ours)


def test_our_own_calls_do_not_slow_us_down(wire: responses.RequestsMock) -> None:
    """At full pace nine in ten of the window are ours: ten left is all that one can see."""
    assert calls_in(30, wire, others=0) == pytest.approx(266, abs=4)


def test_what_others_leave_us_is_the_pace(wire: responses.RequestsMock) -> None:
    assert calls_in(60, wire, others=60) == pytest.approx(60 * 4 * 0.95, abs=15)


def test_nothing_left_waits_until_the_window_has_rolled(wire: responses.RequestsMock) -> None:
    assert calls_in(60, wire, others=100) <= 7


# --- the batch -----------------------------------------------------------------------------------------------


def test_upsert(wire: responses.RequestsMock) -> None:
    one = sent()
    wire.add(
        "POST",
        UPSERT,
        json={"results": [took({"objectWriteTraceId": one.trace_id, "id": one.email}, 7)]},
        headers={"x-hubspot-correlation-id": "c-9"},
        match=[
            matchers.header_matcher({"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}),
            matchers.query_param_matcher({}),
        ],
    )
    upserted = client().upsert([one])
    arrived = upserted.arrived[one.trace_id]
    assert (arrived.remote_id, arrived.warning) == ("7", "")
    assert (arrived.evidence.http_status, arrived.evidence.request_id) == (200, "c-9")
    assert upserted.refused == {}


@pytest.mark.parametrize("status", [200, 207])
def test_answers_are_told_apart_by_trace_id_only(wire: responses.RequestsMock, status: int) -> None:
    parcels = [sent(f"P{number}@Acme.example") for number in range(6)]

    def mixed(inputs: list[dict[str, Any]]) -> dict[str, Any]:
        results: list[Any] = [took(inputs[0], 10), took(inputs[1], 11)]
        results += [{**took(inputs[2], 12), "objectWriteTraceId": None}, {**took(inputs[3], 13), "id": " "}, "odd"]
        refusal = bad_value("email", "INVALID_EMAIL", "bad")
        by_address = {**refusal, "context": {"ids": [inputs[5]["id"]]}}
        return {"results": results[::-1], "errors": [refuses(inputs[4], refusal), by_address, 7], "numErrors": 2}

    wire.add_callback("POST", UPSERT, reply(mixed, status))
    upserted = client().upsert(parcels)
    assert {key: one.remote_id for key, one in upserted.arrived.items()} == {
        parcels[0].trace_id: "10",
        parcels[1].trace_id: "11",
    }
    assert set(upserted.refused) == {parcels[4].trace_id}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (bad_value("email", "INVALID_EMAIL", "bad"), HubSpotError),
        (MISSING, StopRun),
        (error("no", "MISSING_SCOPES", errors=[SCOPE]), StopRun),
        (error("Contact already exists. Existing ID: 7", "CONFLICT"), None),
        (error("slow down", "RATE_LIMITS"), None),
        (error("oops", "INTERNAL_ERROR"), None),
        ({}, None),
    ],
    ids=["address", "property", "scope", "conflict", "limit", "internal", "empty"],
)
def test_what_one_entry_of_the_errors_means(wire: responses.RequestsMock, body: Any, expected: Any) -> None:
    """None: not the last word, so it is asked for once more, alone."""
    one = sent()
    wire.add_callback("POST", UPSERT, reply(lambda inputs: {"results": [], "errors": [refuses(inputs[0], body)]}, 207))
    found = client().upsert([one]).refused.get(one.trace_id)
    assert found is None if expected is None else type(found) is expected
    if isinstance(found, HubSpotError):
        assert found.reason == 'HubSpot refused it: "email: bad (INVALID_EMAIL)".'
        assert found.evidence.http_status == 207


def test_remarks_on_a_contact_that_arrived(wire: responses.RequestsMock) -> None:
    one = sent()
    remarks = [{"category": "X", "message": "phone was shortened"}, 7]
    wire.add_callback("POST", UPSERT, reply(lambda inputs: {"results": [took(inputs[0], warnings=remarks)]}))
    assert client().upsert([one]).arrived[one.trace_id].warning == "phone was shortened"


# --- one contact ---------------------------------------------------------------------------------------------


def test_update_by_address(wire: responses.RequestsMock) -> None:
    one = sent("a+b/c@acme.example")
    wire.add("PATCH", f"{CONTACTS}/a%2Bb%2Fc%40acme.example?idProperty=email", json={"id": "7"})
    assert client().update_by_email(one).remote_id == "7"
    assert json.loads(wire.calls[0].request.body) == {"properties": one.properties}, "the address stays as it is there"


def test_create_and_update_by_id(wire: responses.RequestsMock) -> None:
    one = sent()
    wire.add("POST", CONTACTS, status=201, json={"id": 8})
    wire.add("PATCH", f"{CONTACTS}/8", json={"id": "8"})
    assert client().create(one).remote_id == "8"
    assert client().update("8", one).remote_id == "8"
    assert json.loads(wire.calls[0].request.body) == {"properties": {"email": one.email, **one.properties}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (error("resource not found", "OBJECT_NOT_FOUND"), HubSpotError),
        ({"status": "error", "message": "resource not found", "correlationId": "c"}, HubSpotError),
        (PAGE, StopRun),
        ("", StopRun),
    ],
    ids=["category", "correlation id", "HTML", "empty"],
)
def test_404_is_about_the_contact_only_in_hubspots_own_words(
    wire: responses.RequestsMock, body: Any, expected: type
) -> None:
    answer(wire, 404, body, method="PATCH", url=f"{CONTACTS}/ada%40acme.example?idProperty=email")
    assert type(raised(lambda: client().update_by_email(sent()))) is expected


def test_a_conflict_tells_the_id(wire: responses.RequestsMock) -> None:
    answer(wire, 409, error("Contact already exists. Existing ID: 501", "CONFLICT"), url=CONTACTS)
    assert raised(lambda: client().create(sent())).said.existing_id == "501"


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": True}, {"id": " "}, "<html>"], ids=str)
def test_an_answer_without_an_id_is_no_success(wire: responses.RequestsMock, body: Any) -> None:
    answer(wire, 201, body, url=CONTACTS)
    assert raised(lambda: client().create(sent())).transient


# --- properties ----------------------------------------------------------------------------------------------


def test_properties(wire: responses.RequestsMock) -> None:
    listed = [
        {"name": "company", "type": "string", "modificationMetadata": {"readOnlyValue": False}},
        {"name": "createdate", "type": "datetime", "modificationMetadata": {"readOnlyValue": True}},
        {"name": "sum", "type": "number", "calculated": True},
        {"name": "kind", "type": "enumeration", "options": [{"label": "A", "value": "a"}, 7, {"value": "b"}]},
        {"name": "odd", "options": 7},
        {"type": "string"},
        7,
    ]
    answer(wire, 200, {"results": listed}, method="GET", url=PROPERTIES_URL)
    assert client().get_properties() == {
        "company": Found("string", read_only=False),
        "createdate": Found("datetime", read_only=True),
        "sum": Found("number", read_only=True),
        "kind": Found("enumeration", read_only=False, options=("a", "b")),
        "odd": Found("string", read_only=False),
    }


@pytest.mark.parametrize("status", [201, 409])
def test_a_property_that_exists_already_is_fine(wire: responses.RequestsMock, status: int) -> None:
    answer(wire, status, error("taken", "OBJECT_ALREADY_EXISTS"), url=PROPERTIES_URL)
    client().create_property({"name": "x"})


def test_a_property_that_is_refused_is_not(wire: responses.RequestsMock) -> None:
    answer(wire, 400, error("no"), url=PROPERTIES_URL)
    assert raised(lambda: client().create_property({"name": "x"})).status == 400


# --- secrets and the end -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
def test_the_token_shows_nowhere(
    wire: responses.RequestsMock, status: int, caplog: pytest.LogCaptureFixture, capsys: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    body = {**error(f"The token {KEY} is wrong", KEY), "policyName": KEY, "errors": [{"message": KEY, "code": KEY}]}
    answer(wire, status, body)
    found = raised(lambda: client().upsert([sent()]))
    shown = [found.reason, str(found), repr(found.evidence), caplog.text, capsys.readouterr().err]
    shown += traceback.format_exception(found)
    shown.append(repr(config()))
    assert not [text for text in shown if KEY in text]


def test_a_run_that_ends_sends_nothing() -> None:
    limiter = RateLimiter(1.0, FakeClock())
    limiter.stop()
    with pytest.raises(NotPushed):
        HubSpotClient(config(), limiter).upsert([sent()])
