"""Runs in the task queue: how they start, and how one hands over to the next."""

from __future__ import annotations

import logging

from django.db import transaction
from django_q.tasks import async_task

from curation_sdk.cycle import run_cycle
from curation_sdk.job import SyncJob
from curation_sdk.models import SyncRun
from curation_sdk.shutdown import stop_requested

logger = logging.getLogger(__name__)


def process_queue(job: SyncJob, trigger: str) -> str:
    """Run one cycle within its time budget. With work left the next cycle is put in the queue at once."""
    report = run_cycle(job, trigger=SyncRun.Trigger(trigger), budget=job.policy().budget, stop=stop_requested)
    if report.work_left:
        enqueue(job, SyncRun.Trigger.SUCCESSOR)
    sentence = report.sentence()
    if report.stopped:
        logger.error("%s: %s", job.platform, sentence)
    elif report.state is not None:
        logger.info("%s: %s", job.platform, sentence)
    return sentence


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
