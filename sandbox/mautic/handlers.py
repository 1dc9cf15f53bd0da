"""Handlers for reading and deleting contacts, for fields, segments and "do not contact"."""

from dataclasses import replace
from urllib.parse import unquote

from sandbox.mautic.account import Account
from sandbox.mautic.errors import MauticError, forbidden, invalid, not_found
from sandbox.mautic.store import MANUAL, Contact, Segment, Store, shown
from sandbox.mautic.upsert import find_contact
from sandbox.mautic.webhooks import deleted
from sandbox.messages import JsonObject, JsonValue, Request, Response, json_response
from sandbox.routing import Params
from sandbox.values import number_in

LONGEST_ALIAS = 25


def list_contacts(account: Account, request: Request, params: Params) -> Response:
    """`GET /contacts`: `total` is text, `contacts` an object by id. `search=email:…` finds an address; `where[0][col]`
    and so on choose by columns, `orderBy` and `orderByDir` give the order."""
    query = request.query()
    search = query.get("search", [""])[0]
    contacts = list(account.store.contacts.values())
    if search.startswith("email:"):
        wanted = unquote(search.removeprefix("email:")).lower()
        contacts = [contact for contact in contacts if contact.email.lower() == wanted]
    for column, expression, value in _conditions(query):
        contacts = [one for one in contacts if _holds(_column(one, column), expression, value)]
    if column := query.get("orderBy", [""])[0]:
        descending = query.get("orderByDir", [""])[0].lower() == "desc"
        contacts.sort(key=lambda one: _sortable(_column(one, column)), reverse=descending)
    start, limit = (_number(query.get(name, [""])[0], default) for name, default in (("start", 0), ("limit", 30)))
    page: JsonObject = {str(contact.id): shown(account.store, contact) for contact in contacts[start : start + limit]}
    return json_response(200, {"total": str(len(contacts)), "contacts": page})


def _conditions(query: dict[str, list[str]]) -> list[tuple[str, str, str]]:
    """The conditions of a query: `where[0][col]`, `where[0][expr]`, `where[0][val]`, and so on."""
    found = []
    place = 0
    while column := query.get(f"where[{place}][col]", [""])[0]:
        expression = query.get(f"where[{place}][expr]", [""])[0]
        found.append((column, expression, query.get(f"where[{place}][val]", [""])[0]))
        place += 1
    return found


def _column(contact: Contact, name: str) -> JsonValue:
    return contact.id if name == "id" else contact.values.get(name)


def _sortable(value: JsonValue) -> tuple[float, str]:
    number = value if isinstance(value, int | float) else 0.0
    return float(number), str(value or "").lower()


def _holds(value: JsonValue, expression: str, wanted: str) -> bool:
    """As MySQL compares: without regard to case, and nothing is true of NULL."""
    if expression in ("isNull", "isNotNull"):
        return (value is None) == (expression == "isNull")
    if value is None:
        return False
    other: JsonValue = number_in(wanted) if isinstance(value, int) else wanted
    left, right = _sortable(value), _sortable(other)
    match expression:
        case "eq":
            return left == right
        case "neq":
            return left != right
        case "gt":
            return left > right
        case "gte":
            return left >= right
        case "lt":
            return left < right
        case "lte":
            return left <= right
    raise MauticError(500, "Looks like I encountered an error (error #500).")


def read_contact(account: Account, request: Request, params: Params) -> Response:
    """`GET /contacts/{id}`."""
    contact = find_contact(account.store, params["contact_id"])
    return json_response(200, {"contact": shown(account.store, contact)})


def delete_contact(account: Account, request: Request, params: Params) -> Response:
    """`DELETE /contacts/{id}/delete`."""
    contact = find_contact(account.store, params["contact_id"])
    account.store.delete(contact)
    account.report(deleted(contact, account.store.fields, account.store.now()))
    return json_response(200, {"contact": {**shown(account.store, contact), "id": None}})


def list_fields(account: Account, request: Request, params: Params) -> Response:
    """`GET /contacts/list/fields`: every published field, without pages, by its id."""
    _may_read_fields(account)
    found: JsonObject = {str(one.id): one.as_json() for one in account.store.fields.values()}
    return json_response(200, found)


def page_fields(account: Account, request: Request, params: Params) -> Response:
    """`GET /fields/contact`: 30 a page if nothing else is asked for."""
    _may_read_fields(account)
    fields = list(account.store.fields.values())
    limit = _number(request.query().get("limit", [""])[0], 30)
    page: list[JsonValue] = [{**one.as_json(), "isPublished": True} for one in fields[:limit]]
    return json_response(200, {"total": len(fields), "fields": page})


def create_field(account: Account, request: Request, params: Params) -> Response:
    """`POST /fields/contact/new`: a label is needed; aliases are in lower case and short."""
    _may_read_fields(account)
    body = request.json()
    if not isinstance(body, dict) or not body.get("label"):
        raise invalid({"label": "This value should not be blank."})
    alias = str(body.get("alias") or body["label"]).lower().replace(" ", "_")[:LONGEST_ALIAS]
    if alias in account.store.fields:
        raise invalid({"alias": "Another field is already using this alias"})
    new = account.store.add_field(alias, str(body["label"]), str(body.get("type", "text")))
    return json_response(201, {"field": {**new.as_json(), "isPublished": True}})


def list_segments(account: Account, request: Request, params: Params) -> Response:
    """`GET /segments`: an object by id."""
    _may_segment(account)
    lists: JsonObject = {str(one.id): one.as_json() for one in account.store.segments.values()}
    return json_response(200, {"total": len(lists), "lists": lists})


def read_segment(account: Account, request: Request, params: Params) -> Response:
    """`GET /segments/{id}`."""
    _may_segment(account)
    return json_response(200, {"list": find_segment(account.store, params["segment_id"]).as_json()})


def create_segment(account: Account, request: Request, params: Params) -> Response:
    """`POST /segments/new`."""
    _may_segment(account)
    body = request.json()
    if not isinstance(body, dict) or not body.get("name"):
        raise invalid({"name": "This value should not be blank."})
    new_id = max(account.store.segments, default=0) + 1
    name = str(body["name"])
    account.store.segments[new_id] = Segment(new_id, name, name.lower().replace(" ", "-"))
    return json_response(201, {"list": account.store.segments[new_id].as_json()})


def add_to_segment(account: Account, request: Request, params: Params) -> Response:
    """`POST /segments/{sid}/contacts/add`: what became of each id. 400 without ids."""
    _may_segment(account)
    segment, body = find_segment(account.store, params["segment_id"]), request.json()
    ids = body.get("ids") if isinstance(body, dict) else None
    if not isinstance(ids, list):
        raise MauticError(400, "The ids are missing.")
    details: JsonObject = {}
    for one in ids:
        contact = account.store.contacts.get(one) if isinstance(one, int) else None
        details[str(one)] = {"success": contact is not None}
        if contact is not None:
            joined = dict.fromkeys((*contact.segment_ids, segment.id))
            account.store.put(replace(contact, segment_ids=tuple(joined)))
    return json_response(200, {"success": 1, "details": details})


def block_contact(account: Account, request: Request, params: Params) -> Response:
    """`POST /contacts/{id}/dnc/{channel}/add`: reason 3 if none is given; 0 is refused."""
    contact = find_contact(account.store, params["contact_id"])
    body = request.json() if request.body else {}
    wish = body if isinstance(body, dict) else {}
    reason = wish.get("reason", MANUAL)
    if not isinstance(reason, int) or reason not in (1, 2, 3):
        raise MauticError(400, "Invalid reason for the do-not-contact entry.")
    changed = account.store.block(contact, reason, params["channel"], str(wish.get("comments", "")))
    return json_response(200, {"contact": shown(account.store, changed)})


def unblock_contact(account: Account, request: Request, params: Params) -> Response:
    """`POST /contacts/{id}/dnc/{channel}/remove`."""
    contact: Contact = find_contact(account.store, params["contact_id"])
    others = tuple(entry for entry in contact.blocks if entry.channel != params["channel"])
    found = others != contact.blocks
    changed = account.store.put(replace(contact, blocks=others))
    return json_response(200, {"recordFound": found, "contact": shown(account.store, changed)})


def find_segment(store: Store, segment_id: str) -> Segment:
    """The segment with this id. 404 without one."""
    segment = store.segments.get(number_in(segment_id) or 0)
    if segment is None:
        raise not_found()
    return segment


def _may_segment(account: Account) -> None:
    if not account.switches.may_segment:
        raise forbidden()


def _may_read_fields(account: Account) -> None:
    if not account.switches.may_read_fields:
        raise forbidden()


def _number(text: str, default: int) -> int:
    number = number_in(text)
    return default if number is None else number
