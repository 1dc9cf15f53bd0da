"""What `manage.py check` says about HubSpot's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from curation_sdk.platform_settings import readable_by_others
from hubspot_sync import conf


@register("hubspot_sync")
def hubspot_settings(**_: Any) -> list[CheckMessage]:
    """Settings that contradict each other, or that a typing error made useless."""
    # Without a key, too: `migrate` takes the schedule's interval from here.
    if fault := conf.settings_fault():
        return [Error(fault, id="hubspot_sync.E001")]
    if settings.HUBSPOT_API_KEY and readable_by_others(settings.HUBSPOT_API_BASE_URL) and not settings.DEBUG:
        return [
            Warning(
                "HUBSPOT_API_BASE_URL is not https: the token and the contacts travel readable for others.",
                id="hubspot_sync.W001",
            )
        ]
    return []
