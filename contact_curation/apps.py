from __future__ import annotations

from django.apps import AppConfig


class ContactCurationConfig(AppConfig):
    name = "contact_curation"
    verbose_name = "Curation"

    def ready(self) -> None:
        from contact_curation import checks  # noqa: F401  (registers the system checks)
        from contact_curation.receivers import work_the_queue
        from contacts.curation import curation_decided
        from curation_sdk.schedules import schedule_on_migrate

        curation_decided.connect(work_the_queue, dispatch_uid="contact_curation")
        schedule_on_migrate("contact_curation.job.CURATION")
