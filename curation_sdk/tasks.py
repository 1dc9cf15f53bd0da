"""Runs in the task queue: how they start, how one calls for another, and how one hands over to the next."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from curation_sdk import runs, steering
from curation_sdk.claiming import due
from curation_sdk.cycle import run_cycle
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, SyncRun
from curation_sdk.operations import LOST_AFTER, unfinished, work_off
from curation_sdk.shutdown import stop_requested
from curation_sdk.status_counts import keep_status_counts

logger = logging.getLogger(__name__)


def process_queue(job: SyncJob, trigger: str) -> str:
    """Do what people asked for many contacts, then run one cycle, all within the time budget of a cycle.

    With work left the next task is put in the queue at once. Another worker may begin to push as soon as the first
    contacts are queued; with a single worker the two take turns.
    """
    if stop_requested():
        return "The worker was asked to stop before it began; the next one takes up what is due."
    begun, budget = time.monotonic(), job.policy().budget
    more = work_off(job, seconds=budget.total_seconds(), stop=stop_requested, on_queued=partial(_start_for, job))
    if more:
        if not stop_requested():
            enqueue(job, SyncRun.Trigger.SUCCESSOR)
        return "The time was used up by an operation on many contacts, which goes on."
    if reason := steering.held_back(job, trigger, now=timezone.now()):
        return reason
    if needs_help(job, now=timezone.now()):
        enqueue(job, SyncRun.Trigger.HELPER)
    rest = budget - timedelta(seconds=time.monotonic() - begun)
    if unfinished(job).exists():
        # Another worker is at it. Should it have died, the successor of this run takes over.
        rest = min(rest, LOST_AFTER)
    report = run_cycle(job, trigger=SyncRun.Trigger(trigger), budget=rest, stop=stop_requested)
    if report.work_left:
        enqueue(job, SyncRun.Trigger.SUCCESSOR)
    if not stop_requested():
        keep_status_counts(job)
    sentence = report.sentence()
    if report.stopped:
        logger.error("%s: %s", job.platform, sentence)
    elif report.state is not None:
        logger.info("%s: %s", job.platform, sentence)
    return sentence


def _start_for(job: SyncJob, operation: BulkOperation) -> None:
    enqueue(job, SyncRun.Trigger(operation.trigger))


def needs_help(job: SyncJob, *, now: datetime) -> bool:
    """Will there be a free slot, and work for it, when the run that is about to begin has begun?

    The run that is called for asks the same, so all slots are taken one after the other, by whichever worker, on
    whichever machine, is free. One that finds no slot does nothing.
    """
    if job.off_reason() or runs.resume_at(job, now=now):
        return False
    policy = job.policy()
    if policy.max_instances == 1:
        return False
    begun = runs.running(job, now=now).count() + 1
    wanted = begun * policy.batch_size  # what the runs at work take with their next claim
    return begun < policy.max_instances and due(job, now=now)[: wanted + 1].count() > wanted


def start_soon(job: SyncJob, trigger: SyncRun.Trigger) -> None:
    """Have a worker begin a cycle as soon as the current transaction is committed.

    A task queue that is out of reach is no reason to fail: the contacts are queued in the database, and the
    schedule finds them.
    """
    transaction.on_commit(lambda: enqueue(job, trigger))


def enqueue(job: SyncJob, trigger: SyncRun.Trigger) -> None:
    """Put a cycle into the task queue; see `start_soon`."""
    try:
        async_task(job.task, trigger.value, group=job.schedule)
    except Exception:
        # Whatever the broker raises (a Redis, a database error): it must not undo or hide what was queued.
        logger.exception("%s: the task queue could not be reached; the schedule will start the run", job.platform)
