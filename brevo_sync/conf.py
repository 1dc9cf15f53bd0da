"""Brevo's settings, read and checked in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import phonenumbers
from django.conf import settings

from curation_sdk import platform_settings

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

#: A token of a webhook is no shorter: about what nobody guesses.
SHORTEST_TOKEN = 16

#: To write these would turn one contact into another.
WHO_IT_IS = {"EMAIL", "EXT_ID"}

#: Settings that may be changed in the admin.
LIST_ID, ATTRIBUTES = CHANGEABLE = ("BREVO_LIST_ID", "BREVO_ATTRIBUTES")


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
    webhook_url: str = ""
    webhook_tokens: tuple[str, ...] = field(default=(), repr=False)


def off_reason() -> str:
    """Why Brevo is off, naming the setting to change; "" when it is on."""
    if not settings.BREVO_API_KEY:
        return "Brevo is switched off: BREVO_API_KEY is not set."
    fault = platform_settings.fault_in_force("brevo", settings_fault)
    return f"Brevo is switched off: {fault}" if fault else ""


def settings_fault(chosen: Mapping[str, Any] | None = None) -> str:
    """The first setting that cannot be meant, as a sentence that says what to write instead; "" when all is well.

    chosen: values from the admin, in place of the environment's.
    """
    values = platform_settings.values(CHANGEABLE, chosen or {})
    return (
        _account_fault(values[LIST_ID])
        or _attributes_fault(values[ATTRIBUTES])
        or platform_settings.numbers_fault("BREVO")
    )


def load(chosen: Mapping[str, Any] | None = None) -> BrevoConfig:
    """The settings as they are now. Call it only when `off_reason()` is empty.

    chosen: as if this had been chosen in the admin; without it, what was.
    """
    values = platform_settings.values(CHANGEABLE, platform_settings.chosen("brevo") if chosen is None else chosen)
    return BrevoConfig(
        api_key=settings.BREVO_API_KEY,
        base_url=settings.BREVO_API_BASE_URL.rstrip("/"),
        list_id=_list_id(values[LIST_ID]),
        phone_region=settings.BREVO_PHONE_REGION,
        attributes=attribute_names(values[ATTRIBUTES]),
        rate_per_second=settings.BREVO_RATE_LIMIT_PER_SECOND,
        concurrency=platform_settings.concurrency("BREVO"),
        webhook_url=settings.BREVO_WEBHOOK_URL.rstrip("/"),
        webhook_tokens=tuple(tokens()),
    )


def page_of(contact_id: str) -> str:
    """A contact's page in Brevo's own site; "" where the account is not at Brevo (the sandbox)."""
    # As Brevo's site itself links contacts; its documentation names no address.
    host = urlsplit(settings.BREVO_API_BASE_URL).hostname or ""
    at_brevo = host.endswith(".brevo.com") and contact_id.isdigit()
    return f"https://app.brevo.com/contact/index/{contact_id}" if at_brevo else ""


def attribute_names(changes: Mapping[str, str]) -> dict[str, str]:
    """Our attribute names and the account's: the same, but for `changes`. An empty name leaves one out.

    Always in upper case: Brevo drops others without a word.
    """
    return {ours: theirs.upper() for ours, theirs in platform_settings.renamed(ATTRIBUTE_TYPES, changes).items()}


def _list_id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 and int(text) > 0 else None


def _account_fault(list_id: str) -> str:
    key, region = settings.BREVO_API_KEY, settings.BREVO_PHONE_REGION
    if key.startswith("xsmtpsib-"):
        return "BREVO_API_KEY holds an SMTP key. Make an API key in Brevo: it begins with xkeysib-."
    if fault := platform_settings.secret_fault("BREVO_API_KEY"):
        return fault
    if fault := platform_settings.address_fault("BREVO_API_BASE_URL", "https://api.brevo.com/v3"):
        return fault
    if list_id and not _list_id(list_id):
        return "BREVO_LIST_ID must be a list's number, such as 12."
    if region and region not in phonenumbers.SUPPORTED_REGIONS:
        return "BREVO_PHONE_REGION must be a country's two letters, such as US."
    return ""


def webhook_fault() -> str:
    """What is wrong with the webhook's settings, as a sentence; "" when all is well. Pushes go on all the same."""
    if settings.BREVO_WEBHOOK_URL:
        example = "https://sync.example.com/api/v3/contacts/brevo/webhook"
        if fault := platform_settings.address_fault("BREVO_WEBHOOK_URL", example):
            return fault
    # It has to fit into a header, and nobody may guess it.
    if any(len(one) < SHORTEST_TOKEN or not one.isascii() or not one.isprintable() or " " in one for one in tokens()):
        return f"BREVO_WEBHOOK_TOKENS must be letters and digits, {SHORTEST_TOKEN} or more each."
    return ""


def tokens() -> list[str]:
    """What Brevo may show with its webhook."""
    return [one for one in settings.BREVO_WEBHOOK_TOKENS if one]


def _attributes_fault(changes: Mapping[str, str]) -> str:
    names = attribute_names(changes)
    for ours, theirs in names.items():
        if theirs in WHO_IT_IS or (theirs in PHONE_IDENTIFIERS and ours != "SMS"):
            return f"BREVO_ATTRIBUTES must not send {ours} as {theirs}: Brevo tells contacts apart by it."
    return platform_settings.renaming_fault(ATTRIBUTES, ATTRIBUTE_TYPES, changes, names)
