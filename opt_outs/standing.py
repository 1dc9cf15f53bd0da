"""How telling and sweeping stand for a platform, as sentences for its page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from curation_sdk.job import SyncJob
from curation_sdk.wording import count_of, moment
from opt_outs import pacing
from opt_outs.models import LastTelling, Sweep, ToldOptOut
from opt_outs.telling import lately, untold, waiting

#: A page counts no further than that.
MOST = 1_000


def told(job: SyncJob, *, now: datetime) -> str:
    """How many people the platform has been told of, how many wait, and why."""
    wait = _people(waiting(job).filter(lately(job, now=now) or Q()), "email_key")
    known = f"{job.label} knows of {_shown(_told(job))} of our opt-outs"
    if not wait:
        return f"{known}; none waits."
    return f"{known}; {_shown(wait)} {'waits' if wait == 1 else 'wait'}. {_why(job, now=now)}"


def swept(job: SyncJob, *, now: datetime) -> str:
    """What became of the last sweep."""
    last = Sweep.objects.filter(platform=job.platform).order_by("-started_at", "-pk").first()
    if last is None:
        return "It has never been swept. The worker does it each day."
    begun = f"begun {moment(last.started_at, now=now)}"
    of_what = "all contacts" if last.since is None else f"what changed since {moment(last.since, now=now)}"
    did = f"read {count_of(last.read, 'person', 'people')}, {last.suppressed:,} newly suppressed"
    if last.finished_at and last.problem:
        return f"The last sweep ({of_what}, {begun}) was given up: {last.problem}"
    if last.finished_at:
        return f"The last sweep ({of_what}, {begun}) {did}."
    if last.problem:
        return f"The sweep of {of_what}, {begun}, has {did}, and goes on with the next hour. {last.problem}"
    return f"The sweep of {of_what}, {begun}, is under way: {did}; {last.total:,} people are to be read."


def sweep_in_trouble(job: SyncJob) -> bool:
    """Did the last sweep meet trouble that lasts?"""
    last = Sweep.objects.filter(platform=job.platform).order_by("-started_at", "-pk").first()
    return bool(last and last.problem)


def _told(job: SyncJob) -> int:
    """People of whom the platform has been told something that is in force."""
    told = ToldOptOut.objects.filter(platform=job.platform, told_at__isnull=False, suppression__lifted_at=None)
    told = told.exclude(suppression__source=job.label).exclude(suppression__email_key="").order_by()
    return _people(told, "suppression__email_key")


def _people(rows: QuerySet[Any], column: str) -> int:
    """How many people the rows are about; MOST when there are as many rows or more, without reading them all."""
    found = list(rows.order_by().values_list(column, flat=True)[:MOST])
    return MOST if len(found) == MOST else len(set(found))


def _shown(number: int) -> str:
    return f"{MOST:,} or more" if number == MOST else f"{number:,}"


def _why(job: SyncJob, *, now: datetime) -> str:
    if reason := pacing.left_alone(job, now=now):
        return reason
    if not untold(job).order_by().exists():
        return "Told when the push that is under way has ended."
    last = LastTelling.objects.filter(pk=job.platform).first()
    if last and last.at and last.problem:
        return f"The last try, {moment(last.at, now=now)}: {last.problem}"
    return "Told with the next run, at the latest with the schedule."
