"""What we tell a platform about a person: names, company, website. Pure; absent values are None."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contacts.placeholders import clean_name

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
