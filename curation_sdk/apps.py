from __future__ import annotations

from django.apps import AppConfig


class CurationSdkConfig(AppConfig):
    name = "curation_sdk"
    verbose_name = "Sync runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from curation_sdk import checks  # noqa: F401  (registers the system checks)
        from curation_sdk.schedules import daily_on_migrate

        daily_on_migrate("sync_history_pruner", "curation_sdk.retention.prune_sync_history")
        daily_on_migrate("draft_pruner", "curation_sdk.retention.prune_drafts")
