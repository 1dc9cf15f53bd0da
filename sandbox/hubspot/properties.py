"""Handlers for the properties that contacts may have: `…/properties/contacts`.

See https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide.
"""

from __future__ import annotations

import re

from sandbox.hubspot.account import READ_SCHEMAS, WRITE_SCHEMAS, Account
from sandbox.hubspot.errors import HubSpotError, invalid, not_found
from sandbox.hubspot.store import Property
from sandbox.messages import JsonObject, Request, Response, json_response
from sandbox.routing import Params

#: Which field types fit a type; others are refused.
FIELD_TYPES = {
    "string": ("text", "textarea", "phonenumber", "html", "file"),
    "number": ("number", "calculation_equation"),
    "date": ("date",),
    "datetime": ("date",),
    "bool": ("booleancheckbox",),
    "enumeration": ("select", "radio", "checkbox", "booleancheckbox"),
    "phone_number": ("phonenumber",),
}
_REQUIRED = ("name", "label", "type", "fieldType", "groupName")


def list_properties(account: Account, request: Request, params: Params) -> Response:
    """`GET …/properties/contacts`: all of them; there are no pages."""
    account.require(READ_SCHEMAS)
    return json_response(200, {"results": [one.as_json() for one in account.store.properties.values()]})


def read_property(account: Account, request: Request, params: Params) -> Response:
    """`GET …/properties/contacts/{name}`."""
    account.require(READ_SCHEMAS)
    found = account.store.properties.get(params["name"])
    if found is None:
        raise not_found()
    return json_response(200, found.as_json())


def create_property(account: Account, request: Request, params: Params) -> Response:
    """`POST …/properties/contacts`: 201; 409 when the name is taken."""
    account.require(WRITE_SCHEMAS)
    body = request.json()
    if not isinstance(body, dict):
        raise invalid("Invalid input JSON: send an object")
    texts = {name: _text(body, name) for name in _REQUIRED}
    if not re.fullmatch(r"[a-z][a-z0-9_]*", texts["name"]):
        raise invalid(f"{texts['name']} is not a name: lower-case letters, digits and underscores only")
    if texts["fieldType"] not in FIELD_TYPES.get(texts["type"], ()):
        raise invalid(f"The fieldType {texts['fieldType']} does not fit the type {texts['type']}")
    if texts["name"] in account.store.properties:
        raise HubSpotError(409, "OBJECT_ALREADY_EXISTS", f"A property named {texts['name']} already exists")
    made = Property(texts["name"], texts["type"], texts["fieldType"], texts["label"], texts["groupName"], ours=True)
    account.store.properties[made.name] = made
    return json_response(201, made.as_json())


def _text(body: JsonObject, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"Invalid input JSON: {name} is missing")
    return value
