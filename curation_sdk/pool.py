"""The threads that push. They talk to the platform and to nothing else."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence

from curation_sdk.claiming import Person
from curation_sdk.decisions import Answer
from curation_sdk.job import Pusher
from curation_sdk.outcomes import NotPushed, StopRun, Throttled

logger = logging.getLogger(__name__)

#: While there is enough to do, answers are collected several at a time: each look costs as much as a push.
GATHER = 0.005  # seconds

Pushed = tuple[Sequence[Person], Sequence[Answer]]


class PushPool:
    """Up to `threads` pushes at a time; the answers come back to the caller's thread.

    Not a ThreadPoolExecutor: that one waits for its threads when the process ends, and a push that hangs would
    hold up a worker that was told to stop.
    """

    def __init__(self, pusher: Pusher, threads: int, name: str) -> None:
        self._pusher = pusher
        self._inbox: queue.SimpleQueue[Sequence[Person] | None] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Pushed] = queue.SimpleQueue()
        self._limit, self._name = threads, name
        self._threads: list[threading.Thread] = []
        self.under_way = 0  # pushes handed in whose answer was not yet collected

    def submit(self, people: Sequence[Person]) -> None:
        """Hand in a push of these people."""
        if len(self._threads) < self._limit and len(self._threads) <= self.under_way:
            thread = threading.Thread(target=self._work, name=f"{self._name}-push", daemon=True)
            thread.start()
            self._threads.append(thread)
        self.under_way += 1
        self._inbox.put(people)

    @property
    def backlog(self) -> int:
        """How many pushes wait for a free thread."""
        return self._inbox.qsize()

    def collect(self, timeout: float) -> list[Pushed]:
        """The pushes that were answered, waiting up to `timeout` seconds for the first."""
        pushed: list[Pushed] = []
        try:
            pushed.append(self._outbox.get(timeout=timeout))
            if self.backlog:
                time.sleep(GATHER)
            while True:
                pushed.append(self._outbox.get_nowait())
        except queue.Empty:
            self.under_way -= len(pushed)
            return pushed

    def take_back(self) -> list[Person]:
        """Those whose push waits for a free thread: they are not pushed."""
        people: list[Person] = []
        while True:
            try:
                waiting = self._inbox.get_nowait()
            except queue.Empty:
                return people
            if waiting is not None:
                self.under_way -= 1
                people.extend(waiting)

    def close(self) -> None:
        """Let the threads end. Those that hang are left behind."""
        for _ in self._threads:
            self._inbox.put(None)

    def _work(self) -> None:
        while (people := self._inbox.get()) is not None:
            self._outbox.put((people, _answers(self._pusher, people)))


def _answers(pusher: Pusher, people: Sequence[Person]) -> Sequence[Answer]:
    """Push: an answer for each person, never an exception."""
    try:
        answers: Sequence[Answer] = pusher.push([person.contact for person in people])
        if len(answers) != len(people):
            raise RuntimeError(f"{len(answers)} outcomes for {len(people)} contacts")
    except (Throttled, StopRun, NotPushed) as error:
        return [error] * len(people)
    except Exception as error:
        logger.exception("A push failed in our own code")
        return [error] * len(people)
    return answers
