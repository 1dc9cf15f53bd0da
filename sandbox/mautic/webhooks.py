"""The webhooks that Mautic sends: bodies as PHP writes them, and their signature.

See `app/bundles/WebhookBundle/Http/Client.php` in Mautic's source.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import urllib.request

from sandbox.mautic.store import STATUS_NAMES, Contact, Field, utc_text
from sandbox.messages import JsonObject

SUBSCRIPTION_CHANGED = "mautic.lead_channel_subscription_changed"
DELETED = "mautic.lead_post_delete"
TIMEOUT = 15.0  # seconds; Mautic's own


def subscription_changed(contact: Contact, fields: dict[str, Field], reason: int, now: float) -> JsonObject:
    """The event of somebody who can no longer be mailed."""
    event: JsonObject = {
        "contact": _contact(contact, fields),
        "channel": "email",
        "old_status": "contactable",
        "new_status": STATUS_NAMES.get(reason, "manual"),
        "timestamp": utc_text(now),
    }
    return {SUBSCRIPTION_CHANGED: [event]}


def deleted(contact: Contact, fields: dict[str, Field], now: float) -> JsonObject:
    """The event of a contact that is gone."""
    event: JsonObject = {"id": contact.id, "contact": _contact(contact, fields), "timestamp": utc_text(now)}
    return {DELETED: [event]}


def as_php_writes_it(body: JsonObject) -> bytes:
    """JSON with every slash and every letter beyond ASCII escaped: re-serialised it is other bytes."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def signature(body: bytes, secret: str) -> str:
    """The header `Webhook-Signature`; empty without a secret."""
    if not secret:
        return ""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def deliver(url: str, body: bytes, secret: str) -> None:
    """Send a webhook. Like Mautic's immediate mode: a delivery that fails is not repeated."""
    headers = {
        "Content-Type": "application/json",
        "X-Origin-Base-URL": "https://mautic.example/",
        "Webhook-Signature": signature(body, secret),
    }
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - set by the tester
    with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310
        pass


def _contact(contact: Contact, fields: dict[str, Field]) -> JsonObject:
    """Without the flat `fields.all`, which only API answers have."""
    core: JsonObject = {alias: {**one.as_json(), "value": contact.values.get(alias)} for alias, one in fields.items()}
    return {"id": contact.id, "points": 0, "fields": {"core": core}}
