"""What becomes of contacts, whatever HubSpot says. Stubs at the wire."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses

from contacts.models import Contact, EmailType
from curation_sdk.outcomes import NotPushed, Rejected, Retry, Skipped, StopRun, Synced, Throttled
from curation_sdk.queueing import queue_contacts
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.testing import FakeClock, run
from hubspot_sync.client import HubSpotClient
from hubspot_sync.job import HUBSPOT
from hubspot_sync.properties import PROPERTIES
from hubspot_sync.services import HubSpotSyncService, hubspot_service
from hubspot_sync.tests.support import (
    ALL_PROPERTIES,
    CONTACTS,
    PROPERTIES_URL,
    UPSERT,
    bad_value,
    config,
    contact,
    error,
    refuses,
    reply,
    takes_all,
    took,
)

SEE = f"{CONTACTS}?limit=1"
NON_UNIQUE = error("Cannot upsert by a non-unique 0-1 property: email")
BAD = bad_value("email", "INVALID_EMAIL", "Email address is invalid")
BAD_PHONE = bad_value("phone", "INVALID_PHONE", "not a phone")
NO_SCOPE = error(
    "no", "MISSING_SCOPES", errors=[{"context": {"requiredGranularScopes": ["crm.objects.contacts.read"]}}]
)


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    # In order: the second answer to the same request is the one that was added second.
    with responses.RequestsMock(registry=responses.registries.OrderedRegistry) as mock:
        yield mock


@pytest.fixture
def any_order() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def service(clock: FakeClock | None = None, **changes: Any) -> HubSpotSyncService:
    clock = clock or FakeClock()
    client = HubSpotClient(config(**changes), RateLimiter(1000.0, clock))
    return HubSpotSyncService(client, config(**changes), clock=clock, mark="m")


def people(*addresses: str, **columns: Any) -> list[Contact]:
    return [contact(address, **columns) for address in addresses]


def by_email(address: str) -> str:
    return f"{CONTACTS}/{address.replace('@', '%40')}?idProperty=email"


def batch(wire: responses.RequestsMock, make: Callable[[list[dict[str, Any]]], Any], status: int = 200) -> None:
    wire.add_callback("POST", UPSERT, reply(make, status))


def inputs(wire: responses.RequestsMock) -> list[list[str]]:
    """The addresses of each batch."""
    bodies = [json.loads(call.request.body) for call in wire.calls if call.request.url == UPSERT]
    return [[entry["id"] for entry in body["inputs"]] for body in bodies]


def kinds(answers: list[Any]) -> list[type]:
    return [type(answer) for answer in answers]


# --- the batch -----------------------------------------------------------------------------------------------


def test_a_hundred_with_one_call(wire: responses.RequestsMock) -> None:
    batch(wire, takes_all)
    answers = service().push(people(*(f"p{number}@acme.example" for number in range(100))))
    assert [answer.remote_id for answer in answers] == [str(501 + number) for number in range(100)]
    assert len(wire.calls) == 1
    assert len(inputs(wire)[0]) == 100


def test_the_trace_ids_of_a_batch_are_distinct(wire: responses.RequestsMock) -> None:
    batch(wire, takes_all)
    service().push(people("a@x.example", "b@x.example"))
    ids = [entry["objectWriteTraceId"] for entry in json.loads(wire.calls[0].request.body)["inputs"]]
    assert len(set(ids)) == 2
    assert all(trace_id.endswith("-m") for trace_id in ids)


def test_addresses_not_worth_a_call_are_skipped_and_keep_their_place(wire: responses.RequestsMock) -> None:
    batch(wire, takes_all)
    answers = service().push([contact(None), contact("a@x.example"), contact("b@@x"), contact("c@x.example")])
    assert kinds(answers) == [Skipped, Synced, Skipped, Synced]
    assert inputs(wire) == [["a@x.example", "c@x.example"]]


def test_nobody_worth_a_call(wire: responses.RequestsMock) -> None:
    assert kinds(service().push([contact(None), contact(" ")])) == [Skipped, Skipped]
    assert service().push([]) == []
    assert len(wire.calls) == 0


def test_some_are_refused(wire: responses.RequestsMock) -> None:
    def mixed(given: list[dict[str, Any]]) -> Any:
        return {"results": [took(given[2], 3), took(given[0], 1)], "errors": [refuses(given[1], BAD)], "numErrors": 1}

    batch(wire, mixed, 207)
    first, second, third = service().push(people("a@x.example", "b@x.example", "c@x.example"))
    assert (first.remote_id, third.remote_id) == ("1", "3")
    assert second == Rejected(
        'HubSpot refused it: "email: Email address is invalid (INVALID_EMAIL)".',
        evidence=second.evidence,
        cause="HubSpot does not take the value of email (INVALID_EMAIL).",
    )
    assert (second.evidence.code, second.evidence.http_status) == ("INVALID_EMAIL", 207)


def test_who_is_in_neither_list_is_pushed_alone_at_once(wire: responses.RequestsMock) -> None:
    batch(wire, lambda given: {"results": [took(given[0], 1)]}, 207)
    wire.add("PATCH", by_email("b@x.example"), json={"id": "2"})
    answers = service().push(people("a@x.example", "b@x.example"))
    assert [answer.remote_id for answer in answers] == ["1", "2"]


def test_an_error_that_names_the_address_only_is_nobodys(wire: responses.RequestsMock) -> None:
    """By trace id or not at all: the contact gets an answer of its own."""
    batch(wire, lambda given: {"results": [], "errors": [{**BAD, "context": {"ids": [given[0]["id"]]}}]}, 207)
    wire.add("PATCH", by_email("a@x.example"), status=400, json=BAD)
    (answer,) = service().push(people("a@x.example"))
    assert type(answer) is Rejected
    assert answer.evidence.http_status == 400


def test_two_people_who_are_one_to_hubspot_go_in_requests_of_their_own(wire: responses.RequestsMock) -> None:
    batch(wire, takes_all)
    batch(wire, takes_all)
    answers = service().push(people("é@x.example", "a@x.example", "É@x.example"))
    assert inputs(wire) == [["é@x.example", "a@x.example"], ["É@x.example"]]
    assert kinds(answers) == [Synced] * 3


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, error("x")), (502, "<h1>Bad</h1>"), (200, "<html>"), (200, {"status": "PENDING"}), (302, "")],
    ids=["500", "502", "HTML", "no results", "redirect"],
)
def test_trouble_is_one_answer_for_all(wire: responses.RequestsMock, status: int, body: Any) -> None:
    content = {"json": body} if isinstance(body, dict) else {"body": body}
    wire.add("POST", UPSERT, status=status, **content)
    first, second = service().push(people("a@x.example", "b@x.example"))
    assert type(first) is Retry
    assert first is second, "the run's brakes count it once"
    assert len(wire.calls) == 1


def test_no_answer(wire: responses.RequestsMock) -> None:
    wire.add("POST", UPSERT, body=requests.exceptions.ReadTimeout("a@x.example"))
    first, second = service().push(people("a@x.example", "b@x.example"))
    assert first is second
    assert first.reason == "HubSpot did not answer: No answer within 25 seconds."


# --- one by one ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "refusal",
    [NON_UNIQUE, error("Duplicate IDs found", context={"ids": ["a@x.example"]}), BAD],
    ids=["non-unique", "duplicates", "no partial success"],
)
def test_a_batch_refused_as_a_whole_is_taken_apart(wire: responses.RequestsMock, refusal: Any) -> None:
    wire.add("POST", UPSERT, status=400, json=refusal)
    wire.add("PATCH", by_email("a@x.example"), json={"id": "1"})
    wire.add("PATCH", by_email("b@x.example"), status=404, json=error("no", "OBJECT_NOT_FOUND"))
    wire.add("POST", CONTACTS, status=201, json={"id": "2"})
    wire.add("PATCH", by_email("c@x.example"), status=404, json=error("no", "OBJECT_NOT_FOUND"))
    wire.add("POST", CONTACTS, status=409, json=error("Contact already exists. Existing ID: 3", "CONFLICT"))
    wire.add("PATCH", f"{CONTACTS}/3", json={"id": "3"})
    wire.add("PATCH", by_email("d@x.example"), status=400, json=BAD)
    answers = service().push(people("a@x.example", "b@x.example", "c@x.example", "d@x.example"))
    assert [answer.remote_id for answer in answers[:3]] == ["1", "2", "3"]
    assert type(answers[3]) is Rejected


def test_a_single_contact_refused_with_a_reason_needs_no_second_call(wire: responses.RequestsMock) -> None:
    wire.add("POST", UPSERT, status=400, json=BAD)
    (answer,) = service().push(people("a@x.example"))
    assert type(answer) is Rejected


def test_a_single_contact_refused_for_the_request_gets_calls_of_its_own(wire: responses.RequestsMock) -> None:
    wire.add("POST", UPSERT, status=400, json=NON_UNIQUE)
    wire.add("PATCH", by_email("a@x.example"), json={"id": "1"})
    (answer,) = service().push(people("a@x.example"))
    assert answer.remote_id == "1"


SINGLES: dict[str, tuple[list[tuple[str, str, int, Any]], type, str]] = {
    "gone between the calls": (
        [
            ("PATCH", by_email("a@x.example"), 404, error("no", "OBJECT_NOT_FOUND")),
            ("POST", CONTACTS, 409, error("Existing ID: 3", "CONFLICT")),
            ("PATCH", f"{CONTACTS}/3", 404, error("no", "OBJECT_NOT_FOUND")),
        ],
        Retry,
        "(404)",
    ),
    "a conflict without an id": (
        [
            ("PATCH", by_email("a@x.example"), 404, error("no", "OBJECT_NOT_FOUND")),
            ("POST", CONTACTS, 409, error("Conflict", "CONFLICT")),
        ],
        Retry,
        "(409)",
    ),
    "a conflict on update": ([("PATCH", by_email("a@x.example"), 409, error("Conflict", "CONFLICT"))], Retry, "(409)"),
    "trouble": ([("PATCH", by_email("a@x.example"), 503, "")], Retry, "(503)"),
    "refused when made": (
        [
            ("PATCH", by_email("a@x.example"), 404, error("no", "OBJECT_NOT_FOUND")),
            ("POST", CONTACTS, 400, error("city is required")),
        ],
        Rejected,
        '(400): "city is required".',
    ),
}


@pytest.mark.parametrize(("calls", "kind", "holds"), SINGLES.values(), ids=SINGLES.keys())
def test_alone(wire: responses.RequestsMock, calls: list[Any], kind: type, holds: str) -> None:
    batch(wire, lambda given: {"results": []})
    for method, url, status, body in calls:
        wire.add(method, url, status=status, **({"json": body} if body else {}))
    (answer,) = service().push(people("a@x.example"))
    assert type(answer) is kind
    assert holds in answer.reason


def test_alone_without_an_answer(wire: responses.RequestsMock) -> None:
    batch(wire, lambda given: {"results": []})
    wire.add("PATCH", by_email("a@x.example"), body=requests.exceptions.ConnectionError("reset"))
    (answer,) = service().push(people("a@x.example"))
    assert type(answer) is Retry


def test_taking_apart_ends_before_the_lease_does(any_order: responses.RequestsMock) -> None:
    """The rest goes back into the queue; those who had their turn keep their outcome."""
    clock = FakeClock()

    def slow(request: Any) -> tuple[int, dict[str, str], str]:
        clock.advance(seconds=25)
        return 200, {}, '{"id": "1"}'

    any_order.add("POST", UPSERT, status=400, json=NON_UNIQUE)
    addresses = [f"p{number}@x.example" for number in range(10)]
    for address in addresses:
        any_order.add_callback("PATCH", by_email(address), slow)
    answers = service(clock).push(people(*addresses))
    assert kinds(answers) == [Synced] * 3 + [NotPushed] * 7


# --- the phone never costs us a contact ----------------------------------------------------------------------


def test_a_refused_phone_is_left_out(wire: responses.RequestsMock) -> None:
    batch(wire, lambda given: {"results": [], "errors": [refuses(given[0], BAD_PHONE)]}, 207)
    wire.add("PATCH", by_email("a@x.example"), status=400, json=BAD_PHONE)
    wire.add("PATCH", by_email("a@x.example"), json={"id": "1"})
    (answer,) = service().push(people("a@x.example", phone_number="12 34"))
    assert answer == Synced("1", 'HubSpot refused the phone "12 34"; sent without it.', evidence=answer.evidence)
    assert "phone" not in json.loads(wire.calls[-1].request.body)["properties"]


def test_a_refused_phone_under_another_name(wire: responses.RequestsMock) -> None:
    refusal = bad_value("mobile", "INVALID_PHONE", "not a phone")
    wire.add("POST", UPSERT, status=400, json=refusal)
    wire.add("PATCH", by_email("a@x.example"), status=400, json=refusal)
    wire.add("PATCH", by_email("a@x.example"), json={"id": "1"})
    (answer,) = service(renamed={"phone": "mobile"}).push(people("a@x.example", phone_number="12"))
    assert answer.remote_id == "1"


def test_more_than_the_phone_is_wrong(wire: responses.RequestsMock) -> None:
    both = json.dumps(
        [{"name": "phone", "error": "X", "message": "a"}, {"name": "email", "error": "Y", "message": "b"}]
    )
    refusal = error(f"Not valid: {both}")
    batch(wire, lambda given: {"results": [], "errors": [refuses(given[0], refusal)]}, 207)
    (answer,) = service().push(people("a@x.example", phone_number="12 34"))
    assert type(answer) is Rejected


# --- what stops the rest ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(401, "", StopRun), (429, "", Throttled), (423, "", Throttled), (477, "", Throttled), (404, "", StopRun)],
    ids=["401", "429", "423", "477", "404"],
)
def test_what_stops_a_batch_stands_for_each(wire: responses.RequestsMock, status: int, body: Any, kind: type) -> None:
    wire.add("POST", UPSERT, status=status, body=body)
    answers = service().push([contact("a@x.example"), contact(None), contact("b@x.example")])
    assert kinds(answers) == [kind, Skipped, kind]


def test_those_who_had_their_turn_keep_their_outcome(wire: responses.RequestsMock) -> None:
    wire.add("POST", UPSERT, status=400, json=NON_UNIQUE)
    wire.add("PATCH", by_email("a@x.example"), json={"id": "1"})
    wire.add("PATCH", by_email("b@x.example"), status=429, json={"policyName": "SECONDLY"})
    answers = service().push(people("a@x.example", "b@x.example", "c@x.example"))
    assert kinds(answers) == [Synced, Throttled, Throttled]


def test_a_missing_property_in_one_entry_stops_the_run_and_spares_the_others(wire: responses.RequestsMock) -> None:
    missing = bad_value("scrapersky_page_id", "PROPERTY_DOESNT_EXIST", "no such")
    batch(wire, lambda given: {"results": [took(given[0])], "errors": [refuses(given[1], missing)]}, 207)
    answers = service().push(people("a@x.example", "b@x.example"))
    assert kinds(answers) == [Synced, StopRun]
    assert "the account has no property scrapersky_page_id." in answers[1].reason


@pytest.mark.parametrize("status", [207, 400])
def test_a_missing_property_that_is_not_named_stops_the_run(wire: responses.RequestsMock, status: int) -> None:
    entry = {"message": "A property does not exist", "code": "PROPERTY_DOESNT_EXIST"}
    missing = error("Some were not valid", errors=[entry])
    batch(
        wire,
        lambda given: {"results": [], "errors": [refuses(given[0], missing)]} if status == 207 else missing,
        status,
    )
    (answer,) = service().push(people("a@x.example"))
    assert isinstance(answer, StopRun)
    assert answer.reason == (
        f'HubSpot refuses every contact, because the account lacks a property ({status}): "A property does not exist '
        '(PROPERTY_DOESNT_EXIST)". "manage.py hubspot_setup" says which.'
    )


def test_the_end_of_a_run(wire: responses.RequestsMock) -> None:
    pushing = service()
    pushing.client._limiter.stop()
    assert kinds(pushing.push(people("a@x.example", "b@x.example"))) == [NotPushed, NotPushed]


# --- before the first push -----------------------------------------------------------------------------------


def prepared(wire: responses.RequestsMock, see: tuple[int, Any], listed: tuple[int, Any], **changes: Any) -> Any:
    for url, (status, body) in ((SEE, see), (PROPERTIES_URL, listed)):
        wire.add("GET", url, status=status, **({"json": body} if isinstance(body, dict) else {"body": body}))
    return service(**changes).prepare()


GOOD = (200, {"results": []})
LISTED = (200, ALL_PROPERTIES)


def test_all_is_well(any_order: responses.RequestsMock) -> None:
    preparation = prepared(any_order, GOOD, LISTED)
    assert (preparation.notes, preparation.proven) == ([], True)


def test_missing_properties_stop_the_run_and_are_named(any_order: responses.RequestsMock) -> None:
    there = [item for item in ALL_PROPERTIES["results"] if item["name"] not in ("company", "scrapersky_page_id")]
    with pytest.raises(StopRun) as caught:
        prepared(any_order, GOOD, (200, {"results": there}))
    assert caught.value.reason == (
        "HubSpot refuses every contact, because the account has no properties company, scrapersky_page_id. "
        '"manage.py hubspot_setup --create" makes what is missing.'
    )


def test_the_values_that_enumerations_have_to_take() -> None:
    assert PROPERTIES["scrapersky_email_type"].values == tuple(EmailType.values)


def options(*values: str) -> dict[str, Any]:
    """What makes a property an enumeration."""
    return {"type": "enumeration", "options": [{"label": value.title(), "value": value} for value in values]}


def test_a_property_that_is_not_sent_may_be_missing(any_order: responses.RequestsMock) -> None:
    there = [item for item in ALL_PROPERTIES["results"] if item["name"] != "company"]
    assert prepared(any_order, GOOD, (200, {"results": there}), renamed={"company": ""}).proven


@pytest.mark.parametrize(
    ("name", "more", "why"),
    [
        ("scrapersky_page_id", {"type": "number"}, "scrapersky_page_id is of the type number, and we send text"),
        ("company", {"modificationMetadata": {"readOnlyValue": True}}, "company is read-only"),
        ("scrapersky_sync_date", {"type": "date"}, ""),
        ("scrapersky_has_gmail", {"type": "bool"}, ""),
        ("company", {"type": "bool"}, "company is of the type bool"),
        ("company", {"type": "enumeration"}, "company is of the type enumeration, and we send text"),
        ("scrapersky_sync_date", {"type": "enumeration"}, "scrapersky_sync_date is of the type enumeration"),
        ("scrapersky_email_type", options(*EmailType.values, "OTHER"), ""),
        (
            "scrapersky_email_type",
            options("FREE", "UNKNOWN"),
            "email_type lacks the options SERVICE, CORPORATE, which",
        ),
        ("scrapersky_has_gmail", options("true", "false"), ""),
        ("scrapersky_has_gmail", options("true", "no"), "scrapersky_has_gmail lacks the option false, which we send"),
        ("scrapersky_has_gmail", {"type": "enumeration"}, "lacks the options true, false"),
        ("phone", {"type": "phone_number"}, ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_properties_that_cannot_take_what_we_send(
    any_order: responses.RequestsMock, name: str, more: dict[str, Any], why: str
) -> None:
    there = [{"name": one, "type": "string", **(more if one == name else {})} for one in PROPERTIES]
    if not why:
        assert prepared(any_order, GOOD, (200, {"results": there})).proven
        return
    with pytest.raises(StopRun, match=why):
        prepared(any_order, GOOD, (200, {"results": there}))


@pytest.mark.parametrize(
    ("see", "listed", "proven", "notes"),
    [
        (GOOD, (403, NO_SCOPE), True, ["properties, so nobody knows which are missing. The token lacks a scope"]),
        ((403, NO_SCOPE), LISTED, True, ["The token lacks a scope (403): crm.objects.contacts.read."]),
        ((403, NO_SCOPE), (403, NO_SCOPE), False, ["nobody knows", "lacks a scope"]),
        ((500, ""), (502, "<h1>x</h1>"), False, []),
        ((500, ""), LISTED, True, []),
        (GOOD, (200, "<html>"), True, []),
    ],
    ids=["no schema scope", "no read scope", "neither", "trouble", "half trouble", "half garbage"],
)
def test_questions_that_we_may_do_without(
    any_order: responses.RequestsMock, see: Any, listed: Any, proven: bool, notes: list[str]
) -> None:
    preparation = prepared(any_order, see, listed)
    assert preparation.proven == proven
    assert len(preparation.notes) == len(notes)
    assert all(part in note for part, note in zip(notes, preparation.notes, strict=True))


@pytest.mark.parametrize(
    ("see", "listed"),
    [((401, ""), (401, "")), ((401, ""), (500, "")), (GOOD, (404, "")), ((404, "<h1>x</h1>"), LISTED)],
    ids=["401", "401 and trouble", "404", "404 contacts"],
)
def test_what_stops_a_run_before_it_begins(any_order: responses.RequestsMock, see: Any, listed: Any) -> None:
    with pytest.raises(StopRun):
        prepared(any_order, see, listed)


def test_a_limit_before_the_run_begins(any_order: responses.RequestsMock) -> None:
    with pytest.raises(Throttled):
        prepared(any_order, GOOD, (429, {"policyName": "DAILY"}))


# --- in the loop -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_failed_batch_of_many_does_not_end_the_run(any_order: responses.RequestsMock, clock: FakeClock) -> None:
    """20 pushes that fail in a row end a run; one push of 100 contacts is one."""
    any_order.add("GET", SEE, json={"results": []})
    any_order.add("GET", PROPERTIES_URL, json=ALL_PROPERTIES)
    any_order.add("POST", UPSERT, status=503)
    any_order.add_callback("POST", UPSERT, reply(takes_all))
    Contact.objects.bulk_create(Contact(email=f"p{number}@x.example") for number in range(150))
    queue_contacts(HUBSPOT, Contact.objects.all(), now=clock.now())
    report = run(HUBSPOT, clock)
    assert not report.stopped
    assert report.counts == {"retried": 100, "synced": 50}


@pytest.mark.django_db
def test_the_daily_limit_parks_the_queue_for_an_hour(any_order: responses.RequestsMock, clock: FakeClock) -> None:
    any_order.add("GET", SEE, json={"results": []})
    any_order.add("GET", PROPERTIES_URL, json=ALL_PROPERTIES)
    any_order.add("POST", UPSERT, status=429, json={"message": "daily", "policyName": "DAILY"})
    Contact.objects.bulk_create(Contact(email=f"p{number}@x.example") for number in range(3))
    queue_contacts(HUBSPOT, Contact.objects.all(), now=clock.now())
    report = run(HUBSPOT, clock, budget=timedelta(minutes=3))
    assert report.later
    rows = set(Contact.objects.values_list("hubspot_sync_status", "hubspot_retry_count", "hubspot_next_attempt_at"))
    assert rows == {("Queued", 0, clock.now() + timedelta(hours=1))}


@pytest.mark.django_db
def test_who_had_no_turn_when_a_batch_was_taken_apart_gets_one(
    any_order: responses.RequestsMock, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubspot_sync.services.SINGLES_WITHIN", -1.0)
    any_order.add("GET", SEE, json={"results": []})
    any_order.add("GET", PROPERTIES_URL, json=ALL_PROPERTIES)
    any_order.add("POST", UPSERT, status=400, json=NON_UNIQUE)
    any_order.add_callback("POST", UPSERT, reply(takes_all))
    Contact.objects.bulk_create(Contact(email=f"p{number}@x.example") for number in range(3))
    queue_contacts(HUBSPOT, Contact.objects.all(), now=clock.now())
    assert run(HUBSPOT, clock).counts == {"synced": 3}


@pytest.mark.django_db
def test_the_service_is_closed_with_its_run(settings: Any) -> None:
    settings.HUBSPOT_API_KEY = "pat-1"
    limiter = RateLimiter(9.0, FakeClock())
    with hubspot_service(limiter) as opened:
        assert opened.config.api_key == "pat-1"
        assert len(opened.mark) == 8
        with hubspot_service(limiter) as other:
            assert other.mark != opened.mark
    assert threading.active_count() < 50
