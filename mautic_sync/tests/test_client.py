"""What goes over the wire to Mautic, and what each of its answers comes to."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses
from responses import matchers

from curation_sdk.http import Unanswered
from curation_sdk.outcomes import NotPushed, StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.testing import FakeClock
from mautic_sync.client import MauticClient
from mautic_sync.refusals import MauticError
from mautic_sync.tests.support import (
    API,
    BATCH,
    CLIENT_SECRET,
    FIELDS,
    PASSWORD,
    TOKEN_URL,
    by_client,
    client,
    config,
    error,
)

ADA = {"email": "ada@acme.example"}
PAGE = "<html><head><title>Blocked</title></head><body><h1>Sorry</h1></body></html>"


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    # In order: the second answer to the same request is the one that was added second.
    with responses.RequestsMock(registry=responses.registries.OrderedRegistry) as mock:
        yield mock


def answer(wire: responses.RequestsMock, status: int, body: Any, *, url: str = BATCH, **headers: str) -> None:
    content = {"json": body} if isinstance(body, dict | list) else {"body": body}
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    wire.add("GET" if url == FIELDS else "POST", url, status=status, headers=named, **content)


def token(wire: responses.RequestsMock, value: str) -> None:
    answer(wire, 200, {"access_token": value, "expires_in": 3600, "token_type": "bearer"}, url=TOKEN_URL)


def raised(call: Callable[[], Any]) -> Any:
    with pytest.raises((MauticError, StopRun, Throttled, Unanswered)) as caught:
        call()
    return caught.value


def sent_headers(wire: responses.RequestsMock) -> list[str]:
    return [call.request.headers.get("Authorization", "") for call in wire.calls]


# --- the table: status, body -> what is raised ---------------------------------------------------------------

REFUSALS: dict[str, tuple[int, Any, Any, str]] = {
    # name: (status, body, exception or "transient"/"permanent", what the reason holds)
    "401 wrong password": (401, error(401, "denied", kind="access_denied"), StopRun, "Check MAUTIC_USERNAME and"),
    "401 HTML": (401, PAGE, StopRun, "Blocked Sorry"),
    "403 API off": (403, error(403, "API off", kind="api_disabled"), StopRun, 'set "API enabled" to yes'),
    "403 basic off": (403, error(403, "no", kind="access_denied"), StopRun, 'set "Enable HTTP basic auth" to yes'),
    "403 role": (403, error(403, "no"), StopRun, "The role of our user needs"),
    "403 role, no type": (403, {"errors": [{"code": 403, "message": "no"}]}, StopRun, "The role of our user needs"),
    "403 HTML": (403, PAGE, "transient", 'Something in front of Mautic refused it (403): "Blocked Sorry"'),
    "404 HTML": (404, PAGE, StopRun, "There is no Mautic API at this address (404). Check MAUTIC_API_BASE_URL"),
    "404 in Mautic's words": (404, error(404, "Not found"), StopRun, "Check MAUTIC_API_BASE_URL"),
    "301": (301, "", StopRun, "redirect (301). Correct MAUTIC_API_BASE_URL"),
    "302": (302, "", StopRun, "most likely with https"),
    "400": (400, error(400, "no"), "permanent", 'Mautic refused it (400): "no".'),
    "406 HTML": (406, PAGE, "transient", "Something in front of Mautic refused it (406)"),
    "409": (409, error(409, "checked out"), "transient", "Somebody is working on it in Mautic (409)"),
    "425": (425, "", "transient", "not ready for it yet (425): without a message"),
    "500": (500, error(500, "an error (error #500)"), "transient", "Mautic is in trouble (500)"),
    "500 empty": (500, "", "transient", "(500): without a message"),
    "500 HTML with numbers": (500, "<p>line 1 of 2</p>", "transient", "(500)"),
    "502 HTML": (502, PAGE, "transient", '(502): "Blocked Sorry"'),
    "500 too many": (500, error(500, "A max of 2 records"), StopRun, "MAUTIC_SYNC_SCHEDULER_BATCH_SIZE to 2 or less"),
    "500 too many, French": (500, error(500, "2 contacts au plus"), StopRun, "BATCH_SIZE to 2 or less"),
    "200 empty": (200, "", "transient", "Mautic answered 200 with a body that is not"),
    "200 HTML": (200, PAGE, "transient", "Mautic answered 200 with a body that is not"),
    "201 too few codes": (201, {"contacts": [], "statusCodes": [201]}, "transient", "a body that is not"),
    "201 no codes": (201, {"contacts": []}, "transient", "a body that is not"),
    "201 a list": (201, [1], "transient", "a body that is not"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(wire: responses.RequestsMock, name: str) -> None:
    status, body, kind, words = REFUSALS[name]
    answer(wire, status, body)
    found = raised(lambda: client().upsert_contacts([ADA] * 3))
    if isinstance(kind, str):
        assert isinstance(found, MauticError)
        assert found.transient is (kind == "transient")
    else:
        assert isinstance(found, kind)
    assert words in found.reason
    assert found.evidence.http_status == status


def test_a_limit_is_seen_in_the_number_that_is_below_ours(wire: responses.RequestsMock) -> None:
    """A message that names 500, or a number that we do not reach, is another trouble."""
    answer(wire, 500, error(500, "error #500, worker 3"))
    assert isinstance(raised(lambda: client().upsert_contacts([ADA] * 3)), MauticError)


@pytest.mark.parametrize(
    "message",
    [
        "Maximum execution time of 30 seconds exceeded",
        "SQLSTATE[22001]: String data, right truncated: 1406 Data too long at row 1",
        "Data too long for column 'a' at row 1",
        "Undefined offset 2 on line 3",
        "2 of 3",
        f"Something else went wrong with 2{' and more' * 20}",
    ],
)
def test_another_number_is_no_limit(wire: responses.RequestsMock, message: str) -> None:
    """It may be one contact's data: that must cost tries, or every run stops at it."""
    answer(wire, 500, error(500, message))
    found = raised(lambda: client().upsert_contacts([ADA] * 40))
    assert isinstance(found, MauticError)
    assert found.transient
    assert found.reason.startswith(f'Mautic is in trouble (500): "{message}". If it is about the number of contacts')
    assert "set MAUTIC_SYNC_SCHEDULER_BATCH_SIZE to" in found.reason


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({}, 60), ({"Retry_After": "17"}, 17), ({"Retry_After": "86400"}, 900), ({"Retry_After": "Wed, 21"}, 60)],
)
def test_429_is_json_sent_as_text(wire: responses.RequestsMock, headers: dict[str, str], seconds: int) -> None:
    clock = FakeClock()
    answer(wire, 429, json.dumps(error(429, "Too many")), Content_Type="text/html", **headers)
    slow = client(clock)
    found = raised(lambda: slow.upsert_contacts([ADA]))
    assert isinstance(found, Throttled)
    assert found.after == timedelta(seconds=seconds)
    assert found.evidence.message == "Too many"
    answer(wire, 201, {"contacts": [{"id": 1}], "statusCodes": [201]})
    slow.upsert_contacts([ADA])
    assert sum(clock.waited) >= seconds, "no call before the time has come"


@pytest.mark.parametrize("fault", [requests.exceptions.ReadTimeout(), requests.exceptions.ConnectionError()], ids=type)
def test_no_answer(wire: responses.RequestsMock, fault: Exception) -> None:
    wire.add("POST", BATCH, body=fault)
    assert isinstance(raised(lambda: client().upsert_contacts([ADA])), Unanswered)


# --- a batch -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_object", [True, False], ids=["object", "list"])
def test_lists_and_objects(wire: responses.RequestsMock, as_object: bool) -> None:
    contacts: Any = {"0": {"id": 47}, "2": {"id": "49"}} if as_object else [{"id": 47}]
    errors: Any = {"1": error(400, "bad", email="bad")["errors"][0]}
    codes = [200, 400, 201] if as_object else [200]
    body = {"contacts": contacts, "statusCodes": codes, **({"errors": errors} if as_object else {})}
    answer(wire, 201, body)
    items = client().upsert_contacts([ADA] * len(codes)).items
    assert [item.remote_id for item in items] == (["47", "", "49"] if as_object else ["47"])
    assert [item.status for item in items] == codes
    if as_object:
        assert (items[1].message, items[1].details) == ("bad", {"email": "bad"})


@pytest.mark.parametrize(
    "errors",
    [
        [{"code": 403, "message": "no", "type": "api"}],
        [{"code": 403, "message": "no", "details": []}],
        {"0": {"code": 403, "message": ["no"], "details": None}},
    ],
    ids=["api", "no type", "object"],
)
def test_the_shapes_of_an_items_error(wire: responses.RequestsMock, errors: Any) -> None:
    answer(wire, 201, {"contacts": [], "statusCodes": [403], "errors": errors})
    (item,) = client().upsert_contacts([ADA]).items
    assert (item.status, item.message, item.details, item.remote_id) == (403, "no", {}, "")
    assert (item.evidence.http_status, item.evidence.code, item.evidence.message) == (201, "403", "no")


@pytest.mark.parametrize("odd", [None, "x", True, {"id": True}, {"id": None}, {"id": "47a"}, {"id": -1}], ids=str)
def test_odd_contacts_have_no_id(wire: responses.RequestsMock, odd: Any) -> None:
    answer(wire, 201, {"contacts": [odd], "statusCodes": [201]})
    assert client().upsert_contacts([ADA]).items[0].remote_id == ""


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([{"channel": "email", "reason": 1}], "unsubscribed there"),
        ([{"channel": "sms", "reason": 3}, {"channel": "email", "reason": "2"}], "bounced"),
        ({"3": {"channel": "email", "reason": 3}}, "set by hand"),
        ([{"channel": "email", "reason": 9}], "blocked"),
        ([{"channel": "email", "reason": 0}], ""),
        ([{"channel": "email", "reason": "²"}], ""),
        ([{"channel": "sms", "reason": 1}], ""),
        ([{"channel": "email"}, None, "x"], ""),
        ([], ""),
        (None, ""),
    ],
)
def test_do_not_contact(wire: responses.RequestsMock, entries: Any, said: str) -> None:
    answer(wire, 201, {"contacts": [{"id": 1, "doNotContact": entries}], "statusCodes": [200]})
    blocked = client().upsert_contacts([ADA]).items[0].blocked
    assert blocked == (f"Mautic does not mail this address: {said}." if said else "")


@pytest.mark.parametrize("fields", [None, [], {}, {"all": None}, {"all": {}}, {"all": {"email": 3}}], ids=str)
def test_the_address_of_a_contact(wire: responses.RequestsMock, fields: Any) -> None:
    there = {"id": 2, "fields": {"all": {"email": "ada@acme.example"}}}
    answer(wire, 201, {"contacts": [{"id": 1, "fields": fields}, there], "statusCodes": [200, 200]})
    assert [item.address for item in client().upsert_contacts([ADA] * 2).items] == ["", "ada@acme.example"]


# --- the other calls -----------------------------------------------------------------------------------------


def test_the_version_is_kept(wire: responses.RequestsMock) -> None:
    made = client()
    assert made.version == ""
    answer(wire, 500, "", Mautic_Version="5.2.1")
    raised(lambda: made.upsert_contacts([ADA]))
    assert made.version == "5.2.1"


@pytest.mark.parametrize(
    "body",
    [
        {"1": {"alias": "email", "type": "email"}, "7": {"alias": "company", "type": "lookup"}},
        [{"alias": "email", "type": "email"}, {"alias": "company", "type": "lookup"}, {"alias": ""}, 3],
    ],
    ids=["object", "list"],
)
def test_fields(wire: responses.RequestsMock, body: Any) -> None:
    answer(wire, 200, body, url=FIELDS)
    assert client().get_fields() == {"email": "email", "company": "lookup"}


def test_joining_a_segment(wire: responses.RequestsMock) -> None:
    url = f"{API}/segments/3/contacts/add"
    wire.add(
        "POST",
        url,
        json={"success": 1, "details": {"47": {"success": True}, "49": {"success": False}}},
        match=[matchers.json_params_matcher({"ids": [47, 49]})],
    )
    assert client().add_to_segment(3, ["47", "49"]) == {"49"}
    answer(wire, 404, error(404, "Not found"), url=url)
    found = raised(lambda: client().add_to_segment(3, ["47"]))
    assert isinstance(found, MauticError)
    assert found.not_found
    assert not found.transient
    answer(wire, 200, "<html>", url=url)
    assert raised(lambda: client().add_to_segment(3, ["47"])).transient


def test_a_call_that_completes_another_goes_even_when_the_run_is_ending(wire: responses.RequestsMock) -> None:
    limiter = RateLimiter(1000.0, FakeClock())
    made = MauticClient(config(), limiter)
    answer(wire, 201, {"contacts": [{"id": 47}], "statusCodes": [201]})
    batch = made.upsert_contacts([ADA])
    limiter.stop()
    answer(wire, 200, {"success": 1}, url=f"{API}/segments/3/contacts/add")
    assert made.add_to_segment(3, ["47"], turn=batch.turn) == set()
    with pytest.raises(NotPushed):
        made.add_to_segment(3, ["47"])


def test_blocking_never_says_reason_zero(wire: responses.RequestsMock) -> None:
    body = {"reason": 3, "comments": "Asked."}
    url = f"{API}/contacts/47/dnc/email/add"
    wire.add("POST", url, json={"contact": {"id": 47}}, match=[matchers.json_params_matcher(body)])
    client().block_contact("47", "Asked.")


@pytest.mark.parametrize("as_object", [True, False], ids=["object", "list"])
def test_finding_an_address(wire: responses.RequestsMock, as_object: bool) -> None:
    def there(number: int, email: str) -> dict[str, Any]:
        return {"id": number, "fields": {"all": {"id": number, "email": email}}}

    found = [there(47, "ADA+x@acme.example"), there(48, "not.ada+x@acme.example"), {"id": 49}]
    query = {"search": "email:ada+x@acme.example", "limit": "200"}
    wire.add(
        "GET",
        f"{API}/contacts",
        json={"total": "3", "contacts": {str(one["id"]): one for one in found} if as_object else found},
        match=[matchers.query_param_matcher(query)],
    )
    assert client().find_contacts("ada+x@acme.example") == ["47"]


@pytest.mark.parametrize(
    ("body", "kind"), [({"total": "0", "contacts": {}}, []), ({"total": "0", "contacts": []}, [])]
)
def test_finding_nobody(wire: responses.RequestsMock, body: Any, kind: list[str]) -> None:
    wire.add("GET", f"{API}/contacts", json=body)
    assert client().find_contacts("ada@acme.example") == kind
    wire.add("GET", f"{API}/contacts", body=PAGE)
    assert raised(lambda: client().find_contacts("ada@acme.example")).transient


# --- the log-in ----------------------------------------------------------------------------------------------


def test_a_users_log_in(wire: responses.RequestsMock) -> None:
    answer(wire, 200, {}, url=FIELDS)
    client().get_fields()
    kind, _, pair = sent_headers(wire)[0].partition(" ")
    assert (kind, base64.b64decode(pair).decode()) == ("Basic", f"sync:{PASSWORD}")


def test_a_token_is_fetched_once_and_sent_as_a_form(wire: responses.RequestsMock) -> None:
    token(wire, "first")
    for _ in range(2):
        answer(wire, 200, {}, url=FIELDS)
    made = client(**by_client())
    made.get_fields()
    made.get_fields()
    form = wire.calls[0].request
    assert form.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert form.body.decode() == (  # type: ignore[union-attr]
        f"grant_type=client_credentials&client_id=1_abc&client_secret={CLIENT_SECRET}"
    )
    assert sent_headers(wire) == ["", "Bearer first", "Bearer first"]


def test_a_token_that_is_refused_is_renewed_once(wire: responses.RequestsMock) -> None:
    expired = error(401, "The access token provided has expired.", kind="invalid_grant")
    token(wire, "first")
    answer(wire, 401, expired)
    token(wire, "second")
    answer(wire, 201, {"contacts": [{"id": 1}], "statusCodes": [201]})
    made = client(**by_client())
    assert made.upsert_contacts([ADA]).items[0].remote_id == "1"
    assert sent_headers(wire) == ["", "Bearer first", "", "Bearer second"]
    answer(wire, 401, expired)
    token(wire, "third")
    answer(wire, 401, expired)
    found = raised(lambda: made.upsert_contacts([ADA]))
    assert isinstance(found, StopRun)
    assert "A fresh token was refused, too." in found.reason


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, error(400, "The client credentials are invalid", kind="invalid_client"), StopRun, "gave no token (400)"),
        (400, {"error": "invalid_client", "error_description": "invalid"}, StopRun, '(400): "invalid"'),
        (401, "", StopRun, "Check MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET"),
        (404, PAGE, StopRun, "Check MAUTIC_API_BASE_URL"),
        (301, "", StopRun, "redirect"),
        (503, PAGE, MauticError, "in trouble (503)"),
        (429, "", Throttled, "slow down"),
        (200, PAGE, MauticError, "without a token"),
        (200, {"access_token": "ü"}, MauticError, "without a token"),
        (200, {"access_token": ""}, MauticError, "without a token"),
    ],
)
def test_no_token(wire: responses.RequestsMock, status: int, body: Any, kind: Any, words: str) -> None:
    answer(wire, status, body, url=TOKEN_URL)
    found = raised(lambda: client(**by_client()).upsert_contacts([ADA]))
    assert isinstance(found, kind)
    assert words in found.reason


def test_threads_share_a_token_and_renew_it_once() -> None:
    issued, lock = iter(range(1, 100)), threading.Lock()

    def give(request: Any) -> tuple[int, dict[str, str], str]:
        with lock:
            return 200, {}, json.dumps({"access_token": f"token-{next(issued)}"})

    def fields(request: Any) -> tuple[int, dict[str, str], str]:
        return (200 if request.headers["Authorization"] == "Bearer token-2" else 401), {}, "{}"

    with responses.RequestsMock() as mock:
        mock.add_callback("POST", TOKEN_URL, give)
        mock.add_callback("GET", FIELDS, fields)
        made = client(**by_client())
        threads = [threading.Thread(target=made.get_fields) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert next(issued) == 3, "two tokens: the first, and one for all who were refused with it"


@pytest.mark.parametrize("kind", ["user", "client"])
def test_secrets_show_nowhere(wire: responses.RequestsMock, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    pair = base64.b64encode(f"sync:{PASSWORD}".encode()).decode()
    secrets = [PASSWORD, pair] if kind == "user" else [CLIENT_SECRET, "the-token"]
    made = client(**({} if kind == "user" else by_client()))
    if kind == "client":
        token(wire, "the-token")
    answer(wire, 400, error(400, " ".join(secrets), email=secrets[0]))
    found = raised(lambda: made.upsert_contacts([ADA]))
    shown = f"{found.reason} {found.evidence} {caplog.text} {config()!r} {config(**by_client())!r}"
    assert "[secret]" in shown
    assert not [secret for secret in (*secrets, PASSWORD, CLIENT_SECRET) if secret in shown]


def test_secrets_in_an_items_error(wire: responses.RequestsMock) -> None:
    failed = {"contacts": [], "statusCodes": [400], "errors": error(400, PASSWORD, email=PASSWORD)["errors"]}
    answer(wire, 201, failed)
    (item,) = client().upsert_contacts([ADA]).items
    assert PASSWORD not in f"{item}"
