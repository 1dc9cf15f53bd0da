"""Working events off: in order, in chunks, whatever breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from contacts.suppression import suppress_erased
from curation_sdk.connection import last_webhook
from webhooks import tasks, waking, working
from webhooks.models import PlatformEvent
from webhooks.receiving import store
from webhooks.source import Piece, Source, State, Verdict
from webhooks.working import work_through

pytestmark = pytest.mark.django_db

Apply = Callable[[Sequence[PlatformEvent], datetime], list[Verdict]]


def come(*names: str, at: datetime | None = None, platform: str = "xyz") -> None:
    pieces = [Piece(name, "", f"{name}-{platform}", "{}") for name in names]
    store(platform, pieces, now=at or timezone.now())


class Recorder:
    """A platform that keeps what it was asked to apply; events named in `broken` raise."""

    def __init__(self) -> None:
        self.applied: list[list[str]] = []
        self.broken: dict[str, Exception] = {}

    def apply(self, events: Sequence[PlatformEvent], now: datetime) -> list[Verdict]:
        names = [event.event for event in events]
        for name in names:
            if name in self.broken:
                raise self.broken[name]
        self.applied.append(names)
        return [Verdict(State.APPLIED, f"Did {name}.") for name in names]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    source = Source(platform="xyz", label="Xyz", split=lambda body, text: [], apply=made.apply)
    monkeypatch.setattr(working, "sources", lambda: [source, replace(source, platform="other")])
    return made


def states() -> dict[str, str]:
    return dict(PlatformEvent.objects.values_list("event", "state"))


def test_in_the_order_of_receipt_and_in_chunks(monkeypatch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    monkeypatch.setattr(working, "CHUNK", 2)
    come("c", "a", "b")
    assert work_through(seconds=10) == 3
    assert recorder.applied == [["c", "a"], ["b"]]
    event = PlatformEvent.objects.get(event="b")
    assert (event.state, event.tries, event.result, event.problem) == ("applied", 1, "Did b.", "")
    assert event.worked_at
    assert work_through(seconds=10) == 0


def test_each_platform_s_own(recorder: Recorder) -> None:
    come("a")
    come("b", platform="other")
    come("c")
    come("d", platform="gone")
    assert work_through(seconds=10) == 4
    assert recorder.applied == [["b"], ["a", "c"]]
    assert PlatformEvent.objects.get(event="d").result == "Nobody deals with them here."


def test_a_broken_event_holds_up_nobody(recorder: Recorder) -> None:
    recorder.broken = {"b": ValueError("ada@x.example")}
    come("a", "b", "c")
    assert work_through(seconds=10) == 3
    assert recorder.applied == [["a"], ["c"]]
    assert states() == {"a": "applied", "b": "received", "c": "applied"}
    event = PlatformEvent.objects.get(event="b")
    assert (event.tries, event.problem) == (1, "Unexpected ValueError in our program; the log has more.")


def test_it_is_tried_again_a_few_times(recorder: Recorder) -> None:
    recorder.broken = {"b": ValueError()}
    come("b")
    for number in range(1, working.MOST_TRIES + 1):
        assert work_through(seconds=10) == 1
        assert PlatformEvent.objects.get().tries == number
        assert work_through(seconds=10) == 0, "not at once"
        PlatformEvent.objects.update(worked_at=timezone.now() - working.AGAIN_AFTER - timedelta(seconds=1))
    assert states() == {"b": "failed"}
    assert work_through(seconds=10) == 0


def test_one_that_works_at_last_has_no_problem(recorder: Recorder) -> None:
    recorder.broken = {"b": ValueError()}
    come("b")
    work_through(seconds=10)
    recorder.broken = {}
    PlatformEvent.objects.update(worked_at=timezone.now() - working.AGAIN_AFTER - timedelta(seconds=1))
    work_through(seconds=10)
    event = PlatformEvent.objects.get()
    assert (event.state, event.problem, event.tries) == ("applied", "", 2)


def test_the_database_s_trouble_is_no_event_s(recorder: Recorder) -> None:
    recorder.broken = {"a": OperationalError("the server went away")}
    come("a")
    with pytest.raises(OperationalError):
        work_through(seconds=10)
    event = PlatformEvent.objects.get()
    assert (event.state, event.tries) == ("received", 0)


def test_what_was_applied_and_not_marked_is_undone(monkeypatch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    """Killed between the two, the event is as it was."""

    def killed(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    def apply(events: Sequence[PlatformEvent], now: datetime) -> list[Verdict]:
        come("its effect")
        return [Verdict(State.APPLIED)] * len(events)

    come("a")
    monkeypatch.setattr(recorder, "apply", apply)
    source = Source(platform="xyz", label="Xyz", split=lambda body, text: [], apply=apply)
    monkeypatch.setattr(working, "sources", lambda: [source])
    monkeypatch.setattr(working, "_mark", killed)
    with pytest.raises(KeyboardInterrupt):
        work_through(seconds=10)
    assert states() == {"a": "received"}


def test_it_ends_in_time_and_when_asked(recorder: Recorder) -> None:
    come("a")
    assert work_through(seconds=0) == 0
    assert work_through(seconds=10, stop=lambda: True) == 0


def test_when_the_last_one_came_is_remembered(recorder: Recorder) -> None:
    now = timezone.now()
    come("a", at=now)
    work_through(seconds=10)
    come("b", at=now - timedelta(hours=1))
    work_through(seconds=10)
    assert last_webhook("xyz") == now
    assert last_webhook("other") is None


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_work(monkeypatch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    """The second passes over what the first has in hand."""
    monkeypatch.setattr(working, "CHUNK", 1)
    come("a", "b")
    counts: list[int] = []

    def other() -> None:
        counts.append(work_through(seconds=10))
        connection.close()

    with transaction.atomic():
        assert PlatformEvent.objects.select_for_update().get(event="a")
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(20)
    assert counts == [1]
    assert states() == {"a": "received", "b": "applied"}


# --- who starts it ------------------------------------------------------------------------------------------------


def test_the_worker_s_main_process_takes_up_what_is_late(recorder: Recorder) -> None:
    come("a")
    tasks.look()
    assert states() == {"a": "received"}, "its task may come any moment"
    PlatformEvent.objects.update(received_at=timezone.now() - tasks.LATE - timedelta(seconds=1))
    tasks.look()
    assert states() == {"a": "applied"}


def test_a_bug_does_not_end_the_worker_s_main_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**options: Any) -> int:
        raise ValueError

    monkeypatch.setattr(tasks, "work_through", broken)
    come("a", at=timezone.now() - timedelta(minutes=1))
    tasks.look()
    assert "Events could not be worked through" in caplog.text


def test_a_task_is_asked_for_while_events_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(waking, "async_task", lambda task, **options: calls.append(task))
    waking.call_worker()
    assert calls == [], "there is nothing to do"
    come("a")
    waking.call_worker()
    assert calls == ["webhooks.tasks.work_through_events"]
    PlatformEvent.objects.update(received_at=timezone.now() - waking.OLD)
    waking.call_worker()
    assert len(calls) == 1, "others wait in the queue already"


def test_a_queue_that_is_away_harms_nobody(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def away(*args: Any, **options: Any) -> None:
        raise ConnectionError("redis")

    monkeypatch.setattr(waking, "async_task", away)
    come("a")
    waking.call_worker()
    assert "The task queue could not be reached" in caplog.text


def test_many_events_wake_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first starts a timer; those that come until it rings are in its task; the next starts a new one."""
    rung: list[threading.Event] = []

    class Timer:
        def __init__(self, seconds: float, function: Callable[[], None]) -> None:
            self.seconds, self.function = seconds, function

        def start(self) -> None:
            timers.append(self)

    timers: list[Timer] = []
    monkeypatch.setattr("webhooks.waking.threading.Timer", Timer)
    monkeypatch.setattr(waking, "call_worker", lambda: rung.append(threading.Event()))
    monkeypatch.setattr(waking.connections, "close_all", lambda: None)
    for _ in range(3):
        waking.wake()
    assert (len(timers), len(rung)) == (1, 0)
    assert timers[0].seconds <= 1
    timers[0].function()
    assert len(rung) == 1
    waking.wake()
    assert len(timers) == 2
    timers[1].function()


def test_old_events_go_and_waiting_ones_stay(settings: Any, recorder: Recorder) -> None:
    settings.SYNC_HISTORY_DAYS = 30
    old = timezone.now() - timedelta(days=31)
    come("done", at=old)
    work_through(seconds=10)
    come("waits", at=old)
    come("new")
    assert tasks.prune_events() == "Deleted 1 event."
    assert set(states()) == {"waits", "new"}
    settings.SYNC_HISTORY_DAYS = 0
    assert "kept for ever" in tasks.prune_events()


def test_of_erased_people_nothing_comes_back(recorder: Recorder) -> None:
    suppress_erased("ada@x.example", "A person", now=timezone.now())
    for address in ("ada@x.example", "bob@x.example"):
        store("xyz", [Piece("a", address, address, f'{{"email": "{address}"}}')], now=timezone.now())
    work_through(seconds=10)
    assert list(PlatformEvent.objects.order_by("id").values_list("email_key", "body", "state")) == [
        ("", "{}", "applied"),
        ("bob@x.example", '{"email": "bob@x.example"}', "applied"),
    ]
