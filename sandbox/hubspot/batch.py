"""`POST …/contacts/batch/upsert` and `…/batch/read`: up to 100 contacts by their addresses, or by their ids.

See https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/batch/post-crm-v3-objects-contacts-batch-upsert.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from sandbox.hubspot.account import READ_CONTACTS, WRITE_CONTACTS, Account
from sandbox.hubspot.contacts import MOST
from sandbox.hubspot.errors import HubSpotError, PropertyFault, bad_values, invalid
from sandbox.hubspot.store import Contact, address_key
from sandbox.hubspot.values import checked, is_address
from sandbox.messages import JsonObject, JsonValue, Request, Response, json_response
from sandbox.routing import Params
from sandbox.values import utc_text

# Answers come in another order than the inputs, the same one every time a test runs.
_SHUFFLE = random.Random(2026)  # noqa: S311 - no secret

# Properties that every answer has.
_ALWAYS = {"hs_object_id", "createdate", "lastmodifieddate"}


@dataclass(frozen=True, slots=True)
class _Input:
    email: str
    trace_id: str
    properties: JsonValue


def upsert_contacts(account: Account, request: Request, params: Params) -> Response:
    """200 with a result for each input; 207 when some are bad and each has a trace id of its own; else 400.

    The results are shuffled and their addresses in lower case: only the trace ids tell whose they are.
    """
    account.require(WRITE_CONTACTS)
    inputs = _inputs(request, account)
    traces = {one.trace_id for one in inputs}
    partial = account.switches.traces and "" not in traces and len(traces) == len(inputs)
    sound: list[tuple[_Input, dict[str, str]]] = []
    errors: list[JsonValue] = []
    for one in inputs:
        try:
            sound.append((one, _checked(account, one)))
        except HubSpotError as error:
            if not partial:
                raise
            errors.append(error.as_item(one.trace_id))
    started = utc_text(account.store.now())
    results: list[JsonValue] = [_write(account, one, properties) for one, properties in sound]
    shown = [result for (one, _), result in zip(sound, results, strict=True) if not _forgotten(account, one)]
    _SHUFFLE.shuffle(shown)
    body: JsonObject = {
        "status": "COMPLETE",
        "results": shown,
        "startedAt": started,
        "completedAt": utc_text(account.store.now()),
    }
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return json_response(207 if len(shown) < len(inputs) else 200, body)


def read_contacts(account: Account, request: Request, params: Params) -> Response:
    """200 when all were found; else 207, with the ids of the others in `errors`. `?archived=true`: deleted ones only.

    Only the properties that were asked for are in the answer, and a few that always are.
    See https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/batch/post-crm-v3-objects-contacts-batch-read.
    """
    account.require(READ_CONTACTS)
    body = request.json()
    given = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(given, list) or not given:
        raise invalid("Invalid input JSON: inputs are missing")
    if len(given) > MOST:
        raise invalid(f"The maximum number of inputs supported in a batch request is {MOST}")
    by = body.get("idProperty") or "hs_object_id"
    if by not in ("email", "hs_object_id"):
        raise invalid(f"Cannot read by a non-unique 0-1 property: {by}")
    archived = request.query().get("archived", ["false"])[0] == "true"
    names = [str(one.get("id", "")) for one in given if isinstance(one, dict)]
    found = {name: contact for name in names if (contact := _named(account, name, str(by), archived=archived))}
    asked = body.get("properties")
    wanted = {str(name) for name in asked} if isinstance(asked, list) else set()
    results: list[JsonValue] = [_shown(contact, wanted, archived) for contact in found.values()]
    _SHUFFLE.shuffle(results)
    now = utc_text(account.store.now())
    answer: JsonObject = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if lacking := [name for name in names if name not in found]:
        error: JsonObject = {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": "Could not get some CONTACT objects, they may be deleted or not exist.",
            "context": {"ids": [*lacking]},
        }
        answer |= {"numErrors": 1, "errors": [error]}
    return json_response(207 if lacking else 200, answer)


def _named(account: Account, name: str, by: str, *, archived: bool) -> Contact | None:
    store = account.store
    if archived:
        named = (one for one in store.archived.values() if name == one.id or (by == "email" and name == one.email))
        return next(named, None)
    return store.by_email(name) if by == "email" else store.contacts.get(name)


def _shown(contact: Contact, wanted: set[str], archived: bool) -> JsonObject:
    shown = contact.as_json()
    properties = shown["properties"]
    assert isinstance(properties, dict)
    kept: JsonObject = {name: value for name, value in properties.items() if name in wanted | _ALWAYS}
    return {**shown, "properties": kept, "archived": archived}


def _inputs(request: Request, account: Account) -> list[_Input]:
    """The inputs, or the 400 that concerns the request as a whole."""
    body = request.json()
    given = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(given, list) or not given:
        raise invalid("Invalid input JSON: inputs are missing")
    if len(given) > MOST:
        raise invalid(f"The maximum number of inputs supported in a batch request is {MOST}")
    inputs = [_input(one, account) for one in given]
    times = Counter(address_key(one.email) for one in inputs)
    if twice := [email for email, count in times.items() if count > 1]:
        raise invalid(f"Duplicate IDs found in batch input: {twice}. IDs must be unique", context={"ids": [*twice]})
    return inputs


def _input(value: JsonValue, account: Account) -> _Input:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str) or "properties" not in value:
        raise invalid("Invalid input JSON: each input needs an id and properties")
    by = value.get("idProperty")
    if by != "email" or not account.switches.unique_email:
        raise invalid(f"Cannot upsert by a non-unique 0-1 property: {by}")
    trace_id = value.get("objectWriteTraceId") or ""
    if not isinstance(trace_id, str):
        raise invalid("Invalid input JSON: objectWriteTraceId must be a string")
    return _Input(str(value["id"]), trace_id, value["properties"])


def _checked(account: Account, one: _Input) -> dict[str, str]:
    properties = checked(one.properties, account.store.properties)
    if not is_address(one.email):
        raise bad_values([PropertyFault("email", "INVALID_EMAIL", f"Email address {one.email} is invalid")])
    return {"email": one.email, **properties}


def _write(account: Account, one: _Input, properties: dict[str, str]) -> JsonObject:
    store = account.store
    contact = store.by_email(one.email)
    written = store.create(properties) if contact is None else store.update(contact, properties)
    result: JsonObject = {**written.as_json(), "new": contact is None}
    if one.trace_id:
        result["objectWriteTraceId"] = one.trace_id
    return result


def _forgotten(account: Account, one: _Input) -> bool:
    forgets = account.switches.forgets
    return bool(forgets) and address_key(one.email) == address_key(forgets)
