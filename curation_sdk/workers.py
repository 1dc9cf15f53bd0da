"""Is anybody there to do the work? Heartbeats of the `qcluster` processes."""

from __future__ import annotations

from datetime import datetime, timedelta

from curation_sdk.models import WorkerHeartbeat
from curation_sdk.runs import worker_name

#: A worker says that it lives this often.
HEARTBEAT_SECONDS = 5.0
SILENT_AFTER = timedelta(seconds=30)
_FORGET_AFTER = timedelta(hours=1)


def worker_alive(*, now: datetime) -> bool:
    """Has any worker been heard of lately?"""
    return bool(workers_alive(now=now))


def workers_alive(*, now: datetime) -> list[str]:
    """The workers that have been heard of lately, by name."""
    alive = WorkerHeartbeat.objects.filter(seen_at__gte=now - SILENT_AFTER)
    return list(alive.order_by("pk").values_list("pk", flat=True))


def beat(*, now: datetime) -> None:
    """Note that the worker in this process lives; forget those that have long been silent."""
    WorkerHeartbeat.objects.update_or_create(pk=worker_name(), defaults={"seen_at": now})
    WorkerHeartbeat.objects.filter(seen_at__lt=now - _FORGET_AFTER).delete()


def leave() -> None:
    """Note that the worker in this process has ended."""
    WorkerHeartbeat.objects.filter(pk=worker_name()).delete()
