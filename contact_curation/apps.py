from __future__ import annotations

from django.apps import AppConfig


class ContactCurationConfig(AppConfig):
    name = "contact_curation"
    verbose_name = "Curation"

    def ready(self) -> None:
        from contact_curation import checks  # noqa: F401  (registers the system checks)
        from curation_sdk.schedules import schedule_on_migrate

        schedule_on_migrate("contact_curation.job.CURATION")
