"""Brevo's events: their names and forms, and what each changes here.

Source: https://developers.brevo.com/docs/marketing-webhooks, and forms that users saw: no two pages agree on them all.
Nothing here pushes anything: our own pushes come back as events.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from django.db.models import Q

from brevo_sync.blocks import is_blocked
from brevo_sync.echoes import Change, Moment, contents, is_tame, to_read
from brevo_sync.job import BREVO
from brevo_sync.rechecking import recheck
from contacts.address_key import email_key
from contacts.models import Contact, Suppression
from contacts.suppression import OptOut, suppress
from curation_sdk.database import one_bulk_writer
from curation_sdk.wording import storable
from webhooks import rechecks
from webhooks.models import PlatformEvent
from webhooks.source import IGNORED, NotEvents, Piece, Source, State, Verdict, fitting, key_of, no_repeat, unreadable

WHAT_TO_SEND = "Send a JSON object for an event, an array of them, or an object that holds such an array."


class Kind(Enum):
    """What an event means, under whichever of its names."""

    UNSUBSCRIBED = "unsubscribed"
    HARD_BOUNCE = "hard bounce"
    SOFT_BOUNCE = "soft bounce"
    SPAM = "spam"
    BLOCKED = "blocked"
    UPDATED = "updated"
    DELETED = "deleted"
    ADDED = "added to a list"


#: An event's name -> its kind. Registered in camelCase, sent in snake_case, and not always in the same words.
KINDS = {
    "unsubscribed": Kind.UNSUBSCRIBED,
    "unsubscribe": Kind.UNSUBSCRIBED,
    "hard_bounce": Kind.HARD_BOUNCE,
    "hard_bounced": Kind.HARD_BOUNCE,
    "hardBounce": Kind.HARD_BOUNCE,
    "soft_bounce": Kind.SOFT_BOUNCE,
    "soft_bounced": Kind.SOFT_BOUNCE,
    "softBounce": Kind.SOFT_BOUNCE,
    "spam": Kind.SPAM,
    "complaint": Kind.SPAM,
    "blocked": Kind.BLOCKED,
    "contact_updated": Kind.UPDATED,
    "contactUpdated": Kind.UPDATED,
    "contact_deleted": Kind.DELETED,
    "contactDeleted": Kind.DELETED,
    "list_addition": Kind.ADDED,
    "listAddition": Kind.ADDED,
}

#: About the contact itself. Such an event is told from others by all that it says.
_ABOUT_CONTACTS = {Kind.UPDATED, Kind.DELETED, Kind.ADDED}

_REASONS = {
    Kind.UNSUBSCRIBED: (Suppression.Reason.UNSUBSCRIBED, "Unsubscribed in Brevo"),
    Kind.HARD_BOUNCE: (Suppression.Reason.HARD_BOUNCE, "A mail from Brevo bounced"),
    Kind.SPAM: (Suppression.Reason.COMPLAINT, "Reported a mail from Brevo as spam"),
    Kind.BLOCKED: (Suppression.Reason.BLOCKED, "Brevo did not send a mail: the address is blocked there"),
}

#: Seconds that Brevo's clock may be ahead of ours.
_AHEAD = timedelta(minutes=5)

#: Before that there was no Brevo; a time so old is an error.
_EARLIEST = datetime(2012, 1, 1, tzinfo=UTC)


_TIMES = ("ts_epoch", "ts_event", "ts", "date", "date_event")


# --- From a body to events --------------------------------------------------------------------------------------


def split(body: Any, text: str) -> list[Piece]:
    """The events of a body, one for each address. Raises NotEvents."""
    if isinstance(body, dict) and not (held := _held(body)):
        return _pieces(body, text)
    entries = body if isinstance(body, list) else held if isinstance(body, dict) else None
    if entries is None or (entries and not any(isinstance(entry, dict) for entry in entries)):
        raise NotEvents(WHAT_TO_SEND)
    pieces: list[Piece] = []
    for entry in entries:
        pieces += _pieces(entry, json.dumps(entry)) if isinstance(entry, dict) else [unreadable(entry)]
    return pieces


def _held(body: dict[str, Any]) -> list[Any] | None:
    """The events in an object that is none itself."""
    if "event" in body:
        return None
    arrays = [value for value in body.values() if isinstance(value, list)]
    return next((one for one in arrays if any(isinstance(entry, dict) and "event" in entry for entry in one)), None)


def _pieces(event: dict[str, Any], text: str) -> list[Piece]:
    """One for each address, as if the event were about that alone: what is kept of one person says nothing of others.

    An event may name thousands, and Brevo waits meanwhile: so each part of it is looked at once.
    """
    found = addresses(event)
    if len(found) < 2:
        return [_piece(event, found[0] if found else "", text)]
    named: dict[str | None, list[dict[str, Any]]] = {}
    general = []
    for part in contents(event):
        keys = _keys(part)
        rest = {name: value for name, value in part.items() if name not in ("email", "emails")}
        for key in keys:
            named.setdefault(key, []).append({**rest, "email": key})
        if not keys:
            general.append(part)
    pieces = []
    for address in found:
        about = {**event, "email": address}
        if "content" in event:
            about["content"] = [*named.get(address, ()), *general]
        pieces.append(_piece(about, address, json.dumps(about)))
    return pieces


def _piece(event: dict[str, Any], address: str, text: str) -> Piece:
    name = str(event.get("event") or "")
    return Piece(storable(name, 100), address, _key(event, name, address), text)


def _key(event: dict[str, Any], name: str, address: str) -> str:
    """Brevo gives events no id. Without a time, one cannot be told from a later one that says the same."""
    moment = next((event[one] for one in _TIMES if event.get(one)), None)
    if moment is None:
        return no_repeat()
    kind = KINDS.get(name)
    if kind is None or kind in _ABOUT_CONTACTS:
        return key_of(event)
    return key_of(kind.value, address, str(moment), *(event.get(one) for one in ("camp_id", "id", "message-id")))


def addresses(event: Mapping[str, Any]) -> list[str]:
    """Whom an event is about, as addresses are compared: from whichever place this form names them in."""
    found = [*_texts(event.get("email"))]
    for part in contents(event):
        found += [*_texts(part.get("email")), *_texts(part.get("emails"))]
    return list(dict.fromkeys(key for one in found if (key := fitting(email_key(one)))))


def _texts(value: Any) -> Iterator[str]:
    """A text, or those in a list."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            yield one


def _keys(part: Mapping[str, Any]) -> set[str | None]:
    return {email_key(one) for one in (*_texts(part.get("email")), *_texts(part.get("emails")))}


# --- What events change -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _News:
    """What a number of events say, all in all."""

    opt_outs: list[OptOut] = field(default_factory=list)
    gone: list[tuple[str, datetime]] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)


def apply(events: Sequence[PlatformEvent], now: datetime) -> list[Verdict]:
    """Store opt-outs, forget the ids of deleted contacts, and have changed contacts read again.

    In whatever order and however often events come, the result is the same: an opt-out is only ever added.
    """
    news = _News()
    verdicts = [_read(json.loads(event.body), event.received_at, news) for event in events]
    if news.gone:
        one_bulk_writer()
    suppress(news.opt_outs, BREVO.label, now=now)
    for address, when in news.gone:
        _forget(address, when)
    rechecks.ask(BREVO.platform, to_read(news.changed), now=now)
    return verdicts


def _read(event: dict[str, Any], received_at: datetime, news: _News) -> Verdict:
    kind = KINDS.get(str(event.get("event") or ""))
    about = addresses(event)
    if kind is None or not about:
        return IGNORED
    when = Moment(moment_of(event, received_at), received_at)
    return _READERS[kind](event, kind, about, when, news)


def _opted_out(event: dict[str, Any], kind: Kind, about: list[str], when: Moment, news: _News) -> Verdict:
    reason, note = _REASONS[kind]
    news.opt_outs += [OptOut(address, reason, f"{note}{_circumstances(event)}.", when.happened) for address in about]
    return Verdict(State.APPLIED, f"Suppressed: {reason.label}.")


def _deleted(event: dict[str, Any], kind: Kind, about: list[str], when: Moment, news: _News) -> Verdict:
    news.gone += [(address, when.happened) for address in about]
    said = "Deleted in Brevo. It is not made again there by itself: whoever wants that queues it again."
    return Verdict(State.APPLIED, said)


def _updated(event: dict[str, Any], kind: Kind, about: list[str], when: Moment, news: _News) -> Verdict:
    blocked = list(_blocked(event, about))
    if blocked:
        reason = Suppression.Reason.BLOCKED
        news.opt_outs += [
            OptOut(address, reason, "Brevo says that the address is blocked.", when.happened) for address in blocked
        ]
        return Verdict(State.APPLIED, f"Suppressed: {reason.label}.")
    tame = is_tame(event)
    news.changed += [Change(address, tame, when) for address in about]
    return Verdict(State.APPLIED, "To be read again, if it is a contact of ours and more than the echo of a push.")


def _kept(event: dict[str, Any], kind: Kind, about: list[str], when: Moment, news: _News) -> Verdict:
    said = {
        Kind.SOFT_BOUNCE: "A mail could not be delivered for now.",
        Kind.ADDED: f"Added to {_lists(event) or 'a list'} in Brevo.",
    }
    return Verdict(State.APPLIED, said[kind])


_READERS: dict[Kind, Callable[[dict[str, Any], Kind, list[str], Moment, _News], Verdict]] = {
    Kind.UNSUBSCRIBED: _opted_out,
    Kind.HARD_BOUNCE: _opted_out,
    Kind.SPAM: _opted_out,
    Kind.BLOCKED: _opted_out,
    Kind.UPDATED: _updated,
    Kind.DELETED: _deleted,
    Kind.SOFT_BOUNCE: _kept,
    Kind.ADDED: _kept,
}


def _blocked(event: dict[str, Any], about: list[str]) -> Iterable[str]:
    """Whom the event calls blocked. What says that somebody is not blocked lifts nothing."""
    for part in (event, *contents(event)):
        if is_blocked(part):
            named = [key for key in _keys(part) if key]
            yield from named or about


def _forget(address: str, when: datetime) -> None:
    """A push after the deletion has made the contact anew: then the id is that of the new one."""
    theirs = Contact.objects.filter(Q(brevo_synced_at=None) | Q(brevo_synced_at__lte=when), email_key=address)
    theirs.exclude(brevo_contact_id=None).update(brevo_contact_id=None)


def moment_of(event: Mapping[str, Any], received_at: datetime) -> datetime:
    """When it happened, as far as that can be believed; else when we heard of it.

    `ts_epoch` counts milliseconds, `ts_event` and `ts` seconds; `ts` has been seen in the account's timezone. The
    texts beside them are in that timezone as well, so they are no use.
    """
    for name, unit in (("ts_epoch", 1000), ("ts_event", 1), ("ts", 1)):
        value = event.get(name)
        try:
            when = datetime.fromtimestamp(float(value or "") / unit, UTC)
        except (TypeError, ValueError, OverflowError, OSError):
            continue
        if _EARLIEST <= when <= received_at + _AHEAD:
            return min(when, received_at)
    return received_at


def _circumstances(event: Mapping[str, Any]) -> str:
    """ ", campaign "May" (88), list 12: mailbox unavailable", as far as the event names them."""
    name, number = event.get("campaign name"), event.get("camp_id")
    campaign = f'campaign "{storable(str(name), 100)}"' if name else "campaign" if number else ""
    number_text = f" ({number})" if name and number else f" {number}" if number else ""
    said = "".join(f", {part}" for part in (f"{campaign}{number_text}", _lists(event)) if part)
    reason = event.get("reason")
    return said + (f": {storable(str(reason), 200).rstrip('. ')}" if isinstance(reason, str) and reason else "")


def _lists(event: Mapping[str, Any]) -> str:
    """ "list 12", "lists 12, 13"; "" when none is named."""
    value = event.get("list_id")
    numbers = [str(one) for one in (value if isinstance(value, list) else [value]) if isinstance(one, int)]
    return f"list{'s' if len(numbers) > 1 else ''} {', '.join(numbers[:10])}" if numbers else ""


BREVO_EVENTS = Source(platform=BREVO.platform, label=BREVO.label, split=split, apply=apply, recheck=recheck)
