"""Our opt-outs, told to a platform: suppressed people whom it may have from us are blocked there.

A step before each run, of its own: a push never touches the database, and suppressed people are not pushed. It only
ever blocks. What it has done is kept (ToldOptOut), so that each suppression is told once, and those that could not be
told come after all others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet
from django.utils.module_loading import import_string

from contacts.models import Suppression
from contacts.suppression import in_force
from curation_sdk.answers import PlatformError
from curation_sdk.clock import Clock, SystemClock
from curation_sdk.database import atomic_with_retry
from curation_sdk.http import Unanswered
from curation_sdk.job import SyncJob
from curation_sdk.outcomes import NO_EVIDENCE, NotPushed, StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.statuses import ProcessingStatus, SyncStatus
from curation_sdk.wording import count_of
from opt_outs import pacing
from opt_outs.models import LastTelling, ToldOptOut

logger = logging.getLogger(__name__)

#: So begins what a platform keeps with a block of ours. By this it is known again when it is read there.
OURS = "Suppressed in ScraperSky"

#: In the task queue the step takes no longer than this, so that the run behind it ends in time.
WITHIN = timedelta(seconds=10)

#: Suppressions read at once.
AT_ONCE = 200

#: Once nobody waits, only what was recorded lately is looked at: a transaction may have taken so long. Everybody is
#: looked at again after this time, for whoever came under a suppression otherwise: by a change of address, say.
LATELY = timedelta(hours=1)

#: Whoever tells and has not been heard of for so long is lost. One person takes less than half of it.
LOST_AFTER = timedelta(minutes=2)

#: So many failures in a row are the platform's trouble, not that of single people.
TROUBLE = 3


class Blocker(Protocol):
    """What a platform does about one person.

    Both methods raise StopRun or Throttled, which end the step; PlatformError or Unanswered, for which this person
    waits; NotPushed when the time is over.
    """

    def block(self, contact_id: str, why: str) -> bool:
        """Have the contact with this id not mailed any more. False: the platform has no such contact."""
        ...

    def find(self, address: str) -> list[str]:
        """The ids of the contacts with this address (as `email_key` gives it)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """A platform that wants to be told: its job, and how to talk to it for the time of a step."""

    job: SyncJob
    open: Callable[[RateLimiter], AbstractContextManager[Blocker]]


@dataclass(frozen=True, slots=True)
class Told:
    """What a step did. problem: why some were not told; "" when all were. more: is there more to do, at once?

    A step that told of nobody has no more to do at once: the next would fare like it. The schedule brings the next.
    """

    count: int
    problem: str = ""
    more: bool = False

    def sentence(self, label: str) -> str:
        """For people; "" when there was nothing to tell."""
        said = f"Told {label} of {count_of(self.count, 'opt-out')}." if self.count else ""
        problem = f"Opt-outs wait: {self.problem}" if self.problem else ""
        return " ".join(filter(None, (said, problem)))


class _Late(Exception):
    """The time is over in the midst of a person."""


def tellers() -> list[Teller]:
    """Those that the settings list."""
    return [import_string(path) for path in settings.OPT_OUT_TELLERS]


def concerned(job: SyncJob) -> QuerySet[Suppression]:
    """The suppressions in force of people whom the platform may have from us, but for those that we have from it.

    It may have whoever was queued for it: even without an id here, since an answer may get lost on the way back.
    """
    queued_once = _contacts(job).filter(Q(**{f"{job.contact_id}__gt": ""}) | ~Q(**{job.sync_status: SyncStatus.NEW}))
    told = FilteredRelation("told", condition=Q(told__platform=job.platform))
    people = in_force().exclude(source=job.label).exclude(email_key="")
    return people.annotate(theirs=told).filter(Exists(queued_once))


def waiting(job: SyncJob) -> QuerySet[Suppression]:
    """Of these the ones that the platform has not been told of."""
    return concerned(job).filter(Q(theirs__told_at=None))


def untold(job: SyncJob) -> QuerySet[Suppression]:
    """Of these the ones that can be told now, in the order in which they are.

    Who is being pushed at this moment waits for the outcome: the push may bring him there. Those that were tried
    before come last, in the order of their last try: else the same few would be tried each time.
    """
    order = F("theirs__tried_at").asc(nulls_first=True), "since", "email_key", "pk"
    return waiting(job).exclude(Exists(_on_the_way(job))).order_by(*order)


def tell(
    teller: Teller,
    *,
    clock: Clock | None = None,
    within: timedelta | None = WITHIN,
    even_if_paused: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Told:
    """Tell the platform of every suppression that it does not know. Nothing while it is off, paused, or asked to wait.

    within: begin no call after this; None: no end. Each call is made outside of any transaction and recorded when it
    was answered: a step that is broken off repeats one call at most, and that changes nothing.
    """
    job, clock = teller.job, clock or SystemClock()
    now = clock.now()
    if pacing.left_alone(job, now=now, even_if_paused=even_if_paused) or not _is_work(job, now):
        return Told(0)
    lock = _Lock.taken(job, clock)
    if lock is None:
        return Told(0)
    limiter = RateLimiter(pacing.rate(job, now=now), clock)
    try:
        with _home_after(within, limiter), teller.open(limiter) as blocker:
            told = _Step(job, blocker, clock, within, stop, lock).run()
        _last(job).update(at=now, problem=told.problem)
    finally:
        lock.release()
    if told.count and not told.problem and not told.more:
        # Whoever was recorded in the last moment: another step may have left it to us, when we had looked already.
        return replace(told, more=untold(job).filter(recorded_at__gte=now - LATELY).exists())
    return told


def lately(job: SyncJob, *, now: datetime) -> Q | None:
    """Among which suppressions those are that wait: the condition; None when that may be any."""
    clear_at = _last(job).values_list("clear_at", flat=True).first()
    return Q(recorded_at__gte=clear_at - LATELY) if clear_at and now - LATELY < clear_at <= now else None


def _is_work(job: SyncJob, now: datetime) -> bool:
    """Is there somebody to be told? Asked before each run, so it reads the whole ledger now and then only."""
    if (among := lately(job, now=now)) is not None:
        return untold(job).filter(among).exists()
    if waiting(job).exists():
        _last(job).update(clear_at=None)
        return untold(job).exists()
    LastTelling.objects.update_or_create(platform=job.platform, defaults={"clear_at": now})
    return False


def _last(job: SyncJob) -> QuerySet[LastTelling]:
    return LastTelling.objects.filter(platform=job.platform)


class _Lock:
    """Only one step at a time tells a platform: two would make each call twice."""

    def __init__(self, job: SyncJob, clock: Clock, until: datetime) -> None:
        self.job, self.clock, self.until = job, clock, until

    @classmethod
    def taken(cls, job: SyncJob, clock: Clock) -> _Lock | None:
        """None: somebody else has it."""
        LastTelling.objects.bulk_create([LastTelling(platform=job.platform)], ignore_conflicts=True)
        now = clock.now()
        until = now + LOST_AFTER
        free = Q(busy_until=None) | Q(busy_until__lte=now) | Q(busy_until__gt=until)  # beyond: by a clock put back
        return cls(job, clock, until) if _last(job).filter(free).update(busy_until=until) else None

    def kept(self) -> bool:
        """Keep it. False: we were taken for lost."""
        until = self.clock.now() + LOST_AFTER
        if until - self.until < LOST_AFTER / 4:
            return True
        mine = _last(self.job).filter(busy_until=self.until).update(busy_until=until)
        self.until = until
        return bool(mine)

    def release(self) -> None:
        _last(self.job).filter(busy_until=self.until).update(busy_until=None)


class _Step:
    """One step: through the suppressions in parts, until all are told, the time is over, or the platform says no."""

    def __init__(
        self,
        job: SyncJob,
        blocker: Blocker,
        clock: Clock,
        within: timedelta | None,
        stop: Callable[[], bool],
        lock: _Lock,
    ) -> None:
        self.job = job
        self.blocker = blocker
        self.clock = clock
        self.end = None if within is None else clock.monotonic() + within.total_seconds()
        self.stop = stop
        self.lock = lock
        self.failed: set[Any] = set()
        self.told: set[str] = set()  # addresses
        self.in_a_row = 0
        self.problem = ""

    def run(self) -> Told:
        while suppressions := list(untold(self.job).exclude(pk__in=self.failed)[:AT_ONCE]):
            for suppression in suppressions:
                if suppression.email_key in self.told:
                    continue
                if not self.lock.kept():
                    return self._ended()
                if self.stop() or self._late():
                    return self._ended(more=True)
                try:
                    done = self._tell_of(suppression)
                except (_Late, NotPushed):
                    self._tried(suppression)
                    return self._ended(more=True)
                except (StopRun, Throttled) as error:
                    return Told(len(self.told), error.reason)
                except (PlatformError, Unanswered) as error:
                    if self._failed(suppression, error.reason):
                        return self._ended()
                else:
                    self.in_a_row = 0
                    if done:
                        self.told.add(suppression.email_key)
                    else:
                        self.failed.add(suppression.pk)
        return self._ended()

    def _tell_of(self, suppression: Suppression) -> bool:
        """Tell of one, under every id that the platform has for the address, and record it.

        Looked up by the address is whose id we do not have, and whose id is gone there: it may have been merged into
        another contact, which lives on with the address. False: nobody was there, but somebody has begun to push him.
        """
        why = f"{OURS}: {suppression.get_reason_display()}."
        calls, gone, blocked = 0, False, False
        ids = _ids_here(self.job, suppression.email_key)
        for contact_id in ids:
            self._in_time(calls)
            there = self.blocker.block(contact_id, why)
            calls, gone, blocked = calls + 1, gone or not there, blocked or there
        if gone or not ids:
            self._in_time(calls)
            for contact_id in self.blocker.find(suppression.email_key):
                self._in_time(1)
                if not self.blocker.block(contact_id, why):
                    text = f"{self.job.label} found contact {contact_id} and then had none with this id."
                    raise PlatformError(text, NO_EVIDENCE, transient=True)
                blocked = True
        return self._record(suppression, blocked)

    def _record(self, suppression: Suppression, blocked: bool) -> bool:
        """Keep that the platform knows all that is in force about the address. False: as above."""
        now = self.clock.now()

        def store() -> bool:
            if not blocked and _on_the_way(self.job, suppression.email_key).exists():
                return False
            same = Q(pk=suppression.pk) | Q(email_key=suppression.email_key, lifted_at=None)
            rows = Suppression.objects.filter(same).exclude(source=self.job.label).order_by("pk")
            _keep(self.job, rows, told_at=now, tried_at=now)
            return True

        return atomic_with_retry(store)

    def _failed(self, suppression: Suppression, reason: str) -> bool:
        """Keep that it was tried. True: the platform is in trouble."""
        self.failed.add(suppression.pk)
        self._tried(suppression)
        self.in_a_row, self.problem = self.in_a_row + 1, reason
        logger.warning("%s: an opt-out could not be told and will be tried again: %s", self.job.platform, self.problem)
        return self.in_a_row >= TROUBLE

    def _tried(self, suppression: Suppression) -> None:
        rows = Suppression.objects.filter(pk=suppression.pk)
        atomic_with_retry(lambda: _keep(self.job, rows, tried_at=self.clock.now()))

    def _ended(self, *, more: bool = False) -> Told:
        return Told(len(self.told), self.problem, more=more and bool(self.told))

    def _late(self) -> bool:
        return self.end is not None and self.clock.monotonic() > self.end

    def _in_time(self, calls: int) -> None:
        """Raise when the time is over, but let the first call of a person through: it was asked for just now."""
        if calls and self._late():
            raise _Late


def _contacts(job: SyncJob) -> QuerySet[Any]:
    return job.contacts.filter(**{job.identity: OuterRef("email_key")}).order_by()


def _on_the_way(job: SyncJob, email_key: str | None = None) -> QuerySet[Any]:
    """Contacts being pushed at this moment: those with an address, or of each row of an outer query."""
    mine = _contacts(job) if email_key is None else job.contacts.filter(**{job.identity: email_key})
    return mine.filter(**{job.processing_status: ProcessingStatus.PROCESSING})


def _ids_here(job: SyncJob, email_key: str) -> list[str]:
    """The ids that we have for an address, without those that are none of the platform's: somebody wrote them here."""
    contacts = job.contacts.filter(**{job.identity: email_key, f"{job.contact_id}__gt": ""})
    ids = sorted(map(str, contacts.order_by().values_list(job.contact_id, flat=True).distinct()))
    return [one for one in ids if one.isascii() and one.isdigit()]


def _keep(job: SyncJob, rows: QuerySet[Suppression], **when: datetime) -> None:
    """Write the times to what is kept of these suppressions. Another step may be doing the same. In a transaction."""
    keys = list(rows.select_for_update().values_list("pk", flat=True))
    ToldOptOut.objects.bulk_create(
        [ToldOptOut(platform=job.platform, suppression_id=key, **when) for key in keys],
        update_conflicts=True,
        unique_fields=["platform", "suppression"],
        update_fields=list(when),
    )


@contextmanager
def _home_after(within: timedelta | None, limiter: RateLimiter) -> Iterator[None]:
    """Within it nobody waits for his turn longer than this."""
    if within is None:
        yield
        return
    timer = threading.Timer(within.total_seconds(), limiter.stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
