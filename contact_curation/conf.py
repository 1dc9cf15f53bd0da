"""Curation's settings, read and checked in one place."""

from __future__ import annotations

from datetime import timedelta

import phonenumbers
from django.conf import settings

from curation_sdk.job import SyncPolicy

#: Settings that are whole numbers, the least and the most that make sense.
NUMBERS = (
    ("CURATION_SCHEDULER_INTERVAL_MINUTES", 1, 10_080),
    ("CURATION_SCHEDULER_BATCH_SIZE", 1, 1_000),
    ("CURATION_SCHEDULER_MAX_INSTANCES", 1, 100),
)


def off_reason() -> str:
    """Why contacts cannot be curated, naming the setting to change; "" when they can. There is no switch."""
    fault = settings_fault()
    return f"Curation is switched off: {fault}" if fault else ""


def settings_fault() -> str:
    """The first setting that cannot be meant, as a sentence that says what to write instead; "" when all is well."""
    region = settings.CURATION_PHONE_REGION
    if region and region not in phonenumbers.SUPPORTED_REGIONS:
        return "CURATION_PHONE_REGION must be a country's two letters, such as US."
    for name, least, most in NUMBERS:
        if not least <= getattr(settings, name) <= most:
            return f"{name} must lie between {least} and {most:,}."
    return ""


def policy() -> SyncPolicy:
    """How curation's runs go.

    There is nobody to wait for, so one thread does it all and no rate holds it up. A try is lost only with a worker
    that dies.
    """
    return SyncPolicy(
        batch_size=settings.CURATION_SCHEDULER_BATCH_SIZE,
        max_instances=settings.CURATION_SCHEDULER_MAX_INSTANCES,
        max_retries=3,
        retry_delay=timedelta(minutes=5),
        retry_exponential=True,
        rate_per_second=1_000_000.0,
        concurrency=1,
    )
