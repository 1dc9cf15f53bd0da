"""Mautic as one of the sandbox's platforms: routes, the order of checks, settings, and what the page shows."""

import threading
from collections.abc import Callable

from sandbox.limits import Bucket, Clock
from sandbox.mautic import webhooks
from sandbox.mautic.account import SETTINGS, Account, Switches, denied, expired
from sandbox.mautic.errors import GENERIC, MauticError, not_found
from sandbox.mautic.handlers import (
    add_to_segment,
    block_contact,
    create_field,
    create_segment,
    delete_contact,
    list_contacts,
    list_fields,
    list_segments,
    page_fields,
    read_contact,
    read_segment,
    unblock_contact,
)
from sandbox.mautic.store import UNSUBSCRIBED, Contact
from sandbox.mautic.upsert import create_contact, create_contacts, edit_contact
from sandbox.messages import BadRequest, JsonObject, JsonValue, Request, Response, json_response
from sandbox.platform import PageContact, StandIn
from sandbox.routing import Route, Router
from sandbox.settings import changed, shown
from sandbox.values import number_in

# Lines with the same path stand together, fixed names before `{…}`: see Router.
ROUTES: list[Route[Account]] = [
    Route("GET", "/api/contacts", list_contacts),
    Route("POST", "/api/contacts/new", create_contact),
    Route("GET", "/api/contacts/{contact_id}", read_contact),
    Route("POST", "/api/contacts/batch/new", create_contacts),
    Route("GET", "/api/contacts/list/fields", list_fields),
    Route("PATCH", "/api/contacts/{contact_id}/edit", edit_contact),
    Route("PUT", "/api/contacts/{contact_id}/edit", edit_contact),
    Route("DELETE", "/api/contacts/{contact_id}/delete", delete_contact),
    Route("POST", "/api/contacts/{contact_id}/dnc/{channel}/add", block_contact),
    Route("POST", "/api/contacts/{contact_id}/dnc/{channel}/remove", unblock_contact),
    Route("GET", "/api/fields/contact", page_fields),
    Route("POST", "/api/fields/contact/new", create_field),
    Route("GET", "/api/segments", list_segments),
    Route("POST", "/api/segments/new", create_segment),
    Route("GET", "/api/segments/{segment_id}", read_segment),
    Route("POST", "/api/segments/{segment_id}/contacts/add", add_to_segment),
]


class Mautic(StandIn[Contact]):
    """Mautic's stand-in."""

    name = "Mautic"
    slug = "mautic"
    prefix = "/mautic"
    kinds = SETTINGS

    def __init__(self, switches: Switches, lock: threading.RLock, clock: Clock, now: Callable[[], float]) -> None:
        super().__init__(lock)
        self.account = Account(switches, clock, now)
        self._router = Router(ROUTES)

    def handle(self, request: Request, parts: list[str]) -> Response:
        """Redirect, then the switches and the log-in, then the rate limit, then the route."""
        try:
            response = self._answer(request, parts)
        except MauticError as error:
            response = self._error(error)
        except BadRequest as error:
            response = self.error(error.status, error.message)
        if parts[:1] == ["api"]:
            response.headers.append(("Mautic-Version", self.account.switches.version))
        return response

    def _answer(self, request: Request, parts: list[str]) -> Response:
        if self.account.switches.https_only:
            # The body is lost on the way: whoever follows sends a GET.
            return Response(301, headers=[("Location", f"https://mautic.example{request.path}")])
        if parts == ["oauth", "v2", "token"] and request.method == "POST":
            return self.account.give_token(request)
        if parts[:1] != ["api"]:
            return Response(404, b"<h1>Page not found</h1>", "text/html; charset=utf-8")
        self.account.check_access(request.headers)
        verdict = self.account.bucket.take()
        if verdict is not None and not verdict.allowed:
            return too_many()
        match = self._router.match(request.method, parts_without_slash(parts))
        if match.handler is None:
            raise not_found() if not match.allowed else MauticError(405, "Method Not Allowed")
        return match.handler(self.account, request, match.params)

    def error(self, status: int, message: str) -> Response:
        """An error of the HTTP layer in Mautic's form."""
        return self._error(MauticError(status, message))

    def _error(self, error: MauticError) -> Response:
        return error.response(with_type=self.account.switches.with_type)

    def fault(self, kind: str, reset_after: int) -> Response:
        """Mautic's own answer for a fault."""
        if kind == "429":
            return too_many(reset_after)
        if kind == "401":
            return self._error(expired())
        if kind == "401_ip":
            return self._error(denied())
        if kind == "503":
            return Response(503, b"<h1>Maintenance</h1><p>Back soon.</p>", "text/html; charset=utf-8")
        if kind == "425":
            return Response(425, b"")
        return self._error(MauticError(500, GENERIC))

    def reset(self) -> None:
        super().reset()
        self.account.reset()

    def settings(self) -> JsonObject:
        return shown(SETTINGS, self.account.switches, "mautic_")

    def change(self, settings: JsonObject) -> None:
        account, before = self.account, self.account.switches
        after = account.switches = changed(before, settings, "mautic_")
        if after.core_length != before.core_length:
            account.store.set_core_length(after.core_length)
        if after.hourly_limit != before.hourly_limit:
            account.restart_limits()

    def counts(self) -> dict[str, JsonValue]:
        store = self.account.store
        return {
            "contacts": len(store.contacts),
            "blocked": sum(contact.blocked for contact in store.contacts.values()),
            "segments": {one.name: len(one.members) for one in store.segments.values()},
            "fields": [*store.fields],
        }

    def buckets(self) -> dict[str, Bucket]:
        return {"contacts": self.account.bucket}

    def everybody(self) -> list[Contact]:
        return list(self.account.store.contacts.values())

    def for_page(self, one: Contact) -> PageContact:
        segments = self.account.store.segments
        values = {alias: str(value) for alias, value in one.values.items() if alias != "email"}
        return PageContact(
            id=str(one.id),
            address=one.email or "(anonymous)",
            attributes=values,
            lists=[f"{segments[number].name} ({number})" for number in one.segment_ids if number in segments],
            blocked=one.blocked,
            created=one.created_at,
            modified=one.modified_at,
        )

    def block(self, contact_id: str) -> bool:
        """Its e-mail is closed, and the webhook tells of it."""
        store = self.account.store
        contact = store.contacts.get(number_in(contact_id) or 0)
        if contact is None:
            return False
        changed = store.block(contact, UNSUBSCRIBED, comments="Unsubscribed by the link")
        self.account.report(webhooks.subscription_changed(changed, store.fields, UNSUBSCRIBED, store.now()))
        return True


def too_many(retry_after: int | None = None) -> Response:
    """429 of the API's rate limiter: JSON, sent as text. A proxy in front would add Retry-After."""
    body = json_response(
        429, {"errors": [{"code": 429, "message": "You exceeded the rate limit.", "details": []}]}
    ).body
    headers = [] if retry_after is None else [("Retry-After", str(retry_after))]
    return Response(429, body, "text/html; charset=UTF-8", headers)


def parts_without_slash(parts: list[str]) -> list[str]:
    """The path without the slash that Mautic tolerates at its end."""
    return parts[:-1] if parts and not parts[-1] else parts
