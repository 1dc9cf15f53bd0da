"""The work of a comparison: step after step, each a call or two and then one transaction.

Three stages: `reading`, the platform's pages; `gathering`, those of our Complete contacts whom they did not show;
`asking` for each of these, because pages shift while contacts come and go there, so that one may be on none of them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError

from curation_sdk import runs, steering
from curation_sdk.answers import PlatformError
from curation_sdk.clock import Clock, SystemClock
from curation_sdk.database import atomic_with_retry
from curation_sdk.http import Unanswered
from curation_sdk.outcomes import StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.wording import storable
from reconciliation import beginning, blocks, snapshot, standing
from reconciliation.held import UNREADABLE, Comparison, Held, Reader
from reconciliation.models import HeldContact, Reconciliation

logger = logging.getLogger(__name__)

READING, GATHERING, ASKING = "reading", "gathering", "asking"

#: A wait that the platform asks for is waited out here if it is no longer than this.
LONGEST_WAIT = timedelta(seconds=30)

#: After so many failures in a row a person has to look. The waits between them double, from the first to the longest.
MOST_FAILURES = 10
FIRST_WAIT, LONGEST_BACKOFF = timedelta(minutes=1), timedelta(hours=1)

State, Kind = Reconciliation.State, HeldContact.Kind


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a turn. `more`: there is work left that can be done at once. `said`: for people."""

    said: str
    more: bool = False
    finished: bool = False


class _Lost(Exception):
    """Somebody else holds it now."""


def work(
    comparison: Comparison,
    current: Reconciliation,
    *,
    seconds: float | None,
    stop: Callable[[], bool] = lambda: False,
    clock: Clock | None = None,
) -> Report:
    """Go on with a comparison for so many seconds (None: to its end). A run of the platform comes first."""
    clock = clock or SystemClock()
    job = comparison.job
    if reason := hindrance(comparison, clock):
        return Report(reason)
    if not beginning.take(current, now=clock.now()):
        return Report(_not_taken(current))
    deadline = None if seconds is None else time.monotonic() + seconds

    def over() -> bool:
        return stop() or (deadline is not None and time.monotonic() >= deadline)

    try:
        return _work(comparison, current, over, clock)
    except _Lost:
        return Report("Another worker has taken the comparison over.")
    except (StopRun, Throttled, PlatformError, Unanswered) as error:
        return _trouble(comparison, current, error, clock)
    except (OperationalError, InterfaceError):
        raise  # the database is away: whoever comes next goes on
    except Exception:
        logger.exception("%s: the comparison was broken off", job.platform)
        return _stop(current, "Broken off by an error of ours. The worker's log has it.", clock)


def hindrance(comparison: Comparison, clock: Clock) -> str:
    """Why the platform is to be left alone at this moment; "" when it is not."""
    job = comparison.job
    if off := job.off_reason():
        return off
    if pause := steering.paused(job):
        return steering.pause_sentence(pause)
    now = clock.now()
    if until := runs.resume_at(job, now=now):
        return f"{job.label} asked us to wait until {until:%H:%M:%S} UTC."
    if runs.running(job, now=now).exists():
        return "A run is under way. The comparison goes on after it."
    return ""


def _work(comparison: Comparison, current: Reconciliation, over: Callable[[], bool], clock: Clock) -> Report:
    job = comparison.job
    limiter = RateLimiter(job.policy().rate_per_second, clock)
    with comparison.open(limiter) as reader:
        _begin_anew_elsewhere(comparison, current)
        while True:
            if over():
                beginning.let_go(current)
                return Report("Its time was up; the next worker goes on.", more=True)
            if reason := hindrance(comparison, clock):
                beginning.let_go(current)
                return Report(reason)
            try:
                done = _step(comparison, reader, current, clock)
            except Throttled as error:
                # Until then nobody gets a turn.
                if error.after > LONGEST_WAIT:
                    raise
                _save(current, clock, problem=storable(error.reason))
                continue
            if done:
                logger.info("%s: compared, %s", job.platform, current.counts)
                return Report(f"{standing.in_words(current)}.", finished=True)


def _step(comparison: Comparison, reader: Reader, current: Reconciliation, clock: Clock) -> bool:
    """One step. Was it the last?"""
    stage = current.cursor.get("stage", READING)
    if stage == READING:
        _read(comparison, reader, current, clock)
    elif stage == GATHERING:
        _gather(comparison, current, clock)
    else:
        return _ask(comparison, reader, current, clock)
    return False


def _read(comparison: Comparison, reader: Reader, current: Reconciliation, clock: Clock) -> None:
    page = reader.page(current.cursor.get("at", {}))
    rows = snapshot.found_on_page(comparison, reader, current, page.held)
    cursor = {"stage": READING, "at": page.next} if page.next else {"stage": GATHERING}

    def store() -> None:
        _hold(current)
        snapshot.keep(rows)
        _found(comparison, current, [(held.address, held) for held in page.held], clock)
        current.read += len(page.held)
        _save(current, clock, cursor=cursor)

    atomic_with_retry(store)


def _gather(comparison: Comparison, current: Reconciliation, clock: Clock) -> None:
    after = current.cursor.get("after")

    def store() -> None:
        _hold(current)
        end = snapshot.gather(comparison, current, UUID(after) if after else None)
        if end:
            _save(current, clock, cursor={"stage": GATHERING, "after": str(end)})
            return
        current.to_ask = snapshot.count(current, Kind.UNASKED)
        _save(current, clock, cursor={"stage": ASKING})

    if not after:
        snapshot.tell_the_planner()
    atomic_with_retry(store)


def _ask(comparison: Comparison, reader: Reader, current: Reconciliation, clock: Clock) -> bool:
    asked = snapshot.to_ask(comparison, current, reader.asks)
    if not asked:
        _finish(current, clock)
        return True
    people = [one for _, mine, one in asked if mine]
    replies = iter(reader.ask(people) if people else ())
    answers = [next(replies) if mine else None for _, mine, _ in asked]
    found = [(one, held) for (_, _, one), held in zip(asked, answers, strict=True) if held and held is not UNREADABLE]

    def store() -> None:
        _hold(current)
        snapshot.answered(comparison, reader, current, asked, answers)
        addresses = [(held.address, held) for _, held in found] + [(one.address, held) for one, held in found]
        _found(comparison, current, addresses, clock, people=len(found))
        current.read += len(found)
        current.to_ask = max(current.to_ask - len(asked), 0)
        _save(current, clock, cursor=current.cursor)

    atomic_with_retry(store)
    return False


def _found(
    comparison: Comparison,
    current: Reconciliation,
    found: list[tuple[str, Held]],
    clock: Clock,
    *,
    people: int | None = None,
) -> None:
    """Suppress the blocked among them, and count who is there. people: how many, where addresses stand twice."""
    current.suppressed += blocks.record(comparison.job, found, now=clock.now())
    current.there += sum(held.on_list is not False for _, held in found[:people])


def _hold(current: Reconciliation) -> None:
    """Lock the row, with its present counts. Raises _Lost when it is no longer ours."""
    stored = beginning.ours(current).select_for_update().first()
    if stored is None:
        raise _Lost
    for name in ("read", "there", "to_ask", "suppressed"):
        setattr(current, name, getattr(stored, name))


def _save(current: Reconciliation, clock: Clock, **changes: Any) -> None:
    """Write the counts, a sign of life and these changes. What worked has no problem any more."""
    values = {"problem": "", "failures": 0, **changes, "heartbeat_at": clock.now()}
    counts = {name: getattr(current, name) for name in ("read", "there", "to_ask", "suppressed")}
    if not beginning.ours(current).update(**counts, **values):
        raise _Lost
    for name, value in values.items():
        setattr(current, name, value)


def _begin_anew_elsewhere(comparison: Comparison, current: Reconciliation) -> None:
    """What was read of another account, or by another list, is worth nothing."""
    against = comparison.against()[:500]
    if current.against == against:
        return
    HeldContact.objects.filter(reconciliation=current).delete()
    fresh: dict[str, Any] = {"read": 0, "there": 0, "to_ask": 0, "cursor": {}, "against": against}
    if not beginning.ours(current).update(**fresh):
        raise _Lost
    for name, value in fresh.items():
        setattr(current, name, value)


def _finish(current: Reconciliation, clock: Clock) -> None:
    now = clock.now()

    def store() -> None:
        _hold(current)
        counts = snapshot.counts(current)
        ended = {"state": State.FINISHED, "finished_at": now, "counts": counts, "cursor": {}, "token": None}
        beginning.ours(current).update(**ended, problem="", failures=0, to_ask=0)

    atomic_with_retry(store)
    current.refresh_from_db()


def _trouble(
    comparison: Comparison,
    current: Reconciliation,
    error: StopRun | Throttled | PlatformError | Unanswered,
    clock: Clock,
) -> Report:
    """Write down what is the matter, and when to go on."""
    label, now = comparison.job.label, clock.now()
    reason = f"{label} did not answer: {error.reason}" if isinstance(error, Unanswered) else error.reason
    if isinstance(error, StopRun):
        return _stop(current, reason, clock)
    if isinstance(error, Throttled):
        beginning.let_go(current, problem=storable(reason), resume_at=now + error.after)
        return Report(reason)
    failures = current.failures + 1
    if failures >= MOST_FAILURES:
        return _stop(current, reason, clock)
    wait = min(FIRST_WAIT * 2 ** (failures - 1), LONGEST_BACKOFF)
    beginning.let_go(current, problem=storable(reason), failures=failures, resume_at=now + wait)
    return Report(reason)


def _stop(current: Reconciliation, reason: str, clock: Clock) -> Report:
    now = clock.now()
    beginning.let_go(current, state=State.STOPPED, finished_at=now, heartbeat_at=now, problem=storable(reason))
    return Report(f"The comparison was stopped: {reason}")


def _not_taken(current: Reconciliation) -> str:
    if current.state != State.RUNNING:
        return "The comparison has ended."
    if current.token is None and current.resume_at:
        return f"{current.problem} It goes on at {current.resume_at:%H:%M:%S} UTC."
    return "A worker is at the comparison."
