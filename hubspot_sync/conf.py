"""HubSpot's settings, read and checked in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from curation_sdk import platform_settings
from hubspot_sync.properties import NEVER_SENT, PROPERTIES, names_in_use

#: "v3" until September 2027; since 2026 versions are dates. Source: https://developers.hubspot.com/docs/api-reference
VERSION = re.compile(r"v3|20\d\d-(0[1-9]|1[0-2])(-beta)?")

#: The setting that may be changed in the admin.
CHANGEABLE = ("HUBSPOT_PROPERTIES",)


@dataclass(frozen=True, slots=True)
class HubSpotConfig:
    """One HubSpot account and how we use it. `properties` maps our names to the account's."""

    api_key: str = field(repr=False)
    base_url: str
    version: str
    properties: dict[str, str]
    rate_per_second: float
    concurrency: int


def off_reason() -> str:
    """Why HubSpot is off, naming the setting to change; "" when it is on."""
    if not settings.HUBSPOT_API_KEY:
        return "HubSpot is switched off: HUBSPOT_API_KEY is not set."
    fault = platform_settings.fault_in_force("hubspot", settings_fault)
    return f"HubSpot is switched off: {fault}" if fault else ""


def settings_fault(chosen: Mapping[str, Any] | None = None) -> str:
    """The first setting that cannot be meant, as a sentence that says what to write instead; "" when all is well.

    chosen: values from the admin, in place of the environment's.
    """
    changes = _properties(chosen or {})
    return _account_fault() or _properties_fault(changes) or platform_settings.numbers_fault("HUBSPOT")


def load(chosen: Mapping[str, Any] | None = None) -> HubSpotConfig:
    """The settings as they are now. Call it only when `off_reason()` is empty.

    chosen: as if this had been chosen in the admin; without it, what was.
    """
    return HubSpotConfig(
        api_key=settings.HUBSPOT_API_KEY,
        base_url=settings.HUBSPOT_API_BASE_URL.rstrip("/"),
        version=settings.HUBSPOT_API_VERSION,
        properties=names_in_use(_properties(platform_settings.chosen("hubspot") if chosen is None else chosen)),
        rate_per_second=settings.HUBSPOT_RATE_LIMIT_PER_SECOND,
        concurrency=platform_settings.concurrency("HUBSPOT"),
    )


def _properties(chosen: Mapping[str, Any]) -> dict[str, str]:
    """How properties are renamed: as chosen, else as the environment says."""
    changes: dict[str, str] = platform_settings.values(CHANGEABLE, chosen)["HUBSPOT_PROPERTIES"]
    return changes


def _account_fault() -> str:
    if fault := platform_settings.secret_fault("HUBSPOT_API_KEY"):
        return fault
    if fault := platform_settings.address_fault("HUBSPOT_API_BASE_URL", "https://api.hubapi.com"):
        return fault
    if not VERSION.fullmatch(settings.HUBSPOT_API_VERSION):
        return "HUBSPOT_API_VERSION must be a version of HubSpot's API, such as 2026-09 or v3."
    return ""


def _properties_fault(changes: Mapping[str, str]) -> str:
    names = names_in_use(changes)
    for ours, theirs in names.items():
        if theirs in NEVER_SENT:
            return f"HUBSPOT_PROPERTIES must not send {ours} as {theirs}: we never write that one."
        if not re.fullmatch(r"[a-z][a-z0-9_]*", theirs):
            return (
                f"HUBSPOT_PROPERTIES must give {ours} the internal name of a property: letters from a to z, digits "
                "and underscores."
            )
    return platform_settings.renaming_fault("HUBSPOT_PROPERTIES", PROPERTIES, changes, names)
