"""The webhooks that Mautic sends: are they its own, and what do they say about opt-outs?

Source: Mautic's `app/bundles/WebhookBundle/Http/Client.php` (signature) and `app/bundles/LeadBundle/EventListener/
WebhookSubscriber.php` (events).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from contacts.address_key import email_key
from contacts.models import Contact, Suppression
from contacts.suppression import OptOut, suppress
from curation_sdk.database import one_bulk_writer
from curation_sdk.wording import storable
from mautic_sync.details import contact_id
from mautic_sync.job import MAUTIC
from webhooks.models import PlatformEvent
from webhooks.source import IGNORED, NotEvents, Piece, Source, State, Verdict, fitting, key_of, no_repeat, unreadable

WHAT_TO_SEND = "Send a JSON object with lists of events by name."

SUBSCRIPTION_CHANGED = "mautic.lead_channel_subscription_changed"
DELETED = "mautic.lead_post_delete"

#: Mautic's word for the new status -> why we do not push them any more. "contactable" lifts nothing here: an opt-out
#: is taken back by a person, in the admin.
REASONS = {
    "unsubscribed": (Suppression.Reason.UNSUBSCRIBED, "Unsubscribed in Mautic."),
    "bounced": (Suppression.Reason.HARD_BOUNCE, "A mail from Mautic bounced."),
    "manual": (Suppression.Reason.BLOCKED, "Somebody set it to do not contact in Mautic."),
}


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Is the signature that of these very bytes? PHP escapes slashes, so JSON written anew would be other bytes."""
    if not secret or not signature:
        return False
    wanted = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(wanted, signature.strip().encode("utf-8", "replace"))


def split(body: Any, text: str) -> list[Piece]:
    """The events of a body: lists of them by name. Raises NotEvents."""
    if not isinstance(body, dict):
        raise NotEvents(WHAT_TO_SEND)
    pieces: list[Piece] = []
    for name, found in body.items():
        for entry in found if isinstance(found, list) else [found]:
            pieces.append(_piece(name, entry) if isinstance(entry, dict) else unreadable({name: entry}))
    return pieces


def _piece(name: str, event: dict[str, Any]) -> Piece:
    address = _key(_object(event.get("contact")))
    # Without its time, an event cannot be told from a later one that says the same.
    key = key_of(name, event) if event.get("timestamp") else no_repeat()
    return Piece(storable(name, 100), address, key, json.dumps(event))


def apply(events: Sequence[PlatformEvent], now: datetime) -> list[Verdict]:
    """Suppress people, and forget the ids of contacts that are gone, in whatever order and however often it is said.

    An address is suppressed when an event names it, or when a contact of ours has the Mautic id that it names: the
    address there may have changed since.
    """
    verdicts: list[Verdict] = []
    opt_outs: list[OptOut] = []
    if any(event.event == DELETED for event in events):
        one_bulk_writer()
    for event in events:
        body = json.loads(event.body)
        if event.event == SUBSCRIPTION_CHANGED:
            verdicts.append(_subscription(body, event.received_at, opt_outs))
        elif event.event == DELETED:
            verdicts.append(_deleted(body, event.received_at))
        else:
            verdicts.append(IGNORED)
    suppress(opt_outs, MAUTIC.label, now=now)
    return verdicts


def _subscription(event: dict[str, Any], received_at: datetime, opt_outs: list[OptOut]) -> Verdict:
    status = str(event.get("new_status"))
    if event.get("channel") != "email" or status not in REASONS:
        return IGNORED
    reason, note = REASONS[status]
    contact = _object(event.get("contact"))
    found = {key for key in [_key(contact)] if key}
    if number := contact_id(contact):
        ours = Contact.objects.filter(mautic_contact_id=number).exclude(email_key=None)
        found.update(map(str, ours.order_by().values_list("email_key", flat=True)))
    when = _moment(event, received_at)
    opt_outs += [OptOut(address, reason, note, when) for address in sorted(found)]
    return Verdict(State.APPLIED, f"Suppressed: {reason.label}.") if found else IGNORED


def _deleted(event: dict[str, Any], received_at: datetime) -> Verdict:
    gone = contact_id(event) or contact_id(_object(event.get("contact")))
    if not gone:
        return IGNORED
    # Mautic gives no number twice, so the order of events does not matter.
    Contact.objects.filter(mautic_contact_id=gone).update(mautic_contact_id=None)
    said = "Deleted in Mautic. It is not made again there by itself: whoever wants that queues it again."
    return Verdict(State.APPLIED, said)


def _moment(event: dict[str, Any], received_at: datetime) -> datetime:
    """When it happened, as far as that can be believed; else when we heard of it."""
    try:
        when = datetime.fromisoformat(str(event.get("timestamp")))
    except ValueError:
        return received_at
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when if _EARLIEST <= when <= received_at else received_at


#: Before that there was no Mautic.
_EARLIEST = datetime(2014, 1, 1, tzinfo=UTC)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _key(contact: dict[str, Any]) -> str:
    """The address as it is compared; "" when there is none that a contact can have."""
    return fitting(email_key(_address(contact)))


def _address(contact: dict[str, Any]) -> str:
    """The address: in whatever group the field stands. The flat `fields.all` is in the API's answers only."""
    for group in _object(contact.get("fields")).values():
        value = _object(_object(group).get("email")).get("value")
        if isinstance(value, str) and value:
            return value
    return ""


MAUTIC_EVENTS = Source(platform=MAUTIC.platform, label=MAUTIC.label, split=split, apply=apply)
