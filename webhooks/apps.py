from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"
    verbose_name = "Events of the platforms"

    def ready(self) -> None:
        from curation_sdk.schedules import daily_on_migrate, minutes_on_migrate

        minutes_on_migrate("platform_events", "webhooks.tasks.work_through_events", 1)
        minutes_on_migrate("platform_rechecks", "webhooks.tasks.recheck_contacts", 1)
        daily_on_migrate("platform_event_retention", "webhooks.tasks.prune_events")
