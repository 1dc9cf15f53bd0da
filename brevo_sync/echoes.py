"""Our own pushes, which come back as events: told from changes that have to be read in Brevo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from contacts.models import Contact
from curation_sdk.statuses import ProcessingStatus

#: A push of ours comes back as an event whose time, or receipt, is so near that of the push.
_NEAR = timedelta(minutes=1)

#: All that the echo of a push may say. Whatever says more, or nothing at all, is looked into.
_SAYS = {"id", "event", "email", "key", "date", "ts", "ts_event", "ts_epoch", "content"}
_CHANGES = {"attributes", "list", "link_list_ids"}

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Moment:
    """When it happened, as far as that can be believed, and when we heard of it."""

    happened: datetime
    received: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """Something changed in a contact. tame: it says what, and that is what a push changes."""

    address: str
    tame: bool
    when: Moment


def to_read(changes: Sequence[Change]) -> set[str]:
    """Those of our contacts who have to be read. Of each push an event comes back: to read for it would cost a call
    for every contact, hours after a large run."""
    pushes: dict[str, list[datetime | None]] = {}
    named = Contact.objects.filter(email_key__in={one.address for one in changes}).order_by()
    for key, status, synced_at in named.values_list("email_key", "brevo_processing_status", "brevo_synced_at"):
        # None: it is being pushed at this moment.
        pushes.setdefault(str(key), []).append(None if status == ProcessingStatus.PROCESSING else synced_at or _NEVER)
    return {one.address for one in changes if one.address in pushes and not _is_echo(one, pushes[one.address])}


def _is_echo(change: Change, pushes: Iterable[datetime | None]) -> bool:
    times = (change.when.happened, change.when.received)
    near = (push is None or any(abs(push - when) <= _NEAR for when in times) for push in pushes)
    return change.tame and any(near)


def is_tame(event: Mapping[str, Any]) -> bool:
    """Does it speak of nothing but attributes and of lists that were joined?"""
    parts = contents(event)
    return bool(parts) and not set(event) - _SAYS and all(_is_tame_part(part) for part in parts)


def _is_tame_part(part: Mapping[str, Any]) -> bool:
    lists = part.get("list", {})
    joined_only = isinstance(lists, dict) and not set(lists) - {"addition"}
    return joined_only and bool(_CHANGES & set(part)) and not set(part) - _CHANGES - {"email", "emails"}


def contents(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects in an event's `content`, which is one or a list of them."""
    content = event.get("content")
    return [one for one in (content if isinstance(content, list) else [content]) if isinstance(one, dict)]
