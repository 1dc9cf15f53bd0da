"""What `manage.py check` says about Brevo's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from brevo_sync import conf


@register("brevo_sync")
def brevo_settings(**_: Any) -> list[CheckMessage]:
    """Settings that contradict each other, or that a typing error made useless."""
    if not settings.BREVO_API_KEY:
        return []
    if reason := conf.off_reason():
        return [Error(reason, id="brevo_sync.E001")]
    if settings.BREVO_API_BASE_URL.startswith("http://") and not settings.DEBUG:
        return [
            Warning(
                "BREVO_API_BASE_URL is not https: the key and the contacts travel readable for others.",
                id="brevo_sync.W001",
            )
        ]
    return []
