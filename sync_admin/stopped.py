"""Queues that stand still until a person acts: for the line at the top of every page."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, Subquery

from curation_sdk import runs
from curation_sdk.job import SyncJob
from curation_sdk.models import SyncRun
from curation_sdk.queueing import closed_reason
from curation_sdk.statuses import ProcessingStatus
from scrapersky.platforms import QUEUES


def stopped_queues(*, now: datetime) -> list[tuple[SyncJob, SyncRun]]:
    """The queues whose last run was stopped while contacts wait, with that run.

    One question for the runs; the rest is asked only when one was stopped.
    """
    last = Q()
    for job in QUEUES:
        ended = SyncRun.objects.filter(platform=job.platform).exclude(state=SyncRun.State.RUNNING)
        last |= Q(pk=Subquery(ended.values("pk")[:1]))
    stopped = {run.platform: run for run in SyncRun.objects.filter(last, state=SyncRun.State.STOPPED).order_by()}
    return [(job, stopped[job.platform]) for job in QUEUES if job.platform in stopped and _stands_still(job, now=now)]


def _stands_still(job: SyncJob, *, now: datetime) -> bool:
    """Do contacts wait, with no run at work that may have got over it? A queue that is switched off may."""
    waiting = job.contacts.filter(**{job.processing_status: ProcessingStatus.QUEUED})
    # Ordered, so that the index of the due is read, which is empty when nobody waits.
    waits = waiting.order_by(job.next_attempt_at, "pk")[:1].exists()
    return waits and not closed_reason(job) and not runs.running(job, now=now).exists()
