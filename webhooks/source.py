"""What a platform says about its events: how a body falls into events, and what each of them changes here."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from webhooks.models import PlatformEvent

State = PlatformEvent.State

#: The longest address that a contact may have.
_LONGEST_ADDRESS = 320


class NotEvents(ValueError):
    """A body that holds no events. Its text says what to send."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One event, about one address at most, as it is stored.

    key: the same for the same event, sent again; see `key_of` and `no_repeat`.
    """

    event: str
    address: str
    key: str
    body: str
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an event. `result` is a sentence for people; "" when there is nothing to say."""

    state: PlatformEvent.State
    result: str = ""


IGNORED = Verdict(State.IGNORED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A platform that sends us events.

    split: a body, read from JSON, falls into its events; raises NotEvents. The raw text comes along for a body that
    is one event. It must be quick: Brevo waits meanwhile.
    apply: store what events change, and say what became of each. Called in a transaction, with the events in the
    order in which they came; takes the bulk writers' lock only if it writes contacts, because an opt-out must not wait
    for somebody who queues a million of them; may raise for any of them, and is then asked again for each alone.
    recheck: read contacts again on the platform, outside of any transaction; None where the platform asks for none.
    """

    platform: str
    label: str
    split: Callable[[Any, str], list[Piece]]
    apply: Callable[[Sequence[PlatformEvent], datetime], list[Verdict]]
    recheck: Callable[[float, Callable[[], bool]], int] | None = None


def sources() -> list[Source]:
    """Those that the settings list."""
    return [import_string(path) for path in settings.WEBHOOK_SOURCES]


def key_of(*parts: Any) -> str:
    """A key that is the same for the same parts: text, numbers, or what JSON holds."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def no_repeat() -> str:
    """A key that no other event has: for one without a time of its own, which may be a new one that looks the same.

    To keep it twice changes nothing. To take it for a repeat would lose an opt-out.
    """
    return uuid.uuid4().hex


def unreadable(value: Any) -> Piece:
    """An entry among events that is none: kept for people, once."""
    body = json.dumps(value)
    return Piece("", "", key_of("unreadable", body), body, readable=False)


def fitting(address: str | None) -> str:
    """The address as a column takes it; "" for one that no contact can have."""
    return address if address and len(address) <= _LONGEST_ADDRESS and address.isprintable() else ""
