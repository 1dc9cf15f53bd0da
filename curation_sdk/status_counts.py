"""How many contacts are in which status, counted once for all who ask at about the same time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Count

from curation_sdk.job import SyncJob
from curation_sdk.statuses import SyncStatus

Counts = TypeVar("Counts")

#: In a table that is smaller than this, every question is answered by a count of its own: it takes milliseconds.
LARGE = 50_000

#: Seconds for which the counts of a large table serve all who ask: as long as the strip above the contact list waits
#: between two questions, so that one reader gets fresh numbers each time and ten readers cost what one does …
SHARED_FOR = 2.0

#: … and so many times as long as the count took, so that counting takes a twentieth of the database's time at most.
TIMES_ITS_COST = 20


#: A page whose script asks for fresh numbers at once may begin with some that are up to so old.
FOR_A_START = 600.0


@dataclass(slots=True)
class _Shared:
    lock: threading.Lock = field(default_factory=threading.Lock)  # whoever holds it counts; the others wait for that
    counts: Any = None
    changes_seen: int = 0  # how many of this process's are in `counts`
    good_until: float = 0.0
    counted_at: float = 0.0


_shared: dict[tuple[str, str], _Shared] = {}

#: Platform -> how often this process has changed statuses.
_changes: Counter[str] = Counter()


def status_counts(job: SyncJob, *, for_a_start: bool = False) -> dict[str, int]:
    """How many contacts there are in each sync status, keyed by `SyncStatus` value; all six are there.

    Read from an index alone. In a large table the numbers may be some seconds old, but not older than the last change
    that this process made itself. for_a_start: they may be minutes old, so that a page need not wait for a count.
    """
    counts: dict[str, int] = counted_once(job, "statuses", partial(_count, job), _total, for_a_start=for_a_start)
    return dict(counts)


def counted_once(
    job: SyncJob, what: str, count: Callable[[], Counts], size: Callable[[Counts], int], *, for_a_start: bool = False
) -> Counts:
    """What `count` says, counted for all who ask for `what` at about the same time.

    size: the contacts in it. for_a_start: it may be minutes old.
    """
    shared = _shared.setdefault((job.platform, what), _Shared())
    changes_before = _changes[job.platform]
    with shared.lock:
        good_until = shared.counted_at + FOR_A_START if for_a_start else shared.good_until
        if shared.counts and shared.changes_seen >= changes_before and time.monotonic() < good_until:
            found: Counts = shared.counts
            return found
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
    return dict.fromkeys(SyncStatus.values, 0) | dict(rows)
