"""Handlers for contacts: `/contacts` and `/contacts/{identifier}`."""

from sandbox.brevo.account import Account
from sandbox.brevo.errors import invalid, not_found
from sandbox.brevo.reading import Paging, number, since
from sandbox.brevo.store import Contact, Store
from sandbox.brevo.upsert import create_or_upsert, read_update, update
from sandbox.brevo.values import clean_email, clean_phone
from sandbox.messages import JsonValue, Request, Response, json_response
from sandbox.routing import Params

_NO_IDENTIFIER = "The identifier is neither an address nor an id"

# The identifierType values of the reference, and the identifier each one looks at.
_IDENTIFIER_TYPES = {
    "email_id": "email",
    "ext_id": "ext_id",
    "phone_id": "SMS",
    "whatsapp_id": "WHATSAPP",
    "landline_number_id": "LANDLINE_NUMBER",
}


def create_contact(account: Account, request: Request, params: Params) -> Response:
    """`POST /contacts`: 201 with the id of a new contact, 204 with nothing after an update."""
    new_id = create_or_upsert(account.store, request, account.switches.duplicate_code)
    return Response(204) if new_id is None else json_response(201, {"id": new_id})


def list_contacts(account: Account, request: Request, params: Params) -> Response:
    """`GET /contacts`: one page of the contacts that pass the filters; `count` is the total."""
    query = request.query()
    for name in ("filter", "segmentId"):
        if name in query:
            raise invalid(f"{name} is not offered by this sandbox")
    contacts = list(account.store.contacts.values())
    ids = [one for values in query.get("listIds", []) for one in values.split(",")]
    wanted = {number(one, "listIds must hold numbers") for one in ids}
    if wanted:
        contacts = [contact for contact in contacts if wanted.intersection(contact.list_ids)]
    return page_of(contacts, query, Paging(query, default=50, most=1000))


def page_of(contacts: list[Contact], query: dict[str, list[str]], paging: Paging) -> Response:
    """Contacts, oldest first, in; the answer of the two endpoints that page through them out."""
    modified, created = since(query, "modifiedSince"), since(query, "createdSince")
    if modified is not None:
        contacts = [contact for contact in contacts if modified(contact.modified_at)]
    if created is not None:
        contacts = [contact for contact in contacts if created(contact.created_at)]
    page: list[JsonValue] = [contact.as_json() for contact in paging.cut(contacts)]
    return json_response(200, {"contacts": page, "count": len(contacts)})


def read_contact(account: Account, request: Request, params: Params) -> Response:
    """`GET /contacts/{identifier}`: the contact with its campaign statistics, of which a sandbox has none."""
    contact = _find(account.store, request, params["identifier"], guess_phone=True)
    return json_response(200, {**contact.as_json(), "statistics": {}})


def update_contact(account: Account, request: Request, params: Params) -> Response:
    """`PUT /contacts/{identifier}`: 204; what the body does not name stays."""
    contact = _find(account.store, request, params["identifier"], guess_phone=False)
    update(account.store, contact, read_update(account.store, request), account.switches.duplicate_code)
    return Response(204)


def delete_contact(account: Account, request: Request, params: Params) -> Response:
    """`DELETE /contacts/{identifier}`: 204."""
    account.store.delete(_find(account.store, request, params["identifier"], guess_phone=False))
    return Response(204)


def _find(store: Store, request: Request, identifier: str, *, guess_phone: bool) -> Contact:
    """The contact that the path names. 400 for an identifier of the wrong form, 404 when nobody has it.

    Without identifierType, GET guesses address, phone or id; PUT and DELETE only address or id.
    """
    kind = request.query().get("identifierType", [""])[-1]
    if kind == "":
        contact = _guess(store, identifier, guess_phone=guess_phone)
    elif kind == "contact_id":
        contact = store.contacts.get(number(identifier, _NO_IDENTIFIER))
    elif kind in _IDENTIFIER_TYPES:
        name = _IDENTIFIER_TYPES[kind]
        contact = store.owner(name, _clean(name, identifier))
    else:
        raise invalid("identifierType is not one of the known kinds")
    if contact is None:
        raise not_found("Contact does not exist")
    return contact


def _guess(store: Store, identifier: str, *, guess_phone: bool) -> Contact | None:
    if "@" in identifier:
        return store.owner("email", clean_email(identifier))
    if guess_phone and identifier.startswith("+"):
        return store.owner("SMS", clean_phone("SMS", identifier))
    contact = store.contacts.get(number(identifier, _NO_IDENTIFIER))
    if contact is None and guess_phone:
        return store.owner("SMS", identifier)
    return contact


def _clean(name: str, identifier: str) -> str:
    if name == "email":
        return clean_email(identifier)
    return identifier if name == "ext_id" else clean_phone(name, identifier)
