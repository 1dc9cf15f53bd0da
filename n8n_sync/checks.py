"""What `manage.py check` says about n8n's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from curation_sdk.platform_settings import readable_by_others
from n8n_sync import conf


@register("n8n_sync")
def n8n_settings(**_: Any) -> list[CheckMessage]:
    """Settings that contradict each other, or that a typing error made useless."""
    # Without an address, too: `migrate` takes the schedule's interval from here.
    if fault := conf.settings_fault():
        return [Error(fault, id="n8n_sync.E001")]
    found: list[CheckMessage] = []
    url = settings.N8N_WEBHOOK_URL
    if url and readable_by_others(url) and not settings.DEBUG:
        text = "N8N_WEBHOOK_URL is not https: the secret and the contacts travel readable for others."
        found.append(Warning(text, id="n8n_sync.W001"))
    if conf.TEST_PATH in url:
        found.append(Warning(conf.TEST_ADDRESS, id="n8n_sync.W002"))
    return found
