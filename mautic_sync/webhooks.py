"""The webhooks that Mautic sends: are they its own, and what do they say about opt-outs?

Source: Mautic's `app/bundles/WebhookBundle/Http/Client.php` (signature) and `app/bundles/LeadBundle/EventListener/
WebhookSubscriber.php` (events).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contacts.models import Contact, Suppression
from contacts.suppression import OptOut, suppress
from curation_sdk.database import atomic_with_retry, one_bulk_writer
from mautic_sync.details import contact_id
from mautic_sync.job import MAUTIC

SUBSCRIPTION_CHANGED = "mautic.lead_channel_subscription_changed"
DELETED = "mautic.lead_post_delete"

#: Mautic's word for the new status -> why we do not push them any more. "contactable" lifts nothing here: an opt-out
#: is taken back by a person, in the admin.
REASONS = {
    "unsubscribed": (Suppression.Reason.UNSUBSCRIBED, "Unsubscribed in Mautic."),
    "bounced": (Suppression.Reason.HARD_BOUNCE, "A mail from Mautic bounced."),
    "manual": (Suppression.Reason.BLOCKED, "Somebody set it to do not contact in Mautic."),
}


@dataclass(slots=True)
class News:
    """What a body says that we keep: addresses and Mautic ids of people not to be mailed, by reason; ids now gone."""

    addresses: dict[str, set[str]] = field(default_factory=dict)
    ids: dict[str, set[str]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Is the signature that of these very bytes? PHP escapes slashes, so JSON written anew would be other bytes."""
    if not secret or not signature:
        return False
    wanted = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(wanted, signature.strip().encode("utf-8", "replace"))


def read(body: dict[str, Any]) -> News:
    """What the events say about opt-outs and deletions. Events and entries of other forms are passed over."""
    news = News()
    for event in _events(body, SUBSCRIPTION_CHANGED):
        status = str(event.get("new_status"))
        if event.get("channel") == "email" and status in REASONS:
            contact = _object(event.get("contact"))
            news.addresses.setdefault(status, set()).update(filter(None, [_address(contact)]))
            news.ids.setdefault(status, set()).update(filter(None, [contact_id(contact)]))
    for event in _events(body, DELETED):
        gone = contact_id(event) or contact_id(_object(event.get("contact")))
        news.gone.update(filter(None, [gone]))
    return news


def take(news: News, *, now: datetime) -> dict[str, int]:
    """Store it: suppress people, and forget the ids of contacts that are gone. Returns how many of each.

    An address counts as suppressed when the webhook names it, or when a contact of ours has the Mautic id that it
    names: the address there may have changed since.
    """

    def store() -> dict[str, int]:
        one_bulk_writer()
        suppressed: set[str] = set()
        for status, (reason, note) in REASONS.items():
            ours = Contact.objects.filter(mautic_contact_id__in=news.ids.get(status, set()))
            keys = ours.exclude(email_key=None).order_by().values_list("email_key", flat=True)
            addresses = sorted(news.addresses.get(status, set()) | set(map(str, keys)))
            suppress([OptOut(address, reason, note) for address in addresses], MAUTIC.label, now=now)
            suppressed.update(addresses)
        forgotten = Contact.objects.filter(mautic_contact_id__in=news.gone).update(mautic_contact_id=None)
        return {"suppressed": len(suppressed), "forgotten": forgotten}

    return atomic_with_retry(store)


def _events(body: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    found = body.get(name)
    entries = found if isinstance(found, list) else [found]
    return (entry for entry in entries if isinstance(entry, dict))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _address(contact: dict[str, Any]) -> str:
    """The address: in whatever group the field stands. The flat `fields.all` is in the API's answers only."""
    for group in _object(contact.get("fields")).values():
        value = _object(_object(group).get("email")).get("value")
        if isinstance(value, str) and value:
            return value
    return ""
