from __future__ import annotations

from django.apps import AppConfig


class HubSpotSyncConfig(AppConfig):
    name = "hubspot_sync"
    verbose_name = "HubSpot"

    def ready(self) -> None:
        from curation_sdk.schedules import minutes_on_migrate, schedule_on_migrate
        from hubspot_sync import checks  # noqa: F401  (registers the system checks)

        schedule_on_migrate("hubspot_sync.job.HUBSPOT")
        minutes_on_migrate("hubspot_comparison", "hubspot_sync.tasks.compare_with_hubspot", 5)
