"""What the task queue calls."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from contacts.suppression import in_force
from curation_sdk.models import SyncRun
from curation_sdk.shutdown import stop_requested
from curation_sdk.steering import paused
from curation_sdk.tasks import enqueue, process_queue
from opt_outs.sweeping import is_due, sweep, sweeper_of, sweepers
from opt_outs.telling import Teller, Told, tell, tellers

logger = logging.getLogger(__name__)

#: The first look goes back so far, every other one so far behind the last: a transaction may have taken a while.
FIRST = timedelta(minutes=1)
OVERLAP = timedelta(seconds=5)

_looked_at: datetime | None = None

TELL = "opt_outs.tasks.tell_everybody"
SWEEP = "opt_outs.tasks.sweep_platform"


def tell_and_push(teller: Teller, trigger: str) -> str:
    """Tell the platform of our opt-outs, then push what is due. Returns what happened, for people."""
    job = teller.job
    told = _tell(teller)
    sentence = process_queue(job, trigger)
    if told.more and not stop_requested():
        enqueue(job, SyncRun.Trigger.SUCCESSOR)
    return " ".join(filter(None, (told.sentence(job.label), sentence)))


def tell_everybody() -> str:
    """Tell each platform of our opt-outs, without a push. Returns what happened."""
    steps = [(teller.job, _tell(teller)) for teller in tellers()]
    if any(told.more for _, told in steps) and not stop_requested():
        _put(TELL)
    return " ".join(filter(None, (told.sentence(job.label) for job, told in steps))) or "Nobody had to be told."


def look() -> None:
    """What each worker's main process does every few seconds: have the platforms told of what was just recorded.

    Whoever recorded it: a person, an event, an import, a push that found out, another program.
    """
    global _looked_at
    now = timezone.now()
    since, _looked_at = _looked_at or now - FIRST, now
    new = in_force().filter(recorded_at__gte=since - OVERLAP)
    if any(not teller.job.off_reason() for teller in tellers()) and new.exists():
        _put(TELL)


def sweep_what_is_due() -> str:
    """What the schedule calls each hour: begin the day's sweep of each platform, or go on with one that was broken
    off, each in a task of its own. Returns which, as a sentence.
    """
    now = timezone.now()
    found = [one.job for one in sweepers() if not one.job.off_reason() and is_due(one, now=now)]
    for job in found:
        _put(SWEEP, job.platform)
    return f"To be swept: {', '.join(job.label for job in found)}." if found else "No sweep is due."


def sweep_platform(platform: str, begin: bool = False) -> str:
    """Go on with the platform's sweep, or begin the one that is due; with `begin`, one now. Returns what happened."""
    sweeper = sweeper_of(platform)
    if sweeper is None:
        return f"{platform} is not swept."
    job = sweeper.job
    swept = sweep(sweeper, begin=begin, stop=lambda: stop_requested() or paused(job) is not None)
    if swept.more and not stop_requested():
        _put(SWEEP, platform)
    logger.log(logging.ERROR if swept.problem else logging.INFO, "%s: %s", platform, swept.sentence)
    return swept.sentence


def sweep_soon(platform: str) -> None:
    """Have a worker begin a sweep of the platform, as soon as the current transaction is committed."""
    transaction.on_commit(lambda: _put(SWEEP, platform, begin=True))


def _tell(teller: Teller) -> Told:
    # A queue that is paused leaves the platform alone: opt-outs are told when it goes on.
    told = tell(teller, stop=lambda: stop_requested() or paused(teller.job) is not None)
    if told.problem:
        logger.error("%s: %s", teller.job.platform, told.sentence(teller.job.label))
    return told


def _put(task: str, *args: str, **options: bool) -> None:
    """Put a call into the task queue. One that is out of reach undoes nothing: the schedules do the same later."""
    try:
        async_task(task, *args, **options)
    except Exception:
        # Whatever the broker raises (a Redis, a database error): what was recorded stays recorded.
        logger.exception("The task queue could not be reached; the schedule will do it")
