"""Handlers for contact attributes: `/contacts/attributes`."""

import re

from sandbox.brevo.account import Account
from sandbox.brevo.errors import invalid, missing
from sandbox.brevo.reading import object_body, whole_number
from sandbox.brevo.values import PHONE_IDENTIFIERS, Attribute
from sandbox.messages import JsonObject, JsonValue, Request, Response, json_response
from sandbox.routing import Params

# Which types each category takes: reference page "Create contact attribute".
_TYPES = {
    "normal": ("text", "date", "float", "boolean", "multiple-choice", "user"),
    "transactional": ("text", "date", "float", "boolean", "id"),
}
_CATEGORIES = ("normal", "transactional", "category", "calculated", "global")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,49}")
_RESERVED = frozenset(("EMAIL", "EXT_ID", *PHONE_IDENTIFIERS))
_LONGEST_LABEL = 200


def list_attributes(account: Account, request: Request, params: Params) -> Response:
    """`GET /contacts/attributes`: every attribute, unpaged."""
    shown: list[JsonValue] = [attribute.as_json() for attribute in account.store.attributes.values()]
    return json_response(200, {"attributes": shown})


def create_attribute(account: Account, request: Request, params: Params) -> Response:
    """`POST /contacts/attributes/{category}/{name}`: 201 with an empty body, as the reference says."""
    category, name = params["category"], params["name"].upper()
    if category not in _CATEGORIES:
        raise invalid("The attribute category is not one of the known ones")
    if not _NAME.fullmatch(name):
        raise invalid("The attribute name may hold letters, digits and underscores, and begins with a letter")
    body = object_body(request)
    if not body:
        raise missing("Name at least the type of the attribute")
    if name in account.store.attributes or name in _RESERVED:
        raise invalid("Attribute name must be unique")
    account.store.attributes[name] = _attribute(category, name, body)
    return Response(201)


def _attribute(category: str, name: str, body: JsonObject) -> Attribute:
    if category in ("calculated", "global"):
        formula = body.get("value")
        if not isinstance(formula, str) or not formula:
            raise missing("A computed attribute needs a value, its formula")
        return Attribute(name, category, "", formula=formula)
    if category == "category":
        return Attribute(name, category, "category", enumeration=_enumeration(body.get("enumeration")))
    kind = body.get("type")
    if kind is None:
        raise missing("type is missing")
    if not isinstance(kind, str) or kind not in _TYPES[category]:
        raise invalid(f"type does not fit the category {category}")
    options = _options(body.get("multiCategoryOptions")) if kind == "multiple-choice" else ()
    return Attribute(name, category, kind, options=options)


def _enumeration(value: JsonValue) -> tuple[tuple[int, str], ...]:
    if not isinstance(value, list) or not value:
        raise missing("A category attribute needs an enumeration")
    entries: list[tuple[int, str]] = []
    for entry in value:
        if not isinstance(entry, dict):
            raise invalid("enumeration must hold objects with value and label")
        entries.append((whole_number(entry.get("value"), "enumeration"), _label(entry.get("label"))))
    return tuple(entries)


def _options(value: JsonValue) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise missing("A multiple-choice attribute needs multiCategoryOptions")
    return tuple(_label(entry) for entry in value)


def _label(value: JsonValue) -> str:
    if not isinstance(value, str) or not value or len(value) > _LONGEST_LABEL:
        raise invalid("Labels must be text of 1 to 200 characters")
    return value
