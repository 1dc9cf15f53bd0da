"""Starting runs in the task queue, handing over, and keeping schedules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from brevo_sync.job import BREVO
from contacts.models import Contact
from curation_sdk import tasks, workers
from curation_sdk.checks import task_queue
from curation_sdk.models import SyncRun, WorkerHeartbeat
from curation_sdk.overview import platform_state
from curation_sdk.queueing import queue_contacts
from curation_sdk.report import CycleReport
from curation_sdk.schedules import ensure_schedule
from curation_sdk.testing import FakeClock, ScriptedPusher, scripted_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def orm_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task queue in the test's database, whatever the machine has set."""
    from django_q.conf import Conf

    monkeypatch.setattr(Conf, "ORM", "default")


def test_a_cycle_says_what_it_did(make_contact: Callable[..., Contact]) -> None:
    make_contact()
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    assert tasks.process_queue(scripted_job(BREVO, ScriptedPusher()), "schedule") == "1 synced."
    assert SyncRun.objects.get().trigger == "schedule"


def test_work_left_starts_a_successor(orm_queue: None, monkeypatch: pytest.MonkeyPatch) -> None:
    report = CycleReport(SyncRun.State.FINISHED, Counter(synced=3), work_left=True)
    monkeypatch.setattr(tasks, "run_cycle", lambda *args, **kwargs: report)
    tasks.process_queue(BREVO, "schedule")
    queued = OrmQ.objects.get().task
    assert (queued["func"], queued["args"]) == (BREVO.task, ("successor",))


def test_a_stopped_run_starts_no_successor(orm_queue: None, monkeypatch: pytest.MonkeyPatch) -> None:
    report = CycleReport(SyncRun.State.STOPPED, Counter(), reason="wrong key")
    monkeypatch.setattr(tasks, "run_cycle", lambda *args, **kwargs: report)
    assert tasks.process_queue(BREVO, "schedule") == "Stopped: wrong key"
    assert not OrmQ.objects.exists()


def test_queueing_starts_a_cycle_once_it_is_committed(
    orm_queue: None, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        tasks.start_soon(BREVO, SyncRun.Trigger.API)
    assert not OrmQ.objects.exists()
    for callback in callbacks:
        callback()
    assert OrmQ.objects.get().task["args"] == ("api",)


def test_a_task_queue_that_is_away_undoes_nothing(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("redis is away")

    monkeypatch.setattr(tasks, "async_task", away)
    tasks.enqueue(BREVO, SyncRun.Trigger.API)
    assert "the schedule will start the run" in caplog.text


def test_migrate_has_made_the_schedule() -> None:
    schedule = Schedule.objects.get(name="brevo_contact_sync_processor")
    assert (schedule.func, schedule.schedule_type, schedule.minutes, schedule.repeats) == (BREVO.task, "I", 5, -1)


def test_an_operators_word_on_the_schedule_stands() -> None:
    later = timezone.now() + timedelta(days=3)
    Schedule.objects.filter(name=BREVO.schedule).update(next_run=later, repeats=0)
    ensure_schedule(replace(BREVO, interval=lambda: 17))
    schedule = Schedule.objects.get(name=BREVO.schedule)
    assert (schedule.minutes, schedule.next_run, schedule.repeats) == (17, later, 0)


def test_the_schedules_function_can_be_found() -> None:
    from pydoc import locate

    assert callable(locate(BREVO.task))


# --- the task queue's settings ------------------------------------------------------------------------------


def test_our_settings_pass_the_check() -> None:
    assert task_queue() == []
    assert not [message for message in run_checks() if message.id and message.id.startswith("curation_sdk")]


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"timeout": 100}, "E001"),
        ({"timeout": None}, "E002"),
        ({"timeout": 300}, "E002"),
        ({"retry": 500}, "E003"),
        ({"max_attempts": 0}, "E004"),
        ({"ack_failures": False}, "E005"),
        ({"catch_up": True}, "E006"),
    ],
)
def test_settings_that_lose_or_repeat_work_are_refused(settings: Any, change: dict[str, Any], number: str) -> None:
    settings.Q_CLUSTER = {**django_settings.Q_CLUSTER, **change}
    assert f"curation_sdk.{number}" in [message.id for message in task_queue()]


# --- is anybody there? ----------------------------------------------------------------------------------------


def test_a_worker_is_seen_while_it_beats_and_not_after(clock: FakeClock) -> None:
    assert not workers.worker_alive(now=clock.now())
    workers.beat(now=clock.now())
    assert workers.worker_alive(now=clock.advance(seconds=29))
    assert not workers.worker_alive(now=clock.advance(seconds=2))
    workers.beat(now=clock.now())
    workers.leave()
    assert not workers.worker_alive(now=clock.now())


def test_workers_long_gone_are_forgotten(clock: FakeClock) -> None:
    WorkerHeartbeat.objects.create(name="old:1", seen_at=clock.now())
    workers.beat(now=clock.advance(hours=2))
    assert list(WorkerHeartbeat.objects.values_list("name", flat=True)) != ["old:1"]
    assert WorkerHeartbeat.objects.count() == 1


# --- what people are told ---------------------------------------------------------------------------------------


def _stopped(clock: FakeClock, **columns: Any) -> SyncRun:
    values: dict[str, Any] = {
        "platform": "brevo",
        "trigger": "schedule",
        "state": "stopped",
        "slot": 1,
        "worker": "w:1",
        "started_at": clock.now(),
        "heartbeat_at": clock.now(),
        "reason": "wrong key",
    }
    return SyncRun.objects.create(**{**values, **columns})


def test_a_stopped_platform_says_why_while_contacts_wait(
    make_contact: Callable[..., Contact], clock: FakeClock
) -> None:
    _stopped(clock)
    assert platform_state(BREVO, now=clock.now())["problem"] == ""
    workers.beat(now=clock.advance(minutes=4))
    make_contact(brevo_sync_status="Queued", brevo_processing_status="Queued")
    assert platform_state(BREVO, now=clock.now())["problem"] == "The last run stopped: wrong key"
    workers.beat(now=clock.advance(minutes=1))
    _stopped(clock, state="finished", reason="")
    assert platform_state(BREVO, now=clock.now())["problem"] == ""


def test_contacts_that_wait_without_a_worker_are_a_problem(
    make_contact: Callable[..., Contact], clock: FakeClock
) -> None:
    make_contact()
    queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
    assert "No worker is running" in platform_state(BREVO, now=clock.now())["problem"]
    workers.beat(now=clock.now())
    state = platform_state(BREVO, now=clock.now())
    assert state["problem"] == ""
    assert state["summary"]["queued"] == 1


def test_a_platform_that_is_off_says_which_setting(settings: Any, clock: FakeClock) -> None:
    settings.BREVO_API_KEY = ""
    state = platform_state(BREVO, now=clock.now())
    assert (state["on"], state["problem"]) == (False, "Brevo is switched off: BREVO_API_KEY is not set.")
