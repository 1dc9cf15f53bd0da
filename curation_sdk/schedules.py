"""The schedules of the task queue, made and kept by name."""

from __future__ import annotations

from typing import Any

from django_q.models import Schedule

from curation_sdk.job import SyncJob


def ensure_schedule(job: SyncJob, *, using: str = "default") -> None:
    """Make the platform's schedule if it is missing; take over a changed interval.

    Everything else is left as the operator set it: the next run, and a schedule that was switched off.
    """
    _ensure(job.schedule, using, func=job.task, schedule_type=Schedule.MINUTES, minutes=job.interval())


def ensure_daily(name: str, task: str, *, using: str = "default") -> None:
    """Make a schedule that calls `task` (a dotted path) once a day, likewise."""
    _ensure(name, using, func=task, schedule_type=Schedule.DAILY)


def _ensure(name: str, using: str, **wanted: Any) -> None:
    schedules = Schedule.objects.using(using)
    existing = schedules.filter(name=name).order_by("pk").first()
    if existing is None:
        schedules.create(name=name, repeats=-1, **wanted)
    elif any(getattr(existing, field) != value for field, value in wanted.items()):
        schedules.filter(pk=existing.pk).update(**wanted)
