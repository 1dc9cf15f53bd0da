from __future__ import annotations

from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    name = "reconciliation"
    verbose_name = "Comparisons with platforms"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from curation_sdk.schedules import daily_on_migrate
        from reconciliation import checks  # noqa: F401  (registers the system checks)

        daily_on_migrate("comparison_pruner", "reconciliation.retention.prune_comparisons")
