"""The jobs of all queues, as the settings list them: for shared code that meets a queue by its name."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string

from curation_sdk.job import SyncJob


def jobs() -> list[SyncJob]:
    """The jobs that the settings list."""
    return [import_string(path) for path in settings.SYNC_JOBS]


def job_named(platform: str) -> SyncJob | None:
    """The job of this platform; None when the settings list none."""
    return next((job for job in jobs() if job.platform == platform), None)


def label_of(platform: str) -> str:
    """What people call this queue: "Brevo"."""
    job = job_named(platform)
    return job.label if job else platform
