"""Brevo as one of the sandbox's platforms: routes, the order of checks, settings, and what the page shows."""

import threading
from collections.abc import Callable
from dataclasses import replace

from sandbox.brevo.account import SETTINGS, Account, Switches, add_rate_headers, ip_refused, too_many, unauthorized
from sandbox.brevo.attributes import create_attribute, list_attributes
from sandbox.brevo.contacts import create_contact, delete_contact, list_contacts, read_contact, update_contact
from sandbox.brevo.errors import BrevoError
from sandbox.brevo.events import body_of
from sandbox.brevo.hooks import create_webhook, delete_webhook, list_webhooks, read_webhook, update_webhook
from sandbox.brevo.lists import (
    add_contacts,
    create_folder,
    create_list,
    list_contacts_of,
    list_folders,
    list_lists,
    read_list,
    remove_contacts,
)
from sandbox.brevo.profile import read_account
from sandbox.brevo.sending import Delivery, Sender, Target
from sandbox.brevo.store import Contact
from sandbox.limits import Bucket, Clock, Verdict
from sandbox.messages import BadRequest, JsonObject, JsonValue, Request, Response
from sandbox.platform import PageContact, StandIn
from sandbox.routing import Route, Router
from sandbox.settings import changed, shown
from sandbox.values import number_in

# Lines with the same path stand together, fixed names before `{…}`: see Router.
ROUTES: list[Route[Account]] = [
    Route("GET", "/account", read_account),
    Route("GET", "/webhooks", list_webhooks),
    Route("POST", "/webhooks", create_webhook),
    Route("GET", "/webhooks/{webhook_id}", read_webhook),
    Route("PUT", "/webhooks/{webhook_id}", update_webhook),
    Route("DELETE", "/webhooks/{webhook_id}", delete_webhook),
    Route("GET", "/contacts", list_contacts),
    Route("POST", "/contacts", create_contact),
    Route("GET", "/contacts/attributes", list_attributes),
    Route("GET", "/contacts/lists", list_lists),
    Route("POST", "/contacts/lists", create_list),
    Route("GET", "/contacts/folders", list_folders),
    Route("POST", "/contacts/folders", create_folder),
    Route("GET", "/contacts/{identifier}", read_contact),
    Route("PUT", "/contacts/{identifier}", update_contact),
    Route("DELETE", "/contacts/{identifier}", delete_contact),
    Route("GET", "/contacts/lists/{list_id}", read_list),
    Route("POST", "/contacts/attributes/{category}/{name}", create_attribute),
    Route("GET", "/contacts/lists/{list_id}/contacts", list_contacts_of),
    Route("POST", "/contacts/lists/{list_id}/contacts/add", add_contacts),
    Route("POST", "/contacts/lists/{list_id}/contacts/remove", remove_contacts),
]
# Names that the reference uses below /contacts and the sandbox lacks: they must not pass for contact ids.
_NOT_OFFERED = frozenset(("batch", "doubleOptinConfirmation", "export", "import", "segments"))


#: What can happen to a contact -> the event that tells of it.
_HAPPENINGS = {
    "unsubscribe": "unsubscribed",
    "bounce": "hardBounce",
    "soft_bounce": "softBounce",
    "complain": "spam",
}


class Brevo(StandIn[Contact]):
    """Brevo's stand-in."""

    name = "Brevo"
    slug = "brevo"
    prefix = "/brevo/v3"
    kinds = SETTINGS

    def __init__(self, switches: Switches, lock: threading.RLock, clock: Clock, now: Callable[[], float]) -> None:
        super().__init__(lock)
        self.account = Account(switches, clock, now)
        self._router = Router(ROUTES)
        self._answers = 0
        self._sender = Sender()
        self._follow()

    # --- for tests ------------------------------------------------------------------------------------------

    def happens(self, address: str, what: str) -> None:
        """Something happens to a contact: "unsubscribe", "bounce", "soft_bounce", "complain". KeyError for others."""
        with self._lock:
            contact = self.contact(address)
            if contact is None or not self.befall(str(contact.id), what):
                raise KeyError(address)

    def deliveries(self, calls: int = 0, timeout: float = 10.0) -> list[Delivery]:
        """The events sent so far, with our answers; waits until there are so many."""
        return self._sender.wait(calls, timeout)

    def all_delivered(self, timeout: float = 10.0) -> bool:
        """Wait until no event is left to send."""
        return self._sender.idle(timeout)

    # --- for the server -------------------------------------------------------------------------------------

    def stop(self) -> None:
        """No further events."""
        self._sender.stop()

    def _follow(self) -> None:
        self.account.store.on_change = self._changed
        self._sender.minute = self.account.switches.webhook_minute

    def handle(self, request: Request, parts: list[str]) -> Response:
        """Key, then rate limit, then the route. A request without a valid key costs the account nothing."""
        verdict: Verdict | None = None
        try:
            self.account.check_key(request.headers)
            verdict = self.account.bucket_for(parts[0]).take()
            if verdict is not None and not verdict.allowed:
                raise too_many()
            response = self._dispatch(request, parts)
        except BrevoError as error:
            response = error.response()
        except BadRequest as error:
            response = self.error(error.status, error.message)
        return self._signed(add_rate_headers(response, verdict))

    def _dispatch(self, request: Request, parts: list[str]) -> Response:
        if len(parts) == 2 and parts[1] in _NOT_OFFERED:
            raise BrevoError(404, "document_not_found", "The sandbox does not offer this path")
        match = self._router.match(request.method, parts)
        if match.handler is not None:
            return match.handler(self.account, request, match.params)
        if not match.allowed:
            raise BrevoError(404, "document_not_found", "There is nothing at this path")
        error = BrevoError(405, "method_not_allowed", f"{request.method} is not allowed on this path")
        response = error.response()
        response.headers.append(("Allow", ", ".join(match.allowed)))
        return response

    def error(self, status: int, message: str) -> Response:
        """An error of the HTTP layer in Brevo's form."""
        return self._signed(BrevoError(status, "bad_request", message).response())

    def fault(self, kind: str, reset_after: int) -> Response:
        """Brevo's own answer for a fault. The 500 comes without a code: only `message` is promised."""
        if kind == "429":
            limit = self.account.switches.rate_limit or 10
            return self._signed(add_rate_headers(too_many().response(), Verdict(False, limit, 0, reset_after)))
        if kind == "401":
            return self._signed(unauthorized("Key not found").response())
        if kind == "401_ip":
            return self._signed(ip_refused().response())
        if kind == "425":
            return self._signed(BrevoError(425, "account_in_process", "Too early, try again").response())
        if kind == "503":
            return self._signed(Response(503, b'{"message":"Service unavailable"}'))
        return self._signed(Response(500, b'{"message":"Internal error"}'))

    def _signed(self, response: Response) -> Response:
        """With the request id that Brevo's support asks for."""
        self._answers += 1
        response.headers.append(("sib-request-id", f"sandbox-{self._answers:08d}"))
        return response

    def reset(self) -> None:
        super().reset()
        self.account.reset()
        self._sender.reset()

    def settings(self) -> JsonObject:
        return shown(SETTINGS, self.account.switches, "brevo_")

    def change(self, settings: JsonObject) -> None:
        before = self.account.switches
        after = self.account.switches = changed(before, settings, "brevo_")
        self._sender.minute = after.webhook_minute
        if (after.rate_limit, after.hourly_limit, after.other_program) != (
            before.rate_limit,
            before.hourly_limit,
            before.other_program,
        ):
            self.account.restart_limits()

    def counts(self) -> dict[str, JsonValue]:
        store = self.account.store
        return {
            "contacts": len(store.contacts),
            "blocked": sum(contact.email_blacklisted for contact in store.contacts.values()),
            "lists": {one.name: len(one.members) for one in store.lists.values()},
            "attributes": [*store.attributes],
            "webhooks": len(self.account.webhooks),
            "events": {**self._sender.by_status()},
        }

    def buckets(self) -> dict[str, Bucket]:
        return {"contacts": self.account.contacts_bucket, "other": self.account.other_bucket}

    def everybody(self) -> list[Contact]:
        return list(self.account.store.contacts.values())

    def for_page(self, one: Contact) -> PageContact:
        lists = self.account.store.lists
        return PageContact(
            id=str(one.id),
            address=one.email or f"(ext_id {one.ext_id})",
            attributes={name: str(value) for name, value in one.shown_attributes().items()},
            lists=[f"{lists[list_id].name} ({list_id})" for list_id in one.list_ids],
            blocked=one.email_blacklisted,
            created=one.created_at,
            modified=one.modified_at,
            more=("bounce", "complain"),
        )

    def block(self, contact_id: str) -> bool:
        return self.befall(contact_id, "unsubscribe")

    def befall(self, contact_id: str, what: str) -> bool:
        """All but a soft bounce block the contact; the webhook tells of each."""
        store = self.account.store
        contact = store.contacts.get(number_in(contact_id) or 0)
        if contact is None or what not in _HAPPENINGS:
            return False
        if what != "soft_bounce":
            contact = replace(contact, email_blacklisted=True, modified_at=store.now())
            store.put(contact)
        self._tell(_HAPPENINGS[what], contact, [*contact.list_ids])
        return True

    def _changed(self, before: Contact | None, after: Contact | None) -> None:
        """What a change is for those who listen. Whether our own writes come back is not documented."""
        echo = self.account.switches.webhook_echo
        if before is not None and after is None:
            self._tell("contactDeleted", before, [*before.list_ids])
        if after is None or not echo:
            return
        joined = [one for one in after.list_ids if before is None or one not in before.list_ids]
        if before is not None:
            self._tell("contactUpdated", after, joined)
        if joined:
            self._tell("listAddition", after, joined)

    def _tell(self, event: str, contact: Contact, lists: list[int]) -> None:
        if contact.email is None:
            return
        switches, now = self.account.switches, self.account.store.now()
        for webhook in self.account.webhooks.values():
            if webhook.type == "marketing" and event in webhook.events:
                target = Target(webhook.url, webhook.token, switches.webhook_batch_form if webhook.batched else "")
                body = {"id": webhook.id, **body_of(event, contact, lists, now, switches.webhook_variant)}
                self._sender.send(target, body, copies=switches.webhook_copies, shuffled=switches.webhook_shuffled)
