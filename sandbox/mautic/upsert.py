"""Create and update contacts: `contacts/new`, `contacts/batch/new` and `contacts/{id}/edit`."""

from dataclasses import replace

from sandbox.mautic.account import Account
from sandbox.mautic.errors import GENERIC, MauticError, forbidden, invalid, not_found
from sandbox.mautic.forms import cleaned_email, is_blank, problem
from sandbox.mautic.store import Contact, Store, shown
from sandbox.messages import JsonObject, JsonValue, Request, Response, json_response
from sandbox.routing import Params
from sandbox.values import number_in


def create_contact(account: Account, request: Request, params: Params) -> Response:
    """`POST /contacts/new`: 201 for a new contact, 200 when the address was there."""
    status, contact = _upsert(account, request.json())
    headers = [("Location", f"/s/contacts/view/{contact.id}")] if status == 201 else []
    return json_response(status, {"contact": shown(account.store, contact)}, headers)


def create_contacts(account: Account, request: Request, params: Params) -> Response:
    """`POST /contacts/batch/new`: 201 whatever became of the items, each saved on its own.

    PHP writes an array whose keys run from 0 without a gap as a list, and any other as an object.
    """
    items = request.json()
    if not isinstance(items, list):
        raise MauticError(400, "The payload is not a list.")
    most = account.switches.batch_limit
    if len(items) > most:
        raise MauticError(500, f"A max of {most} records can be processed at a time.")
    contacts: dict[int, JsonValue] = {}
    errors: dict[int, JsonValue] = {}
    codes: list[JsonValue] = []
    for place, item in enumerate(items):
        try:
            status, contact = _upsert(account, item)
        except MauticError as error:
            if error.status == 500:
                raise  # the items before it are saved
            status = error.status
            errors[place] = error.item(with_type=account.switches.with_type)
        else:
            contacts[place] = shown(account.store, contact)
        codes.append(status)
    body: JsonObject = {"contacts": as_php_writes_it(contacts), "statusCodes": codes}
    if errors:
        body["errors"] = as_php_writes_it(errors)
    return json_response(201, body)


def edit_contact(account: Account, request: Request, params: Params) -> Response:
    """`PATCH` or `PUT /contacts/{id}/edit`. PUT blanks what is not sent.

    When the address belongs to another contact, that one is merged into this one, and is gone.
    """
    body = request.json()
    contact = find_contact(account.store, params["contact_id"])
    if not isinstance(body, dict):
        raise MauticError(400, "The payload is not an object.")
    wish = _wish(account, body)
    other = account.store.by_email(str(wish["email"])) if wish.get("email") else None
    if other is not None and other.id != contact.id:
        account.store.delete(other)
        contact = replace(contact, values={**other.values, **contact.values}, blocks=(*other.blocks, *contact.blocks))
    values = dict(wish) if request.method == "PUT" else {**contact.values, **wish}
    changed = account.store.put(replace(contact, values=values, modified_at=account.store.now()))
    return json_response(200, {"contact": shown(account.store, changed)})


def find_contact(store: Store, contact_id: str) -> Contact:
    """The contact with this id. 404 without one."""
    contact = store.contacts.get(number_in(contact_id) or 0)
    if contact is None:
        raise not_found()
    return contact


def as_php_writes_it(found: dict[int, JsonValue]) -> JsonValue:
    """A PHP array with whole numbers for keys."""
    if list(found) == list(range(len(found))):
        return list(found.values())
    return {str(place): value for place, value in found.items()}


def _upsert(account: Account, body: JsonValue) -> tuple[int, Contact]:
    """Create or update by the address, as `…/new` does. Returns 201 or 200 and the contact."""
    if not account.switches.may_create:
        raise forbidden()
    if not isinstance(body, dict):
        raise MauticError(400, "The payload is not an object.")
    wish, store = _wish(account, body), account.store
    email = str(wish.get("email") or "")
    if email and email.lower() == account.switches.crash_at.lower():
        raise MauticError(500, GENERIC)
    before = store.by_email(email) if email else None
    overwrite = body.get("overwriteWithBlank") is True
    values = {alias: value for alias, value in wish.items() if overwrite or not is_blank(value)}
    now = store.now()
    if before is None:
        # Without an address: a new anonymous contact, every time.
        contact = Contact(store.next_id(), now, now, values)
    else:
        contact = replace(before, values={**before.values, **values}, modified_at=now)
    contact = replace(contact, tags=_tags(contact.tags, body.get("tags")))
    stored = store.put(contact)
    return (201 if before is None else 200), _with_blocks(store, stored, body.get("doNotContact"))


def _wish(account: Account, body: JsonObject) -> dict[str, JsonValue]:
    """The values for fields that exist, checked. Aliases that do not exist vanish without a word."""
    sent = {alias: value for alias, value in body.items() if alias in account.store.fields}
    if "email" in sent:
        sent["email"] = cleaned_email(sent["email"])
    found = {
        alias: said
        for alias, value in sent.items()
        if not is_blank(value) and (said := problem(account.store.fields[alias], value))
    }
    if found:
        raise invalid(found)
    return sent


def _tags(before: tuple[str, ...], wish: JsonValue) -> tuple[str, ...]:
    """Tags are added; one with a minus in front is taken away."""
    tags = list(before)
    for tag in wish if isinstance(wish, list) else []:
        if isinstance(tag, str) and tag.startswith("-"):
            tags = [one for one in tags if one != tag[1:]]
        elif isinstance(tag, str) and tag not in tags:
            tags.append(tag)
    return tuple(tags)


def _with_blocks(store: Store, contact: Contact, wish: JsonValue) -> Contact:
    """`doNotContact` of a create or edit: reason 0 takes an entry away, others set one."""
    for entry in wish if isinstance(wish, list) else []:
        if not isinstance(entry, dict):
            continue
        channel, reason = str(entry.get("channel", "email")), entry.get("reason")
        if reason == 0:
            others = tuple(one for one in contact.blocks if one.channel != channel)
            contact = store.put(replace(contact, blocks=others))
        elif isinstance(reason, int):
            contact = store.block(contact, reason, channel, str(entry.get("comments", "")))
    return contact
