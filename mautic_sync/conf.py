"""Mautic's settings, read and checked in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.conf import settings

from curation_sdk import platform_settings
from curation_sdk.job import SyncPolicy

#: What we send: the field's alias in Mautic, and its type when `mautic_setup --create` makes it. "" for those that
#: come with Mautic. An address of a page may be long, and only a textarea takes more than 191 characters.
FIELD_TYPES = {
    "firstname": "",
    "lastname": "",
    "phone": "",
    "company": "",
    "website": "",
    "scrapersky_domain_id": "text",
    "scrapersky_page_id": "text",
    "scrapersky_email_type": "text",
    "scrapersky_source_url": "textarea",
    "scrapersky_has_gmail": "boolean",
}

#: Names in the body that are no fields, or that say who the contact is: to write these would change somebody else,
#: or lift a block.
NO_FIELDS = {
    *("email", "id", "owner", "stage", "tags", "points", "companies", "donotcontact", "ipaddress", "lastactive"),
    *("overwritewithblank", "frequencyrules", "utmtags", "ispublished", "dateadded", "datemodified"),
}

#: Settings that may be changed in the admin.
SEGMENT_ID, FIELDS = CHANGEABLE = ("MAUTIC_SEGMENT_ID", "MAUTIC_FIELDS")

#: Mautic's own limit for one call (its setting api_batch_max_limit).
MOST_AT_ONCE = 200

#: A run takes on nothing new after this. A call with many contacts may take long (BATCH_WITHIN in client.py), and with
#: it, the segment and the opt-outs the task still ends before the task queue's time-out of 240 seconds.
BUDGET = timedelta(seconds=80)


@dataclass(frozen=True, slots=True)
class MauticConfig:
    """One Mautic installation and how we use it.

    site_url: its address, without /api. Either username and password, or client_id and client_secret. fields: our
    names for what we send -> the installation's aliases. alone_from: contacts that failed so often go alone.
    """

    site_url: str
    username: str
    password: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    segment_id: int | None
    fields: dict[str, str]
    alone_from: int
    rate_per_second: float
    concurrency: int


def off_reason() -> str:
    """Why Mautic is off, naming the setting to change; "" when it is on."""
    if not has_log_in():
        return (
            "Mautic is switched off: neither MAUTIC_USERNAME and MAUTIC_PASSWORD nor MAUTIC_CLIENT_ID and "
            "MAUTIC_CLIENT_SECRET are set."
        )
    if not settings.MAUTIC_API_BASE_URL:
        return "Mautic is switched off: MAUTIC_API_BASE_URL is not set."
    fault = platform_settings.fault_in_force("mautic", settings_fault)
    return f"Mautic is switched off: {fault}" if fault else ""


def settings_fault(chosen: Mapping[str, Any] | None = None) -> str:
    """The first setting that cannot be meant, as a sentence that says what to write instead; "" when all is well.

    chosen: values from the admin, in place of the environment's.
    """
    values = platform_settings.values(CHANGEABLE, chosen or {})
    return (
        _log_in_fault()
        or _address_fault(values[SEGMENT_ID])
        or _fields_fault(values[FIELDS])
        or platform_settings.numbers_fault("MAUTIC", (("SYNC_SCHEDULER_BATCH_SIZE", 1, MOST_AT_ONCE),))
    )


def load(chosen: Mapping[str, Any] | None = None) -> MauticConfig:
    """The settings as they are now. Call it only when `off_reason()` is empty.

    chosen: as if this had been chosen in the admin; without it, what was.
    """
    values = platform_settings.values(CHANGEABLE, platform_settings.chosen("mautic") if chosen is None else chosen)
    by_client = bool(settings.MAUTIC_CLIENT_ID)
    return MauticConfig(
        site_url=site_url(settings.MAUTIC_API_BASE_URL),
        username="" if by_client else settings.MAUTIC_USERNAME,
        password="" if by_client else settings.MAUTIC_PASSWORD,
        client_id=settings.MAUTIC_CLIENT_ID,
        client_secret=settings.MAUTIC_CLIENT_SECRET,
        segment_id=_segment_id(values[SEGMENT_ID]),
        fields=field_names(values[FIELDS]),
        alone_from=max(1, min(2, settings.MAUTIC_SYNC_MAX_RETRIES)),
        rate_per_second=settings.MAUTIC_RATE_LIMIT_PER_SECOND,
        concurrency=platform_settings.concurrency("MAUTIC"),
    )


def field_names(changes: Mapping[str, str]) -> dict[str, str]:
    """Our names and the installation's aliases: the same, but for `changes`. An empty one leaves a field out."""
    return platform_settings.renamed(FIELD_TYPES, changes)


def policy() -> SyncPolicy:
    """How Mautic's runs go."""
    return replace(platform_settings.policy("MAUTIC"), budget=BUDGET)


def page_of(contact_id: str) -> str:
    """A contact's page in the installation."""
    # The route "mautic_contact_action": app/bundles/LeadBundle/Config/config.php of github.com/mautic/mautic.
    site = site_url(settings.MAUTIC_API_BASE_URL)
    web = site.startswith(("https://", "http://")) and contact_id.isdigit()
    return f"{site}/s/contacts/view/{contact_id}" if web else ""


def site_url(address: str) -> str:
    """The site's address without /api and slashes at its end: tokens are fetched outside of /api."""
    return address.rstrip("/").removesuffix("/api").rstrip("/")


def has_log_in() -> bool:
    """Is there one at all, be it half?"""
    return bool(
        settings.MAUTIC_USERNAME
        or settings.MAUTIC_PASSWORD
        or settings.MAUTIC_CLIENT_ID
        or settings.MAUTIC_CLIENT_SECRET
    )


def _log_in_fault() -> str:
    for one, other in (("MAUTIC_USERNAME", "MAUTIC_PASSWORD"), ("MAUTIC_CLIENT_ID", "MAUTIC_CLIENT_SECRET")):
        if bool(getattr(settings, one)) != bool(getattr(settings, other)):
            missing = other if getattr(settings, one) else one
            return f"{missing} is not set: {one} and {other} belong together."
    if settings.MAUTIC_USERNAME and settings.MAUTIC_CLIENT_ID:
        return "Set MAUTIC_USERNAME and MAUTIC_PASSWORD, or MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET, not both."
    if ":" in settings.MAUTIC_USERNAME:
        return "MAUTIC_USERNAME must not hold a colon: it separates name and password on the wire."
    return platform_settings.secret_fault("MAUTIC_CLIENT_ID") or platform_settings.secret_fault("MAUTIC_CLIENT_SECRET")


def _address_fault(segment_id: str) -> str:
    if not settings.MAUTIC_API_BASE_URL and not has_log_in():
        return ""
    if fault := platform_settings.address_fault("MAUTIC_API_BASE_URL", "https://mautic.example.com"):
        return fault
    if segment_id and not _segment_id(segment_id):
        return "MAUTIC_SEGMENT_ID must be a segment's number, such as 3."
    return ""


def _segment_id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0 else None


def _fields_fault(changes: Mapping[str, str]) -> str:
    names = field_names(changes)
    for ours, theirs in names.items():
        if theirs.lower() in NO_FIELDS:
            return f"MAUTIC_FIELDS must not send {ours} as {theirs}: that is not a field of its own in Mautic."
    return platform_settings.renaming_fault(FIELDS, FIELD_TYPES, changes, names)
