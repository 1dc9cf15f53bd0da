"""HubSpot as one of the sandbox's platforms: routes, the order of checks, settings, and what the page shows."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from sandbox.hubspot.account import SETTINGS, Account, Switches, rate_headers, unauthorized
from sandbox.hubspot.batch import read_contacts, upsert_contacts
from sandbox.hubspot.contacts import (
    create_contact,
    delete_contact,
    gdpr_delete,
    list_contacts,
    read_contact,
    update_contact,
)
from sandbox.hubspot.details import read_details
from sandbox.hubspot.errors import HubSpotError, not_found, too_many
from sandbox.hubspot.properties import create_property, list_properties, read_property
from sandbox.hubspot.store import Contact
from sandbox.limits import Bucket, Clock, Verdict
from sandbox.messages import BadRequest, JsonObject, JsonValue, Request, Response, json_response
from sandbox.platform import PageContact, StandIn
from sandbox.routing import Route, Router
from sandbox.settings import changed, shown

#: Paths without the version; `/crm/v3/objects/contacts` and `/crm/objects/2026-09/contacts` are one.
ROUTES: list[Route[Account]] = [
    Route("GET", "/objects/contacts", list_contacts),
    Route("POST", "/objects/contacts", create_contact),
    Route("POST", "/objects/contacts/gdpr-delete", gdpr_delete),
    Route("POST", "/objects/contacts/batch/upsert", upsert_contacts),
    Route("POST", "/objects/contacts/batch/read", read_contacts),
    Route("GET", "/objects/contacts/{id}", read_contact),
    Route("PATCH", "/objects/contacts/{id}", update_contact),
    Route("DELETE", "/objects/contacts/{id}", delete_contact),
    Route("GET", "/properties/contacts", list_properties),
    Route("POST", "/properties/contacts", create_property),
    Route("GET", "/properties/contacts/{name}", read_property),
    Route("GET", "/account-info/details", read_details),
]
DATED_VERSIONS = ("2026-03", "2026-09")


def without_version(parts: list[str]) -> list[str] | None:
    """The path without `crm` and the version, which v3 has before the family of `crm` and dated versions behind it."""
    match parts:
        case ["crm", "v3", ("objects" | "properties") as family, *rest]:
            return [family, *rest]
        case ["crm", ("objects" | "properties") as family, version, *rest] if version in DATED_VERSIONS:
            return [family, *rest]
        case ["account-info", version, *rest] if version in ("v3", *DATED_VERSIONS):
            return ["account-info", *rest]
    return None


class HubSpot(StandIn[Contact]):
    """HubSpot's stand-in."""

    name = "HubSpot"
    slug = "hubspot"
    prefix = "/hubspot"
    kinds = SETTINGS

    def __init__(self, switches: Switches, lock: threading.RLock, clock: Clock, now: Callable[[], float]) -> None:
        super().__init__(lock)
        self.account = Account(switches, clock, now)
        self._router = Router(ROUTES)
        self._answers = 0

    def handle(self, request: Request, parts: list[str]) -> Response:
        """Token, then budget, then the route. A request without a valid token costs the account nothing."""
        refused = self.account.check_key(request.headers)
        if refused is not None:
            return self._signed(refused)
        too_many_calls, headers = self.account.spend()
        response = too_many_calls or self._answer(request, parts)
        response.headers += headers
        return self._signed(response)

    def _answer(self, request: Request, parts: list[str]) -> Response:
        try:
            return self._dispatch(request, parts)
        except HubSpotError as error:
            return error.response()
        except BadRequest as error:
            return HubSpotError(error.status, "VALIDATION_ERROR", error.message).response()

    def _dispatch(self, request: Request, parts: list[str]) -> Response:
        path = without_version(parts)
        if path is None:
            # A version or a path that there is not: no category, so nobody takes it for a missing contact.
            return json_response(404, {"status": "error", "message": "Unable to find the requested path"})
        match = self._router.match(request.method, path)
        if match.handler is not None:
            return match.handler(self.account, request, match.params)
        if not match.allowed:
            raise not_found("Unable to find the requested path")
        response = HubSpotError(405, "METHOD_NOT_ALLOWED", f"{request.method} is not allowed on this path").response()
        response.headers.append(("Allow", ", ".join(match.allowed)))
        return response

    def error(self, status: int, message: str) -> Response:
        """An error of the HTTP layer in HubSpot's form."""
        return self._signed(HubSpotError(status, "VALIDATION_ERROR", message).response())

    def fault(self, kind: str, reset_after: int) -> Response:
        """HubSpot's own answer for a fault. `401_ip` is a 401 without a body; there is no check of addresses."""
        return self._signed(self._fault(kind, reset_after))

    def _fault(self, kind: str, reset_after: int) -> Response:
        policies = {"429": "TEN_SECONDLY_ROLLING", "429_secondly": "SECONDLY", "429_daily": "DAILY"}
        if kind in policies:
            response = too_many(policies[kind])
            response.headers += rate_headers(Verdict(False, self.account.switches.limit or 100, 0, reset_after), None)
            return response
        if kind == "401":
            return unauthorized().response()
        if kind == "401_ip":
            return Response(401)
        if kind == "423":
            return HubSpotError(423, "LOCKED", "This portal is locked for a moment: too many writes").response()
        if kind == "477":
            response = HubSpotError(477, "MIGRATION_IN_PROGRESS", "The account is moving to another place").response()
            response.headers.append(("Retry-After", str(reset_after)))
            return response
        if kind in ("425", "503"):
            return Response(int(kind), b'{"status":"error","message":"Service unavailable"}')
        return Response(500, b'{"status":"error","message":"internal error"}')

    def _signed(self, response: Response) -> Response:
        """With the correlation id that HubSpot's support asks for, in error bodies and in a header."""
        self._answers += 1
        correlation_id = f"sandbox-{self._answers:08d}"
        response.headers.append(("x-hubspot-correlation-id", correlation_id))
        if response.status >= 400 and response.body:
            body = json.loads(response.body)
            response.body = json.dumps({**body, "correlationId": correlation_id}, separators=(",", ":")).encode()
        return response

    def reset(self) -> None:
        super().reset()
        self.account.reset()

    def settings(self) -> JsonObject:
        return shown(SETTINGS, self.account.switches, "hubspot_")

    def change(self, settings: JsonObject) -> None:
        before = self.account.switches
        after = self.account.switches = changed(before, settings, "hubspot_")
        if (after.limit, after.daily_limit) != (before.limit, before.daily_limit):
            self.account.restart_limits()

    def counts(self) -> dict[str, JsonValue]:
        store = self.account.store
        return {
            "contacts": len(store.contacts),
            "properties": [one.name for one in store.properties.values() if one.ours],
        }

    def buckets(self) -> dict[str, Bucket]:
        return {"contacts": self.account.burst, "day": self.account.day}

    def everybody(self) -> list[Contact]:
        return list(self.account.store.contacts.values())

    def for_page(self, one: Contact) -> PageContact:
        shown = {name: value for name, value in one.properties.items() if name not in ("email", "hs_email_optout")}
        return PageContact(
            id=one.id,
            address=one.email or "(no address)",
            attributes=shown,
            lists=[],
            blocked=one.properties.get("hs_email_optout") == "true",
            created=one.created_at,
            modified=one.updated_at,
        )

    def block(self, contact_id: str) -> bool:
        store = self.account.store
        contact = store.contacts.get(contact_id)
        if contact is None:
            return False
        store.update(contact, {"hs_email_optout": "true"})
        return True
