"""From a contact to the body that n8n receives. Pure: no network, no settings; the clock stands still.

The names are those of the guide that old workflows were built from, and those that its program really sent.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from contacts.address_key import BLANKS
from contacts.person import company, first_and_last_name, website
from contacts.placeholders import clean_name, clean_phone
from n8n_sync.deliveries import delivery_id

if TYPE_CHECKING:
    from contacts.models import Contact


def contact_payload(contact: Contact) -> dict[str, Any]:
    """One contact, who must have an address, as it is pushed. Absent values are null.

    Every try of a delivery sends the same `delivery_id` and the same `timestamp`: when its first try began.
    """
    begun = contact.n8n_begun_at
    return {
        "delivery_id": delivery_id(contact),
        **_person(contact),
        "timestamp": begun.astimezone(UTC).isoformat() if begun else None,
    }


def queue_item(contact: Contact, *, fetched_id: str, platform: str, remote_id: str | None) -> dict[str, Any]:
    """One contact as n8n fetches it for a platform, with what a system of its own may want to know."""
    return {
        "delivery_id": fetched_id,
        "platform": platform,
        "remote_id": remote_id or None,
        **_person(contact),
        "website": website(contact),
        "email_type": contact.email_type,
        "has_gmail": contact.has_gmail,
        "source_url": contact.source_url or None,
    }


def _person(contact: Contact) -> dict[str, Any]:
    first, last = first_and_last_name(contact.name)
    domain_id = str(contact.domain_id) if contact.domain_id else None
    page_id = str(contact.page_id) if contact.page_id else None
    return {
        "contact_id": str(contact.pk),
        "email": (contact.email or "").strip(BLANKS),
        "name": clean_name(contact.name),
        "first_name": first,
        "last_name": last,
        "company": company(contact),
        "phone": clean_phone(contact.phone_number),
        "domain_id": domain_id,
        "page_id": page_id,
        "scrapersky_domain_id": domain_id,
        "scrapersky_page_id": page_id,
    }
