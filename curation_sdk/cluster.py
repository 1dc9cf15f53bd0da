"""django-q2's sentinel, with a guard that a killed process cannot bring to a stand.

The processes of a cluster hand tasks and results over in queues with locks. One that is killed (`kill -9`, the
kernel out of memory) while it holds such a lock keeps it for ever: an idle worker holds the task queue's lock nearly
all the time. django-q2 starts a new worker, which waits for that lock with all the others, and its guard waits for
the lock of the dead worker's timer. Seen with django-q2 1.11.1, November 2026.

Nobody can free such a lock, so this guard gives the whole cluster up when a signal ended one of its processes, or
when tasks wait although a worker is idle. `curation_sdk.supervisor` starts a new one. A process that ended by itself
let its locks go, and is replaced as in django-q2.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing import connection
from typing import Any
from uuid import UUID

from django_q.cluster import Sentinel
from django_q.conf import Conf
from django_q.pusher import pusher
from django_q.scheduler import scheduler
from django_q.status import Stat

from curation_sdk import shutdown

logger = logging.getLogger(__name__)

#: The sentinel's exit code when it gives its cluster up.
GIVEN_UP = 70

#: So many looks in a row, about a second each, must show the same trouble. In looks, not in seconds: a machine that
#: was asleep has not looked.
LOOKS = 10
LOOKS_FOR_RESULTS = 60  # the database may be away meanwhile

_LOOK_EVERY = 1.0  # seconds
_SCHEDULE_EVERY = 30.0
_STEP = 0.25  # a stop is noticed within this

_IDLE, _TIMED_OUT = -1, 0  # what a worker's timer says


class Family:
    """What the processes of one cluster tell the main process: shared memory without a lock."""

    def __init__(self, size: int = 256) -> None:
        self._pulse = multiprocessing.RawValue(ctypes.c_double, 0.0)
        self._members = multiprocessing.RawArray(ctypes.c_int, size)
        self._free = multiprocessing.RawValue(ctypes.c_bool, False)

    def beat(self) -> None:
        """The guard has looked at everybody."""
        self._pulse.value = time.monotonic()

    def silent_for(self) -> float:
        """Seconds since the guard's last look; infinity before the first."""
        pulse = float(self._pulse.value)
        return time.monotonic() - pulse if pulse else float("inf")

    def consists_of(self, pids: Sequence[int]) -> None:
        """Who lives below the sentinel now. The killed stay in it: their cluster has ended."""
        for place in range(len(self._members)):
            self._members[place] = pids[place] if place < len(pids) else 0

    @property
    def members(self) -> list[int]:
        return [pid for pid in self._members if pid]

    @property
    def free(self) -> bool:
        """Is a worker idle, and no task on its way to it?"""
        return bool(self._free.value)

    @free.setter
    def free(self, value: bool) -> None:
        self._free.value = value


class OneAtATime:
    """The task queue as the pusher sees it: without a task while no worker is free to do it.

    django-q2's pusher fetches tasks ahead, and a run that waits behind another one here could be done by another
    machine.
    """

    def __init__(self, broker: Any, family: Family) -> None:
        self.broker, self.family = broker, family
        self.list_key = broker.list_key

    def dequeue(self) -> Any:
        if not self.family.free:
            time.sleep(_STEP / 2)
            return None
        tasks = self.broker.dequeue()
        if tasks:
            self.family.free = False  # until the guard has looked again
        return tasks

    def fail(self, task_id: Any) -> None:
        self.broker.fail(task_id)


class Guard(Sentinel):  # type: ignore[misc]
    """Runs in the sentinel process: starts the others, looks after them, ends when it is asked to."""

    def __init__(self, family: Family, cluster_id: UUID, *, start: bool = True) -> None:
        self.family = family
        self.looks: dict[str, int] = {}
        # django-q2 shares these two with the main process; here they stay with the sentinel, for the same reason.
        super().__init__(multiprocessing.Event(), multiprocessing.Event(), cluster_id, start=start)

    def spawn_process(self, target: Callable[..., Any], *args: Any) -> Any:
        process = super().spawn_process(target, *args)
        self.family.consists_of([one.pid for one in {*self._processes(), process} if one.exitcode is None])
        return process

    def spawn_pusher(self) -> Any:
        return self.spawn_process(pusher, self.task_queue, self.event_out, OneAtATime(self.broker, self.family))

    def guard(self) -> None:
        """Look after the processes until a stop is asked for."""
        self.start_event.set()
        logger.info("The task queue's processes are up.")
        looked = scheduled = float("-inf")
        while not shutdown.stop_requested():
            self.family.beat()
            self._bury()
            self.family.free = self._idle() and not _waiting(self.task_queue)
            now = time.monotonic()
            if Conf.SCHEDULER and now - scheduled >= _SCHEDULE_EVERY:
                scheduled = now
                scheduler(broker=self.broker)
                self.family.beat()
            if now - looked >= _LOOK_EVERY:
                self._look(now - looked if looked > 0 else 0.0)
                looked = now
                Stat(self).save()
            connection.wait([process.sentinel for process in self._processes()], timeout=_STEP)
        self.stop_event.set()
        self.stop()

    # --- who has died -------------------------------------------------------------------------------------

    def _processes(self) -> list[Any]:
        return [*self.pool, *(process for process in (self.monitor, self.pusher) if process)]

    def _bury(self) -> None:
        """Replace who ended by himself; give the cluster up when somebody was killed."""
        for process in self._processes():
            code = process.exitcode
            if code is None or shutdown.stop_requested():
                continue
            if code < 0:
                self._give_up(f"process {process.pid} was ended by {_signal_name(-code)}")
            self.reincarnate(process)

    # --- who stands still -----------------------------------------------------------------------------------

    def _look(self, seconds: float) -> None:
        """Count the workers' time down; give the cluster up when something in it stands still."""
        for process in self.pool:
            self._count_down(process, seconds)
        self._insist("tasks wait although a worker is idle", self._idle() and _waiting(self.task_queue), LOOKS)
        self._insist("results are not stored", _waiting(self.result_queue), LOOKS_FOR_RESULTS)

    def _idle(self) -> bool:
        return any(process.timer.get_obj().value == _IDLE for process in self.pool)

    def _count_down(self, process: Any, seconds: float) -> None:
        timer = process.timer
        free = timer.get_lock().acquire(timeout=0.1)
        if free:
            try:
                if timer.value > 0:
                    timer.value = max(timer.value - seconds, _TIMED_OUT)
                late = timer.value == _TIMED_OUT
            finally:
                timer.get_lock().release()
            self._insist(f"worker {process.pid} goes on after its time is up", late, LOOKS)
        self._insist(f"worker {process.pid} holds on to its timer", not free, LOOKS)

    def _insist(self, trouble: str, there: bool, looks: int) -> None:
        if not there:
            self.looks.pop(trouble, None)
            return
        self.looks[trouble] = self.looks.get(trouble, 0) + 1
        if self.looks[trouble] >= looks:
            self._give_up(trouble)

    def _give_up(self, trouble: str) -> None:
        if shutdown.stop_requested():
            # Everybody was told to end, by the same signal perhaps.
            return
        logger.critical("The task queue's processes are started anew: %s.", trouble)
        # Not by sys.exit: Python would wait for children that may hang.
        os._exit(GIVEN_UP)


def run_guard(family: Family, cluster_id: UUID) -> None:
    """The sentinel process, from its start to its end."""
    Guard(family, cluster_id)


def _waiting(queue: Any) -> bool:
    """Is anything in the queue? Read past the counter's lock, which a killed process may hold."""
    return bool(queue.size.count.get_obj().value > 0)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
