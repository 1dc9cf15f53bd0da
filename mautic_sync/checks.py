"""What `manage.py check` says about Mautic's settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from curation_sdk.checks import PRECEDENCE, chosen_settings
from curation_sdk.platform_settings import readable_by_others
from mautic_sync import conf


@register("mautic_sync")
def mautic_settings(**_: Any) -> list[CheckMessage]:
    """Settings that contradict each other, or that a typing error made useless."""
    # Without a log-in, too: `migrate` takes the schedule's interval from here.
    if fault := conf.settings_fault():
        return [Error(fault, hint=PRECEDENCE, id="mautic_sync.E001")]
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


@register(Tags.database)
def mautic_chosen(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Values set in the admin that cannot be meant (any more)."""
    return chosen_settings("mautic", conf.settings_fault, databases=databases, check_id="mautic_sync.W002")
