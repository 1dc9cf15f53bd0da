"""Operations on very many contacts: by chunks, broken off anywhere, stopped, taken over; the later word stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from curation_sdk import operations, tasks, workers
from curation_sdk.models import BulkOperation, SparedContact, SyncRun
from curation_sdk.overview import platform_state
from curation_sdk.queueing import cancel_queued, queue_contacts, skip_contacts
from curation_sdk.testing import ScriptedPusher, scripted_job

pytestmark = pytest.mark.django_db
Make = Callable[..., Contact]
Action, State = BulkOperation.Action, BulkOperation.State


@pytest.fixture(autouse=True)
def chunks_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_CHUNK", "SMALLEST", "LARGEST"):
        monkeypatch.setattr(operations, name, 2)


@pytest.fixture
def seven(make_contact: Make) -> list[Contact]:
    """Seven contacts in their order: one without an address, one suppressed, one queued already; two made at once."""
    Suppression.objects.create(email_key="p3@x.example")
    begun = timezone.now() - timedelta(hours=1)
    made = []
    for number in range(7):
        contact = make_contact(None if number == 1 else f"p{number}@x.example")
        when = begun + timedelta(seconds=min(number, 5))
        Contact.objects.filter(pk=contact.pk).update(created_at=when)
        made.append(contact)
    Contact.objects.filter(pk=made[4].pk).update(brevo_sync_status="Queued", brevo_processing_status="Queued")
    return made


def ask(action: Action = Action.QUEUE, **selection: Any) -> BulkOperation:
    return operations.request(
        BREVO,
        action,
        selection or {"filters": {}},
        trigger=SyncRun.Trigger.API,
        user=None,
        now=timezone.now(),
        reason="Skipped by ann.",
    )


def work(chunks: int | None = None, on_queued: Callable[[BulkOperation], None] = lambda operation: None) -> bool:
    """Work until it is told to stop, after so many looks."""
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        # Asked once before an operation is taken, then before each chunk.
        return chunks is not None and asked > chunks + 1

    return operations.work_off(BREVO, seconds=None, stop=stop, on_queued=on_queued)


def statuses() -> list[str]:
    return list(Contact.objects.order_by("created_at", "pk").values_list("brevo_sync_status", flat=True))


def test_everything_in_the_end_and_the_counts_add_up(seven: list[Contact]) -> None:
    operation = ask()
    assert work() is False
    operation.refresh_from_db()
    assert (operation.state, operation.queued, operation.already_queued) == ("finished", 4, 1)
    assert operation.skipped == {"without an e-mail address": 1, "suppressed": 1}
    assert operation.finished_at is not None
    assert sorted(statuses()) == ["Queued"] * 5 + ["Skipped"] * 2
    assert operations.sentence(BREVO, operation) == (
        "Queued 4 contacts for Brevo. 1 was queued already. 2 skipped: 1 without an e-mail address, 1 suppressed."
    )


def test_a_worker_that_stops_hands_it_back_and_the_next_goes_on(seven: list[Contact]) -> None:
    operation = ask()
    assert work(chunks=1) is True
    operation.refresh_from_db()
    assert (operation.state, operation.queued, operation.skipped_count) == ("waiting", 1, 1)
    assert statuses()[:3] == ["Queued", "Skipped", "New"]
    # What was dealt with is not looked at again, whatever has become of it since.
    Contact.objects.filter(pk=seven[0].pk).update(brevo_sync_status="Complete", brevo_processing_status="Complete")
    work()
    operation.refresh_from_db()
    assert (operation.state, operation.queued + operation.already_queued + operation.skipped_count) == ("finished", 7)
    assert statuses()[0] == "Complete"


def test_a_chunk_that_is_broken_off_leaves_nothing_and_is_done_again(
    seven: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = ask()
    save = BulkOperation.save

    def killed(self: BulkOperation, *args: Any, **kwargs: Any) -> None:
        save(self, *args, **kwargs)
        if self.queued:
            raise OperationalError("terminating connection")

    monkeypatch.setattr(BulkOperation, "save", killed)
    with pytest.raises(OperationalError):
        work()
    monkeypatch.setattr(BulkOperation, "save", save)
    assert statuses().count("Queued") == 1
    operation.refresh_from_db()
    assert (operation.state, operation.queued, operation.cursor_id) == ("running", 0, None)
    # Its worker is silent: nobody else touches it until it counts as lost.
    work()
    operation.refresh_from_db()
    assert operation.state == "running"
    silent = timezone.now() - operations.LOST_AFTER - timedelta(seconds=1)
    BulkOperation.objects.update(heartbeat_at=silent)
    work()
    operation.refresh_from_db()
    assert (operation.state, operation.queued) == ("finished", 4)


def test_two_workers_never_hold_the_same_one(seven: list[Contact]) -> None:
    operation = ask()
    first, second = (BulkOperation.objects.get() for _ in range(2))
    assert operations._take(first, now=timezone.now())
    assert not operations._take(second, now=timezone.now())
    later = timezone.now() + operations.LOST_AFTER + timedelta(seconds=1)
    assert operations._take(second, now=later)
    # The first was only slow. It finds out before it writes.
    assert operations._chunk(BREVO, first, Contact.objects.all(), 2, now=later) is None
    assert statuses().count("New") == 6
    assert operations._chunk(BREVO, second, Contact.objects.all(), 2, now=later) is not None
    operation.refresh_from_db()
    assert operation.token == second.token


def test_a_person_stops_it_between_two_chunks(seven: list[Contact]) -> None:
    operation = ask()
    stopped: list[bool] = []
    work(on_queued=lambda running: stopped.append(operations.cancel(running, now=timezone.now())))
    operation.refresh_from_db()
    assert (stopped, operation.state, operation.queued) == ([True], "cancelled", 1)
    assert statuses().count("New") == 4
    assert operations.cancel(operation, now=timezone.now()) is False


def test_who_comes_later_was_not_meant(seven: list[Contact], make_contact: Make) -> None:
    ask()
    make_contact("late@x.example")
    work()
    assert Contact.objects.get(email="late@x.example").brevo_sync_status == "New"


def test_a_later_skip_stands(seven: list[Contact]) -> None:
    operation = ask()
    work(chunks=1)
    skip_contacts(BREVO, Contact.objects.filter(pk__in=[seven[0].pk, seven[6].pk]), reason="No.")
    assert SparedContact.objects.count() == 2
    work()
    operation.refresh_from_db()
    for contact in (seven[0], seven[6]):
        contact.refresh_from_db()
        assert (contact.brevo_sync_status, contact.brevo_processing_error) == ("Skipped", "No.")
    assert (operation.queued, operation.spared) == (3, 1)
    assert "1 was left alone" in operations.sentence(BREVO, operation)
    assert not SparedContact.objects.exists()


@pytest.mark.parametrize("word", ["queue", "cancel"])
def test_every_later_word_stands(seven: list[Contact], word: str) -> None:
    ask(Action.SKIP if word == "queue" else Action.QUEUE)
    mine = Contact.objects.filter(pk=seven[4].pk if word == "cancel" else seven[5].pk)
    if word == "queue":
        queue_contacts(BREVO, mine, now=timezone.now())
    else:
        cancel_queued(BREVO, mine)
    work()
    assert mine.get().brevo_sync_status == ("Queued" if word == "queue" else "New")


def test_one_after_the_other_in_the_order_in_which_they_were_asked_for(seven: list[Contact]) -> None:
    ask(Action.QUEUE)
    skip = ask(Action.SKIP)
    work()
    assert set(statuses()) == {"Skipped"}
    skip.refresh_from_db()
    assert (skip.skipped, operations.sentence(BREVO, skip)) == (
        {"by hand": 7},
        "7 contacts will not be pushed to Brevo.",
    )


def test_a_skip_of_many_says_how_many_a_run_had_in_hand(seven: list[Contact]) -> None:
    mine = Contact.objects.filter(pk__in=[contact.pk for contact in seven[:2]])
    mine.update(brevo_sync_status="Processing", brevo_processing_status="Processing")
    skip = ask(Action.SKIP)
    work()
    skip.refresh_from_db()
    assert skip.skipped == {"by hand": 5, "by hand while being pushed": 2}
    assert operations.sentence(BREVO, skip) == (
        "7 contacts will not be pushed to Brevo. "
        "2 of them were being pushed at that moment and may have reached Brevo."
    )


def test_retry_takes_the_failed_only(seven: list[Contact]) -> None:
    Contact.objects.filter(pk__in=[seven[2].pk, seven[6].pk]).update(brevo_sync_status="Error")
    operation = ask(Action.RETRY)
    work()
    operation.refresh_from_db()
    assert (operation.queued, statuses().count("New")) == (2, 4)


def test_a_selection_that_makes_no_sense_any_more_fails_with_the_reason(seven: list[Contact]) -> None:
    operation = ask(filters={"no_such_field": "x"})
    work()
    operation.refresh_from_db()
    assert operation.state == "failed"
    assert "not known here" in operation.problem
    assert statuses().count("New") == 6


def test_the_list_of_the_admin_is_chosen_again_as_it_was_shown(seven: list[Contact]) -> None:
    ask(list="q=p2&brevo_sync_status__exact=New")
    work()
    assert [contact.email for contact in Contact.objects.filter(brevo_retry_count=0, brevo_sync_status="Queued")] == [
        "p4@x.example",
        "p2@x.example",
    ]


# --- the task -----------------------------------------------------------------------------------------------------


def test_the_task_does_it_and_pushes(seven: list[Contact]) -> None:
    ask()
    pusher = ScriptedPusher()
    tasks.process_queue(scripted_job(BREVO, pusher), "api")
    assert sorted(pusher.pushed) == ["p0@x.example", "p2@x.example", "p4@x.example", "p5@x.example", "p6@x.example"]


def test_a_run_begins_with_the_first_chunk_and_goes_on_when_the_time_is_up(
    seven: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_q.conf import Conf

    monkeypatch.setattr(Conf, "ORM", "default")
    ask()
    job = scripted_job(BREVO, ScriptedPusher(), budget=timedelta(seconds=10))
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr("curation_sdk.operations.time.monotonic", lambda: float(next(clock)))
    said = tasks.process_queue(job, "api")
    assert "goes on" in said
    assert [task.task["args"] for task in OrmQ.objects.all()] == [("api",), ("successor",)]
    assert BulkOperation.objects.get().state == "waiting"


def test_a_command_does_what_waits(seven: list[Contact], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from django.core.management import call_command

    monkeypatch.setattr("brevo_sync.management.commands.brevo_sync.Command.job", scripted_job(BREVO, ScriptedPusher()))
    ask()
    call_command("brevo_sync")
    assert "5 synced" in capsys.readouterr().out
    Contact.objects.update(brevo_sync_status="New", brevo_processing_status=None)
    call_command("brevo_sync", "--queue-all-new")
    assert "Queued 5 contacts for Brevo. 2 skipped: 1 without an e-mail address" in capsys.readouterr().out


# --- what people see ------------------------------------------------------------------------------------------------


def test_it_is_shown_while_it_is_under_way(seven: list[Contact]) -> None:
    operation = ask()
    work(chunks=1)
    state = platform_state(BREVO, now=timezone.now())
    text = "Queue, waiting: Queued 1 contact for Brevo. 1 skipped: 1 without an e-mail address."
    assert state["operations"] == [{"id": operation.pk, "text": text}]
    assert "No worker is running" in state["problem"]
    workers.beat(now=timezone.now())
    assert platform_state(BREVO, now=timezone.now())["problem"] == ""
    work()
    assert platform_state(BREVO, now=timezone.now())["operations"] == []


def test_a_user_who_is_deleted_leaves_his_operations(seven: list[Contact]) -> None:
    user = get_user_model().objects.create(username="ann")
    operation = ask(list="")
    BulkOperation.objects.update(requested_by=user)
    user.delete()
    work()
    operation.refresh_from_db()
    assert (operation.state, operation.queued) == ("finished", 4)
