"""Why Brevo does not mail a contact, as it shows one: the one reading for pushes, sweep, comparison and webhook."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from contacts.models import Suppression

Reason = Suppression.Reason

NOT_MAILED = "Brevo does not mail this address: it is blocked there."

#: In answers it has the longer name, in events either.
_NAMES = ("emailBlacklist", "emailBlacklisted")


def is_blocked(part: Mapping[str, Any]) -> bool:
    """Does it say that no mail goes to the contact?"""
    return any(part.get(name) in (True, 1, "true") for name in _NAMES)


def blocks(found: Mapping[str, Any], list_id: int | None) -> list[tuple[Suppression.Reason, str]]:
    """Reason and evidence. list_id: our list; who unsubscribed from another one only, may still be mailed."""
    said = []
    if is_blocked(found):
        said.append((Reason.BLOCKED, NOT_MAILED))
    left = found.get("listUnsubscribed")
    if list_id is not None and isinstance(left, list) and str(list_id) in map(str, left):
        said.append((Reason.UNSUBSCRIBED, f"Unsubscribed from list {list_id} in Brevo."))
    return said


def moment(text: Any) -> datetime | None:
    """A time of Brevo's: UTC where it names no offset. None for what is none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
        return found and (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
