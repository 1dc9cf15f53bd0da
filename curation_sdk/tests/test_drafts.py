"""Preview, confirm, undo: exactly the contacts that were chosen, once, and back to what they were."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.utils import timezone

from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from curation_sdk import drafts, operations, retention
from curation_sdk.forecast import Forecast
from curation_sdk.models import BulkOperation, ChosenContact
from curation_sdk.queueing import cancel_queued, queue_contacts, skip_contacts

pytestmark = pytest.mark.django_db
Make = Callable[..., Contact]
Action, State = BulkOperation.Action, BulkOperation.State

SIZES = pytest.mark.parametrize("many", [False, True], ids=["at once", "by a worker"])


@pytest.fixture(autouse=True)
def chunks_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_CHUNK", "SMALLEST", "LARGEST"):
        monkeypatch.setattr(operations, name, 2)


@pytest.fixture
def user(db: None) -> Any:
    return get_user_model().objects.create(username="ann", is_staff=True, is_superuser=True)


@pytest.fixture
def size(many: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if many:
        monkeypatch.setattr(operations, "IMMEDIATELY", 2)


@pytest.fixture
def eight(make_contact: Make) -> list[Contact]:
    """Without an address, suppressed, queued, an address that is none, failed, two rows of one person, complete."""
    Suppression.objects.create(email_key="out@x.example")
    made = [
        make_contact(None),
        make_contact("out@x.example"),
        make_contact("q@x.example", brevo_sync_status="Queued", brevo_processing_status="Queued"),
        make_contact("none"),
        make_contact("e@x.example", brevo_sync_status="Error", brevo_processing_status="Error"),
        make_contact("two@x.example"),
        make_contact("Two@x.example"),
        make_contact("c@x.example", brevo_sync_status="Complete", brevo_processing_status="Complete"),
    ]
    Contact.objects.filter(pk=made[4].pk).update(brevo_processing_error="Refused.", brevo_error_cause="Refused.")
    Contact.objects.filter(pk=made[7].pk).update(brevo_synced_at=timezone.now() - timedelta(days=1))
    return made


def make_draft(user: Any = None, action: Action = Action.QUEUE, selection: str = "") -> BulkOperation:
    contacts = BREVO.select({"list": selection}, user)
    if action == Action.RETRY:
        contacts = contacts.filter(brevo_sync_status="Error")
    draft = drafts.draft(BREVO, action, contacts, {"list": selection}, user=user, now=timezone.now())
    work()
    draft.refresh_from_db()
    assert draft.state == State.DRAFT, draft.problem
    return draft


def work(chunks: int | None = None) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return chunks is not None and asked > chunks + 1

    operations.work_off(BREVO, seconds=None, stop=stop, on_queued=lambda operation: None)


def confirm(draft: BulkOperation) -> BulkOperation:
    assert drafts.confirm(BREVO, draft, now=timezone.now())
    work()
    draft.refresh_from_db()
    return draft


def undo(operation: BulkOperation) -> BulkOperation:
    undoing = drafts.undo(BREVO, operation, user=None, now=timezone.now())
    assert undoing
    work()
    undoing.refresh_from_db()
    return undoing


def statuses() -> dict[str | None, str]:
    return dict(Contact.objects.values_list("email", "brevo_sync_status"))


# --- what is shown --------------------------------------------------------------------------------------------------


@SIZES
def test_the_numbers_add_up_and_nothing_is_changed(size: None, eight: list[Contact], user: Any) -> None:
    before = list(Contact.objects.order_by("pk").values())
    draft = make_draft(user)
    found = Forecast(**draft.forecast)
    assert (draft.chosen, found.queued, found.already_queued) == (8, 5, 1)
    assert found.skipped == {"without an e-mail address": 1, "suppressed": 1}
    assert (found.unusable, found.again, found.changed, found.people) == (1, 1, 1, 4)
    sampled = set(Contact.objects.filter(pk__in=found.samples).values_list("email", flat=True))
    assert len(sampled) == 3
    assert sampled <= {"e@x.example", "two@x.example", "Two@x.example", "c@x.example"}
    assert list(Contact.objects.order_by("pk").values()) == before


@SIZES
def test_a_retry_is_about_the_failed(size: None, eight: list[Contact], user: Any) -> None:
    draft = make_draft(user, Action.RETRY)
    assert (draft.chosen, draft.forecast["queued"]) == (1, 1)


# --- exactly the chosen ----------------------------------------------------------------------------------------------


@SIZES
def test_what_was_shown_is_what_is_done(size: None, eight: list[Contact], user: Any) -> None:
    done = confirm(make_draft(user))
    assert (done.state, done.queued, done.already_queued, done.spared) == ("finished", 5, 1, 0)
    assert done.skipped == {"without an e-mail address": 1, "suppressed": 1}
    assert sorted(statuses().values()) == ["Queued"] * 6 + ["Skipped"] * 2


@SIZES
def test_who_comes_to_match_later_is_not_touched_and_who_no_longer_matches_is(
    size: None, eight: list[Contact], make_contact: Make, user: Any
) -> None:
    Contact.objects.filter(email__in=["two@x.example", "Two@x.example", "c@x.example"]).update(email_type="FREE")
    draft = make_draft(user, selection="email_type__exact=FREE")
    assert draft.chosen == 3
    make_contact("new@x.example", email_type="FREE")
    Contact.objects.filter(email="e@x.example").update(email_type="FREE")
    Contact.objects.filter(email="c@x.example").update(email_type="SERVICE")
    Contact.objects.filter(email="two@x.example").delete()
    done = confirm(draft)
    assert (done.queued, done.already_queued, done.skipped_count, done.spared) == (2, 0, 0, 0)
    now = statuses()
    assert (now["Two@x.example"], now["c@x.example"]) == ("Queued", "Queued")
    assert (now["new@x.example"], now["e@x.example"]) == ("New", "Error")


@SIZES
@pytest.mark.parametrize("word", ["skip", "cancel", "queue"])
def test_a_word_since_the_preview_stands(size: None, eight: list[Contact], user: Any, word: str) -> None:
    draft = make_draft(user)
    mine = Contact.objects.filter(email__in=["e@x.example", "q@x.example"])
    if word == "skip":
        skip_contacts(BREVO, mine, reason="No.")
    elif word == "cancel":
        cancel_queued(BREVO, mine)
    else:
        queue_contacts(BREVO, mine, now=timezone.now())
    before = list(mine.order_by("pk").values())
    done = confirm(draft)
    assert list(mine.order_by("pk").values()) == before
    assert (done.queued, done.spared) == (4, 2)
    assert "2 were left alone" in operations.sentence(BREVO, done)


@SIZES
def test_a_word_of_another_operation_stands_too(size: None, eight: list[Contact], user: Any) -> None:
    draft = make_draft(user)
    other = confirm(make_draft(user, selection="q=two"))
    assert other.queued == 2
    done = confirm(draft)
    assert (done.queued, done.spared) == (3, 2)


def test_a_word_from_before_the_preview_does_not_hold(eight: list[Contact], user: Any) -> None:
    skip_contacts(BREVO, Contact.objects.all(), reason="No.")
    assert confirm(make_draft(user)).queued == 6


def test_a_large_operation_that_is_reached_later_does_not_undo_the_later_word(
    eight: list[Contact], user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A skip of everybody waits for a worker; meanwhile somebody queues two."""
    skip = operations.request(
        BREVO, Action.SKIP, {"list": ""}, trigger="admin", user=user, now=timezone.now(), reason="No."
    )
    draft = drafts.draft(
        BREVO,
        Action.QUEUE,
        Contact.objects.filter(email="e@x.example"),
        {"list": "", "ticked": True},
        user=user,
        now=timezone.now(),
    )
    assert drafts.confirm(BREVO, draft, now=timezone.now())
    work()
    skip.refresh_from_db()
    assert (skip.state, skip.spared) == ("finished", 1)
    assert {status for email, status in statuses().items() if email != "e@x.example"} == {"Skipped"}
    assert statuses()["e@x.example"] == "Queued"


# --- once -----------------------------------------------------------------------------------------------------------


@SIZES
def test_a_second_confirmation_does_nothing(size: None, eight: list[Contact], user: Any) -> None:
    draft = make_draft(user)
    second = BulkOperation.objects.get(pk=draft.pk)
    confirm(draft)
    Contact.objects.update(brevo_sync_status="Complete", brevo_processing_status="Complete")
    assert not drafts.confirm(BREVO, second, now=timezone.now())
    work()
    assert set(statuses().values()) == {"Complete"}


def test_a_draft_that_is_old_or_discarded_is_not_confirmed(eight: list[Contact], user: Any) -> None:
    old, unwanted = make_draft(user), make_draft(user)
    assert not drafts.confirm(BREVO, old, now=timezone.now() + timedelta(days=1, seconds=1))
    assert drafts.discard(unwanted, now=timezone.now())
    assert not drafts.confirm(BREVO, unwanted, now=timezone.now())
    assert statuses()["two@x.example"] == "New"
    assert confirm(old).queued == 5
    assert not drafts.discard(old, now=timezone.now())


def test_one_that_is_still_counted_is_not_confirmed(
    eight: list[Contact], user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "IMMEDIATELY", 2)
    draft = drafts.draft(BREVO, Action.QUEUE, Contact.objects.all(), {"list": ""}, user=user, now=timezone.now())
    work(chunks=2)
    draft.refresh_from_db()
    assert (draft.state, draft.chosen) == ("waiting", 4)
    assert not drafts.confirm(BREVO, draft, now=timezone.now())
    work()
    assert confirm(BulkOperation.objects.get()).queued == 5


@pytest.mark.parametrize("phase", ["counting", "queueing"])
def test_a_worker_that_is_killed_loses_nothing_and_does_nothing_twice(
    eight: list[Contact], user: Any, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    monkeypatch.setattr(operations, "IMMEDIATELY", 2)
    if phase == "queueing":
        draft = make_draft(user)
        assert drafts.confirm(BREVO, draft, now=timezone.now())
    else:
        draft = drafts.draft(BREVO, Action.QUEUE, Contact.objects.all(), {"list": ""}, user=user, now=timezone.now())
    save, saved = BulkOperation.save, 0

    def killed(self: BulkOperation, *args: Any, **kwargs: Any) -> None:
        nonlocal saved
        save(self, *args, **kwargs)
        saved += 1
        if saved == 2:
            raise OperationalError("terminating connection")

    monkeypatch.setattr(BulkOperation, "save", killed)
    with pytest.raises(OperationalError):
        work()
    monkeypatch.setattr(BulkOperation, "save", save)
    BulkOperation.objects.update(heartbeat_at=timezone.now() - operations.LOST_AFTER - timedelta(seconds=1))
    work()
    draft.refresh_from_db()
    if phase == "counting":
        assert (draft.state, draft.chosen, ChosenContact.objects.count()) == ("draft", 8, 8)
        draft = confirm(draft)
    assert (draft.state, draft.queued, draft.already_queued, draft.skipped_count) == ("finished", 5, 1, 2)


def test_a_preview_without_a_worker_is_counted_by_whoever_asks(
    eight: list[Contact], user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "IMMEDIATELY", 2)
    waits = operations.request(BREVO, Action.SKIP, {"list": ""}, trigger="admin", user=user, now=timezone.now())
    draft = drafts.draft(BREVO, Action.QUEUE, Contact.objects.all(), {"list": ""}, user=user, now=timezone.now())
    operations.do_now(BREVO, draft, seconds=0)
    assert (draft.state, draft.chosen) == ("waiting", 0)
    operations.do_now(BREVO, draft, seconds=60)
    assert (draft.state, draft.chosen) == ("draft", 8)
    waits.refresh_from_db()
    assert waits.state == "waiting"


# --- undo -----------------------------------------------------------------------------------------------------------


@SIZES
def test_undo_brings_back_what_they_were(size: None, eight: list[Contact], user: Any) -> None:
    columns = ("email", "brevo_sync_status", "brevo_processing_status", "brevo_processing_error", "brevo_synced_at")
    columns = (*columns, "brevo_error_cause")
    went = ("none", "e@x.example", "two@x.example", "Two@x.example", "c@x.example", "q@x.example")
    before = set(Contact.objects.filter(email__in=went).values_list(*columns))
    undoing = undo(confirm(make_draft(user)))
    assert (undoing.state, undoing.undone, undoing.too_late, undoing.spared) == ("finished", 5, 0, 0)
    assert set(Contact.objects.filter(email__in=went).values_list(*columns)) == before
    assert operations.sentence(BREVO, undoing) == "Took 5 contacts out of the queue for Brevo again."


@SIZES
def test_undo_says_who_was_too_late_and_leaves_later_words_alone(
    size: None, eight: list[Contact], make_contact: Make, user: Any
) -> None:
    operation = confirm(make_draft(user))
    # Pushed, under way, deleted, and pushed and then queued anew.
    Contact.objects.filter(email="e@x.example").update(
        brevo_sync_status="Complete", brevo_processing_status="Complete"
    )
    Contact.objects.filter(email="none").update(brevo_sync_status="Processing", brevo_processing_status="Processing")
    Contact.objects.filter(email="two@x.example").delete()
    again = Contact.objects.filter(email="c@x.example")
    again.update(brevo_sync_status="Complete", brevo_processing_status="Complete")
    later = confirm(make_draft(user, selection="q=c@x.example"))
    undoing = undo(operation)
    assert (later.queued, undoing.undone, undoing.too_late, undoing.spared) == (1, 1, 2, 1)
    assert statuses()["c@x.example"] == "Queued"
    assert statuses()["q@x.example"] == "Queued"  # queued before, by somebody else
    assert statuses()["Two@x.example"] == "New"
    assert statuses()["none"] == "Processing"
    assert operations.sentence(BREVO, undoing) == (
        "Took 1 contact out of the queue for Brevo again. 2 were too late: a run has or had them in hand. "
        "1 was left alone: somebody decided about them meanwhile."
    )
    assert undo(later).undone == 1
    assert statuses()["c@x.example"] == "Complete"


@SIZES
def test_undo_is_done_once(size: None, eight: list[Contact], user: Any) -> None:
    operation = confirm(make_draft(user))
    assert drafts.undo_fault(operation, now=timezone.now()) == ""
    assert drafts.undo(BREVO, operation, user=user, now=timezone.now())
    assert drafts.undo(BREVO, operation, user=user, now=timezone.now()) is None
    work()
    fresh = BulkOperation.objects.get(pk=operation.pk)
    assert "undone already" in drafts.undo_fault(fresh, now=timezone.now())
    assert BulkOperation.objects.filter(action=Action.UNDO).count() == 1


def test_undo_of_one_that_is_under_way_stops_it(
    eight: list[Contact], user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "IMMEDIATELY", 2)
    operation = make_draft(user)
    before = statuses()
    assert drafts.confirm(BREVO, operation, now=timezone.now())
    work(chunks=3)
    assert statuses() != before
    undo(operation)
    operation.refresh_from_db()
    assert operation.state == "cancelled"
    assert {email: status for email, status in statuses().items() if status != "Skipped"} == {
        email: status for email, status in before.items() if email not in (None, "out@x.example")
    }


def test_an_undo_that_was_stopped_is_gone_on_with(
    eight: list[Contact], user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "IMMEDIATELY", 2)
    operation = confirm(make_draft(user))
    stopped = drafts.undo(BREVO, operation, user=user, now=timezone.now())
    assert stopped
    work(chunks=2)
    assert operations.cancel(stopped, now=timezone.now())
    stopped.refresh_from_db()
    rest = undo(BulkOperation.objects.get(pk=operation.pk))
    assert 0 < stopped.undone < 5
    assert (stopped.undone + rest.undone, rest.too_late, rest.spared) == (5, 0, 0)


def test_undo_keeps_nobody_from_a_skip_that_waits(eight: list[Contact], user: Any) -> None:
    operation = confirm(make_draft(user, selection="q=two"))
    now = timezone.now()
    skip = operations.request(BREVO, Action.SKIP, {"list": ""}, trigger="admin", user=user, now=now, reason="No.")
    assert drafts.undo(BREVO, operation, user=user, now=timezone.now())
    work()
    skip.refresh_from_db()
    assert (skip.state, skip.spared) == ("finished", 0)
    assert set(statuses().values()) == {"Skipped"}


def test_what_cannot_be_undone(eight: list[Contact], user: Any) -> None:
    now = timezone.now()
    nobody = confirm(make_draft(user, selection="q=out@x.example"))
    assert "queued nobody" in drafts.undo_fault(nobody, now=now)
    old = confirm(make_draft(user))
    assert "older than 7 days" in drafts.undo_fault(old, now=now + timedelta(days=8))
    skip = operations.request(BREVO, Action.SKIP, {"list": ""}, trigger="admin", user=user, now=now)
    assert "cannot be undone" in drafts.undo_fault(skip, now=now)
    assert "cannot be undone" in drafts.undo_fault(undo(old), now=now)


# --- what is kept --------------------------------------------------------------------------------------------------


def test_drafts_go_after_a_day_and_whom_an_operation_queued_after_a_week(eight: list[Contact], user: Any) -> None:
    done, draft, kept = confirm(make_draft(user)), make_draft(user), make_draft(user)
    day = timedelta(days=1, minutes=1)
    BulkOperation.objects.filter(pk=draft.pk).update(requested_at=timezone.now() - day)
    assert retention.prune_drafts() == "Deleted 1 preview that nobody confirmed."
    assert set(BulkOperation.objects.values_list("pk", flat=True)) == {done.pk, kept.pk}
    assert ChosenContact.objects.count() == 16
    BulkOperation.objects.filter(pk=done.pk).update(requested_at=timezone.now() - 7 * day)
    retention.prune_drafts()
    assert BulkOperation.objects.filter(pk=done.pk).exists()
    assert ChosenContact.objects.filter(operation=kept).count() == ChosenContact.objects.count() == 8


def test_an_undo_under_way_keeps_whom_it_is_about(
    eight: list[Contact], user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "IMMEDIATELY", 2)
    operation = confirm(make_draft(user))
    undoing = drafts.undo(BREVO, operation, user=user, now=timezone.now())
    assert undoing
    week = timedelta(days=7, minutes=1)
    BulkOperation.objects.filter(pk=operation.pk).update(requested_at=timezone.now() - week)
    retention.prune_drafts()
    work()
    undoing.refresh_from_db()
    assert undoing.undone == 5


def test_a_handful_of_statements_whatever_the_number(
    make_contact: Make, user: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        make_contact(f"p{number}@x.example")
    with django_assert_max_num_queries(16):  # PostgreSQL: a lock besides
        draft = make_draft(user)
    with django_assert_max_num_queries(25):
        operation = confirm(draft)
    with django_assert_max_num_queries(25):
        assert undo(operation).undone == 30
