from __future__ import annotations

from django.apps import AppConfig


class MauticSyncConfig(AppConfig):
    name = "mautic_sync"
    verbose_name = "Mautic"

    def ready(self) -> None:
        from curation_sdk.schedules import minutes_on_migrate, schedule_on_migrate
        from mautic_sync import checks  # noqa: F401  (registers the system checks)

        schedule_on_migrate("mautic_sync.job.MAUTIC")
        minutes_on_migrate("mautic_comparison", "mautic_sync.tasks.compare_with_mautic", 5)
