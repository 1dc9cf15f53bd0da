"""Taking up work that nobody does any more: after a crash, and when a worker starts.

Each `qcluster` looks every few seconds (`Recovery.look`), whichever machine the work was lost on. Nothing is started
twice: a run is declared lost by one conditional UPDATE, whoever's it is starts the next one, and the constraint on
the slots holds in any case.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from curation_sdk import runs, steering
from curation_sdk.claiming import due, work_is_due
from curation_sdk.clock import Clock, SystemClock
from curation_sdk.job import SyncJob
from curation_sdk.jobs import jobs
from curation_sdk.models import SyncRun
from curation_sdk.operations import operation_is_left, unfinished
from curation_sdk.statuses import ProcessingStatus
from curation_sdk.tasks import enqueue

logger = logging.getLogger(__name__)

#: A run whose heartbeat has not changed for so long, as watched from here, is lost.
SILENT_FOR = 30.0  # seconds

#: A task that was put into the queue gets this long to begin, before another one is.
PATIENCE = 30.0  # seconds

#: Contacts that are due, with nobody at them, wait for their task this long: then it was lost, for instance with a
#: Redis that was restarted.
OVERDUE = 10.0  # seconds


class Recovery:
    """What one `qcluster` has seen of everybody's work, look by look.

    Silence is measured here, by how long a heartbeat stays the same, and not by its age: clocks of machines differ,
    clocks are put right, and while the database was away nobody could write one.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.seen: dict[UUID, tuple[datetime, float]] = {}  # run -> its heartbeat, and since when it has been that
        self.asked: dict[str, float] = {}  # platform -> when a run was last started from here
        self.idle_since: dict[str, float] = {}  # platform -> since when contacts are due and nobody is at them
        self.gone: set[str] = set()  # workers of ours that have died, for `look`

    def blind(self) -> None:
        """The database could not be asked: what was seen before says nothing about silence."""
        self.seen.clear()

    def start(self) -> None:
        """A worker has started, or the database or task queue is back: begin at once with what is due.

        Without it, that would wait for the schedule.
        """
        now = self.clock.now()
        for job in jobs():
            if not _free(job, now=now):
                continue
            if unfinished(job).exists() or (not _held_back(job, now=now) and work_is_due(job, job.policy(), now=now)):
                self._start(job)

    def look(self) -> None:
        """Take up what is lost: runs of dead or silent workers, contacts whose lease passed with nobody at work."""
        now = self.clock.now()
        lost = self._lost_runs(now)
        for job in jobs():
            if (job.platform in lost and not _held_back(job, now=now)) or self._left_behind(job, now):
                self._start(job)

    def _lost_runs(self, now: datetime) -> set[str]:
        """Declare runs lost. Returns the platforms of those that this look declared."""
        running = list(SyncRun.objects.filter(state=SyncRun.State.RUNNING).only("platform", "worker", "heartbeat_at"))
        lost = {run.platform for run in running if self._is_lost(run) and runs.declare_lost(run, now=now)}
        self.seen = {key: value for key, value in self.seen.items() if key in {run.pk for run in running}}
        self.gone.clear()
        return lost

    def _is_lost(self, run: SyncRun) -> bool:
        if run.worker in self.gone:
            return True
        heartbeat, since = self.seen.get(run.pk, (None, 0.0))
        moment = self.clock.monotonic()
        if heartbeat != run.heartbeat_at:
            self.seen[run.pk] = (run.heartbeat_at, moment)
            return False
        return moment - since >= SILENT_FOR

    def _left_behind(self, job: SyncJob, now: datetime) -> bool:
        """Is there work that is due, and nobody who would take it soon?"""
        if self.clock.monotonic() - self.asked.get(job.platform, float("-inf")) < PATIENCE or not _free(job, now=now):
            return False
        if runs.running(job, now=now).exists():
            self.idle_since.pop(job.platform, None)
            return False
        if operation_is_left(job, now=now):
            return True
        if _held_back(job, now=now):
            self.idle_since.pop(job.platform, None)
            return False
        passed = Q(**{job.processing_status: ProcessingStatus.PROCESSING})
        if due(job, now=now).filter(passed)[:1].exists():
            return True
        return self._is_overdue(job, now)

    def _is_overdue(self, job: SyncJob, now: datetime) -> bool:
        if runs.was_stopped(job) or not work_is_due(job, job.policy(), now=now):
            # What a person has to put right first is tried again by the schedule, no more often.
            self.idle_since.pop(job.platform, None)
            return False
        moment = self.clock.monotonic()
        return moment - self.idle_since.setdefault(job.platform, moment) >= OVERDUE

    def _start(self, job: SyncJob) -> None:
        logger.info("%s: work waits and nobody is at it, so a run is started", job.platform)
        self.asked[job.platform] = self.clock.monotonic()
        self.idle_since.pop(job.platform, None)
        enqueue(job, SyncRun.Trigger.RECOVERY)


def _free(job: SyncJob, *, now: datetime) -> bool:
    """Could a run of the platform do anything now?"""
    return not job.off_reason() and runs.resume_at(job, now=now) is None


def _held_back(job: SyncJob, *, now: datetime) -> bool:
    """Has a person said that no run is to begin by itself? Operations on many contacts go on all the same."""
    return bool(steering.held_back(job, SyncRun.Trigger.RECOVERY, now=now))


def workers_named(pids: Collection[int]) -> set[str]:
    """The names under which these processes of this machine hold runs."""
    return {runs.worker_name(pid) for pid in pids}
