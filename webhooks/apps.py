from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"
    verbose_name = "Events of the platforms"

    def ready(self) -> None:
        from curation_sdk.schedules import daily_on_migrate, every_minute_on_migrate

        every_minute_on_migrate("platform_events", "webhooks.tasks.work_through_events")
        every_minute_on_migrate("platform_rechecks", "webhooks.tasks.recheck_contacts")
        daily_on_migrate("platform_event_retention", "webhooks.tasks.prune_events")
