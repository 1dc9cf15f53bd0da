"""What Brevo says when something happens to a contact, in every form that was seen.

No two pages of Brevo's agree on names and forms, so each event has several; `variant` picks one.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

from sandbox.brevo.store import Contact
from sandbox.messages import JsonObject, JsonValue

Form: TypeAlias = Callable[[Contact, list[int], float], JsonObject]

#: The event as it is registered -> the names under which it comes.
NAMES = {
    "unsubscribed": ("unsubscribe", "unsubscribed"),
    "hardBounce": ("hard_bounce", "hard_bounced", "hardBounce"),
    "softBounce": ("soft_bounce", "soft_bounced", "softBounce"),
    "spam": ("spam", "complaint"),
}

_REASONS = {"hardBounce": "550 5.1.1 The mailbox does not exist", "softBounce": "452 4.2.2 The mailbox is full"}


def body_of(event: str, contact: Contact, lists: list[int], now: float, variant: int) -> JsonObject:
    """The event as JSON, without the webhook's number. `lists`: those that it is about."""
    if event in NAMES:
        names = NAMES[event]
        return _campaign(event, names[variant % len(names)], contact, lists, now)
    forms = FORMS[event]
    return forms[variant % len(forms)](contact, lists, now)


def _campaign(event: str, name: str, contact: Contact, lists: list[int], now: float) -> JsonObject:
    """Times as they have been seen: `ts_event` in UTC, `ts` and the text in the account's timezone, here UTC+2."""
    said: JsonObject = {
        "event": name,
        "email": contact.email,
        "camp_id": 88,
        "campaign name": "May",
        "date_event": _text(now + 7200),
        "ts_event": int(now),
        "ts": int(now) + 7200,
        "ts_sent": int(now) - 60,
        "tag": "",
    }
    if event == "unsubscribed":
        said["list_id"] = [*lists]
    if event in _REASONS:
        said["reason"] = _REASONS[event]
    return said


def _about(event: str, contact: Contact, now: float) -> JsonObject:
    return {"event": event, "email": contact.email, "date": _text(now), "ts": int(now)}


def _text(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _deleted_live(contact: Contact, lists: list[int], now: float) -> JsonObject:
    moment = datetime.fromtimestamp(now, UTC).isoformat()
    return {**_about("contact_deleted", contact, now), "email": [contact.email], "date": moment}


def _deleted_documented(contact: Contact, lists: list[int], now: float) -> JsonObject:
    return {**_about("contact_deleted", contact, now), "key": "sandbox", "list_id": [*lists]}


def _updated_live(contact: Contact, lists: list[int], now: float) -> JsonObject:
    entry: JsonObject = {"email": contact.email, "attributes": contact.shown_attributes()}
    return {**_about("contact_updated", contact, now), "content": [entry]}


def _updated_object(contact: Contact, lists: list[int], now: float) -> JsonObject:
    """Without an address at the top."""
    content: JsonObject = {"emails": [contact.email], "link_list_ids": [*lists]}
    return {"event": "contact_updated", "date": _text(now), "ts": int(now), "content": content}


def _updated_block(contact: Contact, lists: list[int], now: float) -> JsonObject:
    entry: JsonObject = {"email": contact.email, "emailBlacklist": contact.email_blacklisted}
    return {**_about("contact_updated", contact, now), "content": [entry]}


def _updated_list(contact: Contact, lists: list[int], now: float) -> JsonObject:
    entry: JsonObject = {"email": contact.email, "list": {"addition": [*lists]}}
    return {**_about("contact_updated", contact, now), "content": [entry]}


def _added_live(contact: Contact, lists: list[int], now: float) -> JsonObject:
    return {**_about("list_addition", contact, now), "list_id": [*lists]}


def _added_content(contact: Contact, lists: list[int], now: float) -> JsonObject:
    content: dict[str, JsonValue] = {"emails": [contact.email]}
    return {"event": "list_addition", "list_id": [*lists], "date": _text(now), "ts": int(now), "content": content}


FORMS: dict[str, tuple[Form, ...]] = {
    "contactDeleted": (_deleted_live, _deleted_documented),
    "contactUpdated": (_updated_live, _updated_object, _updated_block, _updated_list),
    "listAddition": (_added_live, _added_content),
}
