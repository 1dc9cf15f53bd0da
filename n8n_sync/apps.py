from __future__ import annotations

from django.apps import AppConfig


class N8nSyncConfig(AppConfig):
    name = "n8n_sync"
    verbose_name = "n8n"

    def ready(self) -> None:
        from curation_sdk.schedules import daily_on_migrate, schedule_on_migrate
        from n8n_sync import checks  # noqa: F401  (registers the system checks)

        schedule_on_migrate("n8n_sync.job.N8N")
        daily_on_migrate("n8n_event_retention", "n8n_sync.tasks.prune_enrichment_events")
