"""What `manage.py check` says about Brevo's settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from brevo_sync import conf
from curation_sdk.checks import PRECEDENCE, chosen_settings
from curation_sdk.platform_settings import readable_by_others


@register("brevo_sync")
def brevo_settings(**_: Any) -> list[CheckMessage]:
    """Settings that contradict each other, or that a typing error made useless."""
    # Without a key, too: `migrate` takes the schedule's interval from here.
    if fault := conf.settings_fault():
        return [Error(fault, hint=PRECEDENCE, id="brevo_sync.E001")]
    if fault := conf.webhook_fault():
        return [Error(fault, id="brevo_sync.E002")]
    if settings.BREVO_API_KEY and readable_by_others(settings.BREVO_API_BASE_URL) and not settings.DEBUG:
        return [
            Warning(
                "BREVO_API_BASE_URL is not https: the key and the contacts travel readable for others.",
                id="brevo_sync.W001",
            )
        ]
    return []


@register(Tags.database)
def brevo_chosen(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Values set in the admin that cannot be meant (any more)."""
    return chosen_settings("brevo", conf.settings_fault, databases=databases, check_id="brevo_sync.W002")
