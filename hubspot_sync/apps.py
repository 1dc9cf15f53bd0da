from __future__ import annotations

from django.apps import AppConfig


class HubSpotSyncConfig(AppConfig):
    name = "hubspot_sync"
    verbose_name = "HubSpot"

    def ready(self) -> None:
        from curation_sdk.schedules import schedule_on_migrate
        from hubspot_sync import checks  # noqa: F401  (registers the system checks)

        schedule_on_migrate("hubspot_sync.job.HUBSPOT")
