"""How many contacts are in which status, counted once for all who ask at about the same time."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import DatabaseError, transaction
from django.db.models import Count
from django.utils import timezone

from curation_sdk.job import SyncJob
from curation_sdk.models import StatusCounts
from curation_sdk.statuses import SyncStatus

logger = logging.getLogger(__name__)

Counts = TypeVar("Counts")

#: In a table that is smaller than this, every question is answered by a count of its own: it takes milliseconds.
LARGE = 50_000

#: Seconds for which the counts of a large table serve all who ask: as long as the strip above the contact list waits
#: between two questions, so that one reader gets fresh numbers each time and ten readers cost what one does …
SHARED_FOR = 2.0

#: … and so many times as long as the count took, so that counting takes a twentieth of the database's time at most.
TIMES_ITS_COST = 20

#: A page whose script asks for fresh numbers at once may begin with some that are up to so old …
FOR_A_START = 600.0

#: … which stand in the database for a process that has just started; written no more often than this.
KEEP_EVERY = 60.0


@dataclass(slots=True)
class _Shared:
    lock: threading.Lock = field(default_factory=threading.Lock)  # whoever holds it counts; the others wait for that
    counts: Any = None
    changes_seen: int = 0  # how many of this process's are in `counts`
    good_until: float = 0.0
    counted_at: float = 0.0


_shared: dict[tuple[str, str], _Shared] = {}

#: Platform -> when this process last kept its counts in the database.
_kept_at: dict[str, float] = {}

#: Platform -> how often this process has changed statuses.
_changes: Counter[str] = Counter()


def status_counts(job: SyncJob, *, start: Mapping[str, dict[str, int]] | None = None) -> dict[str, int]:
    """How many contacts there are in each sync status, keyed by `SyncStatus` value; all six are there.

    Read from an index alone. In a large table the numbers may be some seconds old, but not older than the last change
    that this process made itself. start: what `kept_counts` gave, for a page that may begin with numbers that are
    minutes old and need not wait for a count; None for whoever wants fresh ones.
    """
    old = None if start is None else start.get(job.platform, {})
    counts: dict[str, int] = counted_once(job, "statuses", partial(_count, job), _total, old=old)
    return dict(counts)


def kept_counts() -> dict[str, dict[str, int]]:
    """Counts from the database that are up to FOR_A_START old, by platform: those of large tables only."""
    since = timezone.now() - timedelta(seconds=FOR_A_START)
    return dict(StatusCounts.objects.filter(counted_at__gte=since).values_list("platform", "counts"))


def keep_status_counts(job: SyncJob) -> None:
    """Count, so that no page has to: what a worker does after its work. Only the counts of a large table are kept."""
    if _kept_lately(job):
        return
    try:
        status_counts(job)
    except DatabaseError as error:
        logger.warning("%s: the statuses could not be counted: %s", job.platform, error)


def counted_once(
    job: SyncJob,
    what: str,
    count: Callable[[], Counts],
    size: Callable[[Counts], int],
    *,
    old: Counts | None = None,
) -> Counts:
    """What `count` says, counted for all who ask for `what` at about the same time.

    size: the contacts in it. old: for a page that may begin with numbers that are minutes old, some of that kind,
    empty when there are none; None for whoever wants fresh ones.
    """
    shared = _shared.setdefault((job.platform, what), _Shared())
    changes_before = _changes[job.platform]
    with shared.lock:
        good_until = shared.good_until if old is None else shared.counted_at + FOR_A_START
        if shared.counts and shared.changes_seen >= changes_before and time.monotonic() < good_until:
            found: Counts = shared.counts
            return found
        if old and not changes_before:
            return old
        changes_seen = _changes[job.platform]
        started = time.monotonic()
        counts = count()
        ended = time.monotonic()
        shared.counts = counts if size(counts) >= LARGE else None
        shared.changes_seen = changes_seen
        shared.counted_at = ended
        shared.good_until = ended + max(SHARED_FOR, (ended - started) * TIMES_ITS_COST)
        return counts


def statuses_changed(job: SyncJob) -> None:
    """Say that this process has changed statuses: the next question is answered afresh, now and after the commit."""
    _forget(job)
    transaction.on_commit(lambda: _forget(job))


def _forget(job: SyncJob) -> None:
    _changes[job.platform] += 1


def _total(counts: dict[str, int]) -> int:
    return sum(counts.values())


def _count(job: SyncJob) -> dict[str, int]:
    rows = job.contacts.order_by().values_list(job.sync_status).annotate(number=Count("*"))
    counts: dict[str, int] = dict.fromkeys(SyncStatus.values, 0) | dict(rows)
    if _total(counts) >= LARGE:
        _keep(job, counts)
    return counts


def _keep(job: SyncJob, counts: dict[str, int]) -> None:
    """For processes that start within the next minutes. One statement, once in a while."""
    if _kept_lately(job):
        return
    _kept_at[job.platform] = time.monotonic()
    row = StatusCounts(platform=job.platform, counts=counts, counted_at=timezone.now())
    StatusCounts.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["platform"], update_fields=["counts", "counted_at"]
    )


def _kept_lately(job: SyncJob) -> bool:
    return job.platform in _kept_at and time.monotonic() - _kept_at[job.platform] < KEEP_EVERY
