"""Reading from a platform whom it does not mail: each day what changed there, page by page.

Webhooks get lost; this finds what they would have said. It only ever suppresses. Everybody counts, also people whom we
do not have: an opt-out holds for those whom we find tomorrow.

The list changes while it is read. What changed moves into what is still to be read, or is read twice; both are fine.
But where something is deleted, the rest moves up, and a page by its number would pass over people. So each page begins
a little before the end of the last one, and has to hold the last one that was read; if it does not, the reading goes
back by a page.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.module_loading import import_string

from contacts.suppression import suppress
from curation_sdk.answers import PlatformError
from curation_sdk.clock import Clock, SystemClock
from curation_sdk.database import atomic_with_retry
from curation_sdk.http import Unanswered
from curation_sdk.job import SyncJob
from curation_sdk.outcomes import NO_EVIDENCE, NotPushed, StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.wording import count_of, storable
from opt_outs import pacing
from opt_outs.models import Sweep
from opt_outs.news import CLOCKS, Person, news

logger = logging.getLogger(__name__)

#: A sweep begins so long after the beginning of the last one.
EVERY = timedelta(hours=23)

#: So much before the last one began a sweep starts to read: clocks differ, and what is changing is not yet to be seen.
OVERLAP = timedelta(hours=1)

#: In the task queue the work takes no longer than this; the next task goes on.
WITHIN = timedelta(minutes=2)

#: Whoever works on a sweep and has not been heard of for so long is lost. One call takes half a minute at most.
LOST_AFTER = timedelta(minutes=3)

#: Each page begins so many people before the end of the last one, at most.
LOOK_BACK = 10

#: A list that changes faster than it can be read is left for the next day.
MOST_BACK = 50


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the platform's list. total: people in the whole list."""

    people: Sequence[Person]
    total: int


class Reader(Protocol):
    """How a platform is read. Raises StopRun, Throttled, PlatformError (rubbish, too), Unanswered or NotPushed."""

    def page(self, since: datetime | None, offset: int, size: int) -> Page:
        """Of the people who changed since then (None: of all), oldest first, `size` from `offset` on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """A platform that can be swept: its job, how to read it for the time of a step, and the size of a page."""

    job: SyncJob
    open: Callable[[RateLimiter], AbstractContextManager[Reader]]
    size: int


@dataclass(frozen=True, slots=True)
class Swept:
    """What a step did, as a sentence. problem: it says what went wrong. more: there is more to read, at once."""

    sentence: str
    problem: bool = False
    more: bool = False
    suppressed: int = 0


class _Lost(Exception):
    """Somebody else has taken the sweep over."""


def sweepers() -> list[Sweeper]:
    """Those that the settings list."""
    return [import_string(path) for path in settings.OPT_OUT_SWEEPERS]


def sweeper_of(platform: str) -> Sweeper | None:
    """The one of this platform; None: it is not swept."""
    return next((one for one in sweepers() if one.job.platform == platform), None)


def is_due(sweeper: Sweeper, *, now: datetime) -> bool:
    """Is there a sweep to go on with, or was the last one begun long enough ago?"""
    mine = Sweep.objects.filter(platform=sweeper.job.platform)
    begun = Q(started_at__gt=now - EVERY, started_at__lte=now + CLOCKS)
    return mine.filter(finished_at=None).exists() or not mine.filter(begun).exists()


def sweep(
    sweeper: Sweeper,
    *,
    clock: Clock | None = None,
    within: timedelta | None = WITHIN,
    begin: bool = False,
    everything: bool = False,
    even_if_paused: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Swept:
    """Go on with the platform's sweep, or begin the one that is due; with `begin`, one now.

    everything: not only what changed since the last one. within: read no page after this; None: no end. Nothing while
    the platform is off, paused, or asked to wait. Call it outside of a transaction.
    """
    job, clock = sweeper.job, clock or SystemClock()
    now = clock.now()
    if reason := pacing.left_alone(job, now=now, even_if_paused=even_if_paused):
        return Swept(f"{job.label} was not swept. {reason}", problem=begin)
    if not (begin or everything or is_due(sweeper, now=now)):
        return Swept(f"{job.label} was swept less than a day ago.")
    row = _take(job, everything=everything, now=now)
    if row is None:
        return Swept(f"{job.label} is being swept at this moment.", problem=begin)
    limiter = RateLimiter(pacing.rate(job, now=now), clock)
    try:
        with sweeper.open(limiter) as reader:
            return _Step(sweeper, reader, row, limiter, clock, within, stop).run()
    finally:
        _mine(row).update(token=None)


def _take(job: SyncJob, *, everything: bool, now: datetime) -> Sweep | None:
    """The unfinished sweep, or a new one, as ours; None when somebody is at it. The database decides between two."""
    mine = Sweep.objects.filter(platform=job.platform)
    token = uuid.uuid4()
    last = mine.filter(problem="", finished_at__isnull=False).order_by("-started_at").first()
    since = None if everything or last is None else last.started_at - OVERLAP
    try:
        with transaction.atomic():
            return mine.create(platform=job.platform, since=since, started_at=now, token=token, heartbeat_at=now)
    except IntegrityError:
        pass  # there is an unfinished one
    lost = Q(heartbeat_at__lt=now - LOST_AFTER) | Q(heartbeat_at__gt=now + LOST_AFTER) | Q(heartbeat_at=None)
    free = mine.filter(Q(token=None) | lost, finished_at=None)
    again: dict[str, Any] = {"since": None, "started_at": now, "offset": 0, "last_id": "", "read": 0}
    again |= {"suppressed": 0, "went_back": 0, "problem": ""}
    if not free.update(token=token, heartbeat_at=now, **(again if everything else {})):
        return None
    return mine.get(token=token)


def _mine(row: Sweep) -> Any:
    return Sweep.objects.filter(pk=row.pk, token=row.token)


class _Step:
    """Page after page, until all is read, the time is over, or the platform says no."""

    def __init__(
        self,
        sweeper: Sweeper,
        reader: Reader,
        row: Sweep,
        limiter: RateLimiter,
        clock: Clock,
        within: timedelta | None,
        stop: Callable[[], bool],
    ) -> None:
        self.job = sweeper.job
        self.size = sweeper.size
        self.reader = reader
        self.row = row
        self.limiter = limiter
        self.clock = clock
        self.end = None if within is None else clock.monotonic() + within.total_seconds()
        self.stop = stop
        self.suppressed = 0

    def run(self) -> Swept:
        while not self.row.finished_at:
            if self.stop() or (self.end is not None and self.clock.monotonic() > self.end):
                return self._so_far(more=True)
            self.limiter.set_rate(pacing.rate(self.job, now=self.clock.now()))
            start = max(self.row.offset - min(LOOK_BACK, self.size // 2), 0) if self.row.last_id else self.row.offset
            try:
                page = self.reader.page(self.row.since, start, self.size)
                self._take_in(page, start)
            except (StopRun, Throttled, PlatformError, Unanswered) as error:
                return self._in_trouble(error.reason)
            except NotPushed:
                return self._so_far(more=True)
            except _Lost:
                return Swept(f"Somebody else goes on with the sweep of {self.job.label}.", suppressed=self.suppressed)
        return self._so_far()

    def _take_in(self, page: Page, start: int) -> None:
        row, ids = self.row, [one.id for one in page.people]
        if row.last_id and row.last_id not in ids:
            # Those before it may have moved up, past the end of what was read.
            self._go_back(page)
            return
        end = start + len(ids)
        new = page.people[ids.index(row.last_id) + 1 :] if row.last_id else page.people
        finished = end >= page.total
        if not finished and end <= row.offset:
            raise PlatformError(
                f"{self.job.label} sent no one from {start:,} on, although it counts {page.total:,} people.",
                NO_EVIDENCE,
                transient=True,
            )
        moved: dict[str, Any] = {"offset": end, "last_id": ids[-1] if ids else "", "total": page.total}
        if finished:
            moved["finished_at"] = self.clock.now()
        self._store(moved, new)

    def _go_back(self, page: Page) -> None:
        row = self.row
        if row.went_back >= MOST_BACK:
            text = f"{self.job.label}'s list changed faster than it could be read. The next sweep reads it anew."
            self._store({"finished_at": self.clock.now(), "problem": text}, ())
            return
        far = max(self.size, row.total - page.total)
        back = {"offset": max(row.offset - far, 0), "last_id": "", "total": page.total}
        self._store({**back, "went_back": row.went_back + 1}, ())

    def _store(self, moved: Mapping[str, Any], people: Sequence[Person]) -> None:
        """One page: the opt-outs in it, and how far we are. Raises _Lost when the sweep is not ours any more."""
        now = self.clock.now()

        def store() -> int:
            told = suppress(news(self.job, people), self.job.label, now=now)
            values = {"problem": "", "heartbeat_at": now, **moved}
            counts = {"read": F("read") + len(people), "suppressed": F("suppressed") + told}
            if not _mine(self.row).update(**values, **counts):
                raise _Lost
            return told

        self.suppressed += atomic_with_retry(store)
        self.row.refresh_from_db()

    def _in_trouble(self, reason: str) -> Swept:
        _mine(self.row).update(problem=storable(reason))
        logger.warning("%s: the sweep did not go on: %s", self.job.platform, reason)
        sentence = f"The sweep of {self.job.label} goes on later, from {self.row.offset:,} on. {reason}"
        return Swept(sentence, problem=True, suppressed=self.suppressed)

    def _so_far(self, *, more: bool = False) -> Swept:
        row = self.row
        read = (
            f"Read {count_of(row.read, 'person', 'people')} of {self.job.label}, {row.suppressed:,} newly suppressed."
        )
        if row.finished_at and row.problem:
            return Swept(f"{read} {row.problem}", problem=True, suppressed=self.suppressed)
        return Swept(f"{read} It goes on." if more else read, more=more, suppressed=self.suppressed)
