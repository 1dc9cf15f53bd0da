"""Brevo's settings, read and checked in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings

from curation_sdk.job import SyncPolicy

#: What we send, and Brevo's type for it. FIRSTNAME, LASTNAME and SMS come with an account; the others are ours.
ATTRIBUTE_TYPES = {
    "FIRSTNAME": "text",
    "LASTNAME": "text",
    "SMS": "text",
    "PHONE": "text",
    "COMPANY": "text",
    "WEBSITE": "text",
    "DOMAIN_ID": "text",
    "PAGE_ID": "text",
    "EMAIL_TYPE": "text",
    "SOURCE_URL": "text",
    "HAS_GMAIL": "boolean",
}


@dataclass(frozen=True, slots=True)
class BrevoConfig:
    """One Brevo account and how we use it. `attributes` maps our names to the account's."""

    api_key: str = field(repr=False)
    base_url: str
    list_id: int | None
    phone_region: str
    attributes: dict[str, str]
    rate_per_second: float
    concurrency: int


def off_reason() -> str:
    """Why Brevo is off, naming the setting to change; "" when it is on."""
    if not settings.BREVO_API_KEY:
        return "Brevo is switched off: BREVO_API_KEY is not set."
    if not settings.BREVO_API_KEY.isascii() or not settings.BREVO_API_KEY.isprintable():
        return "Brevo is switched off: BREVO_API_KEY holds characters that no key has. Copy it again."
    if not settings.BREVO_API_BASE_URL.startswith(("https://", "http://")):
        return "Brevo is switched off: BREVO_API_BASE_URL must begin with https://."
    if settings.BREVO_LIST_ID and not _list_id():
        return "Brevo is switched off: BREVO_LIST_ID must be a list's number, such as 12."
    if unknown := set(settings.BREVO_ATTRIBUTES) - set(ATTRIBUTE_TYPES):
        return f"Brevo is switched off: BREVO_ATTRIBUTES names {', '.join(sorted(unknown))}, which we do not send."
    return ""


def load() -> BrevoConfig:
    """The settings as they are now. Call it only when `off_reason()` is empty."""
    return BrevoConfig(
        api_key=settings.BREVO_API_KEY,
        base_url=settings.BREVO_API_BASE_URL.rstrip("/"),
        list_id=_list_id(),
        phone_region=settings.BREVO_PHONE_REGION,
        attributes=attribute_names(settings.BREVO_ATTRIBUTES),
        rate_per_second=settings.BREVO_RATE_LIMIT_PER_SECOND,
        concurrency=concurrency(),
    )


def policy() -> SyncPolicy:
    """How Brevo's runs go."""
    return SyncPolicy(
        batch_size=settings.BREVO_SYNC_SCHEDULER_BATCH_SIZE,
        max_instances=settings.BREVO_SYNC_SCHEDULER_MAX_INSTANCES,
        max_retries=settings.BREVO_SYNC_MAX_RETRIES,
        retry_delay=timedelta(minutes=settings.BREVO_SYNC_RETRY_DELAY_MINUTES),
        retry_exponential=settings.BREVO_SYNC_RETRY_EXPONENTIAL,
        rate_per_second=settings.BREVO_RATE_LIMIT_PER_SECOND,
        concurrency=concurrency(),
    )


def attribute_names(changes: dict[str, str]) -> dict[str, str]:
    """Our attribute names and the account's: the same, but for `changes`. An empty name leaves one out."""
    names = {name: changes.get(name, name).strip() for name in ATTRIBUTE_TYPES}
    return {ours: theirs for ours, theirs in names.items() if theirs}


def concurrency() -> int:
    """Requests under way at once: as set, or enough to keep the rate with answers that take a second."""
    return settings.BREVO_CONCURRENCY or min(max(math.ceil(settings.BREVO_RATE_LIMIT_PER_SECOND), 2), 64)


def _list_id() -> int | None:
    text = settings.BREVO_LIST_ID
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else None
