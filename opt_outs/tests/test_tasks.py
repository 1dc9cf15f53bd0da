"""What the task queue calls for opt-outs: who follows whom, and what people read in its list."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import Schedule

from brevo_sync.job import BREVO
from brevo_sync.opt_outs import TELLER as BREVO_TELLER
from contacts.models import Suppression
from contacts.suppression import OptOut, suppress
from curation_sdk import steering
from curation_sdk.models import SyncRun
from mautic_sync.opt_outs import TELLER as MAUTIC_TELLER
from opt_outs import tasks
from opt_outs.models import Sweep
from opt_outs.sweeping import Page, Sweeper, Swept
from opt_outs.telling import Told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_looked_at", None)


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is put into the task queue."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tasks, "async_task", lambda *args, **named: calls.append((*args, *named.items())))
    return calls


@pytest.fixture
def followers(monkeypatch: pytest.MonkeyPatch) -> list[SyncRun.Trigger]:
    """The runs that are called for, with a queue in which nothing is due."""
    calls: list[SyncRun.Trigger] = []
    monkeypatch.setattr(tasks, "enqueue", lambda job, trigger: calls.append(trigger))
    monkeypatch.setattr(tasks, "process_queue", lambda job, trigger: "Nothing is due.")
    return calls


def say(monkeypatch: pytest.MonkeyPatch, *steps: Told) -> None:
    found = list(steps)
    monkeypatch.setattr(tasks, "tell", lambda teller, stop: found.pop(0))


def record(email: str = "ada@x.example") -> None:
    suppress([OptOut(email, Suppression.Reason.REQUEST)], "A person", now=timezone.now())


# --- telling -------------------------------------------------------------------------------------------------


def test_with_more_to_tell_the_next_task_follows_at_once(
    monkeypatch: pytest.MonkeyPatch, put: list[Any], followers: list[Any]
) -> None:
    say(monkeypatch, Told(1, more=True), Told(1))
    assert tasks.tell_and_push(BREVO_TELLER, "schedule") == "Told Brevo of 1 opt-out. Nothing is due."
    tasks.tell_and_push(BREVO_TELLER, "schedule")
    assert followers == [SyncRun.Trigger.SUCCESSOR]
    assert put == []


def test_opt_outs_that_wait_are_an_error_in_the_workers_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, followers: list[Any]
) -> None:
    say(monkeypatch, Told(0, "No rights."))
    assert tasks.tell_and_push(MAUTIC_TELLER, "schedule") == "Opt-outs wait: No rights. Nothing is due."
    assert [(one.levelname, one.message) for one in caplog.records if one.name == "opt_outs.tasks"] == [
        ("ERROR", "mautic: Opt-outs wait: No rights.")
    ]


def test_whoever_recorded_an_opt_out_the_platforms_are_told_soon(put: list[Any], settings: Any) -> None:
    settings.MAUTIC_API_BASE_URL = ""
    tasks.look()
    assert put == []
    record()
    tasks.look()
    assert put == [("opt_outs.tasks.tell_everybody",)]
    settings.BREVO_API_KEY = ""
    tasks.look()
    assert len(put) == 1, "nobody is there to be told"


def test_what_was_told_long_ago_is_not_looked_at_again(put: list[Any]) -> None:
    record()
    Suppression.objects.update(recorded_at=timezone.now() - timedelta(minutes=2))
    tasks.look()
    assert put == []


def test_everybody_is_told_without_a_push(monkeypatch: pytest.MonkeyPatch, put: list[Any]) -> None:
    say(monkeypatch, Told(2), Told(1, "No rights.", more=True), Told(0), Told(0))
    assert tasks.tell_everybody() == ("Told Brevo of 2 opt-outs. Told Mautic of 1 opt-out. Opt-outs wait: No rights.")
    assert put == [("opt_outs.tasks.tell_everybody",)]
    assert tasks.tell_everybody() == "Nobody had to be told."
    assert len(put) == 1


@pytest.mark.parametrize("teller", [BREVO_TELLER, MAUTIC_TELLER], ids=lambda one: one.job.platform)
def test_a_pause_ends_the_telling_too(monkeypatch: pytest.MonkeyPatch, followers: list[Any], teller: Any) -> None:
    stops: list[bool] = []

    def tell(teller: Any, *, stop: Callable[[], bool]) -> Told:
        stops.append(stop())
        return Told(0)

    monkeypatch.setattr(tasks, "tell", tell)
    tasks.tell_and_push(teller, "schedule")
    steering.pause(teller.job, by="ada", reason="", now=timezone.now())
    tasks.tell_and_push(teller, "schedule")
    assert stops == [False, True]


def test_a_task_queue_that_is_out_of_reach_is_logged_and_undoes_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def out_of_reach(*args: Any, **named: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(tasks, "async_task", out_of_reach)
    record()
    tasks.look()
    assert "the schedule will do it" in caplog.text


# --- sweeping ------------------------------------------------------------------------------------------------


def test_migrate_makes_the_schedule() -> None:
    schedule = Schedule.objects.get(name="opt_out_sweeps")
    assert (schedule.func, schedule.minutes) == ("opt_outs.tasks.sweep_what_is_due", 60)


def test_each_hour_what_is_due(put: list[Any], settings: Any) -> None:
    assert tasks.sweep_what_is_due() == "To be swept: Brevo."
    assert put == [("opt_outs.tasks.sweep_platform", "brevo")]
    now = timezone.now()
    row = Sweep.objects.create(platform="brevo", started_at=now)
    tasks.sweep_what_is_due()
    assert len(put) == 2, "one that was broken off is gone on with"
    Sweep.objects.filter(pk=row.pk).update(finished_at=now)
    assert tasks.sweep_what_is_due() == "No sweep is due."
    Sweep.objects.all().delete()
    settings.BREVO_API_KEY = ""
    assert tasks.sweep_what_is_due() == "No sweep is due."
    assert len(put) == 2


def test_a_step_calls_for_the_next(
    monkeypatch: pytest.MonkeyPatch, put: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="opt_outs.tasks")
    found = [Swept("Some.", more=True, suppressed=3), Swept("All."), Swept("No key.", problem=True)]
    monkeypatch.setattr(tasks, "sweep", lambda sweeper, begin, stop: found.pop(0))
    assert tasks.sweep_platform("brevo") == "Some."
    assert put == [("opt_outs.tasks.sweep_platform", "brevo")]
    tasks.sweep_platform("brevo")
    tasks.sweep_platform("brevo")
    assert len(put) == 1
    assert [one.levelname for one in caplog.records] == ["INFO", "INFO", "ERROR"]
    assert tasks.sweep_platform("n8n") == "n8n is not swept."


def test_a_pause_ends_the_sweep_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reader:
        def page(self, since: Any, offset: int, size: int) -> Page:
            steering.pause(BREVO, by="ada", reason="", now=timezone.now())
            return Page([], 0) if offset else Page([_person(number) for number in range(size)], 9)

    sweeper = Sweeper(job=BREVO, open=lambda limiter: nullcontext(Reader()), size=4)
    monkeypatch.setattr(tasks, "sweeper_of", lambda platform: sweeper)
    monkeypatch.setattr(tasks, "_put", lambda *args, **named: None)
    assert tasks.sweep_platform("brevo") == "Read 4 people of Brevo, 0 newly suppressed. It goes on."
    assert not Sweep.objects.get().finished_at


def _person(number: int) -> Any:
    from opt_outs.news import Person

    return Person(str(number), f"p{number}@x.example", None)
