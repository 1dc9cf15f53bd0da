"""What Brevo holds is read back over HTTP and compared with what is Complete here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from brevo_sync import comparing
from brevo_sync.comparing import COMPARISON
from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from contacts.suppression import OptOut, in_force, lift, suppress, suppress_erased
from curation_sdk import platform_settings
from curation_sdk.models import PlatformSettings, QueuePause, SyncRun
from reconciliation import beginning, engine
from reconciliation.models import HeldContact, Reconciliation
from reconciliation.tests.support import begin, compare, found
from sandbox.server import Sandbox

pytestmark = pytest.mark.django_db

Push = Callable[..., list[Contact]]
ADA, EVE, BOB = "ada@acme.example", "eve@acme.example", "bob@acme.example"


def change(sandbox: Sandbox, address: str, **columns: Any) -> None:
    """Somebody changes a contact in Brevo."""
    store = sandbox.brevo.account.store
    with sandbox.lock:
        store.put(replace(sandbox.brevo.contacts[address], modified_at=store.now(), **columns))


def attributes(sandbox: Sandbox, address: str, **values: Any) -> None:
    change(sandbox, address, attributes={**sandbox.brevo.contacts[address].attributes, **values})


def delete(sandbox: Sandbox, address: str) -> None:
    with sandbox.lock:
        sandbox.brevo.account.store.delete(sandbox.brevo.contacts[address])


def test_nothing_differs_in_what_was_just_pushed(pushed: Push) -> None:
    pushed(BREVO, ADA, EVE, phone_number="(212) 555-0123", source_url="https://acme.example/team", has_gmail=True)
    current = compare(COMPARISON)
    assert found(current) == {}
    assert (current.here, current.there, current.read) == (2, 2, 2)


def test_who_was_deleted_there_is_missing(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA, EVE)
    delete(sandbox, ADA)
    current = compare(COMPARISON)
    assert found(current) == {ADA: "missing"}
    assert (current.here, current.there, current.counts["missing"]) == (2, 1, 1)


def test_who_was_taken_from_the_list_is_not_on_it(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA, EVE)
    change(sandbox, ADA, list_ids=())
    current = compare(COMPARISON)
    assert found(current) == {ADA: "off_list"}
    assert not Suppression.objects.exists()


def test_who_unsubscribed_from_the_list_is_suppressed_and_never_offered_again(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA, EVE)
    sandbox.brevo.leave_list(ADA, 2)
    current = compare(COMPARISON)
    assert found(current) == {ADA: "blocked"}
    [row] = Suppression.objects.all()
    assert (row.email_key, row.reason, row.source) == (ADA, "unsubscribed", "Brevo")
    assert row.note == "Unsubscribed from list 2 in Brevo."


def test_who_left_another_list_is_not(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA)
    sandbox.brevo.leave_list(ADA, 77)
    assert found(compare(COMPARISON)) == {}
    assert not Suppression.objects.exists()


def test_who_is_blocked_there_is_suppressed_whether_we_know_him_or_not(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA)
    change(sandbox, ADA, email_blacklisted=True)
    stranger(sandbox, "mallory@other.example", email_blacklisted=True)
    current = compare(COMPARISON)
    assert found(current) == {ADA: "blocked"}
    assert set(Suppression.objects.values_list("email_key", "reason", "source")) == {
        (ADA, "blocked", "Brevo"),
        ("mallory@other.example", "blocked", "Brevo"),
    }
    assert current.suppressed == 2


def stranger(sandbox: Sandbox, address: str, list_ids: tuple[int, ...] = (2,), **columns: Any) -> None:
    """Somebody whom another program has put there."""
    store = sandbox.brevo.account.store
    with sandbox.lock:
        made = replace(
            sandbox.brevo.contacts[ADA],
            id=store.next_id(),
            email=address,
            attributes={},
            list_ids=list_ids,
            email_blacklisted=False,
        )
        store.put(replace(made, **columns))


def test_what_was_changed_there_is_named(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA, EVE)
    attributes(sandbox, ADA, FIRSTNAME="Augusta", EMAIL_TYPE="FREE", COMPANY="Of theirs, which we do not send")
    current = compare(COMPARISON)
    assert found(current) == {ADA: "changed"}
    assert HeldContact.objects.get(email_key=ADA).details == "FIRSTNAME, EMAIL_TYPE"


def test_another_address_there_is_a_change_and_not_somebody_unknown(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA)
    change(sandbox, ADA, email="augusta@acme.example")
    current = compare(COMPARISON)
    assert found(current) == {ADA: "changed"}
    assert HeldContact.objects.get(email_key=ADA).details == "e-mail"


def test_a_block_of_the_contact_under_another_address_counts_for_both(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA)
    change(sandbox, ADA, email="augusta@acme.example", email_blacklisted=True)
    assert found(compare(COMPARISON)) == {ADA: "blocked"}
    assert set(Suppression.objects.values_list("email_key", flat=True)) == {ADA, "augusta@acme.example"}


def test_what_brevo_makes_of_a_value_by_itself_is_no_change(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, "Ada@Acme.Example", name=" Ada   Lovelace", phone_number="+1 212 555 0123")
    attributes(sandbox, ADA, PHONE="12125550123")
    assert found(compare(COMPARISON)) == {}


def test_a_phone_that_brevo_would_not_take_is_no_change(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA, EVE, phone_number="+1 212 555 0123")  # one number for two: the second goes without SMS
    assert found(compare(COMPARISON)) == {}


def test_attributes_that_the_account_drops_are_no_change(pushed: Push, sandbox: Sandbox) -> None:
    with sandbox.lock:
        del sandbox.brevo.account.store.attributes["EMAIL_TYPE"]
    pushed(BREVO, ADA)
    assert found(compare(COMPARISON)) == {}


def test_what_changed_here_since_the_push_is_not_put_down_to_brevo(pushed: Push) -> None:
    [ada] = pushed(BREVO, ADA)
    ada.name = "Augusta King"
    ada.save(update_fields=["name", "updated_at"])
    assert found(compare(COMPARISON)) == {ADA: "newer"}


def test_rows_of_one_person_are_one_whichever_was_pushed_last(pushed: Push) -> None:
    pushed(BREVO, ADA, name="Ada Lovelace")
    pushed(BREVO, f" {ADA.upper()}", name="Augusta King")
    older = Contact.objects.get(email=ADA)
    Contact.objects.filter(pk=older.pk).update(updated_at=older.updated_at - timedelta(days=1))
    current = compare(COMPARISON)
    assert found(current) == {}
    assert (current.here, current.there) == (1, 1)


def test_who_is_on_the_list_and_in_no_row_of_ours_is_unknown(
    pushed: Push, sandbox: Sandbox, make_contact: Any
) -> None:
    pushed(BREVO, ADA)
    stranger(sandbox, EVE)
    stranger(sandbox, "elsewhere@other.example", list_ids=())
    stranger(sandbox, BOB)
    make_contact(BOB)  # known to us, never pushed
    current = compare(COMPARISON)
    assert found(current) == {EVE: "unknown"}
    assert (current.here, current.there) == (1, 3)


def test_a_suppressed_address_is_not_brought_back_as_unknown(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA)
    stranger(sandbox, EVE)
    suppress([OptOut(EVE, Suppression.Reason.REQUEST)], "A person", now=timezone.now())
    assert found(compare(COMPARISON)) == {}


def test_without_a_list_nobody_is_off_it_or_unknown(pushed: Push, sandbox: Sandbox, settings: Any) -> None:
    settings.BREVO_LIST_ID = ""
    pushed(BREVO, ADA)
    stranger(sandbox, EVE)
    current = compare(COMPARISON)
    assert found(current) == {}
    assert current.there == 2
    assert current.against.startswith("Brevo at http")


def test_who_is_on_his_way_or_was_pushed_since_the_start_is_no_finding(pushed: Push, sandbox: Sandbox) -> None:
    [ada, eve, _] = pushed(BREVO, ADA, EVE, BOB)
    for address in (ADA, EVE, BOB):
        delete(sandbox, address)
    Contact.objects.filter(pk=ada.pk).update(brevo_sync_status="Queued", brevo_processing_status="Queued")
    Contact.objects.filter(pk=eve.pk).update(brevo_synced_at=timezone.now() + timedelta(hours=1))
    assert found(compare(COMPARISON)) == {BOB: "missing"}


def test_a_block_that_a_person_lifted_here_since_its_last_change_there_stays_lifted(
    pushed: Push, sandbox: Sandbox
) -> None:
    pushed(BREVO, ADA)
    change(sandbox, ADA, email_blacklisted=True)
    compare(COMPARISON)
    lift(ADA, by="eve", why="She wrote to us.", now=timezone.now())
    assert found(compare(COMPARISON)) == {ADA: "blocked"}
    assert not in_force().exists()
    change(sandbox, ADA, sms_blacklisted=True)  # whatever it is, it is younger than the lift
    compare(COMPARISON)
    assert in_force().count() == 1


def test_lifting_what_another_told_us_lifts_nothing_of_brevo_s(pushed: Push, sandbox: Sandbox) -> None:
    """Whoever lifted it had not seen that Brevo, too, holds something against her."""
    pushed(BREVO, ADA)
    change(sandbox, ADA, email_blacklisted=True)
    suppress([OptOut(ADA, Suppression.Reason.HARD_BOUNCE)], "Mautic", now=timezone.now())
    lift(ADA, by="eve", why="The mailbox is there again.", now=timezone.now() + timedelta(seconds=5))
    compare(COMPARISON)
    assert list(in_force().values_list("reason", "source")) == [("blocked", "Brevo")]


def test_what_brevo_told_us_before_stays_as_it_is(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA)
    told = OptOut(ADA, Suppression.Reason.COMPLAINT, "By a webhook.")
    suppress([told], "Brevo", now=timezone.now())
    change(sandbox, ADA, email_blacklisted=True)
    assert compare(COMPARISON).suppressed == 0
    assert [row.reason for row in Suppression.objects.all()] == ["complaint"]


def test_an_erased_person_comes_back_by_nothing(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA)
    stranger(sandbox, EVE, email_blacklisted=True)
    stranger(sandbox, BOB)
    for address in (EVE, BOB):
        suppress_erased(address, "A person", now=timezone.now())
    assert found(compare(COMPARISON)) == {}
    assert not Suppression.objects.filter(email_key__gt="").exists()


# --- reading ---------------------------------------------------------------------------------------------------


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two contacts on a page."""
    monkeypatch.setattr(comparing, "MOST_ON_A_PAGE", 2)


def addresses(count: int) -> list[str]:
    return [f"p{number}@acme.example" for number in range(count)]


def pages_read(sandbox: Sandbox) -> list[str]:
    return [one.query_string for one in sandbox.brevo.requests if (one.method, one.path) == ("GET", "/contacts")]


def test_a_contact_that_slips_from_one_page_to_the_next_is_not_called_missing(
    pushed: Push, sandbox: Sandbox, small_pages: None
) -> None:
    pushed(BREVO, *addresses(5))
    oldest, _, third, *_ = sorted(sandbox.brevo.contacts.values(), key=lambda one: one.id)
    steps = iter([None, oldest.email])  # deleted before the second page is read

    def between() -> bool:
        if address := next(steps, None):
            delete(sandbox, address)
        return False

    current = compare(COMPARISON, stop=between)
    assert current.counts == {"same": 5}  # the oldest was there when it was read
    assert current.there == 5
    assert [one.path for one in sandbox.brevo.requests][-1] == f"/contacts/{third.id}"  # who slipped was asked for


def test_it_goes_on_where_it_was_killed(pushed: Push, sandbox: Sandbox, small_pages: None) -> None:
    pushed(BREVO, *addresses(7))
    delete(sandbox, "p6@acme.example")
    current = begin(COMPARISON)

    class Killed(BaseException):
        pass

    turns = iter(range(2))

    def killed() -> bool:
        if next(turns, None) is None:
            raise Killed
        return False

    with pytest.raises(Killed):
        engine.work(COMPARISON, current, seconds=None, stop=killed)
    current.refresh_from_db()
    assert (current.state, current.read, current.cursor) == ("running", 4, {"stage": "reading", "at": {"offset": 4}})
    before = len(pages_read(sandbox))
    # Whoever comes at once finds it in the other's hands; once that one is silent for long, it is his.
    assert engine.work(COMPARISON, current, seconds=None).said == "A worker is at the comparison."
    Reconciliation.objects.update(heartbeat_at=timezone.now() - beginning.LOST_AFTER * 2)
    report = engine.work(COMPARISON, current, seconds=None)
    current.refresh_from_db()
    assert report.finished
    assert (current.read, current.there, current.counts) == (6, 6, {"same": 6, "missing": 1})
    assert len(pages_read(sandbox)) - before == 2


def test_a_worker_that_lost_it_writes_nothing_any_more(pushed: Push, sandbox: Sandbox, small_pages: None) -> None:
    pushed(BREVO, *addresses(5))
    current = begin(COMPARISON)
    turns = iter([False, True])

    def taken_over() -> bool:
        if next(turns, False):
            Reconciliation.objects.update(token=None)
        return False

    report = engine.work(COMPARISON, current, seconds=None, stop=taken_over)
    assert report.said == "Another worker has taken the comparison over."
    current.refresh_from_db()
    assert (current.state, current.read) == ("running", 2)


def test_of_two_that_begin_at_once_there_is_one(db: None, sandbox: Sandbox) -> None:
    first = begin(COMPARISON)
    assert begin(COMPARISON) == first
    assert Reconciliation.objects.count() == 1
    assert beginning.take(first, now=timezone.now())
    assert not beginning.take(Reconciliation.objects.get(), now=timezone.now())


def test_who_loses_the_race_to_begin_gets_the_other_s(
    db: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = begin(COMPARISON)
    monkeypatch.setattr(beginning, "under_way", lambda job: None)
    now = timezone.now()
    again, begun = beginning.begin(COMPARISON, trigger=Reconciliation.Trigger.HAND, by="eve", now=now)
    assert (again, begun) == (first, False)


def test_an_address_that_nobody_can_ask_for_is_not_called_missing(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA, EVE)
    Contact.objects.update(brevo_contact_id=None)
    for address in (ADA, EVE):
        delete(sandbox, address)
    sandbox.add_fault("403_html", path="/contacts/ada", times=1)
    current = compare(COMPARISON)
    assert found(current) == {EVE: "missing"}
    assert current.here == 1


def test_another_list_chosen_meanwhile_makes_it_begin_anew(pushed: Push, sandbox: Sandbox, small_pages: None) -> None:
    pushed(BREVO, *addresses(3))
    current = begin(COMPARISON)
    turns = iter([False, True])
    engine.work(COMPARISON, current, seconds=None, stop=lambda: next(turns))
    PlatformSettings.objects.create(platform="brevo", values={"BREVO_LIST_ID": "3"})
    platform_settings.forget()
    engine.work(COMPARISON, current, seconds=None)
    current.refresh_from_db()
    assert (current.read, current.there, current.counts) == (3, 0, {"off_list": 3})
    assert current.against.startswith("list 3 in Brevo at ")


# --- trouble ---------------------------------------------------------------------------------------------------


def test_a_wrong_key_stops_it_and_a_good_one_lets_it_go_on(pushed: Push, settings: Any, small_pages: None) -> None:
    pushed(BREVO, *addresses(5))
    current = begin(COMPARISON)
    turns = iter([False, True])
    engine.work(COMPARISON, current, seconds=None, stop=lambda: next(turns))
    good, settings.BREVO_API_KEY = settings.BREVO_API_KEY, "xkeysib-wrong"
    report = engine.work(COMPARISON, current, seconds=None)
    current.refresh_from_db()
    assert (current.state, current.read) == ("stopped", 2)
    assert current.problem.startswith("Brevo rejected the key (401)")
    assert current.problem in report.said
    settings.BREVO_API_KEY = good
    again = begin(COMPARISON)
    assert again == current
    assert engine.work(COMPARISON, again, seconds=None).finished
    again.refresh_from_db()
    assert (again.read, again.problem, again.counts) == (5, "", {"same": 5})


TROUBLE = ["429", "500", "502_html", "403_html", "garbage_200", "empty_200", "truncated_json", "reset"]


@pytest.mark.parametrize("kind", TROUBLE)
def test_trouble_is_shown_and_passes(pushed: Push, sandbox: Sandbox, kind: str) -> None:
    pushed(BREVO, ADA)
    sandbox.add_fault(kind, times=1, path="/contacts", reset_after=120)
    current = begin(COMPARISON)
    report = engine.work(COMPARISON, current, seconds=None)
    current.refresh_from_db()
    assert not report.finished
    assert current.state == "running"
    assert "Brevo" in current.problem
    assert current.resume_at is not None
    assert current.resume_at > timezone.now()
    assert engine.work(COMPARISON, current, seconds=None).said.startswith(current.problem)
    Reconciliation.objects.update(resume_at=timezone.now())
    assert engine.work(COMPARISON, current, seconds=None).finished
    current.refresh_from_db()
    assert (current.problem, current.failures, current.counts) == ("", 0, {"same": 1})


def test_trouble_without_end_calls_for_a_person(pushed: Push, sandbox: Sandbox) -> None:
    pushed(BREVO, ADA)
    sandbox.add_fault("500", path="/contacts")
    current = begin(COMPARISON)
    for _ in range(engine.MOST_FAILURES):
        Reconciliation.objects.update(resume_at=None)
        engine.work(COMPARISON, current, seconds=None)
    sandbox.clear_faults()
    current.refresh_from_db()
    assert current.state == "stopped"
    assert "Brevo is in trouble (500)" in current.problem


@pytest.mark.parametrize("why", ["off", "paused", "waiting", "running"])
def test_the_platform_is_left_alone(pushed: Push, sandbox: Sandbox, settings: Any, why: str) -> None:
    pushed(BREVO, ADA)
    current, now = begin(COMPARISON), timezone.now()
    before = len(sandbox.brevo.requests)
    run = {"platform": "brevo", "trigger": "schedule", "slot": 1, "started_at": now, "heartbeat_at": now}
    if why == "off":
        settings.BREVO_API_KEY = ""
    elif why == "paused":
        QueuePause.objects.create(platform="brevo", paused_by="eve", paused_at=now)
    elif why == "waiting":
        later = now + timedelta(minutes=5)
        SyncRun.objects.create(**run, state="finished", finished_at=now, resume_at=later)
    else:
        SyncRun.objects.create(**run)
    report = engine.work(COMPARISON, current, seconds=None)
    assert not report.finished
    assert not report.more
    assert len(sandbox.brevo.requests) == before
    said = {"off": "switched off", "paused": "Paused by eve", "waiting": "asked us to wait", "running": "run is under"}
    assert said[why] in report.said
