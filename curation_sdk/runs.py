"""Runs as rows: a platform's slots, the heartbeat that keeps one, and how a run ends."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q, QuerySet, Subquery

from curation_sdk.job import SyncJob, SyncPolicy
from curation_sdk.models import SyncRun

#: A run writes its heartbeat this often, at least.
HEARTBEAT = timedelta(seconds=10)

#: A running run that has not been heard of for so long is lost.
LOST_AFTER = timedelta(seconds=60)

#: Clocks of several machines may differ by so much. What lies further ahead was written before a clock was set back.
SKEW = timedelta(minutes=1)

_LOST = "Its worker died or stood still. Contacts it was pushing are due again when their lease ends."


def worker_name(pid: int | None = None) -> str:
    """Which process this is, or another one of this machine: "host:1234"."""
    return f"{socket.gethostname()}:{pid or os.getpid()}"[:255]


def running(job: SyncJob, *, now: datetime) -> QuerySet[SyncRun]:
    """The platform's runs that are under way and alive."""
    return under_way([job.platform], now=now)


def under_way(platforms: Collection[str], *, now: datetime) -> QuerySet[SyncRun]:
    """Those of several platforms, likewise, the oldest first."""
    alive = {"heartbeat_at__gte": now - LOST_AFTER, "heartbeat_at__lte": now + SKEW}
    running = SyncRun.objects.filter(platform__in=platforms, state=SyncRun.State.RUNNING, **alive)
    return running.order_by("started_at", "pk")


def last_of_each(platforms: Collection[str]) -> QuerySet[SyncRun]:
    """The last run of each platform, and the last one that has ended, the newest first: up to two for each."""
    found = Q(pk__in=[])
    for platform in platforms:
        mine = SyncRun.objects.filter(platform=platform).order_by("-started_at", "-pk").values("pk")
        ended = mine.exclude(state=SyncRun.State.RUNNING)
        found |= Q(pk=Subquery(mine[:1])) | Q(pk=Subquery(ended[:1]))
    return SyncRun.objects.filter(found)


def recent(wanted: Mapping[str, int]) -> dict[str, list[SyncRun]]:
    """So many of each platform's runs, the newest first. One query, each run by the index of the latest."""
    found = Q(pk__in=[])
    for platform, number in wanted.items():
        mine = SyncRun.objects.filter(platform=platform).order_by("-started_at", "-pk").values("pk")
        for place in range(number):
            found |= Q(pk=Subquery(mine[place : place + 1]))
    of_each: dict[str, list[SyncRun]] = {platform: [] for platform in wanted}
    for run in SyncRun.objects.filter(found):
        of_each[run.platform].append(run)
    return of_each


def resume_at(job: SyncJob, *, now: datetime) -> datetime | None:
    """Until when the platform asked us to leave it alone, if that is still ahead."""
    return waits([job.platform], now=now).get(job.platform)


def waits(platforms: Collection[str], *, now: datetime) -> dict[str, datetime]:
    """Until when each of the platforms asked us to leave it alone. Without those that did not, or no longer do."""
    asked = SyncRun.objects.filter(platform__in=platforms, resume_at__gt=now).exclude(finished_at__gt=now + SKEW)
    return dict(asked.order_by().values_list("platform").annotate(until=Max("resume_at")))


def was_stopped(job: SyncJob) -> bool:
    """Did the platform's last run end because a person has to act?"""
    last = SyncRun.objects.filter(platform=job.platform).exclude(state=SyncRun.State.RUNNING).first()
    return last is not None and last.state == SyncRun.State.STOPPED


def take_slot(job: SyncJob, policy: SyncPolicy, *, trigger: SyncRun.Trigger, now: datetime) -> SyncRun | None:
    """Begin a run in a free slot of the platform, or return None when all are taken.

    A database constraint decides between two that try at once.
    """
    _declare_lost(job, now=now)
    taken = set(running(job, now=now).values_list("slot", flat=True))
    for slot in range(1, policy.max_instances + 1):
        if slot in taken:
            continue
        try:
            with transaction.atomic():
                return SyncRun.objects.create(
                    platform=job.platform,
                    trigger=trigger,
                    slot=slot,
                    worker=worker_name(),
                    started_at=now,
                    heartbeat_at=now,
                )
        except IntegrityError:
            continue
    return None


def beat(run: SyncRun, counts: Counter[str], *, now: datetime) -> bool:
    """Write the heartbeat and add the counts. False: the run was declared lost and has to end."""
    return bool(
        SyncRun.objects.filter(pk=run.pk, state=SyncRun.State.RUNNING).update(
            heartbeat_at=now, **{name: F(name) + count for name, count in counts.items() if count}
        )
    )


def finish(
    run: SyncRun,
    counts: Counter[str],
    *,
    state: SyncRun.State,
    reason: str,
    notes: list[str],
    resume: datetime | None,
    now: datetime,
) -> None:
    """End the run and free its slot. A run that did nothing and has nothing to say leaves no row."""
    beat(run, counts, now=now)
    mine = SyncRun.objects.filter(pk=run.pk)
    quiet = mine.filter(synced=0, skipped=0, retried=0, failed=0, released=0, late=0, waiting=0)
    if state == SyncRun.State.FINISHED and not reason and not resume and quiet.exists():
        mine.delete()
        return
    mine.filter(state=SyncRun.State.RUNNING).update(
        state=state,
        reason=reason,
        notes="\n".join(notes),
        resume_at=resume,
        finished_at=now,
        heartbeat_at=now,
    )


def declare_lost(run: SyncRun, *, now: datetime) -> bool:
    """Free the slot of a run that has shown no life since it was read. False: it lives, or somebody else did it."""
    silent = SyncRun.objects.filter(pk=run.pk, state=SyncRun.State.RUNNING, heartbeat_at=run.heartbeat_at)
    return bool(silent.update(state=SyncRun.State.LOST, finished_at=now, reason=_LOST))


def _declare_lost(job: SyncJob, *, now: datetime) -> None:
    silent = Q(heartbeat_at__lt=now - LOST_AFTER) | Q(heartbeat_at__gt=now + SKEW)
    SyncRun.objects.filter(silent, platform=job.platform, state=SyncRun.State.RUNNING).update(
        state=SyncRun.State.LOST, finished_at=now, reason=_LOST
    )
