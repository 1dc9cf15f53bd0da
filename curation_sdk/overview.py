"""How queues stand: for a platform's page in the API, the strip above the contact list, and the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from curation_sdk import runs
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, QueuePause, SyncRun
from curation_sdk.operations import sentence, unfinished_of
from curation_sdk.queueing import closed_reason
from curation_sdk.status_counts import kept_counts, status_counts
from curation_sdk.statuses import SyncStatus
from curation_sdk.steering import cancel_sentence, pause_sentence, still_cancelled
from curation_sdk.workers import workers_alive


def status_summary(job: SyncJob) -> dict[str, int]:
    """How many contacts are in each status: `new`, `queued` …, and `total_contacts`."""
    return _summary(status_counts(job))


def _summary(counts: dict[str, int]) -> dict[str, int]:
    named = {name.lower(): count for name, count in counts.items()}
    return {**named, "total_contacts": sum(named.values())}


def in_use(job: SyncJob) -> bool:
    """Is it switched on, or does it know of contacts from a time when it was?"""
    closed = closed_reason(job)
    return not closed or _in_use(closed, status_counts(job, start=kept_counts()))


def _in_use(closed: str, counts: dict[str, int]) -> bool:
    return not closed or any(count for status, count in counts.items() if status != SyncStatus.NEW)


@dataclass(frozen=True, slots=True)
class Standing:
    """A queue as it stands at a moment."""

    job: SyncJob
    closed: str  # why contacts cannot be queued; "" when they can
    counts: dict[str, int]  # by SyncStatus value
    running: list[SyncRun]  # under way and alive, the oldest first
    latest: SyncRun | None  # of those that have ended
    operations: list[BulkOperation]  # that have not ended
    pause: QueuePause | None
    wait_until: datetime | None  # the platform asked for it
    cancelled: SyncRun | None  # the run after which only the schedule, or a person, begins another
    workers: list[str]  # that live, for whichever queue

    @property
    def waiting(self) -> int:
        return self.counts[SyncStatus.QUEUED]

    @property
    def in_use(self) -> bool:
        """Is it switched on, or does it know of contacts from a time when it was?"""
        return _in_use(self.closed, self.counts)

    @property
    def problem(self) -> str:
        """Why contacts wait although they should not; "" when all is well."""
        if self.closed:
            return self.closed
        if self.pause:
            return pause_sentence(self.pause)
        if self.waiting and self.latest and self.latest.state == SyncRun.State.STOPPED and not self.running:
            return f"The last run stopped: {self.latest.reason}"
        if not self.waiting and not self.operations:
            return ""
        if self.wait_until:
            return f"{self.job.label} asked us to wait until {self.wait_until:%H:%M:%S} UTC."
        needs_worker = bool(self.waiting) and not self.job.off_reason()  # else another program fetches them
        if (needs_worker or self.operations) and not self.workers:
            return 'No worker is running, so queued contacts wait. "manage.py qcluster" starts one.'
        if self.waiting and self.cancelled and not self.running:
            return cancel_sentence(self.cancelled)
        return ""


def standings(jobs: Sequence[SyncJob], *, now: datetime, for_a_start: bool = False) -> list[Standing]:
    """How the queues stand: a count for each, and a handful of queries for all of them together.

    for_a_start: for a page whose script asks again at once; see `status_counts`.
    """
    names = [job.platform for job in jobs]
    running = list(runs.under_way(names, now=now))
    last = list(runs.last_of_each(names))
    pauses = QueuePause.objects.in_bulk(names)
    waits = runs.waits(names, now=now)
    operations = list(unfinished_of(names).filter(confirmed=True))
    workers = workers_alive(now=now)
    start = kept_counts() if for_a_start else None

    def last_run(job: SyncJob, *, ended: bool) -> SyncRun | None:
        its = (run for run in last if run.platform == job.platform)
        return next((run for run in its if not ended or run.state != SyncRun.State.RUNNING), None)

    return [
        Standing(
            job=job,
            closed=closed_reason(job),
            counts=status_counts(job, start=start),
            running=[run for run in running if run.platform == job.platform],
            latest=last_run(job, ended=True),
            operations=[operation for operation in operations if operation.platform == job.platform],
            pause=pauses.get(job.platform),
            wait_until=waits.get(job.platform),
            cancelled=still_cancelled(job, last_run(job, ended=False), now=now),
            workers=workers,
        )
        for job in jobs
    ]


def platform_state(job: SyncJob, *, now: datetime) -> dict[str, Any]:
    """Is the platform on, what is it doing, and what does a person have to know? Ready for JSON."""
    (standing,) = standings([job], now=now)
    return as_state(standing)


def as_state(standing: Standing) -> dict[str, Any]:
    """The same, of a queue whose standing is known."""
    job, latest = standing.job, standing.latest
    return {
        "platform": job.platform,
        "label": job.label,
        "on": not standing.closed,
        "running": bool(standing.running),
        "problem": standing.problem,
        "notes": latest.notes if latest else "",
        "last_run": _run(latest) if latest else None,
        "operations": [_operation(job, operation) for operation in standing.operations],
        "summary": _summary(standing.counts),
    }


def hindrance(job: SyncJob, *, now: datetime) -> str:
    """Why contacts that are queued now would wait longer than for their turn; "" when they would not."""
    (standing,) = standings([job], now=now)
    with_them = {**standing.counts, SyncStatus.QUEUED: standing.waiting + 1}
    return replace(standing, counts=with_them).problem


def _operation(job: SyncJob, operation: BulkOperation) -> dict[str, Any]:
    begun = f"{operation.get_action_display()}, {operation.get_state_display().lower()}"
    return {"id": operation.pk, "text": f"{begun}: {sentence(job, operation)}"}


def _run(run: SyncRun) -> dict[str, Any]:
    return {"state": run.state, "started_at": run.started_at, "finished_at": run.finished_at, "reason": run.reason}
