"""Taking up what nobody works at any more: lost runs, passed leases, what waits when a worker starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from brevo_sync.job import BREVO
from contacts.models import Contact
from curation_sdk import recovery, runs, tasks
from curation_sdk.job import SyncJob
from curation_sdk.jobs import jobs
from curation_sdk.models import SyncRun
from curation_sdk.queueing import queue_contacts
from curation_sdk.recovery import SILENT_FOR, Recovery
from curation_sdk.testing import FakeClock, ScriptedPusher, scripted_job

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The runs that were put into the task queue: (platform, trigger)."""
    found: list[tuple[str, str]] = []

    def enqueue(job: SyncJob, trigger: SyncRun.Trigger) -> None:
        found.append((job.platform, trigger.value))

    monkeypatch.setattr(recovery, "enqueue", enqueue)
    monkeypatch.setattr(tasks, "enqueue", enqueue)
    return found


RECOVERED = [("brevo", "recovery")]


def begin_run(clock: FakeClock, **columns: Any) -> SyncRun:
    values: dict[str, Any] = {"slot": 1, "worker": "elsewhere:1", "trigger": "schedule", **columns}
    return SyncRun.objects.create(platform="brevo", started_at=clock.now(), heartbeat_at=clock.now(), **values)


def queue_all(clock: FakeClock) -> None:
    queue_contacts(BREVO, Contact.objects.all(), now=clock.now())


# --- lost runs ------------------------------------------------------------------------------------------------


def test_a_run_of_a_dead_worker_of_ours_is_lost_at_once(clock: FakeClock, started: list[tuple[str, str]]) -> None:
    run = begin_run(clock, worker=runs.worker_name(4711))
    other = begin_run(clock, worker=runs.worker_name(4712), slot=2)
    watch = Recovery(clock)
    watch.gone |= recovery.workers_named([4711])

    watch.look()

    run.refresh_from_db()
    other.refresh_from_db()
    assert (run.state, run.finished_at, other.state) == ("lost", clock.now(), "running")
    assert started == RECOVERED
    # Another process may get the number.
    again = begin_run(clock, worker=runs.worker_name(4711))
    watch.look()
    again.refresh_from_db()
    assert again.state == "running"


def test_a_run_is_lost_when_its_heartbeat_stays_the_same(clock: FakeClock, started: list[tuple[str, str]]) -> None:
    run = begin_run(clock)
    watch = Recovery(clock)
    watch.look()
    clock.advance(seconds=SILENT_FOR - 1)
    watch.look()
    run.refresh_from_db()
    assert run.state == "running"
    clock.advance(seconds=1)
    watch.look()
    run.refresh_from_db()
    assert run.state == "lost"
    assert started == RECOVERED
    watch.look()
    assert started == RECOVERED


def test_a_run_that_shows_life_is_left_alone(clock: FakeClock, started: list[tuple[str, str]]) -> None:
    run = begin_run(clock)
    watch = Recovery(clock)
    for _ in range(10):
        watch.look()
        clock.advance(seconds=20)
        SyncRun.objects.update(heartbeat_at=clock.now())
    run.refresh_from_db()
    assert (run.state, started) == ("running", [])


def test_clocks_that_differ_and_an_outage_make_nobody_lost(clock: FakeClock, started: list[tuple[str, str]]) -> None:
    run = begin_run(clock, worker="with-a-slow-clock:1")
    SyncRun.objects.update(heartbeat_at=clock.now() - timedelta(hours=1))
    watch = Recovery(clock)
    watch.look()
    clock.advance(seconds=SILENT_FOR)
    watch.blind()  # nobody could write a heartbeat meanwhile
    watch.look()
    clock.advance(seconds=SILENT_FOR - 1)
    watch.look()
    run.refresh_from_db()
    assert (run.state, started) == ("running", [])


def test_of_two_that_look_one_starts_the_next_run(clock: FakeClock, started: list[tuple[str, str]]) -> None:
    begin_run(clock)
    watches = [Recovery(clock), Recovery(clock)]
    for watch in watches:
        watch.look()
    clock.advance(seconds=SILENT_FOR)
    for watch in watches:
        watch.look()
    assert started == RECOVERED


def test_a_run_that_beat_since_it_was_read_is_not_lost(clock: FakeClock) -> None:
    run = begin_run(clock)
    SyncRun.objects.update(heartbeat_at=clock.advance(seconds=40))
    assert not runs.declare_lost(run, now=clock.now())


def test_a_run_is_declared_lost_once(clock: FakeClock) -> None:
    run = begin_run(clock)
    assert runs.declare_lost(run, now=clock.now())
    assert not runs.declare_lost(run, now=clock.now())


# --- passed leases ------------------------------------------------------------------------------------------------


def left_behind(clock: FakeClock) -> None:
    Contact.objects.update(
        brevo_sync_status="Processing",
        brevo_processing_status="Processing",
        brevo_next_attempt_at=clock.now() + timedelta(minutes=6),
    )


def test_contacts_whose_lease_passed_are_taken_up(
    make_contact: Make, clock: FakeClock, started: list[tuple[str, str]]
) -> None:
    make_contact()
    left_behind(clock)
    watch = Recovery(clock)
    watch.look()
    assert not started
    clock.advance(minutes=6)
    watch.look()
    assert started == RECOVERED
    # The task gets some time to begin.
    clock.advance(seconds=recovery.PATIENCE - 1)
    watch.look()
    assert started == RECOVERED
    clock.advance(seconds=1)
    watch.look()
    assert started == RECOVERED * 2


def test_contacts_that_wait_for_their_turn_or_for_a_run_at_work_start_nothing(
    make_contact: Make, clock: FakeClock, started: list[tuple[str, str]]
) -> None:
    make_contact()
    queue_all(clock)
    Recovery(clock).look()  # queued: whoever queued it started a run, and a stopped one must not come back at once
    left_behind(clock)
    clock.advance(minutes=6)
    begin_run(clock)
    Recovery(clock).look()
    assert not started


# --- the start of a worker ------------------------------------------------------------------------------------------


def test_a_start_takes_up_what_is_due(make_contact: Make, clock: FakeClock, started: list[tuple[str, str]]) -> None:
    watch = Recovery(clock)
    make_contact()
    watch.start()
    assert not started
    queue_all(clock)
    watch.start()
    assert started == RECOVERED


def test_a_start_leaves_a_platform_alone_that_is_off_or_asked_us_to_wait(
    make_contact: Make, clock: FakeClock, started: list[tuple[str, str]], settings: Any
) -> None:
    make_contact()
    queue_all(clock)
    begin_run(clock, state="finished", resume_at=clock.now() + timedelta(minutes=1))
    Recovery(clock).start()
    SyncRun.objects.all().delete()
    settings.BREVO_API_KEY = ""
    Recovery(clock).start()
    assert not started


def test_every_listed_job_can_be_found(settings: Any) -> None:
    found = jobs()
    assert BREVO in found
    assert [job.task.partition(".")[0] for job in found] == [path.partition(".")[0] for path in settings.SYNC_JOBS]


# --- help ------------------------------------------------------------------------------------------------------------


def busy_job(**policy: Any) -> SyncJob:
    return scripted_job(BREVO, ScriptedPusher(), **{"batch_size": 2, "max_instances": 2, **policy})


@pytest.fixture
def five_due(make_contact: Make, clock: FakeClock) -> None:
    for number in range(5):
        make_contact(f"ada{number}@acme.example")
    queue_all(clock)


def test_a_run_with_more_than_it_takes_at_once_calls_for_another(five_due: None, clock: FakeClock) -> None:
    assert tasks.needs_help(busy_job(), now=clock.now())


@pytest.mark.parametrize("policy", [{"max_instances": 1}, {"batch_size": 5}])
def test_nobody_is_called_for_without_a_slot_or_work(five_due: None, clock: FakeClock, policy: dict[str, Any]) -> None:
    assert not tasks.needs_help(busy_job(**policy), now=clock.now())


def test_nobody_is_called_for_when_the_others_are_at_work(five_due: None, clock: FakeClock) -> None:
    begin_run(clock)
    assert not tasks.needs_help(busy_job(), now=clock.now())
    assert tasks.needs_help(busy_job(max_instances=3, batch_size=1), now=clock.now())


def test_nobody_is_called_for_while_the_platform_is_off_or_paused(five_due: None, clock: FakeClock) -> None:
    off = replace(busy_job(), off_reason=lambda: "off")
    assert not tasks.needs_help(off, now=clock.now())
    begin_run(clock, state="finished", resume_at=clock.now() + timedelta(minutes=1))
    assert not tasks.needs_help(busy_job(), now=clock.now())


def test_the_task_calls_for_help_and_pushes(make_contact: Make, started: list[tuple[str, str]]) -> None:
    for number in range(5):
        make_contact(f"ada{number}@acme.example")
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    assert tasks.process_queue(busy_job(), "api") == "5 synced."
    assert started == [("brevo", "helper")]


def test_a_task_that_comes_while_the_worker_stops_does_nothing(
    make_contact: Make, monkeypatch: pytest.MonkeyPatch, started: list[tuple[str, str]]
) -> None:
    make_contact()
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    monkeypatch.setattr(tasks, "stop_requested", lambda: True)
    assert "asked to stop" in tasks.process_queue(busy_job(), "api")
    assert not SyncRun.objects.exists()
    assert Contact.objects.get().brevo_sync_status == "Queued"


# --- a task that was lost -------------------------------------------------------------------------------------


def looks(watch: Recovery, clock: FakeClock, seconds: float) -> None:
    """Look every five seconds, as the main process does."""
    for _ in range(int(seconds // 5)):
        watch.look()
        clock.advance(seconds=5)


def test_contacts_whose_task_was_lost_do_not_wait_for_the_schedule(
    make_contact: Make, clock: FakeClock, started: list[tuple[str, str]]
) -> None:
    make_contact()
    queue_all(clock)
    watch = Recovery(clock)
    looks(watch, clock, recovery.OVERDUE)
    assert started == []
    looks(watch, clock, 10)
    assert started == RECOVERED
    looks(watch, clock, 20)
    assert started == RECOVERED, "it gets time to begin"


def test_a_run_that_begins_in_time_is_enough(
    make_contact: Make, clock: FakeClock, started: list[tuple[str, str]]
) -> None:
    make_contact()
    queue_all(clock)
    watch = Recovery(clock)
    looks(watch, clock, 10)
    run = begin_run(clock)
    looks(watch, clock, 20)
    runs.beat(run, Counter(), now=clock.now())
    looks(watch, clock, 20)
    assert started == []


def test_what_a_person_has_to_put_right_is_left_to_the_schedule(
    make_contact: Make, clock: FakeClock, started: list[tuple[str, str]]
) -> None:
    make_contact()
    queue_all(clock)
    begin_run(clock, state="stopped", finished_at=clock.now(), reason="Brevo rejected the key (401).")
    looks(Recovery(clock), clock, 120)
    assert started == []
