"""The schedules of the task queue, made and kept by name."""

from __future__ import annotations

from django_q.models import Schedule

from curation_sdk.job import SyncJob


def ensure_schedule(job: SyncJob, *, using: str = "default") -> None:
    """Make the platform's schedule if it is missing; take over a changed interval.

    Everything else is left as the operator set it: the next run, and a schedule that was switched off.
    """
    schedules = Schedule.objects.using(using)
    wanted = {"func": job.task, "schedule_type": Schedule.MINUTES, "minutes": job.interval()}
    existing = schedules.filter(name=job.schedule).order_by("pk").first()
    if existing is None:
        schedules.create(name=job.schedule, repeats=-1, **wanted)
    elif any(getattr(existing, field) != value for field, value in wanted.items()):
        schedules.filter(pk=existing.pk).update(**wanted)
