"""Opt-outs, both ways: what Brevo is asked and told, what its answers mean, and all of it against the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import responses
from django.core.management import CommandError, call_command

from brevo_sync.client import MOST_ON_A_PAGE, BrevoError, Kind, refuse_to_unblock
from brevo_sync.opt_outs import SWEEPER, BrevoBlocker, BrevoReader, person
from brevo_sync.tasks import process_brevo_sync_queue
from brevo_sync.tests.support import CONTACTS, client
from contacts.models import Contact, Suppression
from contacts.suppression import OptOut, lift, suppress
from curation_sdk.outcomes import StopRun, Throttled
from curation_sdk.testing import NOON, FakeClock
from opt_outs.models import Sweep
from opt_outs.sweeping import sweep
from opt_outs.tasks import sweep_platform
from sandbox.brevo.account import DEFAULT_KEY
from sandbox.server import Sandbox, running_sandbox

Make = Callable[..., Contact]
REASON = Suppression.Reason
GONE = {"code": "document_not_found", "message": "Contact does not exist"}


# --- the calls -----------------------------------------------------------------------------------------------


@responses.activate
def test_a_block_by_the_id() -> None:
    responses.put(f"{CONTACTS}/47", status=204)
    assert BrevoBlocker(client()).block("47", "Why.")
    (call,) = responses.calls
    assert json.loads(call.request.body) == {"emailBlacklisted": True}
    assert call.request.params == {"identifierType": "contact_id"}


@responses.activate
def test_one_that_is_gone() -> None:
    responses.put(f"{CONTACTS}/47", status=404, json=GONE)
    responses.get(f"{CONTACTS}/ada%40x.example", status=404, json=GONE)
    blocker = BrevoBlocker(client())
    assert not blocker.block("47", "Why.")
    assert blocker.find("ada@x.example") == []


@responses.activate
def test_an_address_is_looked_up() -> None:
    responses.get(f"{CONTACTS}/ada%2Bx%40x.example", json={"id": 47, "email": "ada+x@x.example"})
    assert BrevoBlocker(client()).find("ada+x@x.example") == ["47"]


@responses.activate
def test_what_is_no_address_is_not_asked_for() -> None:
    assert BrevoBlocker(client()).find("ada@@x") == []
    assert len(responses.calls) == 0


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"code": "unauthorized", "message": "Key not found"}, StopRun),
        (429, {"code": "too_many_requests", "message": "Slow down"}, Throttled),
        (500, {"message": "Internal error"}, BrevoError),
        (403, "<html>no</html>", BrevoError),
        (404, "<html>no</html>", StopRun),
        (400, {"code": "invalid_parameter", "message": "Invalid id"}, BrevoError),
    ],
    ids=str,
)
def test_all_else_is_passed_on(status: int, body: Any, error: type[Exception]) -> None:
    sent = {"body": body} if isinstance(body, str) else {"json": body}
    responses.put(f"{CONTACTS}/47", status=status, **sent)
    responses.get(f"{CONTACTS}/ada%40x.example", status=status, **sent)
    blocker = BrevoBlocker(client())
    with pytest.raises(error):
        blocker.block("47", "Why.")
    with pytest.raises(error):
        blocker.find("ada@x.example")


@pytest.mark.parametrize(
    "body",
    [
        {"emailBlacklisted": False},
        {"emailBlacklisted": None},
        {"emailBlacklisted": "false"},
        {"emailBlacklisted": 1},
        {"smsBlacklisted": False},
        {"contacts": [{"id": 1, "emailBlacklisted": True}, {"id": 2, "emailBlacklisted": False}]},
    ],
    ids=str,
)
@responses.activate
def test_nothing_that_un_blocks_leaves_the_house(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="nothing of ours un-blocks anybody"):
        client().upsert_contact(body)
    with pytest.raises(ValueError, match="nothing of ours un-blocks anybody"):
        client()._call("PUT", "/contacts/47", body)
    assert len(responses.calls) == 0


def test_what_blocks_or_is_about_something_else_does() -> None:
    for body in (None, {"emailBlacklisted": True}, {"attributes": {"HAS_GMAIL": False}}, [1, "two"]):
        refuse_to_unblock(body)


# --- reading -------------------------------------------------------------------------------------------------


@responses.activate
def test_a_page_is_asked_for() -> None:
    found = {
        "id": 7,
        "email": "Ada@x.example",
        "emailBlacklisted": True,
        "modifiedAt": "2026-11-20T10:15:00.500+01:00",
    }
    responses.get(CONTACTS, json={"contacts": [found], "count": 12})
    since = datetime(2026, 11, 23, 13, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=2)))
    page = BrevoReader(client(), 5).page(since, 1000, 500)
    (call,) = responses.calls
    assert call.request.params == {
        "limit": "500",
        "offset": "1000",
        "sort": "asc",
        "modifiedSince": "2026-11-23T11:00:00.250+00:00",
    }
    assert "modifiedSince=2026-11-23T11%3A00%3A00.250%2B00%3A00" in call.request.url
    (one,) = page.people
    assert page.total == 12
    assert (one.id, one.address) == ("7", "Ada@x.example")
    assert one.changed == datetime(2026, 11, 20, 9, 15, 0, 500_000, tzinfo=UTC)
    assert [reason for reason, _ in one.opt_outs] == [REASON.BLOCKED]


@responses.activate
def test_everything_has_no_window() -> None:
    responses.get(CONTACTS, json={"count": 0})
    page = BrevoReader(client(), None).page(None, 0, MOST_ON_A_PAGE)
    assert (list(page.people), page.total) == ([], 0)
    assert responses.calls[0].request.params == {"limit": "1000", "offset": "0", "sort": "asc"}


@responses.activate
@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        "[]",
        "{}",
        '{"contacts": []}',
        '{"count": 3}',
        '{"contacts": {}, "count": 1}',
        '{"contacts": ["ada"], "count": 1}',
        '{"contacts": [], "count": "many"}',
        '{"contacts": [], "count": -1}',
        '{"contacts": [], "count": 99999999999}',
    ],
)
def test_rubbish_is_trouble_that_passes(body: str) -> None:
    responses.get(CONTACTS, body=body)
    with pytest.raises(BrevoError) as raised:
        BrevoReader(client(), None).page(None, 0, MOST_ON_A_PAGE)
    assert raised.value.kind is Kind.TRANSIENT


@pytest.mark.parametrize(
    ("found", "list_id", "reasons"),
    [
        ({"emailBlacklisted": True}, 5, [REASON.BLOCKED]),
        ({"emailBlacklisted": False, "smsBlacklisted": True}, 5, []),
        ({"listUnsubscribed": [4, 5]}, 5, [REASON.UNSUBSCRIBED]),
        ({"listUnsubscribed": ["5"]}, 5, [REASON.UNSUBSCRIBED]),
        ({"listUnsubscribed": [4, 55]}, 5, []),
        ({"listUnsubscribed": [4]}, None, []),
        ({"listUnsubscribed": None}, 5, []),
        ({"listUnsubscribed": "5"}, 5, []),
        ({"listUnsubscribed": [5]}, 6, []),
        ({"listUnsubscribed": ["5"], "emailBlacklisted": "no"}, 5, [REASON.UNSUBSCRIBED]),
        ({"emailBlacklisted": True, "listUnsubscribed": [5]}, 5, [REASON.BLOCKED, REASON.UNSUBSCRIBED]),
        ({}, 5, []),
    ],
    ids=str,
)
def test_who_counts(found: dict[str, Any], list_id: int | None, reasons: list[Any]) -> None:
    one = person({"id": 7, "email": "ada@x.example", **found}, list_id)
    assert [reason for reason, _ in one.opt_outs] == reasons


def test_the_list_stands_in_the_evidence() -> None:
    ((_, note),) = person({"listUnsubscribed": [5]}, 5).opt_outs
    assert note == "Unsubscribed from list 5 in Brevo."


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T10:15:00.000Z", datetime(2026, 11, 20, 10, 15, tzinfo=UTC)),
        ("2026-11-20T10:15:00", datetime(2026, 11, 20, 10, 15, tzinfo=UTC)),
        ("2026-11-20T10:15:00+05:30", datetime(2026, 11, 20, 4, 45, tzinfo=UTC)),
        ("yesterday", None),
        ("0001-01-01T00:00:00+05:00", None),
        (1763633700, None),
        (None, None),
    ],
)
def test_times(text: Any, moment: datetime | None) -> None:
    assert person({"modifiedAt": text}, None).changed == moment


@pytest.mark.parametrize("found", [{"id": None, "email": 5}, {"id": "x" * 500, "email": None}, {"id": "a\0b"}])
def test_people_of_another_form(found: dict[str, Any]) -> None:
    one = person(found, None)
    assert one.address == ""
    assert len(one.id) <= 100
    assert "\0" not in one.id


# --- against the sandbox -------------------------------------------------------------------------------------


@pytest.fixture
def sandbox(settings: Any, db: None) -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as running:
        settings.BREVO_API_BASE_URL = running.brevo_url
        settings.BREVO_API_KEY = DEFAULT_KEY
        settings.BREVO_RATE_LIMIT_PER_SECOND = 5000.0
        settings.BREVO_LIST_ID = "2"
        yield running


def by_address(sandbox: Sandbox) -> dict[str, Any]:
    return {one.email: one for one in sandbox.brevo.everybody()}


def change(sandbox: Sandbox, email: str, **columns: Any) -> None:
    """Somebody does something in Brevo, at this moment or at the time that is given."""
    store = sandbox.brevo.account.store
    store.put(replace(by_address(sandbox)[email], **{"modified_at": store.now(), **columns}))


def push(*emails: str, make_contact: Make) -> None:
    for email in emails:
        make_contact(email)
    call_command("brevo_sync", "--queue-all-new", verbosity=0)


def suppress_now(email: str) -> None:
    suppress([OptOut(email, REASON.REQUEST)], "A person", now=datetime.now(UTC))


def test_ours_are_told_and_never_taken_back(
    sandbox: Sandbox, make_contact: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    push("ada@x.example", "bob@x.example", make_contact=make_contact)
    capsys.readouterr()
    suppress_now("ada@x.example")
    call_command("brevo_sync")
    assert capsys.readouterr().out == "Told Brevo of 1 opt-out.\nNothing is due.\n"
    assert {email: one.email_blacklisted for email, one in by_address(sandbox).items()} == {
        "ada@x.example": True,
        "bob@x.example": False,
    }
    lift("ada@x.example", by="ada", why="A mistake.", now=NOON)
    ada = Contact.objects.get(email="ada@x.example")
    call_command("brevo_sync", "--ids", str(ada.pk), verbosity=0)
    assert by_address(sandbox)["ada@x.example"].email_blacklisted, "lifting ours lifts nothing there"


def test_before_each_run_of_the_worker_and_with_nothing_to_push(sandbox: Sandbox, make_contact: Make) -> None:
    push("ada@x.example", make_contact=make_contact)
    suppress_now("ada@x.example")
    assert process_brevo_sync_queue() == "Told Brevo of 1 opt-out. Nothing is due."
    assert process_brevo_sync_queue() == "Nothing is due."


def test_a_push_whose_answer_was_lost(sandbox: Sandbox, make_contact: Make) -> None:
    make_contact("ada@x.example")
    sandbox.add_fault("lost_answer", email="ada@x.example", times=1)
    call_command("brevo_sync", "--queue-all-new", verbosity=0)
    assert Contact.objects.get().brevo_contact_id is None
    suppress_now("ada@x.example")
    call_command("brevo_sync", verbosity=0)
    assert by_address(sandbox)["ada@x.example"].email_blacklisted


def test_one_whose_id_is_gone_and_who_is_there_again(sandbox: Sandbox, make_contact: Make) -> None:
    push("ada@x.example", make_contact=make_contact)
    Contact.objects.update(brevo_contact_id="4711")
    suppress_now("ada@x.example")
    call_command("brevo_sync", verbosity=0)
    assert by_address(sandbox)["ada@x.example"].email_blacklisted


def test_the_sweep(sandbox: Sandbox, make_contact: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over several pages, through Brevo's own paging, windows and times."""
    names = [f"p{number}@x.example" for number in range(7)]
    push(*names, make_contact=make_contact)
    Contact.objects.all().delete()
    small = replace(SWEEPER, size=3)
    for name in ("p0@x.example", "p4@x.example", "p6@x.example"):
        change(sandbox, name, email_blacklisted=True)
    clock = FakeClock(datetime.now(UTC))
    assert sweep(small, clock=clock).sentence == "Read 7 people of Brevo, 3 newly suppressed."
    assert set(Suppression.objects.values_list("email_key", flat=True)) == {
        "p0@x.example",
        "p4@x.example",
        "p6@x.example",
    }
    # A day later: what changed since then, in real time as in ours.
    long_ago = (datetime.now(UTC) - timedelta(days=3)).timestamp()
    for name in names:
        change(sandbox, name, modified_at=long_ago)
    change(sandbox, "p1@x.example", email_blacklisted=True)
    clock.advance(days=1)
    assert sweep(small, clock=clock).sentence == "Read 1 person of Brevo, 1 newly suppressed."


def test_who_left_our_list_and_who_left_another(sandbox: Sandbox, make_contact: Make) -> None:
    push("ada@x.example", "bob@x.example", make_contact=make_contact)
    change(sandbox, "ada@x.example", list_unsubscribed=(2, 7))
    change(sandbox, "bob@x.example", list_unsubscribed=(7,))
    assert sweep_platform("brevo") == "Read 2 people of Brevo, 1 newly suppressed."
    row = Suppression.objects.get()
    assert (row.email_key, row.reason) == ("ada@x.example", REASON.UNSUBSCRIBED)
    assert row.note == "Unsubscribed from list 2 in Brevo."


def test_trouble_in_the_sweep(sandbox: Sandbox, make_contact: Make) -> None:
    push("ada@x.example", make_contact=make_contact)
    change(sandbox, "ada@x.example", email_blacklisted=True)
    for kind, words in (("401", "rejected the key (401)"), ("429", "slow down (429)"), ("500", "in trouble (500)")):
        sandbox.add_fault(kind, path="/contacts", times=1)
        assert words in sweep_platform("brevo")
        assert words in Sweep.objects.get().problem
        assert not Suppression.objects.exists()
    assert sweep_platform("brevo") == "Read 1 person of Brevo, 1 newly suppressed."
    assert Sweep.objects.get().problem == ""


def test_the_command(sandbox: Sandbox, make_contact: Make, capsys: pytest.CaptureFixture[str]) -> None:
    push("ada@x.example", make_contact=make_contact)
    change(sandbox, "ada@x.example", email_blacklisted=True)
    capsys.readouterr()
    call_command("brevo_sweep")
    assert capsys.readouterr().out == "Read 1 person of Brevo, 1 newly suppressed.\n"
    call_command("brevo_sweep", "--everything")
    assert capsys.readouterr().out == "Read 1 person of Brevo, 0 newly suppressed.\n"
    assert list(Sweep.objects.values_list("since", flat=True)) == [None, None]
    sandbox.add_fault("401", path="/contacts", times=1)
    with pytest.raises(CommandError, match="rejected the key") as stopped:
        call_command("brevo_sweep")
    assert stopped.value.returncode == 1


@pytest.mark.django_db
def test_the_command_switched_off(settings: Any) -> None:
    settings.BREVO_API_KEY = ""
    with pytest.raises(CommandError, match=r"Brevo was not swept\. Brevo is switched off"):
        call_command("brevo_sweep")


@pytest.mark.django_db
def test_opt_outs_of_others_need_no_attributes_of_the_account(settings: Any, make_contact: Make) -> None:
    """Telling asks for nothing but the contact."""
    make_contact("ada@x.example", brevo_contact_id="47")
    suppress_now("ada@x.example")
    with responses.RequestsMock() as mock:
        mock.put(f"{CONTACTS}/47", status=204)
        assert process_brevo_sync_queue() == "Told Brevo of 1 opt-out. Nothing is due."
