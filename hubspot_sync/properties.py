"""What we send of a contact, and whether an account's properties can take it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from curation_sdk.platform_settings import renamed

#: HubSpot's types that take any text.
TEXTS = ("string", "phone_number")

#: Takes the internal names of its options only.
ENUMERATION = "enumeration"


@dataclass(frozen=True, slots=True)
class Sent:
    """One value that we send: its label in HubSpot if we make the property, and the types that take it.

    `values`: all that it can be, where that is known. An enumeration with these among its options takes it, too.
    """

    label: str
    types: tuple[str, ...] = TEXTS
    values: tuple[str, ...] = ()


#: What we send, by the names the properties have unless HUBSPOT_PROPERTIES says otherwise. The first five come with
#: every account; the others are ours.
PROPERTIES = {
    "firstname": Sent("First name"),
    "lastname": Sent("Last name"),
    "phone": Sent("Phone number"),
    "company": Sent("Company name"),
    "website": Sent("Website URL"),
    "scrapersky_domain_id": Sent("ScraperSky domain id"),
    "scrapersky_page_id": Sent("ScraperSky page id"),
    "scrapersky_email_type": Sent("ScraperSky e-mail type", values=("SERVICE", "CORPORATE", "FREE", "UNKNOWN")),
    "scrapersky_source_url": Sent("ScraperSky source URL"),
    "scrapersky_has_gmail": Sent("ScraperSky has Gmail", (*TEXTS, "bool"), values=("true", "false")),
    "scrapersky_sync_date": Sent("ScraperSky sync date", (*TEXTS, "date")),
}

#: To write these would turn one contact into another, move it through the sales process (that one only goes forward),
#: or touch somebody's opt-out.
NEVER_SENT = ("email", "hs_additional_emails", "hs_object_id", "lifecyclestage", "hs_email_optout")


@dataclass(frozen=True, slots=True)
class Found:
    """A property as the account has it. `options`: the internal names of an enumeration's."""

    type: str
    read_only: bool
    options: tuple[str, ...] = ()


def names_in_use(changes: Mapping[str, str]) -> dict[str, str]:
    """Our names and the account's: the same, but for `changes`. An empty name leaves one out."""
    return {ours: theirs.lower() for ours, theirs in renamed(PROPERTIES, changes).items()}


def unfit(ours: str, found: Found) -> str:
    """Why HubSpot would refuse contacts for this property, as a part of a sentence; "" when it would not."""
    if found.read_only:
        return "is read-only"
    sent = PROPERTIES[ours]
    if found.type == ENUMERATION and sent.values:
        lacking = [value for value in sent.values if value not in found.options]
        nouns = "option" if len(lacking) == 1 else "options"
        return f"lacks the {nouns} {', '.join(lacking)}, which we send" if lacking else ""
    if found.type not in sent.types:
        return f"is of the type {found.type}, and we send text"
    return ""


def property_body(ours: str, name: str) -> dict[str, str | bool]:
    """The request that makes the property.

    All of ours are single-line text, which takes whatever was scraped.
    Source: https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide
    """
    return {
        "name": name,
        "label": PROPERTIES[ours].label,
        "groupName": "contactinformation",
        "type": "string",
        "fieldType": "text",
        "formField": False,
    }
