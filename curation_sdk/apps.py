from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class CurationSdkConfig(AppConfig):
    name = "curation_sdk"
    verbose_name = "Sync runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from curation_sdk import checks  # noqa: F401  (registers the system checks)

        # Sent by the task queue's app, in whose table the row stands.
        post_migrate.connect(
            make_schedule, sender=apps.get_app_config("django_q"), dispatch_uid="curation_sdk.make_schedule"
        )


def make_schedule(using: str, **_: Any) -> None:
    """`migrate` creates the schedule that deletes old runs and attempts."""
    from django.db import connections

    from curation_sdk.schedules import ensure_daily

    # `migrate curation_sdk` may come before the task queue has its tables.
    if using == "default" and "django_q_schedule" in connections[using].introspection.table_names():
        ensure_daily("sync_history_pruner", "curation_sdk.retention.prune_sync_history", using=using)
