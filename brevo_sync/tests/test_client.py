"""What goes over the wire to Brevo, and what each of its answers comes to."""

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

from brevo_sync.client import BrevoClient, BrevoError, Kind, Upserted
from brevo_sync.tests.support import BASE, CONTACTS, KEY, client, config
from curation_sdk.http import Unanswered
from curation_sdk.outcomes import NotPushed, StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.testing import FakeClock

BODY = {"email": "ada@acme.example", "attributes": {"SMS": "+12125550123"}, "updateEnabled": True}
CLOUDFLARE = (
    "<!DOCTYPE html><html><head><title>Attention Required!</title><style>p {color: red}</style>"
    "<script>var x = '<p>no</p>';</script></head><body><h1>Sorry, you&#39;ve been blocked</h1></body></html>"
)
IP = (
    "We have detected you are using an unrecognised IP address 192.0.2.1. If you performed this action make sure to "
    "add the new IP address in this link: https://app.brevo.com/security/authorised_ips"
)


def said(message: str, code: str = "invalid_parameter", **more: Any) -> dict[str, Any]:
    return {"code": code, "message": message, **more}


def duplicate(*names: str, code: str = "duplicate_parameter") -> dict[str, Any]:
    return said(
        f"Unable to update contact, {' and '.join(names)} are already associated with another Contact",
        code,
        metadata={"duplicate_identifiers": [*names]},
    )


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def answer(
    wire: responses.RequestsMock, status: int, body: Any, *, method: str = "POST", url: str = CONTACTS, **headers: str
) -> None:
    content = {"json": body} if isinstance(body, dict | list) else {"body": body}
    wire.add(
        method, url, status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}, **content
    )


def raised(call: Callable[[], Any]) -> Any:
    with pytest.raises((BrevoError, StopRun, Throttled, Unanswered)) as caught:
        call()
    return caught.value


# --- the table: status, body -> what is raised ---------------------------------------------------------------

REFUSALS: dict[str, tuple[int, Any, Any, str]] = {
    # name: (status, body, Kind or exception, what the reason holds)
    "401 unknown key": (401, said("Key not found", "unauthorized"), StopRun, "Check BREVO_API_KEY"),
    "401 no key arrived": (
        401,
        said("authentication not found in headers", "unauthorized"),
        StopRun,
        "Check BREVO_API_KEY",
    ),
    "401 unknown address": (401, said(IP, "unauthorized"), StopRun, "app.brevo.com/security/authorised_ips."),
    "401 address, other words": (
        401,
        said("Unauthorised IP.", "unauthorized"),
        StopRun,
        "Authorise this server's address",
    ),
    "401 with 'ip' in a word": (
        401,
        said("Your subscription expired", "unauthorized"),
        StopRun,
        "Check BREVO_API_KEY",
    ),
    "401 empty": (401, "", StopRun, "without a message"),
    "401 HTML": (401, CLOUDFLARE, StopRun, "Sorry, you've been blocked"),
    "402 no credits": (402, said("You have no credits", "not_enough_credits"), StopRun, "plan or credits"),
    "402 under validation": (402, said("wait", "account_under_validation"), StopRun, "plan or credits"),
    "403 key's scope": (403, said("no", "permission_denied"), StopRun, "Check its scope"),
    "403 edge HTML": (
        403,
        CLOUDFLARE,
        Kind.TRANSIENT,
        'refused it (403): "Attention Required! Sorry, you\'ve been blocked"',
    ),
    "403 empty": (403, "", Kind.TRANSIENT, "without a message"),
    "400 edge HTML": (
        400,
        "<h1>400 Bad Request</h1><p>cloudflare</p>",
        Kind.OTHER,
        '"400 Bad Request cloudflare"',
    ),
    "400 JSON, but a list": (400, [1], Kind.OTHER, "refused it (400)"),
    "404 no API here, HTML": (404, "<h1>Not Found</h1>", StopRun, "Check BREVO_API_BASE_URL"),
    "404 no API here, empty": (404, "", StopRun, "https://api.brevo.com/v3"),
    "404 unknown": (
        404,
        said("Contact does not exist", "document_not_found"),
        Kind.NOT_FOUND,
        "Contact does not exist",
    ),
    "404 without a code": (404, {"message": "not found"}, StopRun, "Check BREVO_API_BASE_URL"),
    "404 list": (404, said("List ID does not exist", "document_not_found"), Kind.LIST, "List ID"),
    "405": (405, said("no", "method_not_allowed"), Kind.OTHER, '(405): "no"'),
    "406": (406, said("no", "not_acceptable"), Kind.OTHER, '(406): "no"'),
    "408": (408, said("no"), Kind.TRANSIENT, "not ready for it yet (408)"),
    "409": (409, said("no"), Kind.OTHER, "(409)"),
    "422": (422, said("no", "unprocessable_entity"), Kind.OTHER, '(422): "no"'),
    "425": (425, said("Too early", "account_in_process"), Kind.TRANSIENT, "not ready for it yet (425)"),
    "500": (500, {"message": "Internal error"}, Kind.TRANSIENT, '(500): "Internal error"'),
    "500 empty": (500, "", Kind.TRANSIENT, "(500): without a message"),
    "502 HTML": (502, CLOUDFLARE, Kind.TRANSIENT, "Attention Required!"),
    "503": (503, "Service Unavailable", Kind.TRANSIENT, '"Service Unavailable"'),
    "520": (520, CLOUDFLARE, Kind.TRANSIENT, "(520)"),
    "524 HTML": (524, CLOUDFLARE, Kind.TRANSIENT, "(524)"),
    "599": (599, "", Kind.TRANSIENT, "(599)"),
    "302": (302, "", Kind.TRANSIENT, "Check BREVO_API_BASE_URL"),
    "200 that is not JSON": (
        200,
        "<html>Welcome</html>",
        Kind.TRANSIENT,
        "Brevo answered 200 with a body that is not",
    ),
    "200 empty": (200, "", Kind.TRANSIENT, "Brevo answered 200"),
    "200 without an id": (200, {"ok": True}, Kind.TRANSIENT, "Brevo answered 200"),
    "201 empty": (201, "", Kind.TRANSIENT, "Brevo answered 201"),
    "201 cut off": (201, '{"id": 4', Kind.TRANSIENT, "Brevo answered 201"),
    "201 nested too deeply": (201, "[" * 100_000, Kind.TRANSIENT, "Brevo answered 201"),
    "201 with an id that is none": (201, {"id": True}, Kind.TRANSIENT, "Brevo answered 201"),
    "201 with a blank id": (201, {"id": " "}, Kind.TRANSIENT, "Brevo answered 201"),
    "202": (202, {"processId": 1}, Kind.TRANSIENT, "Brevo answered 202"),
    "invalid address": (
        400,
        said("Invalid email address"),
        Kind.OTHER,
        'Brevo refused it (400): "Invalid email address".',
    ),
    "invalid address, quoted": (400, said("Invalid email address: stylist@sms.example"), Kind.OTHER, "Invalid email"),
    "nobody": (400, said("Provide an email, an ext_id or an SMS number", "missing_parameter"), Kind.OTHER, "Provide"),
    "invalid phone": (400, said("Invalid phone number"), Kind.INVALID_PHONE, "Invalid phone number"),
    "invalid WHATSAPP": (400, said("Invalid WHATSAPP format"), Kind.INVALID_PHONE, "WHATSAPP"),
    "taken SMS": (400, duplicate("SMS"), Kind.DUPLICATE_PHONE, "already associated"),
    "taken SMS since May 2026": (400, duplicate("SMS", code="invalid_parameter"), Kind.DUPLICATE_PHONE, "SMS"),
    "taken sms, lower case": (400, duplicate("sms"), Kind.DUPLICATE_PHONE, "sms"),
    "taken WHATSAPP": (400, duplicate("WHATSAPP"), Kind.DUPLICATE_PHONE, "WHATSAPP"),
    "taken SMS and WHATSAPP": (400, duplicate("SMS", "Whatsapp"), Kind.DUPLICATE_PHONE, "SMS"),
    "taken SMS, only in words": (
        400,
        said("SMS is already associated with another Contact"),
        Kind.DUPLICATE_PHONE,
        "SMS",
    ),
    "taken SMS, only in words and code": (
        400,
        said("Duplicate SMS", "duplicate_parameter"),
        Kind.DUPLICATE_PHONE,
        "SMS",
    ),
    "taken address": (400, duplicate("email"), Kind.OTHER, "email"),
    "taken EMAIL": (400, duplicate("EMAIL"), Kind.OTHER, "EMAIL"),
    "taken address and SMS": (400, duplicate("email", "SMS"), Kind.OTHER, "email and SMS"),
    "taken ext_id": (400, duplicate("ext_id"), Kind.OTHER, "ext_id"),
    "taken, by old words": (400, said("Contact already exist", "duplicate_parameter"), Kind.OTHER, "already exist"),
    "unknown list": (400, said("List ID does not exist"), Kind.LIST, "List ID"),
    "unknown list, other words": (400, said("No list has the id 99"), Kind.LIST, "No list"),
    "unknown listIds": (400, said("listIds is invalid"), Kind.LIST, "listIds"),
    "a blacklist is no list": (400, said("blacklisted, see enlisted"), Kind.OTHER, "blacklisted"),
    "message only": (400, {"message": "no"}, Kind.OTHER, '(400): "no"'),
    "code only": (400, {"code": "bad_request"}, Kind.OTHER, "bad_request"),
    "odd types": (400, {"code": 7, "message": ["no"], "metadata": "x"}, Kind.OTHER, "(400)"),
    "odd metadata": (400, said("no", metadata={"duplicate_identifiers": "SMS"}), Kind.OTHER, '"no"'),
    "odd identifiers": (400, said("no", metadata={"duplicate_identifiers": [None, {}]}), Kind.OTHER, '"no"'),
}


@pytest.mark.parametrize(("status", "body", "expected", "holds"), REFUSALS.values(), ids=REFUSALS.keys())
def test_every_refusal(wire: responses.RequestsMock, status: int, body: Any, expected: Any, holds: str) -> None:
    answer(wire, status, body, sib_request_id="req-7", Location="https://elsewhere.test/")
    error = raised(lambda: client().upsert_contact(BODY))
    if isinstance(expected, Kind):
        assert isinstance(error, BrevoError)
        assert error.kind is expected
    else:
        assert type(error) is expected
    assert holds in error.reason
    assert "<" not in error.reason
    assert (error.evidence.http_status, error.evidence.request_id) == (status, "req-7")
    assert error.evidence.duration_ms is not None
    assert len(wire.calls) == 1, "nothing is tried twice and no redirect followed"


def test_evidence_keeps_code_and_message_apart(wire: responses.RequestsMock) -> None:
    answer(wire, 400, said("Invalid email address"))
    seen = raised(lambda: client().upsert_contact(BODY)).evidence
    assert (seen.code, seen.message) == ("invalid_parameter", "Invalid email address")


def test_a_message_without_end_is_cut_and_control_characters_are_gone(wire: responses.RequestsMock) -> None:
    answer(wire, 400, said("\x00\x1b[31m\u202e" + "no " * 2_000_000, "c" * 9000))
    error = raised(lambda: client().upsert_contact(BODY))
    assert len(error.reason) < 600
    assert len(error.evidence.code) <= 500
    assert error.reason.isprintable()


@pytest.mark.parametrize(
    ("status", "body", "remote_id"),
    [(201, {"id": 21}, "21"), (201, {"id": "21"}, "21"), (200, {"id": 21}, "21"), (204, "", "")],
    ids=["201", "201 with text", "200", "204"],
)
def test_upsert(wire: responses.RequestsMock, status: int, body: Any, remote_id: str) -> None:
    wire.add(
        "POST",
        CONTACTS,
        status=status,
        headers={"sib-request-id": "req-1"},
        match=[
            matchers.header_matcher(
                {"api-key": KEY, "Accept": "application/json", "Content-Type": "application/json"}
            ),
            matchers.json_params_matcher(BODY, strict_match=True),
            matchers.query_param_matcher({}),
        ],
        **({"json": body} if body else {}),
    )
    upserted = client().upsert_contact(BODY)
    assert upserted == Upserted(remote_id, upserted.evidence)
    assert (upserted.evidence.http_status, upserted.evidence.request_id) == (status, "req-1")
    assert len(wire.calls) == 1


# --- 429 and the budget --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-sib-ratelimit-reset": "7"}, 7),
        ({"x-sib-ratelimit-reset": " 7 "}, 7),
        ({}, 10),
        ({"x-sib-ratelimit-reset": "0"}, 10),
        ({"x-sib-ratelimit-reset": "-3"}, 10),
        ({"x-sib-ratelimit-reset": "1.5"}, 10),
        ({"x-sib-ratelimit-reset": "soon"}, 10),
        ({"x-sib-ratelimit-reset": "٣"}, 10),
        ({"x-sib-ratelimit-reset": "9" * 400}, 10),
        ({"x-sib-ratelimit-reset": "1795169700"}, 10),
        ({"x-sib-ratelimit-reset": "86400000"}, 300),
        ({"x-sib-ratelimit-reset": "3600"}, 300),
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 10),
        ({"Retry-After": "30", "x-sib-ratelimit-reset": "4"}, 4),
    ],
    ids=str,
)
@pytest.mark.parametrize("body", [said("slow", "too_many_requests"), "", CLOUDFLARE], ids=["JSON", "empty", "HTML"])
def test_429(wire: responses.RequestsMock, headers: dict[str, str], seconds: int, body: Any) -> None:
    headers = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    answer(wire, 429, body, **headers)
    clock = FakeClock()
    brevo = client(clock)
    error = raised(lambda: brevo.upsert_contact(BODY))
    assert isinstance(error, Throttled)
    assert error.after == timedelta(seconds=seconds)
    assert f"for {seconds} seconds" in error.reason
    assert error.evidence.http_status == 429
    # The pace waits as well, for everybody who shares the limiter.
    raised(lambda: brevo.upsert_contact(BODY))
    assert sum(clock.waited) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("remaining", "reset", "seconds"),
    [
        ("0", "30", 30),  # used up, by another program: wait
        ("3", "30", 10),  # three calls for half a minute
        ("0", "1", 0),  # a window of a second is always nearly used up
        ("9", "997", 0),  # milliseconds, read as seconds
        ("0", "997", 0),
        ("5", "999999999", 0),
        ("x", "30", 0),
        ("3", "", 0),
        ("-1", "30", 0),
    ],
)
def test_what_a_good_answer_says_about_the_budget(
    wire: responses.RequestsMock, remaining: str, reset: str, seconds: int
) -> None:
    headers = {"x-sib-ratelimit-remaining": remaining, "x-sib-ratelimit-reset": reset}
    answer(wire, 204, "", **headers)
    clock = FakeClock()
    brevo = client(clock)
    for _ in range(3):
        brevo.upsert_contact(BODY)
    assert sum(clock.waited) == pytest.approx(seconds * 2, rel=0.03, abs=0.1)


def test_the_budget_of_other_paths_says_nothing_about_contacts(wire: responses.RequestsMock) -> None:
    spent = {"x-sib-ratelimit-remaining": "0", "x-sib-ratelimit-reset": "50"}
    answer(wire, 200, {"email": "a"}, method="GET", url=f"{BASE}/account", **spent)
    answer(wire, 204, "")
    clock = FakeClock()
    brevo = client(clock)
    brevo.get_account()
    brevo.upsert_contact(BODY)
    assert sum(clock.waited) < 1


def test_a_run_that_ends_sends_nothing_more() -> None:
    limiter = RateLimiter(10, FakeClock())
    limiter.stop()
    with responses.RequestsMock() as wire, pytest.raises(NotPushed):
        BrevoClient(config(), limiter).upsert_contact(BODY)
    assert len(wire.calls) == 0


# --- the other calls -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("ada@acme.example", "ada%40acme.example"),
        ("ada+news@acme.example", "ada%2Bnews%40acme.example"),
        ("a/b?c#d@acme.example", "a%2Fb%3Fc%23d%40acme.example"),
        ("100%41@acme.example", "100%2541%40acme.example"),
        ("jörg@müller.example", "j%C3%B6rg%40m%C3%BCller.example"),
    ],
)
def test_get_contact_encodes_the_address_in_full(wire: responses.RequestsMock, address: str, path: str) -> None:
    answer(wire, 200, {"id": 5, "emailBlacklisted": False}, method="GET", url=f"{CONTACTS}/{path}")
    assert client().get_contact(address)["id"] == 5
    request = wire.calls[0].request
    assert request.url == f"{CONTACTS}/{path}?identifierType=email_id"
    assert request.headers["api-key"] == KEY
    assert request.body is None


@pytest.mark.parametrize("body", ["", "[]", "{}", "<html>", "null", '"x"', "NaN"])
def test_an_answer_without_data(wire: responses.RequestsMock, body: str) -> None:
    answer(wire, 200, body, method="GET", url=f"{BASE}/account")
    assert raised(client().get_account).kind is Kind.TRANSIENT


def test_attributes(wire: responses.RequestsMock) -> None:
    listed = [
        {"name": "FIRSTNAME", "category": "normal", "type": "text", "field_key": "x"},
        {"name": "has_gmail", "category": "normal", "type": "boolean"},
        {"name": "NO_TYPE", "category": "normal"},
        {"name": "NO_CATEGORY", "type": "date"},
        {"name": "EMAIL_TYPE", "category": "category", "enumeration": [{"value": 1, "label": "FREE"}]},
        {"name": "PHONE", "category": "normal", "type": "text"},
        {"name": "PHONE", "category": "transactional", "type": "float"},
        {"name": "", "type": "text"},
        {"type": "text"},
        "garbage",
    ]
    answer(wire, 200, {"attributes": listed}, method="GET", url=f"{CONTACTS}/attributes")
    assert client().get_attributes() == {
        "FIRSTNAME": "text",
        "HAS_GMAIL": "boolean",
        "NO_TYPE": "text",
        "NO_CATEGORY": "date",
        "EMAIL_TYPE": "category",
        "PHONE": "text",
    }


@pytest.mark.parametrize("found", [{"attributes": None}, {"attributes": {}}, {"count": 0}], ids=str)
def test_an_account_without_attributes(wire: responses.RequestsMock, found: Any) -> None:
    answer(wire, 200, found, method="GET", url=f"{CONTACTS}/attributes")
    assert client().get_attributes() == {}


@pytest.mark.parametrize(
    ("status", "body"),
    [(201, ""), (204, ""), (400, said("Attribute name must be unique"))],
    ids=["201", "204", "race"],
)
def test_create_attribute(wire: responses.RequestsMock, status: int, body: Any) -> None:
    answer(wire, status, body, url=f"{CONTACTS}/attributes/normal/HAS_GMAIL")
    client().create_attribute("HAS_GMAIL", "boolean")
    assert json.loads(wire.calls[0].request.body or "") == {"type": "boolean"}


def test_create_attribute_refused(wire: responses.RequestsMock) -> None:
    answer(wire, 400, said("type is missing", "missing_parameter"), url=f"{CONTACTS}/attributes/normal/X")
    assert raised(lambda: client().create_attribute("X", "text")).kind is Kind.OTHER


@pytest.mark.parametrize("folders", [{"folders": [{"id": 3}]}, {"count": 0}, {"folders": [{}]}], ids=str)
def test_create_list_uses_the_first_folder_or_makes_one(wire: responses.RequestsMock, folders: Any) -> None:
    answer(wire, 200, folders, method="GET", url=f"{CONTACTS}/folders?limit=50&offset=0")
    if folders != {"folders": [{"id": 3}]}:
        answer(wire, 201, {"id": 3}, url=f"{CONTACTS}/folders")
    answer(wire, 201, {"id": 12}, url=f"{CONTACTS}/lists")
    assert client().create_list("ScraperSky") == 12
    assert json.loads(wire.calls[-1].request.body or "") == {"name": "ScraperSky", "folderId": 3}


@pytest.mark.parametrize("body", ["", "{}", '{"id": null}', '{"id": "x"}'])
def test_create_list_that_brings_no_number(wire: responses.RequestsMock, body: str) -> None:
    answer(wire, 200, {"folders": [{"id": 3}]}, method="GET", url=f"{CONTACTS}/folders?limit=50&offset=0")
    answer(wire, 201, body, url=f"{CONTACTS}/lists")
    assert raised(lambda: client().create_list("ScraperSky")).kind is Kind.TRANSIENT


def test_lists(wire: responses.RequestsMock) -> None:
    answer(wire, 200, {"lists": [{"id": 1}, "x"]}, method="GET", url=f"{CONTACTS}/lists?limit=50&offset=0")
    answer(wire, 200, {"id": 12, "name": "L"}, method="GET", url=f"{CONTACTS}/lists/12")
    assert client().get_lists() == [{"id": 1}]
    assert client().get_list(12)["name"] == "L"


# --- the key -------------------------------------------------------------------------------------------------


def everything_shown(error: BaseException | None) -> str:
    """All that a log, an admin page or a debugger would show of an error and of what caused it."""
    if error is None:
        return ""
    shown = [repr(error), str(error), repr(getattr(error, "evidence", "")), repr(vars(error))]
    return " ".join([*shown, "".join(traceback.format_exception(error)), everything_shown(error.__cause__)])


@pytest.mark.parametrize("status", [201, 302, 400, 401, 402, 403, 404, 422, 429, 500])
@pytest.mark.parametrize(
    "body",
    [
        json.dumps(said(f"The key {KEY} is no good", f"bad-{KEY}")),
        json.dumps({"message": {"key": KEY}}),
        f"<html><p>api-key: {KEY}</p></html>",
        f"<html>api-key: {KEY.replace('-', '&#45;')}</html>",
        "<i>" * 1325 + KEY,  # across the place where a long body is cut
        f"{{{KEY}",
    ],
    ids=["JSON", "odd JSON", "HTML", "HTML entities", "cut", "garbage"],
)
def test_an_echoed_key_is_shown_nowhere(
    wire: responses.RequestsMock, caplog: pytest.LogCaptureFixture, status: int, body: str
) -> None:
    caplog.set_level(logging.DEBUG)
    answer(wire, status, body, sib_request_id=f"req-{KEY}")
    error = raised(lambda: client().upsert_contact(BODY))
    for secret in (KEY, KEY[:20]):
        assert secret not in everything_shown(error)
        assert secret not in caplog.text


@pytest.mark.parametrize("key", [f"{KEY}\nX-Evil: 1", f"{KEY}\r\n", f"\n{KEY}", f" {KEY}", f"{KEY}\u2028", f"{KEY}é€"])
def test_a_key_that_no_header_can_hold_stops_the_run_and_is_not_shown(
    caplog: pytest.LogCaptureFixture, key: str
) -> None:
    caplog.set_level(logging.DEBUG)
    # Not stubbed: the fault is found before any connection is made (one would fail here).
    brevo = BrevoClient(config(api_key=key, base_url="http://127.0.0.1:9/v3"), RateLimiter(1000, FakeClock()))
    error = raised(lambda: brevo.upsert_contact(BODY))
    brevo.close()
    assert isinstance(error, StopRun)
    assert "address or key" in error.reason
    assert KEY not in everything_shown(error)
    assert KEY not in caplog.text


def test_the_key_is_in_no_repr() -> None:
    brevo = client()
    for thing in (config(), brevo, brevo._session, brevo._session._adapter):
        assert KEY not in repr(thing)
        assert KEY not in str(thing)
