"""Create, upsert and change a contact: `POST /contacts` and `PUT /contacts/{identifier}`.

Either everything in a request is applied or, on any 400, nothing is. Facts from the reference pages
"Create a contact" and "Update a contact" and from what users saw.
"""

from dataclasses import dataclass, field, replace

from sandbox.brevo.errors import BrevoError, invalid, missing
from sandbox.brevo.reading import flag, integers, object_body, text
from sandbox.brevo.store import Contact, Store
from sandbox.brevo.values import (
    PHONE_IDENTIFIERS,
    Attribute,
    AttributeValue,
    clean_email,
    clean_phone,
    clean_value,
)
from sandbox.messages import JsonObject, JsonValue, Request


@dataclass(slots=True)
class Wish:
    """A checked create or update body: what is to change. None means "leave alone"."""

    email: str | None = None
    ext_id: str | None = None
    values: dict[str, AttributeValue] = field(default_factory=dict)
    phones: dict[str, str] = field(default_factory=dict)  # "" clears the number
    add_lists: list[int] = field(default_factory=list)
    leave_lists: list[int] = field(default_factory=list)
    email_blacklisted: bool | None = None
    sms_blacklisted: bool | None = None


def create_or_upsert(store: Store, request: Request, duplicate_code: str) -> int | None:
    """The work of `POST /contacts`. Gives the new id, or None when an existing contact was updated."""
    body = object_body(request)
    wish = _read_wish(store, body)
    if "email" in body and body["email"] is not None:
        wish.email = clean_email(body["email"])
    update_enabled = bool(flag(body, "updateEnabled"))
    if flag(body, "forceMerge"):
        raise invalid("forceMerge is not offered by this sandbox")
    phone = wish.phones.get("SMS", "")
    if wish.email is None and wish.ext_id is None and not phone:
        raise missing("Provide an email, an ext_id or an SMS number")
    found = _existing(store, wish, phone)
    if found is None:
        return _create(store, wish, phone, duplicate_code)
    contact, how = found
    if not update_enabled:
        raise _duplicate(duplicate_code, [how])
    update(store, contact, wish, duplicate_code)
    return None


def read_update(store: Store, request: Request) -> Wish:
    """The body of `PUT /contacts/{identifier}`; a new address comes as `attributes.EMAIL` there."""
    body = object_body(request)
    wish = _read_wish(store, body)
    wish.leave_lists = integers(body, "unlinkListIds")
    attributes = body.get("attributes")
    if isinstance(attributes, dict) and attributes.get("EMAIL") is not None:
        wish.email = clean_email(attributes["EMAIL"])
    return wish


def update(store: Store, contact: Contact, wish: Wish, duplicate_code: str) -> None:
    """Change an existing contact, or raise with nothing changed."""
    _check_lists(store, wish)
    changed = _apply(contact, wish, store.now())
    taken = store.taken(changed)
    if taken:
        raise _duplicate(duplicate_code, taken)
    store.put(changed)


def _create(store: Store, wish: Wish, phone: str, duplicate_code: str) -> int:
    _check_lists(store, wish)
    if wish.email is None and phone:
        wish.email = f"{phone}@mailin-sms.com"  # what Brevo makes up for a contact known by phone only
    now = store.now()
    contact = _apply(Contact(store.next_id(), None, now, now), wish, now)
    taken = store.taken(contact)
    if taken:
        raise _duplicate(duplicate_code, taken)
    store.put(contact)
    return contact.id


def _existing(store: Store, wish: Wish, phone: str) -> tuple[Contact, str] | None:
    """The contact this body is about, and the identifier that says so.

    The address decides if there is one. An ext_id or a phone of somebody else beside it is then a duplicate,
    not a match: that conflict is what forceMerge is for.
    """
    if wish.email is not None:
        name, value = "email", wish.email
    elif wish.ext_id is not None:
        name, value = "ext_id", wish.ext_id
    else:
        name, value = "SMS", phone
    contact = store.owner(name, value)
    return None if contact is None else (contact, name)


def _apply(contact: Contact, wish: Wish, now: float) -> Contact:
    """The contact after the wish. Blocks change only when named; lists are added, not replaced."""
    attributes = {**contact.attributes, **wish.values}
    for name, number in wish.phones.items():
        if number:
            attributes[name] = number
        else:
            attributes.pop(name, None)
    lists = [one for one in dict.fromkeys((*contact.list_ids, *wish.add_lists)) if one not in wish.leave_lists]
    return replace(
        contact,
        email=wish.email or contact.email,
        ext_id=wish.ext_id or contact.ext_id,
        attributes=attributes,
        list_ids=tuple(lists),
        email_blacklisted=_either(wish.email_blacklisted, contact.email_blacklisted),
        sms_blacklisted=_either(wish.sms_blacklisted, contact.sms_blacklisted),
        modified_at=now,
    )


def _either(wished: bool | None, current: bool) -> bool:
    return current if wished is None else wished


def _read_wish(store: Store, body: JsonObject) -> Wish:
    """The fields that create and update share."""
    wish = Wish(
        ext_id=text(body, "ext_id"),
        add_lists=integers(body, "listIds"),
        email_blacklisted=flag(body, "emailBlacklisted"),
        sms_blacklisted=flag(body, "smsBlacklisted"),
    )
    attributes = body.get("attributes")
    if attributes is None:
        return wish
    if not isinstance(attributes, dict):
        raise invalid("attributes must be a JSON object")
    for name, value in attributes.items():
        _read_attribute(wish, store.attributes.get(name), name, value)
    return wish


def _read_attribute(wish: Wish, attribute: Attribute | None, name: str, value: JsonValue) -> None:
    """One attribute of a body: unknown names and values of the wrong type vanish without an error."""
    if name in PHONE_IDENTIFIERS:
        if value is not None:
            wish.phones[name] = "" if value == "" else clean_phone(name, value)
        return
    if attribute is None:
        return
    cleaned = clean_value(attribute, value)
    if cleaned is not None:
        wish.values[name] = cleaned


def _check_lists(store: Store, wish: Wish) -> None:
    unknown = [one for one in (*wish.add_lists, *wish.leave_lists) if one not in store.lists]
    if unknown:
        raise invalid(f"No list has the id {unknown[0]}")


def _duplicate(code: str, identifiers: list[str]) -> BrevoError:
    """The 400 for an identifier that another contact holds; its code has varied since May 2026."""
    message = f"{' and '.join(identifiers)} already belongs to another contact"
    return BrevoError(400, code, message, duplicates=identifiers)
