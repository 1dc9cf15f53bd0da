from __future__ import annotations

from django.apps import AppConfig


class ErasureConfig(AppConfig):
    name = "erasure"
    verbose_name = "Privacy"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from curation_sdk.schedules import daily_on_migrate, schedule_on_migrate

        schedule_on_migrate("erasure.job.ERASURE")
        daily_on_migrate("erased_people_again", "erasure.tasks.erase_again")
