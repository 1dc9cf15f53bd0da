"""How many contacts are in which status, counted once for all who ask at about the same time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Count

from curation_sdk.job import SyncJob
from curation_sdk.statuses import SyncStatus

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
    changes: int = 0  # that this process has made
    counts: dict[str, int] | None = None
    changes_seen: int = 0  # how many of them are in `counts`
    good_until: float = 0.0
    counted_at: float = 0.0


_shared: dict[str, _Shared] = {}


def status_counts(job: SyncJob, *, for_a_start: bool = False) -> dict[str, int]:
    """How many contacts there are in each sync status, keyed by `SyncStatus` value; all six are there.

    Read from an index alone. In a large table the numbers may be some seconds old, but not older than the last change
    that this process made itself. for_a_start: they may be minutes old, so that a page need not wait for a count.
    """
    shared = _of(job)
    changes_before = shared.changes
    with shared.lock:
        good_until = shared.counted_at + FOR_A_START if for_a_start else shared.good_until
        if shared.counts and shared.changes_seen >= changes_before and time.monotonic() < good_until:
            return dict(shared.counts)
        changes_seen = shared.changes
        started = time.monotonic()
        counts = _count(job)
        ended = time.monotonic()
        large = sum(counts.values()) >= LARGE
        shared.counts = counts if large else None
        shared.changes_seen = changes_seen
        shared.counted_at = ended
        shared.good_until = ended + max(SHARED_FOR, (ended - started) * TIMES_ITS_COST)
        return dict(counts)


def statuses_changed(job: SyncJob) -> None:
    """Say that this process has changed statuses: the next question is answered afresh, now and after the commit."""
    _forget(job)
    transaction.on_commit(lambda: _forget(job))


def _forget(job: SyncJob) -> None:
    _of(job).changes += 1


def _of(job: SyncJob) -> _Shared:
    return _shared.setdefault(job.platform, _Shared())


def _count(job: SyncJob) -> dict[str, int]:
    rows = job.contacts.order_by().values_list(job.sync_status).annotate(number=Count("*"))
    return dict.fromkeys(SyncStatus.values, 0) | dict(rows)
