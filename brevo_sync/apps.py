from __future__ import annotations

from django.apps import AppConfig


class BrevoSyncConfig(AppConfig):
    name = "brevo_sync"
    verbose_name = "Brevo"

    def ready(self) -> None:
        from brevo_sync import checks  # noqa: F401  (registers the system checks)
        from curation_sdk.schedules import minutes_on_migrate, schedule_on_migrate

        schedule_on_migrate("brevo_sync.job.BREVO")
        minutes_on_migrate("brevo_comparison", "brevo_sync.tasks.compare_with_brevo", 5)
