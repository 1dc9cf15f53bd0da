"""The ids under which contacts are handed to n8n, worked out and never stored. Pure.

What is pushed has one id from when it is queued until it is answered, however often it is sent: n8n can tell a second
sending from a second order. What is fetched has one for each time: only who has the contact now can report on it.
A contact whose address has changed is another person, and what n8n says of the former one is not taken for him.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from contacts.address_key import email_key

_NAMESPACE = UUID("6f1c3f2e-6d0e-5a51-9a5e-1b5b5f1e8a4d")


def delivery_id(contact: Any) -> str | None:
    """The id of a contact's delivery by push; None before its first try."""
    begun: datetime | None = contact.n8n_begun_at
    return str(uuid5(_NAMESPACE, f"push {_person(contact)} {_exact(begun)}")) if begun else None


def fetched_id(platform: str, contact: Any, lease: datetime) -> str:
    """The id of a contact that was fetched for a platform, for the time of the lease."""
    return str(uuid5(_NAMESPACE, f"fetch {platform} {_person(contact)} {_exact(lease)}"))


def _person(contact: Any) -> str:
    # Worked out here: the generated column still has the former address after a change in memory.
    return f"{contact.pk} {email_key(contact.email) or ''}"


def _exact(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
