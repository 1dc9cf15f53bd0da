"""The main process of `qcluster`: has a cluster at work, and another one when that one has died or stands still.

It holds no lock with the others, so that none of them can bring it to a stand. What it does besides, every few
seconds and only while the cluster's guard shows life: write the heartbeat that `/health` reads, and take up work that
is lost (`curation_sdk.recovery`).
"""

from __future__ import annotations

import logging
import os
import signal
import time
import uuid
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import get_broker
from django_q.cluster import get_mp_context

from curation_sdk import recovery, shutdown, workers
from curation_sdk.cluster import Family, run_guard

logger = logging.getLogger(__name__)

#: A guard that has not looked at its processes for so long stands still. Above the longest wait of one look, 20
#: seconds for SQLite's write lock.
STANDSTILL = 30.0  # seconds

#: A heartbeat is written only if the guard's last look is no older.
FRESH = 10.0

#: Processes that were asked to end get so long, then they are killed. An orchestrator gives us ten.
ORDERLY = 8.5
LAST = 0.7

#: A cluster that lives for less has not got going; the next one is started after a pause, each time a longer one.
SHORT_LIFE = 3.0
LONGEST_PAUSE = 10.0

_STEP = 0.25


class Supervisor:
    """Runs until it is told to stop."""

    def __init__(self) -> None:
        self.asked_at: float | None = None
        self.recovery = recovery.Recovery()
        self.all_there = False  # cluster, database and queue, at the last look

    def run(self) -> None:
        """Have a cluster at work until SIGTERM or Ctrl-C."""
        shutdown.end_together()
        shutdown.adopt_orphans()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)
        pause = 0.0
        while self.asked_at is None:
            begun = time.monotonic()
            self._have_cluster()
            if self.asked_at is not None:
                break
            shutdown.withdraw_stop()
            pause = 0.0 if time.monotonic() - begun > SHORT_LIFE else min(max(pause * 2, 1.0), LONGEST_PAUSE)
            self._rest(pause)
        self._with_database(workers.leave)

    def _ask(self, signum: int, frame: Any) -> None:
        if self.asked_at is None:
            self.asked_at = time.monotonic()
        shutdown.request_stop()

    # --- one cluster ------------------------------------------------------------------------------------------

    def _have_cluster(self) -> None:
        # Connections of ours must not be used, nor closed, by those that are forked from us.
        connections.close_all()
        family = Family()
        sentinel = get_mp_context().Process(target=run_guard, args=(family, uuid.uuid4()), name="sentinel")
        sentinel.start()
        try:
            self._watch(sentinel, family)
        finally:
            self._end(sentinel, family)
            self.recovery.gone |= recovery.workers_named(family.members)

    def _watch(self, sentinel: Any, family: Family) -> None:
        """Return when the cluster has to end or has ended."""
        begun, beaten = time.monotonic(), float("-inf")
        self.all_there = False
        while self.asked_at is None:
            if not sentinel.is_alive():
                if self.asked_at is None:
                    logger.critical("The task queue's sentinel ended (%s). The next one follows.", sentinel.exitcode)
                return
            silent = min(family.silent_for(), time.monotonic() - begun)
            if silent > STANDSTILL:
                logger.critical("The task queue's guard has stood still for %.0f seconds; starting anew.", silent)
                return
            if family.silent_for() < FRESH and time.monotonic() - beaten >= workers.HEARTBEAT_SECONDS:
                beaten = time.monotonic()
                self._beat()
            sentinel.join(_STEP)

    def _beat(self) -> None:
        """Say that we live, and see to lost work: most of it where a cluster, the database or the queue is back."""
        there = self._with_database(lambda: workers.beat(now=timezone.now())) and self._queue_answers()
        there = there and self._with_database(self.recovery.look)
        # Also without a queue: what they look after waits for nothing else.
        for path in settings.SYNC_LOOKS:
            self._with_database(import_string(path))
        if there and not self.all_there:
            there = self._with_database(self.recovery.start)
        self.all_there = there

    def _queue_answers(self) -> bool:
        try:
            get_broker().ping()
        except Exception:
            # Each broker raises its own errors. Said once, not every few seconds.
            logger.log(logging.WARNING if self.all_there else logging.DEBUG, "No task queue", exc_info=True)
            return False
        return True

    def _rest(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.asked_at is None and time.monotonic() < deadline:
            time.sleep(_STEP)

    def _with_database(self, work: Callable[[], Any]) -> bool:
        """A database that is away for a while is no reason for the worker to end. False: it was."""
        try:
            work()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The database does not answer: %s", type(error).__name__)
            self.recovery.blind()
            connections.close_all()
            return False
        return True

    # --- the end of a cluster -----------------------------------------------------------------------------------

    def _end(self, sentinel: Any, family: Family) -> None:
        """End the cluster's processes: runs under way first, in good order; in the end, whoever is left."""
        stopping = self.asked_at is not None
        shutdown.request_stop()
        deadline = (self.asked_at or time.monotonic()) + ORDERLY
        if stopping:
            sentinel.join(max(deadline - time.monotonic(), 0))
        sentinel.kill()
        sentinel.join()
        left = [pid for pid in family.members if _lives(pid)]
        _tell(left, signal.SIGTERM)
        _wait(left, deadline)
        _tell(left, signal.SIGKILL)
        _wait(left, deadline + LAST)
        _bury_orphans()


def _lives(pid: int) -> bool:
    """Is a process of an ended sentinel alive? On Linux it is a child of ours by then."""
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        if shutdown.ADOPTS_ORPHANS:
            return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _tell(pids: Collection[int], number: signal.Signals) -> None:
    for pid in pids:
        if _lives(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _wait(pids: Collection[int], deadline: float) -> None:
    while [pid for pid in pids if _lives(pid)] and time.monotonic() < deadline:
        time.sleep(0.05)


def _bury_orphans() -> None:
    """Take note of whoever ended without anybody knowing of him, so that he does not stay as a zombie."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
