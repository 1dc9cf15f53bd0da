"""What `manage.py check` says about Mautic's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from curation_sdk.platform_settings import readable_by_others
from mautic_sync import conf


@register("mautic_sync")
def mautic_settings(**_: Any) -> list[CheckMessage]:
    """Settings that contradict each other, or that a typing error made useless."""
    # Without a log-in, too: `migrate` takes the schedule's interval from here.
    if fault := conf.settings_fault():
        return [Error(fault, id="mautic_sync.E001")]
    # Not off_reason(): that one asks the database, which may not be there yet.
    on = conf.has_log_in() and settings.MAUTIC_API_BASE_URL
    if on and readable_by_others(settings.MAUTIC_API_BASE_URL) and not settings.DEBUG:
        return [
            Warning(
                "MAUTIC_API_BASE_URL is not https: the log-in and the contacts travel readable for others.",
                id="mautic_sync.W001",
            )
        ]
    return []
