"""What we tell a platform about a person: names, company, website. Pure; absent values are None."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contacts.placeholders import clean_name, clean_phone

if TYPE_CHECKING:
    from contacts.models import Contact


def first_and_last_name(name: str | None) -> tuple[str | None, str | None]:
    """First name and last name. The first word is the first name; a single word is all there is."""
    first, _, last = (clean_name(name) or "").partition(" ")
    return first or None, last.strip() or None


def company(contact: Contact) -> str | None:
    """The company's name, or the domain where it is not known."""
    return contact.domain.company_name.strip() or contact.domain.domain if contact.domain else None


def website(contact: Contact) -> str | None:
    """The domain as an address."""
    return f"https://{contact.domain.domain}" if contact.domain and contact.domain.domain else None


def crm_values(contact: Contact) -> dict[str, str | bool | None]:
    """What CRMs are told, besides the address.

    By the names that such fields have in HubSpot and Mautic from the start, and by those of ours.
    """
    first, last = first_and_last_name(contact.name)
    return {
        "firstname": first,
        "lastname": last,
        "phone": clean_phone(contact.phone_number),
        "company": company(contact),
        "website": website(contact),
        "scrapersky_domain_id": str(contact.domain_id) if contact.domain_id else None,
        "scrapersky_page_id": str(contact.page_id) if contact.page_id else None,
        "scrapersky_email_type": contact.email_type,
        "scrapersky_source_url": contact.source_url,
        "scrapersky_has_gmail": contact.has_gmail,
    }


def under_names(values: Mapping[str, str | bool | None], names: Mapping[str, str]) -> dict[str, Any]:
    """The values under an account's names (ours -> theirs), without those that are absent or go under no name."""
    return {
        names[name]: value
        for name, value in values.items()
        if name in names and value is not None and str(value).strip()
    }
