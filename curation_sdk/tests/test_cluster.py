"""When the guard of the task queue gives it up. With real processes: scrapersky/tests/test_survival.py."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from curation_sdk import cluster, shutdown
from curation_sdk.cluster import LOOKS, LOOKS_FOR_RESULTS, Family, Guard, OneAtATime

pytestmark = pytest.mark.django_db


class GivenUp(Exception):
    """In place of the process's end."""


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guard]:
    """A guard with one idle worker, not started."""

    def end(code: int) -> None:
        raise GivenUp(code)

    monkeypatch.setattr(cluster.os, "_exit", end)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    made = Guard(Family(), uuid.uuid4(), start=False)
    made.pool = [worker()]
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)
    for queue in (made.task_queue, made.result_queue):
        queue.close()
        queue.join_thread()


def worker(timer: float = -1, exitcode: int | None = None) -> Any:
    return SimpleNamespace(pid=4711, timer=multiprocessing.Value("f", timer), exitcode=exitcode)


def look(guard: Guard, times: int, seconds: float = 1.0) -> None:
    for _ in range(times):
        guard._look(seconds)


def test_tasks_that_wait_although_a_worker_is_idle(guard: Guard) -> None:
    look(guard, 100)
    guard.task_queue.put({"name": "one"})
    look(guard, LOOKS - 1)
    with pytest.raises(GivenUp):
        look(guard, 1)


def test_tasks_that_wait_for_busy_workers_are_no_trouble(guard: Guard) -> None:
    guard.pool = [worker(timer=240)]
    guard.task_queue.put({"name": "one"})
    look(guard, LOOKS * 2)


def test_a_task_that_is_taken_in_time_is_no_trouble(guard: Guard) -> None:
    for _ in range(3):
        guard.task_queue.put({"name": "one"})
        look(guard, LOOKS - 1)
        guard.task_queue.get()
        look(guard, 1)


def test_results_that_nobody_stores(guard: Guard) -> None:
    guard.result_queue.put({"name": "one"})
    look(guard, LOOKS_FOR_RESULTS - 1)
    with pytest.raises(GivenUp):
        look(guard, 1)


def test_a_timer_that_nobody_lets_go(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with guard.pool[0].timer.get_lock():
            held.set()
            done.wait(60)

    threading.Thread(target=hold, daemon=True).start()
    held.wait(10)
    look(guard, LOOKS - 1)
    with pytest.raises(GivenUp):
        look(guard, 1)
    done.set()


def test_a_worker_whose_time_is_up_gets_some_to_end_by_itself(guard: Guard) -> None:
    guard.pool = [worker(timer=3)]
    look(guard, 2)
    assert guard.pool[0].timer.value == 1
    look(guard, LOOKS - 1)  # its time is up with the first of these
    with pytest.raises(GivenUp):
        look(guard, 1)


def test_a_killed_process_is_the_end_and_one_that_ended_by_itself_is_replaced(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced: list[Any] = []
    monkeypatch.setattr(guard, "reincarnate", replaced.append)
    guard.pool = [worker(exitcode=0), worker(exitcode=1), worker()]
    guard._bury()
    assert replaced == guard.pool[:2]
    guard.pool = [worker(exitcode=-9)]
    with pytest.raises(GivenUp) as given_up:
        guard._bury()
    assert given_up.value.args == (cluster.GIVEN_UP,)


def test_nobody_is_replaced_while_all_are_told_to_end(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced: list[Any] = []
    monkeypatch.setattr(guard, "reincarnate", replaced.append)
    monkeypatch.setattr(shutdown, "stop_requested", lambda: True)
    guard.pool = [worker(exitcode=-15), worker(exitcode=0)]
    guard._bury()
    assert not replaced


def test_the_family_is_known_without_a_lock() -> None:
    family = Family(size=3)
    assert (family.members, family.silent_for()) == ([], float("inf"))
    family.consists_of([1, 2, 3])
    family.consists_of([1, 3])
    family.beat()
    assert family.members == [1, 3]
    assert 0 <= family.silent_for() < 60


def test_no_task_is_fetched_before_somebody_is_free() -> None:
    family = Family()
    queue = OneAtATime(SimpleNamespace(list_key="key", dequeue=lambda: [(1, "task")]), family)
    assert queue.dequeue() is None
    family.free = True
    assert queue.dequeue() == [(1, "task")]
    assert queue.dequeue() is None  # until the guard has seen whether the worker took it
