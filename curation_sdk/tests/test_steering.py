"""What people say about a queue's runs: a pause and a cancel reach every way in which a run begins or goes on."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from brevo_sync.job import BREVO
from contacts.models import Contact
from curation_sdk import operations, recovery, runs, steering, tasks, workers
from curation_sdk.handed_over import hand_over
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, QueuePause, SyncRun
from curation_sdk.outcomes import Outcome, Synced
from curation_sdk.overview import platform_state
from curation_sdk.queueing import queue_contacts
from curation_sdk.recovery import OVERDUE, Recovery
from curation_sdk.testing import FakeClock, ScriptedPusher, run, scripted_job

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
TRIGGERS = list(SyncRun.Trigger)


def queue_all(number: int = 1) -> None:
    Contact.objects.bulk_create(Contact(email=f"p{place}@acme.example") for place in range(number))
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now() - timedelta(seconds=1))


def pause(by: str = "ada", reason: str = "") -> None:
    steering.pause(BREVO, by=by, reason=reason, now=timezone.now())


def statuses() -> Counter[str]:
    return Counter(Contact.objects.values_list("brevo_sync_status", "brevo_processing_status"))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The triggers of the runs that were put into the task queue."""
    found: list[str] = []

    def enqueue(job: SyncJob, trigger: SyncRun.Trigger) -> None:
        found.append(trigger.value)

    monkeypatch.setattr(recovery, "enqueue", enqueue)
    monkeypatch.setattr(tasks, "enqueue", enqueue)
    return found


# --- the pause: nobody begins ---------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_no_trigger_begins_a_run_while_the_queue_is_paused(trigger: SyncRun.Trigger, started: list[str]) -> None:
    queue_all(50)
    pause()
    pusher = ScriptedPusher()
    job = scripted_job(BREVO, pusher, max_instances=3)
    assert tasks.process_queue(job, trigger).startswith("Paused by ada since ")
    assert (pusher.preparations, pusher.pushed, started, SyncRun.objects.count()) == (0, [], [], 0)
    steering.resume(BREVO)
    tasks.process_queue(job, trigger)
    assert len(pusher.pushed) == 50


def test_contacts_can_be_queued_while_it_is_paused_also_many_in_the_background(started: list[str]) -> None:
    pause()
    Contact.objects.bulk_create(Contact(email=f"p{place}@acme.example") for place in range(20))
    asked = {"trigger": SyncRun.Trigger.ADMIN, "user": None, "now": timezone.now()}
    operation = operations.request(BREVO, BulkOperation.Action.QUEUE, {"filters": {}}, **asked)  # type: ignore[arg-type]
    pusher = ScriptedPusher()
    tasks.process_queue(scripted_job(BREVO, pusher), "admin")
    operation.refresh_from_db()
    assert (operation.state, operation.queued, pusher.pushed) == ("finished", 20, [])
    assert statuses() == {("Queued", "Queued"): 20}


def test_recovery_leaves_a_paused_queue_alone_but_for_operations(clock: FakeClock, started: list[str]) -> None:
    queue_contacts(
        BREVO, Contact.objects.filter(pk=Contact.objects.create(email="a@acme.example").pk), now=clock.now()
    )
    steering.pause(BREVO, by="ada", reason="", now=clock.now())
    watch = Recovery(clock)
    watch.start()
    for _ in range(3):
        clock.advance(seconds=OVERDUE * 4)
        watch.look()
    assert started == []
    asked = {"trigger": SyncRun.Trigger.ADMIN, "user": None, "now": clock.now()}
    operations.request(BREVO, BulkOperation.Action.QUEUE, {"filters": {}}, **asked)  # type: ignore[arg-type]
    watch.look()
    assert started == ["recovery"]


def test_a_paused_queue_hands_nobody_over(clock: FakeClock) -> None:
    queue_contacts(
        BREVO, Contact.objects.filter(pk=Contact.objects.create(email="a@acme.example").pk), now=clock.now()
    )
    asked: dict[str, Any] = {"now": clock.now(), "size": 10, "lease": timedelta(minutes=5), "refuse": lambda row: None}
    steering.pause(BREVO, by="ada", reason="", now=clock.now())
    assert hand_over(BREVO, **asked) == []
    assert statuses() == {("Queued", "Queued"): 1}
    steering.resume(BREVO)
    assert len(hand_over(BREVO, **asked)) == 1


def test_the_command_says_that_it_is_paused_and_can_be_told_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from brevo_sync.management.commands.brevo_sync import Command

    queue_all(3)
    pause(reason="the list is being changed.")
    pusher = ScriptedPusher()
    monkeypatch.setattr(Command, "job", scripted_job(BREVO, pusher))
    with pytest.raises(CommandError) as stopped:
        call_command("brevo_sync")
    assert stopped.value.returncode == 1
    said = str(stopped.value)
    assert said.startswith("Paused by ada since ")
    assert said.endswith(" UTC: the list is being changed. Nothing was pushed; --even-if-paused pushes all the same.")
    assert (pusher.pushed, SyncRun.objects.count()) == ([], 0)
    call_command("brevo_sync", "--even-if-paused")
    assert len(pusher.pushed) == 3
    assert QueuePause.objects.exists()


# --- the pause and the cancel: a run under way ends ---------------------------------------------------------------


def meddle(at: int, happens: Callable[[], Any], clock: FakeClock) -> Callable[[Any], Outcome]:
    """Pushes that take half a second each; at the so-manieth something happens. For one thread."""
    count = iter(range(1, 10_000))

    def push(contact: Any) -> Outcome:
        clock.advance(seconds=0.5)
        if next(count) == at:
            happens()
        return Synced(f"id-{contact.email}")

    return push


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lambda: pause(), "Paused by ada."),
        (lambda: steering.cancel_runs(BREVO, by="bob"), "Cancelled by bob."),
    ],
)
def test_a_run_under_way_ends_within_seconds_and_gives_back_the_rest(
    happens: Callable[[], Any], reason: str, clock: FakeClock
) -> None:
    emails = [f"p{place}@acme.example" for place in range(60)]
    Contact.objects.bulk_create(Contact(email=email) for email in emails)
    queue_contacts(BREVO, Contact.objects.all(), now=clock.now())

    told = threading.Event()
    pusher = ScriptedPusher()
    pushed = meddle(10, told.set, clock)
    pusher.script = {email: [pushed] for email in emails}
    seen: list[float] = []

    def stop() -> bool:
        # Called in the run's own thread, in each turn of its loop.
        if told.is_set() and not seen:
            happens()
            seen.append(clock.monotonic())
        return False

    report = run(scripted_job(BREVO, pusher, batch_size=20), clock, stop=stop)
    assert (report.reason, report.held, report.work_left, report.stopped) == (reason, True, False, False)
    assert clock.monotonic() - seen[0] < 5
    done = len(pusher.pushed)
    assert 10 <= done < 25
    # What was on the wire has its answer, nobody is left in hand, and no try is counted.
    assert statuses() == {("Complete", "Complete"): done, ("Queued", "Queued"): 60 - done}
    assert set(Contact.objects.filter(brevo_sync_status="Queued").values_list("brevo_retry_count", flat=True)) == {0}
    row = SyncRun.objects.get()
    assert (row.state, row.reason, row.synced) == ("finished", reason, done)


def test_a_push_that_hangs_does_not_hold_up_a_pause(clock: FakeClock) -> None:
    queue_all(3)
    pushing, ended = threading.Event(), threading.Event()

    def hang(contact: Any) -> Outcome:
        pushing.set()
        for _ in range(200):
            if ended.wait(0.02):
                break
            clock.advance(seconds=0.5)
        return Synced("1")

    def stop() -> bool:
        # Called in the run's own thread, in each turn of its loop.
        if pushing.is_set() and not QueuePause.objects.exists():
            pause()
        return False

    pusher = ScriptedPusher({f"p{place}@acme.example": [hang] for place in range(3)})
    begun = clock.monotonic()
    report = run(scripted_job(BREVO, pusher), clock, stop=stop)
    took = clock.monotonic() - begun
    ended.set()
    assert (report.reason, len(pusher.pushed)) == ("Paused by ada.", 1)
    assert took < 20
    # Its lease holds; when that passes the contact is due again.
    assert statuses() == {("Processing", "Processing"): 1, ("Queued", "Queued"): 2}


def test_a_run_that_is_wanted_although_the_queue_is_paused_goes_on_and_can_be_cancelled(clock: FakeClock) -> None:
    queue_all(30)
    pause()
    pusher = ScriptedPusher()
    pushed = meddle(10**6, lambda: None, clock)
    pusher.script = {f"p{place}@acme.example": [pushed] for place in range(30)}

    def stop() -> bool:
        if len(pusher.pushed) == 20:
            steering.cancel_runs(BREVO, by="bob")
        return False

    report = run(scripted_job(BREVO, pusher), clock, stop=stop, even_if_paused=True)
    assert report.reason == "Cancelled by bob."
    assert 20 <= report.counts["synced"] < 30


def test_a_cancelled_command_says_so_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    from brevo_sync.management.commands.brevo_sync import Command
    from curation_sdk import commands
    from curation_sdk.report import CycleReport

    queue_all()
    monkeypatch.setattr(Command, "job", scripted_job(BREVO, ScriptedPusher()))
    ended = CycleReport(SyncRun.State.FINISHED, Counter(synced=4), reason="Cancelled by ada.", held=True)
    monkeypatch.setattr(commands, "run_cycle", lambda *args, **kwargs: ended)
    with pytest.raises(CommandError, match=r"4 synced\. Cancelled by ada\.") as stopped:
        call_command("brevo_sync")
    assert stopped.value.returncode == 1


# --- after a cancel -------------------------------------------------------------------------------------------


def cancelled_run(**columns: Any) -> SyncRun:
    now = timezone.now()
    values = {"slot": 1, "worker": "w:1", "trigger": "schedule", "state": "finished", "finished_at": now, **columns}
    return SyncRun.objects.create(
        platform="brevo", started_at=now, heartbeat_at=now, reason="Cancelled by ada.", cancelled_by="ada", **values
    )


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_after_a_cancel_only_the_schedule_and_people_begin_a_run(trigger: SyncRun.Trigger) -> None:
    queue_all()
    cancelled_run()
    pusher = ScriptedPusher()
    said = tasks.process_queue(scripted_job(BREVO, pusher), trigger)
    if trigger in (SyncRun.Trigger.SCHEDULE, SyncRun.Trigger.COMMAND, SyncRun.Trigger.HAND):
        assert said == "1 synced."
    else:
        assert said == "The last run was cancelled by ada. The next one begins with the schedule, or by hand."
        assert pusher.pushed == []


def test_a_helper_of_a_run_that_is_being_cancelled_does_not_begin() -> None:
    queue_all()
    cancelled_run(state="running", finished_at=None)
    assert "cancelled by ada" in tasks.process_queue(scripted_job(BREVO, ScriptedPusher(), max_instances=2), "helper")


def test_once_the_schedule_had_its_turn_a_cancel_is_over() -> None:
    queue_all()
    ago = timezone.now() - timedelta(minutes=BREVO.interval(), seconds=1)
    cancelled_run(finished_at=ago)
    assert tasks.process_queue(scripted_job(BREVO, ScriptedPusher()), "api") == "1 synced."


def test_recovery_does_not_bring_back_a_cancelled_run(clock: FakeClock, started: list[str]) -> None:
    queue_contacts(
        BREVO, Contact.objects.filter(pk=Contact.objects.create(email="a@acme.example").pk), now=clock.now()
    )
    run = cancelled_run(state="running", finished_at=None, worker=runs.worker_name(4711))
    watch = Recovery(clock)
    watch.gone |= recovery.workers_named([4711])
    watch.look()
    run.refresh_from_db()
    assert run.state == "lost"
    SyncRun.objects.update(started_at=clock.now(), finished_at=clock.now())
    for _ in range(3):
        clock.advance(seconds=OVERDUE * 2)
        watch.look()
    assert started == []


# --- what people read -----------------------------------------------------------------------------------------


def test_a_pause_is_the_problem_that_everybody_reads(admin_client: Client, clock: FakeClock) -> None:
    steering.pause(BREVO, by="ada", reason=" the list is being changed ", now=clock.now())
    said = "Paused by ada since 2026-11-24 12:00 UTC: the list is being changed."
    assert platform_state(BREVO, now=clock.now())["problem"] == said
    assert admin_client.get("/api/v3/contacts/brevo").json()["problem"] == said
    assert said in admin_client.get(reverse("admin:contacts_contact_changelist")).content.decode()
    assert said in admin_client.get(reverse("sync-dashboard")).content.decode()


def test_a_pause_is_no_fault_of_the_project(client: Client) -> None:
    workers.beat(now=timezone.now())
    pause()
    assert client.get("/health").status_code == 200


def test_a_cancelled_run_is_why_contacts_wait(clock: FakeClock) -> None:
    workers.beat(now=timezone.now())
    queue_all()
    cancelled_run()
    said = "The last run was cancelled by ada. The next one begins with the schedule, or by hand."
    assert platform_state(BREVO, now=timezone.now())["problem"] == said


def test_a_reason_from_a_person_is_kept_short_and_clean() -> None:
    pause(reason="x\x00" + "y" * 500)
    reason = QueuePause.objects.get().reason
    assert (len(reason), reason[:3], reason[-1]) == (200, "x y", "…")


def test_a_queue_that_is_off_says_that_first(settings: Any) -> None:
    settings.BREVO_API_KEY = ""
    pause()
    assert "BREVO_API_KEY" in platform_state(BREVO, now=timezone.now())["problem"]
