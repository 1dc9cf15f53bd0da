"""The schedules of the task queue, made and kept by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string
from django_q.models import Schedule

from curation_sdk.job import SyncJob


def ensure_schedule(job: SyncJob, *, using: str = "default") -> None:
    """Make the platform's schedule if it is missing; take over a changed interval.

    Everything else is left as the operator set it: the next run, and a schedule that was switched off.
    """
    _ensure(job.schedule, using, func=job.task, schedule_type=Schedule.MINUTES, minutes=job.interval())


def schedule_on_migrate(job_path: str) -> None:
    """Have `migrate` make the schedule of the job at this dotted path. To be called once, when the apps are ready.

    By Django's own signal for rows that an app needs: the task queue's app, in whose table the row stands, sends it
    also when the platform's app, which may have no models, sends none.
    """
    _on_migrate(partial(make_schedule, job_path), job_path)


def daily_on_migrate(name: str, task: str) -> None:
    """Have `migrate` make a schedule that calls `task` (a dotted path) once a day, likewise."""
    _on_migrate(partial(make_daily, name, task), task)


def minutes_on_migrate(name: str, task: str, minutes: int) -> None:
    """Have `migrate` make a schedule that calls `task` (a dotted path) every so many minutes, likewise."""
    _on_migrate(partial(make_minutes, name, task, minutes), task)


def make_schedule(job_path: str, *, using: str, **_: Any) -> None:
    """The schedule of the job, once the task queue has its tables: `migrate` of another app may come before."""
    if _can_be_made(using):
        ensure_schedule(import_string(job_path), using=using)


def make_daily(name: str, task: str, *, using: str, **_: Any) -> None:
    """The daily schedule, likewise."""
    if _can_be_made(using):
        ensure_daily(name, task, using=using)


def make_minutes(name: str, task: str, minutes: int, *, using: str, **_: Any) -> None:
    """The schedule of every so many minutes, likewise."""
    if _can_be_made(using):
        _ensure(name, using, func=task, schedule_type=Schedule.MINUTES, minutes=minutes)


def _on_migrate(make: Callable[..., None], uid: str) -> None:
    post_migrate.connect(make, sender=apps.get_app_config("django_q"), weak=False, dispatch_uid=uid)


def _can_be_made(using: str) -> bool:
    return using == "default" and Schedule._meta.db_table in connections[using].introspection.table_names()


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
