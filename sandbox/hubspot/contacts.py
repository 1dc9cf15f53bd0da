"""Handlers for single contacts: `…/contacts` and `…/contacts/{id}`."""

from __future__ import annotations

from sandbox.hubspot.account import READ_CONTACTS, WRITE_CONTACTS, Account
from sandbox.hubspot.errors import HubSpotError, invalid, not_found
from sandbox.hubspot.store import Contact, address_key
from sandbox.hubspot.values import checked
from sandbox.messages import JsonObject, JsonValue, Request, Response, json_response
from sandbox.routing import Params
from sandbox.values import number_in

MOST = 100  # contacts on a page, inputs of a batch


def list_contacts(account: Account, request: Request, params: Params) -> Response:
    """`GET …/contacts`: one page, oldest first, and how to ask for the next one."""
    account.require(READ_CONTACTS)
    query = request.query()
    limit = number_in(query.get("limit", ["10"])[0])
    if limit is None or not 1 <= limit <= MOST:
        raise invalid(f"limit must lie between 1 and {MOST}")
    after = number_in(query.get("after", ["0"])[0]) or 0
    later = [contact for contact in account.store.contacts.values() if int(contact.id) > after]
    body: JsonObject = {"results": [contact.as_json() for contact in later[:limit]]}
    if len(later) > limit:
        body["paging"] = {"next": {"after": later[limit - 1].id}}
    return json_response(200, body)


def create_contact(account: Account, request: Request, params: Params) -> Response:
    """`POST …/contacts`: 201, or 409 with the other contact's id in the words of the message."""
    account.require(WRITE_CONTACTS)
    properties = checked(_properties(request), account.store.properties)
    if not any(properties.get(name) for name in ("email", "firstname", "lastname")):
        raise invalid("At least one of email, firstname and lastname is needed")
    other = account.store.by_email(properties["email"]) if properties.get("email") else None
    if other is not None:
        raise conflict(other)
    return json_response(201, account.store.create(properties).as_json())


def read_contact(account: Account, request: Request, params: Params) -> Response:
    """`GET …/contacts/{id}`, or by address with `?idProperty=email`."""
    account.require(READ_CONTACTS)
    return json_response(200, _find(account, request, params["id"]).as_json())


def update_contact(account: Account, request: Request, params: Params) -> Response:
    """`PATCH …/contacts/{id}`, or by address with `?idProperty=email`: 200; 404 when there is no such contact."""
    account.require(WRITE_CONTACTS)
    contact = _find(account, request, params["id"])
    properties = checked(_properties(request), account.store.properties)
    other = account.store.by_email(properties["email"]) if properties.get("email") else None
    if other is not None and other.id != contact.id:
        raise conflict(other)
    return json_response(200, account.store.update(contact, properties).as_json())


def delete_contact(account: Account, request: Request, params: Params) -> Response:
    """`DELETE …/contacts/{id}`: 204, also when there is no such contact."""
    account.require(WRITE_CONTACTS)
    contact = account.store.contacts.get(params["id"])
    if contact is not None:
        account.store.delete(contact)
    return Response(204)


def gdpr_delete(account: Account, request: Request, params: Params) -> Response:
    """`POST …/contacts/gdpr-delete`: 204; an address that nobody has is kept from being used. 404 for an unknown id.

    See https://developers.hubspot.com/docs/api-reference/legacy/crm/objects/contacts/gdpr/gdpr-delete-contact. What
    comes for an unknown id stands nowhere.
    """
    account.require(WRITE_CONTACTS)
    body = request.json()
    name = body.get("objectId") if isinstance(body, dict) else None
    by = body.get("idProperty", "hs_object_id") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name:
        raise invalid("Invalid input JSON: objectId is missing")
    if by not in ("email", "hs_object_id"):
        raise invalid(f"{by} is a non-unique 0-1 property")
    contact = account.store.by_email(name) if by == "email" else account.store.contacts.get(name)
    if contact is not None:
        account.store.purge(contact)
    elif by == "email":
        account.store.blocklist.add(address_key(name))
    else:
        raise not_found()
    return Response(204)


def conflict(other: Contact) -> HubSpotError:
    """409: the address belongs to another contact."""
    return HubSpotError(409, "CONFLICT", f"Contact already exists. Existing ID: {other.id}")


def _find(account: Account, request: Request, name: str) -> Contact:
    by = request.query().get("idProperty", ["hs_object_id"])[0]
    if by == "email":
        found = account.store.by_email(name)
    elif by == "hs_object_id":
        found = account.store.contacts.get(name)
    else:
        raise invalid(f"{by} is a non-unique 0-1 property")
    if found is None:
        raise not_found()
    return found


def _properties(request: Request) -> JsonValue:
    body = request.json()
    if not isinstance(body, dict) or "properties" not in body:
        raise invalid("Invalid input JSON: properties are missing")
    return body["properties"]
