"""Queues that stand still until a person acts: for the line at the top of every page."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, Subquery

from curation_sdk import runs
from curation_sdk.job import SyncJob
from curation_sdk.models import SyncRun
from curation_sdk.queueing import active, closed_reason
from curation_sdk.statuses import ProcessingStatus
from curation_sdk.steering import paused
from curation_sdk.waiting import COUNTED
from curation_sdk.wording import count_of
from scrapersky.platforms import QUEUES


def stopped_queues(*, now: datetime) -> list[tuple[SyncJob, SyncRun, str]]:
    """The queues whose last run was stopped while contacts wait, with that run and how many wait, in words.

    One question for the runs; the rest is asked only when one was stopped.
    """
    last = Q()
    for job in QUEUES:
        ended = SyncRun.objects.filter(platform=job.platform).exclude(state=SyncRun.State.RUNNING)
        last |= Q(pk=Subquery(ended.values("pk")[:1]))
    stopped = {run.platform: run for run in SyncRun.objects.filter(last, state=SyncRun.State.STOPPED).order_by()}
    still = [job for job in QUEUES if job.platform in stopped and _stands_still(job, now=now)]
    return [(job, stopped[job.platform], _in_words(number)) for job in still if (number := _waiting(job))]


def _stands_still(job: SyncJob, *, now: datetime) -> bool:
    """Is it on, and neither paused, which people know, nor with a run at work that may have got over it?"""
    return not closed_reason(job) and not paused(job) and not runs.running(job, now=now).exists()


def _waiting(job: SyncJob) -> int:
    """How many wait, counted up to a bit more than COUNTED: from the index of the due, in its order, at any size.

    Not "= Queued", for which the planner may fetch and sort them all.
    """
    in_hand = Q(**{job.processing_status: ProcessingStatus.PROCESSING})
    waiting = job.contacts.filter(active(job)).exclude(in_hand)
    return waiting.order_by(job.next_attempt_at, "pk")[: COUNTED + 1].count()


def _in_words(number: int) -> str:
    more = "more than " if number > COUNTED else ""
    return more + count_of(min(number, COUNTED), "contact waits", "contacts wait")
