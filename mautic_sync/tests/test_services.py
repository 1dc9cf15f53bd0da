"""What becomes of each contact, whatever Mautic says. Stubs at the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses

from contacts.models import Domain
from curation_sdk.outcomes import NotPushed, Rejected, Retry, Skipped, StopRun, Synced, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.testing import FakeClock
from mautic_sync import services
from mautic_sync.client import MauticClient
from mautic_sync.services import MauticSyncService
from mautic_sync.tests.support import ALL_FIELDS, API, BATCH, FIELDS, client, config, contact, error

SEGMENT = f"{API}/segments/3"
JOIN = f"{SEGMENT}/contacts/add"
LONG = Domain(domain="acme.example", company_name="A" * 70)


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    # In order: the second answer to the same request is the one that was added second.
    with responses.RequestsMock(registry=responses.registries.OrderedRegistry) as mock:
        yield mock


def service(**changes: Any) -> MauticSyncService:
    return MauticSyncService(client(**changes), config(**changes))


def batch(wire: responses.RequestsMock, *items: int | str | dict[str, Any], status: int = 201) -> None:
    """The answer to a batch: an id for who arrived (as text when they were there already), else an error."""
    contacts: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    codes = []
    for place, item in enumerate(items):
        if isinstance(item, dict):
            errors[str(place)] = item["errors"][0]
            codes.append(item["errors"][0]["code"])
        else:
            contacts[str(place)] = {"id": item}
            codes.append(200 if isinstance(item, str) else 201)
    wire.post(BATCH, status=status, json={"contacts": contacts, "statusCodes": codes, "errors": errors})


def sent(wire: responses.RequestsMock) -> list[Any]:
    return [json.loads(call.request.body or "null") for call in wire.calls]


def addresses(wire: responses.RequestsMock) -> list[list[str]]:
    return [[one["email"] for one in body] for body in sent(wire) if isinstance(body, list)]


def people(*names: str, **columns: Any) -> list[Any]:
    return [contact(f"{name}@acme.example", **columns) for name in names]


# --- one batch -----------------------------------------------------------------------------------------------


def test_each_gets_its_own_answer(wire: responses.RequestsMock) -> None:
    refused = error(400, "email: no", email="no")
    batch(wire, 47, refused, "49", error(403, "no"), error(409, "locked"), error(500, "odd"), error(422, "no"))
    answers = service().push(people("a", "b", "c", "d", "e", "f", "g"))
    assert [type(answer) for answer in answers] == [Synced, Rejected, Synced, Rejected, Retry, Retry, Rejected]
    assert [getattr(answer, "remote_id", "") for answer in answers] == ["47", "", "49", "", "", "", ""]
    assert getattr(answers[1], "reason", "") == 'Mautic refused it (400): "email: no".'
    assert "The role of our user needs" in getattr(answers[3], "reason", "")
    assert len(wire.calls) == 1


def test_addresses_that_are_none_are_not_sent(wire: responses.RequestsMock) -> None:
    batch(wire, 47)
    answers = service().push([contact(None), contact("ada@@acme"), contact("ada@acme.example")])
    assert [type(answer) for answer in answers] == [Skipped, Skipped, Synced]
    assert addresses(wire) == [["ada@acme.example"]]
    assert [type(answer) for answer in service().push([contact(" ")])] == [Skipped]
    assert len(wire.calls) == 1


def test_letters_that_mautic_leaves_out_reach_nobody_else(wire: responses.RequestsMock) -> None:
    batch(wire, 47)
    answers = service().push([contact("jörg@acme.example"), contact("ada@münchen.example")])
    assert [type(answer) for answer in answers] == [Rejected, Synced]
    assert isinstance(answers[0], Rejected)
    assert answers[0].unasked
    assert answers[0].reason.startswith('Mautic leaves out "ö" in this address')
    assert addresses(wire) == [["ada@xn--mnchen-3ya.example"]]


@pytest.mark.parametrize(
    ("theirs", "kind"), [("jrg@acme.example", Rejected), ("A@ACME.example", Synced), ("", Synced)]
)
def test_an_answer_about_another_person(wire: responses.RequestsMock, theirs: str, kind: type[Any]) -> None:
    blocks = [{"channel": "email", "reason": 1}]
    found = {"id": 47, "doNotContact": blocks, "fields": {"all": {"email": theirs}}}
    wire.post(BATCH, status=201, json={"contacts": [found], "statusCodes": [200]})
    (answer,) = service(segment_id=None).push(people("a"))
    assert type(answer) is kind
    if kind is Rejected:
        assert 'with the address "jrg@acme.example"' in getattr(answer, "reason", "")
        assert not hasattr(answer, "blocked")


def test_arrived_without_an_id_is_tried_again(wire: responses.RequestsMock) -> None:
    wire.post(BATCH, status=201, json={"contacts": [], "statusCodes": [201]})
    (answer,) = service().push(people("a"))
    assert isinstance(answer, Retry)
    assert "without the contact's id" in answer.reason


def test_the_whole_call_refused_blames_nobody_until_one_is_alone(wire: responses.RequestsMock) -> None:
    for _ in range(2):
        wire.post(BATCH, status=400, json=error(400, "no"))
    assert [type(answer) for answer in service().push(people("a", "b"))] == [Retry, Retry]
    assert [type(answer) for answer in service().push(people("a"))] == [Rejected]


def test_all_forbidden_stops_the_run(wire: responses.RequestsMock) -> None:
    batch(wire, error(403, "no"), error(403, "no"))
    answers = service().push(people("a", "b"))
    assert all(isinstance(answer, StopRun) for answer in answers)
    assert "contacts, view and edit own and others, create" in str(answers[0])


def test_one_that_is_forbidden_and_alone_stops_nobody_else(wire: responses.RequestsMock) -> None:
    pushing = service()
    batch(wire, 1)
    batch(wire, error(403, "no"))
    batch(wire, error(403, "no"), error(403, "no"))
    answers = pushing.push(people("a") + people("b", mautic_retry_count=2))
    assert [type(answer) for answer in answers] == [Synced, Rejected]
    assert "does not let us change this contact (403)" in getattr(answers[1], "reason", "")
    answers = pushing.push(people("c", "d"))
    assert [type(answer) for answer in answers] == [Rejected, Rejected], "it takes others, so it is not the role"


@pytest.mark.parametrize(("tries", "kind"), [(0, StopRun), (1, Rejected), (2, Rejected)])
def test_forbidden_alone_and_before_any_other(wire: responses.RequestsMock, tries: int, kind: type[Any]) -> None:
    batch(wire, error(403, "no"))
    assert [type(answer) for answer in service().push(people("a", mautic_retry_count=tries))] == [kind]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(401, error(401, "no"), StopRun), (429, "", Throttled), (301, "", StopRun), (500, "", Retry)],
)
def test_what_befalls_all_of_them(wire: responses.RequestsMock, status: int, body: Any, kind: type[Any]) -> None:
    wire.post(BATCH, status=status, json=body)
    assert [type(answer) for answer in service().push(people("a", "b"))] == [kind, kind]


def test_no_answer(wire: responses.RequestsMock) -> None:
    wire.post(BATCH, body=requests.exceptions.ReadTimeout())
    answers = service().push(people("a", "b"))
    assert [type(answer) for answer in answers] == [Retry, Retry]
    assert str(getattr(answers[0], "reason", "")) == "Mautic did not answer: No answer within 75 seconds."


# --- those that failed with others before --------------------------------------------------------------------


def test_they_go_alone_from_the_third_try(wire: responses.RequestsMock) -> None:
    contacts = people("a", "b") + people("c", mautic_retry_count=1) + people("d", "e", mautic_retry_count=2)
    batch(wire, 1, 2, 3)
    wire.post(BATCH, status=500)
    batch(wire, 5)
    answers = service().push(contacts)
    assert [type(answer) for answer in answers] == [Synced, Synced, Synced, Retry, Synced]
    assert [[one[0] for one in call] for call in addresses(wire)] == [["a", "b", "c"], ["d"], ["e"]]


def test_when_a_key_dies_on_the_way_the_arrived_keep_their_answer(wire: responses.RequestsMock) -> None:
    batch(wire, 1)
    wire.post(BATCH, status=401, json=error(401, "no"))
    answers = service().push(people("a") + people("b", "c", mautic_retry_count=2))
    assert [type(answer) for answer in answers] == [Synced, StopRun, StopRun]


def test_a_push_does_not_go_on_for_ever(wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "ALONE_FOR", 0)
    batch(wire, 1)
    answers = service().push(people("a") + people("b", "c", mautic_retry_count=2))
    assert [type(answer) for answer in answers] == [Synced, NotPushed, NotPushed]


# --- values that are too long --------------------------------------------------------------------------------


def test_a_display_field_is_cut_and_sent_once_more(wire: responses.RequestsMock) -> None:
    batch(wire, 1, error(400, "zu lang", company="zu lang"))
    batch(wire, 2)
    answers = service().push([*people("a"), *people("b", domain=LONG)])
    assert isinstance(answers[1], Synced)
    assert answers[1].remote_id == "2"
    assert answers[1].warning.startswith("Mautic found company too long; cut to 64 characters. A Mautic admin")
    assert [body[-1].get("company") for body in sent(wire)] == ["A" * 70, "A" * 64]
    assert isinstance(answers[0], Synced)
    assert answers[0].warning == ""


@pytest.mark.parametrize(
    ("details", "columns"),
    [
        ({"company": "no", "website": "no"}, {"domain": Domain(domain=f"{'x' * 70}.example", company_name="A" * 70)}),
        ({"company": "no"}, {"domain": Domain(domain="acme.example", company_name="A" * 64)}),
        ({"email": "no"}, {"domain": LONG}),
        ({}, {"domain": LONG}),
    ],
    ids=["with a website", "not long", "the address", "no details"],
)
def test_nothing_else_is_cut(wire: responses.RequestsMock, details: Any, columns: Any) -> None:
    batch(wire, error(400, "no", **details))
    (answer,) = service().push(people("a", **columns))
    assert isinstance(answer, Rejected)
    assert len(wire.calls) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind"), [(500, "", Retry), (401, error(401, "no"), StopRun), (429, "", Throttled)]
)
def test_trouble_with_the_second_call(wire: responses.RequestsMock, status: int, body: Any, kind: type[Any]) -> None:
    batch(wire, 1, error(400, "no", company="no"))
    wire.post(BATCH, status=status, json=body)
    answers = service().push([*people("a"), *people("b", domain=LONG)])
    assert [type(answer) for answer in answers] == [Synced, kind]


def test_the_advice_names_the_field_and_what_to_do(wire: responses.RequestsMock) -> None:
    website = Domain(domain=f"{'x' * 70}.example")
    batch(wire, error(400, "trop long", website="trop long", scrapersky_source_url="trop long", phone="bad"))
    (answer,) = service().push(people("a", domain=website, source_url=f"https://acme.example/{'x' * 300}"))
    assert isinstance(answer, Rejected)
    assert answer.reason == (
        'Mautic refused it (400): "trop long". website has 86 characters. A Mautic administrator can raise '
        '"max. character length" of this field, under Settings, Custom Fields, to 191. scrapersky_source_url has 321 '
        "characters, and a text field of Mautic takes 191. Use a field of type textarea, or leave it out: "
        "MAUTIC_FIELDS=scrapersky_source_url=."
    )


# --- the segment ---------------------------------------------------------------------------------------------


def test_those_who_arrived_join_in_one_call(wire: responses.RequestsMock) -> None:
    batch(wire, 47, error(400, "no"), 49)
    wire.post(JOIN, json={"success": 1, "details": {"47": {"success": True}, "49": {"success": False}}})
    answers = service(segment_id=3).push(people("a", "b", "c"))
    assert [type(answer) for answer in answers] == [Synced, Rejected, Synced]
    assert sent(wire)[-1] == {"ids": [47, 49]}
    assert [getattr(answer, "warning", "") for answer in answers] == [
        "",
        "",
        "Mautic did not add the contact to segment 3. Add it there by hand.",
    ]


def test_nobody_arrived_nobody_joins(wire: responses.RequestsMock) -> None:
    batch(wire, error(400, "no"))
    service(segment_id=3).push(people("a"))
    assert len(wire.calls) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (500, "", Retry, "Mautic has the contact, but did not add it to segment 3."),
        (400, error(400, "no"), Retry, 'Mautic refused it (400): "no".'),
        (404, error(404, "Not found"), StopRun, "Mautic has no segment 3. Correct MAUTIC_SEGMENT_ID"),
        (403, error(403, "no"), StopRun, "and segments"),
        (429, "", Throttled, "slow down"),
    ],
)
def test_whoever_is_not_in_the_segment_has_not_arrived(
    wire: responses.RequestsMock, status: int, body: Any, kind: type[Any], words: str
) -> None:
    batch(wire, 47, error(400, "no"))
    wire.post(JOIN, status=status, json=body)
    answers = service(segment_id=3).push(people("a", "b"))
    assert [type(answer) for answer in answers] == [kind, Rejected]
    assert words in getattr(answers[0], "reason", "")


@pytest.mark.parametrize("status", [500, 404, 429])
def test_a_block_that_was_learnt_is_kept_when_the_segment_cannot_be_joined(
    wire: responses.RequestsMock, status: int
) -> None:
    theirs = {"id": 47, "doNotContact": [{"channel": "email", "reason": 1}]}
    wire.post(BATCH, status=201, json={"contacts": [theirs, {"id": 48}], "statusCodes": [200, 200]})
    wire.post(JOIN, status=status, json=error(status, "no"))
    blocked, other = service(segment_id=3).push(people("a", "b"))
    assert isinstance(blocked, Synced)
    assert (blocked.remote_id, blocked.blocked) == ("47", "Mautic does not mail this address: unsubscribed there.")
    assert blocked.warning == "It was not added to the segment."
    assert not isinstance(other, Synced)


def test_the_segment_is_joined_although_the_run_is_ending(wire: responses.RequestsMock) -> None:
    limiter = RateLimiter(1000.0, FakeClock())
    pushing = MauticSyncService(MauticClient(config(segment_id=3), limiter), config(segment_id=3))

    def last(request: Any) -> tuple[int, dict[str, str], str]:
        limiter.stop()
        return 201, {}, json.dumps({"contacts": [{"id": 47}], "statusCodes": [201]})

    wire.add_callback("POST", BATCH, last)
    wire.post(JOIN, json={"success": 1})
    (answer,) = pushing.push(people("a"))
    assert isinstance(answer, Synced)


# --- before the first push -----------------------------------------------------------------------------------


@pytest.fixture
def around() -> Iterator[responses.RequestsMock]:
    """Two questions at once, in any order."""
    with responses.RequestsMock() as mock:
        yield mock


def test_missing_fields_are_named(around: responses.RequestsMock) -> None:
    there = {key: one for key, one in ALL_FIELDS.items() if one["alias"] not in ("company", "scrapersky_page_id")}
    around.get(FIELDS, json=there)
    found = service(renamed_fields={"phone": "tel"}).prepare()
    assert found.proven
    assert found.notes == [
        "Mautic drops tel, company, scrapersky_page_id: it has no such contact fields. "
        '"manage.py mautic_setup --create" makes them.'
    ]


def test_all_is_there(around: responses.RequestsMock) -> None:
    around.get(FIELDS, json=ALL_FIELDS)
    around.get(SEGMENT, json={"list": {"id": 3}})
    found = service(segment_id=3).prepare()
    assert (found.notes, found.proven) == ([], True)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, error(404, "Not found"), "Mautic has no segment 3."),
        (403, error(403, "no"), "The role of our user needs"),
    ],
)
def test_a_segment_that_cannot_be_used(around: responses.RequestsMock, status: int, body: Any, words: str) -> None:
    around.get(FIELDS, json=ALL_FIELDS)
    around.get(SEGMENT, status=status, json=body)
    with pytest.raises(StopRun, match=words):
        service(segment_id=3).prepare()


@pytest.mark.parametrize("kind", ["api_disabled", "access_denied"])
def test_a_switch_that_is_off_is_no_matter_of_the_role(around: responses.RequestsMock, kind: str) -> None:
    around.get(FIELDS, status=403, json=error(403, "no", kind=kind))
    with pytest.raises(StopRun, match="In Mautic, under Configuration, API Settings"):
        service().prepare()


def test_trouble_is_no_reason_not_to_start(around: responses.RequestsMock) -> None:
    around.get(FIELDS, status=503)
    around.get(SEGMENT, body=requests.exceptions.ConnectionError())
    found = service(segment_id=3).prepare()
    assert (found.notes, found.proven) == ([], False)
