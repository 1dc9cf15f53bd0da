"""What becomes of a contact, whatever Brevo says. Stubs at the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses

from brevo_sync.conf import ATTRIBUTE_TYPES
from brevo_sync.job import BREVO
from brevo_sync.services import BrevoSyncService, brevo_service
from brevo_sync.tests.support import CONTACTS, client, config, contact
from brevo_sync.tests.test_client import duplicate, said
from curation_sdk.clock import SystemClock
from curation_sdk.outcomes import NotPushed, Rejected, Retry, Skipped, StopRun, Synced, Throttled
from curation_sdk.queueing import queue_contacts
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.testing import FakeClock, run

ADA = f"{CONTACTS}/ada%40acme.example"
PHONE = "(212) 555-0123"
INVALID_PHONE = said("Invalid phone number")


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    # In order: the second answer to the same request is the one that was added second.
    with responses.RequestsMock(registry=responses.registries.OrderedRegistry) as mock:
        yield mock


def service(**changes: Any) -> BrevoSyncService:
    return BrevoSyncService(client(**changes), config(**changes))


def upsert(wire: responses.RequestsMock, status: int, body: Any = None, **headers: str) -> None:
    wire.add("POST", CONTACTS, status=status, headers=headers, **_content(body))


def look_up(wire: responses.RequestsMock, status: int, body: Any = None, **headers: str) -> None:
    wire.add("GET", ADA, status=status, headers=headers, **_content(body))


def _content(body: Any) -> dict[str, Any]:
    return {"body": body} if isinstance(body, Exception | str) else {} if body is None else {"json": body}


def push(**columns: Any) -> Any:
    (outcome,) = service().push([contact(**columns)])
    return outcome


def bodies(wire: responses.RequestsMock) -> list[dict[str, Any]]:
    return [json.loads(call.request.body) for call in wire.calls if call.request.body]


# --- one call ------------------------------------------------------------------------------------------------


def test_created(wire: responses.RequestsMock) -> None:
    upsert(wire, 201, {"id": 21}, **{"sib-request-id": "r-1"})
    outcome = push(phone_number=PHONE)
    assert outcome == Synced("21", evidence=outcome.evidence)
    assert (outcome.evidence.http_status, outcome.evidence.request_id) == (201, "r-1")


def test_updated_with_a_known_id_needs_no_look_up(wire: responses.RequestsMock) -> None:
    upsert(wire, 204)
    outcome = push(brevo_contact_id="7")
    assert outcome == Synced("7", evidence=outcome.evidence)
    assert len(wire.calls) == 1


def test_a_new_id_beats_the_known_one(wire: responses.RequestsMock) -> None:
    """They were deleted over there, and made again."""
    upsert(wire, 201, {"id": 21})
    assert push(brevo_contact_id="7").remote_id == "21"


@pytest.mark.parametrize(
    ("found", "remote_id", "blocked"),
    [
        ({"id": 5, "emailBlacklisted": False}, "5", ""),
        ({"id": "5"}, "5", ""),
        ({"id": 5, "emailBlacklisted": True}, "5", "Brevo does not mail this address: it is blocked there."),
        ({"emailBlacklisted": True}, "", "Brevo does not mail this address: it is blocked there."),
        ({"id": None, "x": 1}, "", ""),
        ({"id": {"no": 1}}, "", ""),
        ({"id": True}, "", ""),
    ],
    ids=str,
)
def test_updated_without_a_known_id_looks_it_up_once(
    wire: responses.RequestsMock, found: Any, remote_id: str, blocked: str
) -> None:
    upsert(wire, 204)
    look_up(wire, 200, found)
    outcome = push()
    assert outcome == Synced(remote_id, "", blocked, evidence=outcome.evidence)
    assert outcome.evidence.http_status == 204


LOOK_UP_FAULTS: dict[str, tuple[int, Any]] = {
    "401": (401, said("Key not found", "unauthorized")),
    "402": (402, said("no", "not_enough_credits")),
    "403": (403, said("no", "permission_denied")),
    "403 HTML": (403, "<h1>Blocked</h1>"),
    "404": (404, said("Contact does not exist", "document_not_found")),
    "404 HTML": (404, "<h1>Not found</h1>"),
    "400": (400, said("Invalid email address")),
    "500": (500, {"message": "no"}),
    "redirect": (302, ""),
    "200 without data": (200, ""),
    "200 not JSON": (200, "<html>"),
    "time-out": (0, requests.exceptions.ReadTimeout("ada@acme.example")),
    "reset": (0, requests.exceptions.ConnectionError("ada@acme.example")),
    "broken": (0, requests.exceptions.ChunkedEncodingError("ada@acme.example")),
    "no address": (0, requests.exceptions.InvalidURL("ada@acme.example")),
}


@pytest.mark.parametrize(("status", "body"), LOOK_UP_FAULTS.values(), ids=LOOK_UP_FAULTS.keys())
@pytest.mark.parametrize("phone", [None, "12-34"])
def test_a_look_up_that_fails_never_loses_the_synced(
    wire: responses.RequestsMock, status: int, body: Any, phone: str | None
) -> None:
    upsert(wire, 204)
    look_up(wire, status, body)
    outcome = push(phone_number=phone)
    assert isinstance(outcome, Synced)
    assert outcome.remote_id == ""
    assert outcome.warning.endswith(
        "Its Brevo id could not be looked up. Queue the contact again to have it looked up."
    )
    assert ("12-34" in outcome.warning) == (phone is not None)


def test_a_look_up_that_has_to_wait_gives_the_contact_back(wire: responses.RequestsMock) -> None:
    """Complete without an id, nobody would ever ask again whether the person is blocked."""
    upsert(wire, 204)
    look_up(wire, 429, said("slow"))
    with pytest.raises(Throttled):
        push()


def test_a_run_that_ends_before_the_look_up_gives_the_contact_back(wire: responses.RequestsMock) -> None:
    limiter = RateLimiter(1000, FakeClock())

    def ends(request: Any) -> tuple[int, dict[str, str], str]:
        limiter.stop()
        return 204, {}, ""

    wire.add_callback("POST", CONTACTS, callback=ends)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("brevo_sync.conf.load", config)
        with brevo_service(limiter) as brevo, pytest.raises(NotPushed):
            brevo.process_single_contact(contact())


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, {"message": "no"}, 'Brevo is in trouble (500): "no".'),
        (425, said("Too early", "account_in_process"), "(425)"),
        (524, "<h1>A timeout occurred</h1>", "A timeout occurred"),
        (403, "<h1>Blocked</h1>", "Something in front of Brevo refused it (403)"),
        (201, "", "Brevo answered 201"),
        (200, "<html>Welcome</html>", "Brevo answered 200"),
        (302, "", "redirect"),
        (0, requests.exceptions.ReadTimeout("ada@acme.example"), "Brevo did not answer: No answer within 25 seconds."),
        (0, requests.exceptions.ConnectTimeout("x"), "Brevo did not answer: No connection within 5 seconds."),
        (0, requests.exceptions.SSLError("x"), "could not be secured (TLS)"),
        (0, requests.exceptions.ProxyError("x"), "The proxy refused"),
    ],
    ids=str,
)
def test_retry(wire: responses.RequestsMock, status: int, body: Any, reason: str) -> None:
    upsert(wire, status, body)
    outcome = push(phone_number=PHONE)
    assert isinstance(outcome, Retry)
    assert outcome.after is None, "the backoff decides"
    assert reason in outcome.reason
    assert "ada@acme.example" not in outcome.reason
    assert len(wire.calls) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, said("Invalid email address")),
        (400, duplicate("email")),
        (404, said("Contact does not exist", "document_not_found")),
        (422, said("no", "unprocessable_entity")),
    ],
    ids=str,
)
def test_rejected(wire: responses.RequestsMock, status: int, body: Any) -> None:
    upsert(wire, status, body)
    outcome = push(phone_number=PHONE)
    assert isinstance(outcome, Rejected)
    assert outcome.reason == f'Brevo refused it ({status}): "{body["message"]}".'
    assert outcome.evidence.code == body["code"]
    assert len(wire.calls) == 1


@pytest.mark.parametrize(
    ("status", "body", "exception"),
    [
        (401, said("Key not found", "unauthorized"), StopRun),
        (402, said("no", "not_enough_credits"), StopRun),
        (403, said("no", "permission_denied"), StopRun),
        (404, "", StopRun),
        (429, "", Throttled),
    ],
    ids=str,
)
def test_what_concerns_everybody_is_raised(
    wire: responses.RequestsMock, status: int, body: Any, exception: type[Exception]
) -> None:
    upsert(wire, status, body)
    with pytest.raises(exception):
        push(phone_number=PHONE)
    assert len(wire.calls) == 1


# --- the phone that degrades ---------------------------------------------------------------------------------

REFUSED_PHONES = {
    "taken": (duplicate("SMS"), "belongs to another Brevo contact already"),
    "taken, the other code": (duplicate("SMS", code="invalid_parameter"), "belongs to another Brevo contact already"),
    "taken, lower case": (duplicate("sms"), "belongs to another Brevo contact already"),
    "invalid": (INVALID_PHONE, "was refused by Brevo"),
}


@pytest.mark.parametrize(("refusal", "why"), REFUSED_PHONES.values(), ids=REFUSED_PHONES.keys())
def test_a_phone_never_costs_a_contact(wire: responses.RequestsMock, refusal: Any, why: str) -> None:
    upsert(wire, 400, refusal)
    upsert(wire, 201, {"id": 21})
    outcome = push(name="Ada Lovelace", phone_number=PHONE)
    warning = f"The phone +12125550123 {why}; sent without SMS."
    assert outcome == Synced("21", warning, evidence=outcome.evidence)
    first, second = bodies(wire)
    assert first["attributes"].pop("SMS") == "+12125550123"
    assert second == first, "the same again but for the phone; it stays as text"
    assert second["attributes"]["PHONE"] == PHONE


def test_a_phone_in_a_renamed_attribute_degrades_too(wire: responses.RequestsMock) -> None:
    upsert(wire, 400, duplicate("WHATSAPP"))
    upsert(wire, 201, {"id": 21})
    (outcome,) = service(renamed={"SMS": "WHATSAPP"}).push([contact(phone_number=PHONE)])
    assert isinstance(outcome, Synced)
    assert [("WHATSAPP" in body["attributes"]) for body in bodies(wire)] == [True, False]


def test_a_degraded_phone_and_a_look_up(wire: responses.RequestsMock) -> None:
    upsert(wire, 400, duplicate("SMS"))
    upsert(wire, 204)
    look_up(wire, 200, {"id": 5, "emailBlacklisted": True})
    outcome = push(phone_number=PHONE)
    assert outcome.remote_id == "5"
    assert "sent without SMS" in outcome.warning
    assert "blocked" in outcome.blocked


@pytest.mark.parametrize("refusal", [INVALID_PHONE, duplicate("SMS")], ids=["invalid", "taken"])
@pytest.mark.parametrize("columns", [{}, {"phone_number": "12-34"}], ids=["no phone", "unreadable phone"])
def test_without_sms_in_the_body_there_is_no_second_call(
    wire: responses.RequestsMock, refusal: Any, columns: Any
) -> None:
    upsert(wire, 400, refusal)
    assert isinstance(push(**columns), Rejected)
    assert len(wire.calls) == 1


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, INVALID_PHONE, Rejected),
        (400, duplicate("SMS"), Rejected),
        (400, said("Invalid email address"), Rejected),
        (403, "<h1>Blocked</h1>", Retry),
        (500, {"message": "no"}, Retry),
        (201, "", Retry),
        (0, requests.exceptions.ReadTimeout(), Retry),
        (0, requests.exceptions.ConnectionError(), Retry),
        (401, said("Key not found"), StopRun),
        (403, said("no"), StopRun),
        (429, "", Throttled),
    ],
    ids=str,
)
def test_a_second_call_that_fails_is_the_answer(
    wire: responses.RequestsMock, status: int, body: Any, expected: type[Any]
) -> None:
    upsert(wire, 400, duplicate("SMS"))
    upsert(wire, status, body)
    if issubclass(expected, Exception):
        with pytest.raises(expected):
            push(phone_number=PHONE)
    else:
        assert isinstance(push(phone_number=PHONE), expected)
    assert len(wire.calls) == 2, "never a third"


def test_a_run_that_ends_between_the_two_calls_gives_the_contact_back(wire: responses.RequestsMock) -> None:
    """Brevo applied nothing of the refused call, so the contact counts as not pushed."""
    limiter = RateLimiter(1000, FakeClock())

    def ends(request: Any) -> tuple[int, dict[str, str], str]:
        limiter.stop()
        return 400, {}, json.dumps(duplicate("SMS"))

    wire.add_callback("POST", CONTACTS, callback=ends)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("brevo_sync.conf.load", config)
        with brevo_service(limiter) as brevo, pytest.raises(NotPushed):
            brevo.push([contact(phone_number=PHONE)])


def test_scraped_words_for_a_phone_are_a_warning_not_a_call(wire: responses.RequestsMock) -> None:
    upsert(wire, 201, {"id": 21})
    outcome = push(phone_number="Phone not found")
    assert outcome.warning == 'The phone "Phone not found" is a placeholder of the scraper; sent without SMS.'
    assert not {"SMS", "PHONE"} & set(bodies(wire)[0]["attributes"])


# --- addresses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("email", [None, "", "  ", "\t\n"])
def test_no_address_makes_no_call(wire: responses.RequestsMock, email: str | None) -> None:
    assert push(email=email) == Skipped("There is no e-mail address. Add one, then queue the contact again.")
    assert len(wire.calls) == 0


@pytest.mark.parametrize(
    "email",
    [
        "ada", "ada@", "@acme.example", "ada@acme", "ada@@acme.example", "ada lovelace@acme.example",
        "ada@acme..example", "ada@-acme.example", "Ada <ada@acme.example>", "mailto:ada@acme.example",
        "ada@acme.example, bob@acme.example", "ada(at)acme.example", "ada@[127.0.0.1]", "ada@localhost",
        "ada@acme.example.", ".ada@acme.example", "ada@acme.example\x00", "ada@ac\u200bme.example",
        "ada\ud800@acme.example", "ada@xn--a.example", "a" * 65 + "@acme.example", "ada@" + "a" * 64 + ".example",
    ],
)  # fmt: skip
def test_an_invalid_address_makes_no_call(wire: responses.RequestsMock, email: str) -> None:
    outcome = push(email=email)
    assert isinstance(outcome, Skipped)
    assert outcome.reason.startswith("Invalid e-mail address: ")
    assert outcome.reason.endswith(". Correct it, then queue the contact again.")
    assert len(wire.calls) == 0


@pytest.mark.parametrize(
    "email",
    [
        " ada@acme.example ",
        "ada@acme.example\n",
        "\tada@acme.example\u00a0",
        "ADA@ACME.EXAMPLE",
        "a+b@acme.example",
        "o'brien@acme.example",
    ],
)
def test_addresses_that_are_fine(wire: responses.RequestsMock, email: str) -> None:
    upsert(wire, 201, {"id": 21})
    assert isinstance(push(email=email), Synced)
    assert bodies(wire)[0]["email"] == email.strip()


def test_one_outcome_each_in_their_order(wire: responses.RequestsMock) -> None:
    upsert(wire, 201, {"id": 1})
    upsert(wire, 400, said("Invalid email address"))
    upsert(wire, 500)
    people = [contact("a@x.example"), contact(None), contact("b@x.example"), contact("c@x.example")]
    outcomes = service().push(people)
    assert [type(outcome) for outcome in outcomes] == [Synced, Skipped, Rejected, Retry]


# --- the list ------------------------------------------------------------------------------------------------

LIST = f"{CONTACTS}/lists/12"


def test_the_list_is_in_every_body(wire: responses.RequestsMock) -> None:
    upsert(wire, 400, duplicate("SMS"))
    upsert(wire, 201, {"id": 1})
    service(list_id=12).push([contact(phone_number=PHONE)])
    assert [body["listIds"] for body in bodies(wire)] == [[12], [12]]


@pytest.mark.parametrize("words", ["List ID does not exist", "No list has the id 12", "listIds is invalid"])
def test_a_list_that_is_gone_stops_the_run(wire: responses.RequestsMock, words: str) -> None:
    upsert(wire, 400, said(words))
    wire.add("GET", LIST, status=404, json=said("List ID does not exist", "document_not_found"))
    with pytest.raises(StopRun, match=r"Brevo has no list 12. Correct BREVO_LIST_ID;"):
        service(list_id=12).push([contact()])


def test_one_contact_with_a_list_in_its_refusal_does_not_stop_the_others(wire: responses.RequestsMock) -> None:
    upsert(wire, 400, said("Your list of names is too long"))
    wire.add("GET", LIST, json={"id": 12, "name": "L"})
    (outcome,) = service(list_id=12).push([contact("stylist@acme.example")])
    assert isinstance(outcome, Rejected)
    assert "too long" in outcome.reason


@pytest.mark.parametrize(
    ("status", "body"), [(500, {"message": "no"}), (0, requests.exceptions.ReadTimeout())], ids=["500", "time-out"]
)
def test_a_list_that_nobody_can_ask_about_is_tried_again(wire: responses.RequestsMock, status: int, body: Any) -> None:
    upsert(wire, 400, said("List ID does not exist"))
    wire.add("GET", LIST, status=status, **_content(body))
    (outcome,) = service(list_id=12).push([contact()])
    assert isinstance(outcome, Retry)


def test_a_list_in_a_refusal_though_we_sent_none(wire: responses.RequestsMock) -> None:
    upsert(wire, 400, said("List ID does not exist"))
    assert isinstance(push(), Rejected)


# --- prepare -------------------------------------------------------------------------------------------------

ATTRIBUTES = f"{CONTACTS}/attributes"


def listed(*without: str, **types: str) -> dict[str, Any]:
    kinds = {**ATTRIBUTE_TYPES, **types}
    return {
        "attributes": [
            {"name": name, "category": "normal", "type": kind} for name, kind in kinds.items() if name not in without
        ]
    }


def test_prepare_with_everything_in_place(wire: responses.RequestsMock) -> None:
    wire.add("GET", LIST, json={"id": 12, "name": "L"})
    wire.add("GET", ATTRIBUTES, json=listed())
    assert service(list_id=12).prepare().notes == []


def test_prepare_names_what_is_missing(wire: responses.RequestsMock) -> None:
    wire.add("GET", ATTRIBUTES, json=listed("COMPANY", "HAS_GMAIL"))
    assert service().prepare().notes == [
        "Brevo drops COMPANY, HAS_GMAIL: the account has no such attributes. "
        '"manage.py brevo_setup --create" makes them.'
    ]


def test_prepare_names_what_is_of_another_type(wire: responses.RequestsMock) -> None:
    wire.add("GET", ATTRIBUTES, json=listed("SOURCE_URL", HAS_GMAIL="text"))
    missing, wrong = service().prepare().notes
    assert "SOURCE_URL" in missing
    assert wrong == ('Brevo drops HAS_GMAIL: of another type in the account. "manage.py brevo_setup" says what to do.')


def test_prepare_asks_for_the_accounts_own_names(wire: responses.RequestsMock) -> None:
    french = listed("FIRSTNAME", "COMPANY", PRENOM="text")
    wire.add("GET", ATTRIBUTES, json=french)
    assert service(renamed={"FIRSTNAME": "prenom", "COMPANY": ""}).prepare().notes == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, said("List ID does not exist", "document_not_found")),
        (400, said("List ID is invalid")),
        (404, {"message": "no"}),
    ],
    ids=str,
)
def test_prepare_with_an_unknown_list_stops(wire: responses.RequestsMock, status: int, body: Any) -> None:
    wire.add("GET", LIST, status=status, json=body)
    with pytest.raises(StopRun, match="Brevo has no list 12") as caught:
        service(list_id=12).prepare()
    assert caught.value.evidence.http_status == status


TROUBLE = [(500, ""), (503, "x"), (200, "<html>"), (403, "<h1>Blocked</h1>"), (0, requests.exceptions.ReadTimeout())]


@pytest.mark.parametrize(("status", "body"), TROUBLE, ids=str)
def test_trouble_is_no_reason_to_stop(wire: responses.RequestsMock, status: int, body: Any) -> None:
    wire.add("GET", LIST, status=status, **_content(body))
    wire.add("GET", ATTRIBUTES, status=status, **_content(body))
    assert service(list_id=12).prepare().notes == []


@pytest.mark.parametrize("failing", [LIST, ATTRIBUTES])
@pytest.mark.parametrize(("status", "exception"), [(401, StopRun), (402, StopRun), (429, Throttled)])
def test_prepare_raises_what_concerns_everybody(
    wire: responses.RequestsMock, failing: str, status: int, exception: type[Exception]
) -> None:
    if failing == ATTRIBUTES:
        wire.add("GET", LIST, json={"id": 12})
    wire.add("GET", failing, status=status, json=said("no"))
    with pytest.raises(exception):
        service(list_id=12).prepare()


def test_a_key_that_may_write_but_not_read_is_enough(wire: responses.RequestsMock) -> None:
    wire.add("GET", LIST, status=403, json=said("no", "permission_denied"))
    wire.add("GET", ATTRIBUTES, status=403, json=said("no", "permission_denied"))
    assert service(list_id=12).prepare().notes == [
        "Brevo did not let us read its attributes, so nobody knows which of ours it drops."
    ]


# --- in the job loop -----------------------------------------------------------------------------------------


@pytest.fixture
def answers() -> Iterator[responses.RequestsMock]:
    """An account with all attributes; calls in any order."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add("GET", "https://brevo.test/v3/contacts/attributes", json=listed())
        yield mock


def queue(make_contact: Any, clock: FakeClock, *addresses: str, **columns: Any) -> list[Any]:
    made = [make_contact(address, **columns) for address in addresses]
    queue_contacts(BREVO, BREVO.contacts, now=clock.now())
    return made


@pytest.mark.django_db
def test_a_second_sync_of_the_same_person_looks_nothing_up(
    answers: responses.RequestsMock, make_contact: Any, clock: FakeClock
) -> None:
    (ada,) = queue(make_contact, clock, "ada@acme.example")
    answers.add("POST", CONTACTS, status=204)
    found = answers.add("GET", ADA, json={"id": 5, "emailBlacklisted": False})
    for _ in range(2):
        queue_contacts(BREVO, BREVO.contacts, now=clock.now())
        assert run(BREVO, clock).counts["synced"] == 1
    ada.refresh_from_db()
    assert ada.brevo_contact_id == "5"
    assert found.call_count == 1


@pytest.mark.django_db
def test_blocked_there_is_suppressed_here(
    answers: responses.RequestsMock, make_contact: Any, clock: FakeClock
) -> None:
    (ada,) = queue(make_contact, clock, "ada@acme.example")
    answers.add("POST", CONTACTS, status=204)
    answers.add("GET", ADA, json={"id": 5, "emailBlacklisted": True})
    assert run(BREVO, clock).sentence() == "1 synced (1 warning)."
    assert queue_contacts(BREVO, BREVO.contacts, now=clock.now()).skipped == {"suppressed": 1}
    ada.refresh_from_db()
    assert ada.brevo_sync_status == "Skipped"


@pytest.mark.django_db
def test_a_wrong_key_costs_one_call_for_thirty_contacts(make_contact: Any, clock: FakeClock) -> None:
    people = queue(make_contact, clock, *(f"p{number}@acme.example" for number in range(30)))
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        wire.add("GET", ATTRIBUTES, status=401, json=said("Key not found", "unauthorized"))
        wire.add("POST", CONTACTS, status=401, json=said("Key not found", "unauthorized"))
        report = run(BREVO, clock)
        assert len(wire.calls) == 1
    assert report.stopped
    for person in people:
        person.refresh_from_db()
    assert {(person.brevo_sync_status, person.brevo_retry_count) for person in people} == {("Queued", 0)}


@pytest.mark.django_db
def test_an_edge_that_refuses_everybody_stops_the_run_and_fails_nobody(
    answers: responses.RequestsMock, make_contact: Any, clock: FakeClock
) -> None:
    """A page of Cloudflare or of a proxy for every contact is not 40,000 bad contacts."""
    queue(make_contact, clock, *(f"p{number}@acme.example" for number in range(40)))
    answers.add("POST", CONTACTS, status=403, body="<h1>Access denied</h1>")
    report = run(BREVO, clock)
    assert report.stopped
    assert report.counts["failed"] == 0
    assert not BREVO.contacts.filter(brevo_sync_status="Error").exists()


@pytest.mark.django_db
def test_one_bad_record_does_not_sink_the_rest(
    answers: responses.RequestsMock, make_contact: Any, clock: FakeClock
) -> None:
    def reply(request: Any) -> tuple[int, dict[str, str], str]:
        email = json.loads(request.body)["email"]
        if email == "stylist@sms.example":
            return 400, {}, json.dumps(said(f"Invalid email address {email} is not found"))
        return 201, {}, json.dumps({"id": int(email[1:3])})

    queue(make_contact, clock, "stylist@sms.example", *(f"p{number}@acme.example" for number in range(10, 30)))
    answers.add_callback("POST", CONTACTS, callback=reply)
    assert run(BREVO, clock).counts == {"synced": 20, "failed": 1}


@pytest.mark.django_db
def test_milliseconds_in_the_reset_header_do_not_slow_a_run_down(
    answers: responses.RequestsMock, make_contact: Any, clock: FakeClock
) -> None:
    begun = clock.now()
    queue(make_contact, clock, *(f"p{number}@acme.example" for number in range(50)))
    headers = {"x-sib-ratelimit-limit": "10", "x-sib-ratelimit-remaining": "9", "x-sib-ratelimit-reset": "997"}
    answers.add("POST", CONTACTS, status=201, json={"id": 1}, headers=headers)
    assert run(BREVO, clock).counts["synced"] == 50
    assert clock.now() - begun < timedelta(seconds=10)


@pytest.mark.django_db
def test_the_service_of_a_run_closes_its_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    monkeypatch.setattr("brevo_sync.client.BrevoClient.close", lambda self: closed.append(1))
    with pytest.raises(RuntimeError), brevo_service(RateLimiter(10, SystemClock())):
        raise RuntimeError
    assert closed == [1]
