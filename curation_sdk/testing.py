"""For tests: a clock that is set, a service that says what it is told to, and the contract of every platform."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from curation_sdk import settling
from curation_sdk.cycle import run_cycle
from curation_sdk.job import Preparation, SyncJob, SyncPolicy
from curation_sdk.models import SyncRun
from curation_sdk.outcomes import Outcome, Synced
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.report import CycleReport

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class FakeClock:
    """Time stands still until somebody waits or `advance` is called. Nobody ever really waits."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start
        self._lock = threading.Lock()
        self.waited: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - NOON).total_seconds()

    def wait(self, seconds: float, wake: threading.Event) -> None:
        if wake.is_set():
            return
        with self._lock:
            self.waited.append(seconds)
            # Time passes, however short the wait: what is left of a float would be waited for without an end.
            self._now += max(timedelta(seconds=seconds), timedelta(microseconds=1))

    def advance(self, **duration: float) -> datetime:
        """Move the time, for instance `advance(minutes=5)`. Returns the new time."""
        with self._lock:
            self._now += timedelta(**duration)
        return self._now


#: What a scripted push does: say an outcome, raise, or call something with the contact and say what it returns.
Script = Outcome | Exception | Callable[[Any], Outcome]


class ScriptedPusher:
    """Stands in for a platform's service: says to each address what the script holds for it, in turn.

    An address without a script is Synced. When a script is used up, its last line is said again.
    """

    def __init__(self, script: dict[str, Sequence[Script]] | None = None) -> None:
        self.script = {address: list(lines) for address, lines in (script or {}).items()}
        self.pushed: list[str] = []
        self.seen: list[Any] = []
        self.preparations = 0
        self.on_prepare: list[Exception] = []
        self.notes: list[str] = []
        self.before_preparing: Callable[[], Any] = lambda: None
        self.proven = False
        self.paced = False  # does a push wait for its turn?
        self.limiter: RateLimiter | None = None  # of the run under way
        self._lock = threading.Lock()

    def prepare(self) -> Preparation:
        self.preparations += 1
        self.before_preparing()
        if self.on_prepare:
            raise self.on_prepare.pop(0)
        return Preparation(self.notes, self.proven)

    def push(self, contacts: Sequence[Any]) -> list[Outcome]:
        return [self._answer(contact) for contact in contacts]

    def _answer(self, contact: Any) -> Outcome:
        if self.paced and self.limiter is not None:
            self.limiter.acquire()
        with self._lock:
            self.pushed.append(contact.email)
            self.seen.append(contact)
            lines = self.script.get(contact.email, [])
            line = lines.pop(0) if len(lines) > 1 else (lines[0] if lines else Synced(f"id-{contact.email}"))
        if isinstance(line, Exception):
            raise line
        return line(contact) if callable(line) else line


def scripted_job(job: SyncJob, pusher: ScriptedPusher, **policy: Any) -> SyncJob:
    """A platform's job with the pusher in place of its service. `policy` changes SyncPolicy's fields."""

    @contextmanager
    def open_pusher(limiter: RateLimiter) -> Iterator[ScriptedPusher]:
        pusher.limiter = limiter
        yield pusher

    numbers: dict[str, Any] = {
        "batch_size": 10,
        "max_instances": 1,
        "max_retries": 3,
        "retry_delay": timedelta(minutes=5),
        "retry_exponential": True,
        "rate_per_second": 1000.0,
        "concurrency": 1,
        **policy,
    }
    return replace(job, open=open_pusher, policy=lambda: SyncPolicy(**numbers), off_reason=lambda: "")


def run(job: SyncJob, clock: FakeClock, **options: Any) -> CycleReport:
    """One cycle in frozen time, without jitter."""
    options.setdefault("trigger", SyncRun.Trigger.COMMAND)
    return run_cycle(job, clock=clock, chance=lambda: 0.0, **options)


@contextmanager
def before_settling(happens: Callable[[], Any]) -> Iterator[None]:
    """Let something happen once, when an answer has arrived and is about to be stored."""
    original = settling.settle

    def settle(*args: Any, **kwargs: Any) -> Any:
        patch.setattr("curation_sdk.cycle.settle", original)
        happens()
        return original(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curation_sdk.cycle.settle", settle)
        yield
