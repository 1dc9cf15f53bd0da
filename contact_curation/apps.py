from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ContactCurationConfig(AppConfig):
    name = "contact_curation"
    verbose_name = "Curation"

    def ready(self) -> None:
        from contact_curation import checks  # noqa: F401  (registers the system checks)

        # Django's own way to make rows that an app needs. Sent by the task queue's app, in whose table the row
        # stands: an app without models, like this one, sends no such signal.
        post_migrate.connect(
            make_schedule, sender=apps.get_app_config("django_q"), dispatch_uid="contact_curation.make_schedule"
        )


def make_schedule(using: str, **_: Any) -> None:
    """`migrate` creates the schedule."""
    from django.db import connections

    from contact_curation.job import CURATION
    from curation_sdk.schedules import ensure_schedule

    # `migrate contact_curation` may come before the task queue has its tables.
    if using == "default" and "django_q_schedule" in connections[using].introspection.table_names():
        ensure_schedule(CURATION, using=using)
