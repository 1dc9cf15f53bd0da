"""Who waits in the queues: since when the oldest contact is due, how many wait for their next try, and till when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet, Subquery

from curation_sdk.claiming import due
from curation_sdk.job import SyncJob
from curation_sdk.queueing import active
from curation_sdk.statuses import ACTIVE, ProcessingStatus
from curation_sdk.wording import count_of

#: Contacts that wait for their next try are counted up to this.
COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queue's contacts that no run has in hand."""

    oldest: datetime | None = None  # since when the first of those that are due is due
    backing_off: int = 0  # have been tried and wait for the next time
    next_try: datetime | None = None  # of the first of these

    @property
    def backing_off_in_words(self) -> str:
        """ "12 contacts", "more than 1,000 contacts"."""
        more = self.backing_off > COUNTED
        return f"{'more than ' if more else ''}{count_of(min(self.backing_off, COUNTED), 'contact')}"


def waiting(jobs: Sequence[SyncJob], *, now: datetime) -> dict[str, Waiting]:
    """By platform. One query for the first contacts of all queues, by the index of the due, and a count for each
    queue in which somebody waits for his next try."""
    found = {job.platform: Waiting() for job in jobs}
    for model in {job.model for job in jobs}:
        mine = [job for job in jobs if job.model is model]
        rows = _first_ones(mine, now)
        for job in mine:
            in_order = sorted(
                (row[job.next_attempt_at], row[job.processing_status])
                for row in rows
                if row[job.next_attempt_at] and row[job.processing_status] in ACTIVE
            )
            oldest = next((time for time, _ in in_order if time <= now), None)
            later = (time for time, status in in_order if time > now and status == ProcessingStatus.QUEUED)
            next_try = next(later, None)
            count = _later(job, now)[: COUNTED + 1].count() if next_try else 0
            found[job.platform] = Waiting(oldest, count, next_try)
    return found


def _first_ones(jobs: Sequence[SyncJob], now: datetime) -> list[dict[str, Any]]:
    """The contacts that are first in some queue: of those that are due, and of those that are not yet."""
    first = Q(pk__in=[])
    for job in jobs:
        for contacts in (due(job, now=now), _later(job, now)):
            first |= Q(pk=Subquery(contacts.values("pk")[:1]))
    columns = [column for job in jobs for column in (job.processing_status, job.next_attempt_at)]
    return list(jobs[0].contacts.filter(first).order_by().values(*columns))


def _later(job: SyncJob, now: datetime) -> QuerySet[Any]:
    """Those that wait for their next try, in the order of the index of the due.

    Not "= Queued": with that the planner takes them for so few that it fetches and sorts them all.
    """
    in_hand = Q(**{job.processing_status: ProcessingStatus.PROCESSING})
    later = Q(**{f"{job.next_attempt_at}__gt": now})
    return job.contacts.filter(active(job), later).exclude(in_hand).order_by(job.next_attempt_at, "pk")
