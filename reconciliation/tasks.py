"""Comparisons in the task queue: nightly and on demand, in turns, each of which hands over to the next."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from curation_sdk.shutdown import stop_requested
from reconciliation import engine
from reconciliation.beginning import begin, is_due, under_way
from reconciliation.held import Comparison
from reconciliation.models import Reconciliation
from reconciliation.retention import prune_of

logger = logging.getLogger(__name__)

#: Seconds for one turn: with a last call that takes long it ends before the task queue's time-out of 240 seconds.
TURN = 120.0

#: The schedule looks this often, in minutes: whether the night's comparison is due, and whether one waits to go on.
EVERY = 5


def compare(comparison: Comparison) -> str:
    """What the schedule calls: go on with the comparison that is under way, or begin the nightly one.

    Returns what happened, as a sentence for the task list in the admin.
    """
    if stop_requested():
        return "The worker was asked to stop before it began; the next one goes on."
    job, now = comparison.job, timezone.now()
    if off := job.off_reason():
        return off
    current = under_way(job)
    if current is None:
        if not is_due(job, now=now):
            return "No comparison is due."
        current, _ = begin(comparison, trigger=Reconciliation.Trigger.SCHEDULE, by="", now=now)
    report = engine.work(comparison, current, seconds=TURN, stop=stop_requested)
    if report.finished:
        prune_of(job.platform, stop=stop_requested)
    elif report.more and not stop_requested():
        enqueue(comparison)
    return report.said


def ask_for(comparison: Comparison, *, by: str, now: datetime) -> tuple[Reconciliation, bool]:
    """Begin a comparison because a person wants it, and have a worker take it up. False: one is under way."""
    current, begun = begin(comparison, trigger=Reconciliation.Trigger.HAND, by=by, now=now)
    transaction.on_commit(lambda: enqueue(comparison))
    return current, begun


def enqueue(comparison: Comparison) -> None:
    """Put a turn into the task queue. One that is out of reach costs time only: the schedule finds what waits."""
    try:
        async_task(comparison.task, group=comparison.schedule)
    except Exception:
        logger.exception("%s: the task queue could not be reached; the schedule goes on", comparison.schedule)
