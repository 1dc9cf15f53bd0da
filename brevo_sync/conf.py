"""Brevo's settings, read and checked in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import phonenumbers
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

#: Attributes that no two contacts may share. Brevo refuses a contact for a number that is not readable or is taken.
PHONE_IDENTIFIERS = {"SMS", "WHATSAPP", "LANDLINE_NUMBER"}

#: To write these would turn one contact into another.
WHO_IT_IS = {"EMAIL", "EXT_ID"}

#: Settings that are whole numbers, the least and the most that make sense. Outside of it a run would never end, never
#: begin, or not fit into the database.
NUMBERS = (
    ("BREVO_CONCURRENCY", 0, 64),
    ("BREVO_SYNC_SCHEDULER_INTERVAL_MINUTES", 1, 10_080),
    ("BREVO_SYNC_SCHEDULER_BATCH_SIZE", 1, 1_000),
    ("BREVO_SYNC_SCHEDULER_MAX_INSTANCES", 1, 100),
    ("BREVO_SYNC_MAX_RETRIES", 0, 1_000),
    ("BREVO_SYNC_RETRY_DELAY_MINUTES", 1, 1_440),
)


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
    fault = settings_fault()
    return f"Brevo is switched off: {fault}" if fault else ""


def settings_fault() -> str:
    """The first setting that cannot be meant, as a sentence that says what to write instead; "" when all is well."""
    return _account_fault() or _attributes_fault() or _numbers_fault()


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
    """Our attribute names and the account's: the same, but for `changes`. An empty name leaves one out.

    Always in upper case: Brevo drops others without a word.
    """
    names = {name: changes.get(name, name).strip().upper() for name in ATTRIBUTE_TYPES}
    return {ours: theirs for ours, theirs in names.items() if theirs}


def concurrency() -> int:
    """Requests under way at once: as set, or enough to keep the rate with answers that take a second."""
    return settings.BREVO_CONCURRENCY or min(max(math.ceil(settings.BREVO_RATE_LIMIT_PER_SECOND), 2), 64)


def _list_id() -> int | None:
    text = settings.BREVO_LIST_ID
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 and int(text) > 0 else None


def _account_fault() -> str:
    key, region = settings.BREVO_API_KEY, settings.BREVO_PHONE_REGION
    if key.startswith("xsmtpsib-"):
        return "BREVO_API_KEY holds an SMTP key. Make an API key in Brevo: it begins with xkeysib-."
    if not key.isascii() or not key.isprintable() or " " in key:
        return "BREVO_API_KEY holds characters that no key has. Copy it again."
    if not _is_base_url(settings.BREVO_API_BASE_URL):
        return "BREVO_API_BASE_URL must be an address such as https://api.brevo.com/v3."
    if settings.BREVO_LIST_ID and not _list_id():
        return "BREVO_LIST_ID must be a list's number, such as 12."
    if region and region not in phonenumbers.SUPPORTED_REGIONS:
        return "BREVO_PHONE_REGION must be a country's two letters, such as US."
    return ""


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    # urlsplit drops tabs and line breaks; a log-in, a query or a fragment have no place in front of our paths.
    return usable and text.isprintable() and not any(character in text for character in " @?#")


def _attributes_fault() -> str:
    if unknown := set(settings.BREVO_ATTRIBUTES) - set(ATTRIBUTE_TYPES):
        return f"BREVO_ATTRIBUTES names {', '.join(sorted(unknown))}, which we do not send."
    names = attribute_names(settings.BREVO_ATTRIBUTES)
    for ours, theirs in names.items():
        if theirs in WHO_IT_IS or (theirs in PHONE_IDENTIFIERS and ours != "SMS"):
            return f"BREVO_ATTRIBUTES must not send {ours} as {theirs}: Brevo tells contacts apart by it."
        if list(names.values()).count(theirs) > 1:
            return f"BREVO_ATTRIBUTES sends two values as {theirs}."
    return ""


def _numbers_fault() -> str:
    rate = settings.BREVO_RATE_LIMIT_PER_SECOND
    if not 0 < rate < math.inf:
        return "BREVO_RATE_LIMIT_PER_SECOND must be above 0."
    for name, least, most in NUMBERS:
        if not least <= getattr(settings, name) <= most:
            return f"{name} must lie between {least} and {most:,}."
    return ""
