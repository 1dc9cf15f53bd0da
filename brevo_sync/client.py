"""Talking to Brevo's v3 API, and what its errors mean.

Source: https://developers.brevo.com/reference and https://developers.brevo.com/docs/how-it-works (errors, limits).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Literal
from urllib.parse import quote, urlencode

from brevo_sync.conf import PHONE_IDENTIFIERS, BrevoConfig
from curation_sdk.answers import (
    PlatformError,
    header_number,
    in_trouble,
    quoted,
    redirected,
    retry_after,
    slow_down,
    without_markup,
)
from curation_sdk.http import ANSWER_TIMEOUT, Answer, PlatformSession, evidence
from curation_sdk.outcomes import Evidence, StopRun
from curation_sdk.ratelimit import RateLimiter

#: Brevo's page says that the reset header counts seconds; one client in the field reads it as milliseconds. So no
#: single wait is longer than this: if it was too short, Brevo says so again.
LONGEST_WAIT = timedelta(minutes=5)
DEFAULT_WAIT = timedelta(seconds=10)

#: What the headers of a normal answer say about the budget is heeded only if it is full again so soon. For the
#: reason above: 9 calls left for the next 997 milliseconds, read as seconds, would slow a run down a thousandfold.
#: A budget that is really used up comes as a 429 anyway.
LONGEST_HINT = 60  # seconds

#: Fields that keep mails or messages from a person.
BLOCKS = ("emailBlacklisted", "smsBlacklisted")
#: Contacts on a page, at most. Source: https://developers.brevo.com/reference/getcontacts
MOST_ON_A_PAGE = 1_000

#: Status codes that speak of this one request, whatever the body looks like.
ABOUT_THE_CONTACT = {400, 404, 405, 406, 422}


class Kind(Enum):
    """What a refusal is about."""

    DUPLICATE_PHONE = "duplicate phone"
    INVALID_PHONE = "invalid phone"
    LIST = "list"  # it speaks of a list: perhaps ours does not exist
    NOT_FOUND = "not found"
    TRANSIENT = "transient"
    OTHER = "other"


class BrevoError(PlatformError):
    """Brevo did not do what was asked, for a reason that concerns this one request."""

    def __init__(self, kind: Kind, reason: str, evidence: Evidence) -> None:
        super().__init__(reason, evidence, transient=kind is Kind.TRANSIENT)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Upserted:
    """A contact arrived. Brevo gives its id only when it was new."""

    remote_id: str
    evidence: Evidence


class BrevoClient:
    """The endpoints that we use. Each method raises BrevoError, StopRun (401, 402, 403), Throttled (429),
    Unanswered (no whole answer) or NotPushed (the run ended first).

    `budget` is what the last answer about contacts said: calls a window, calls left, seconds to the next window.
    """

    def __init__(self, config: BrevoConfig, limiter: RateLimiter, *, within: float = ANSWER_TIMEOUT) -> None:
        self._limiter = limiter
        self.budget: tuple[int | None, int | None, int | None] = (None, None, None)
        self._session = PlatformSession(
            base_url=config.base_url,
            headers={"api-key": config.api_key},
            # An answer about webhooks holds the tokens in clear.
            secrets=(config.api_key, *config.webhook_tokens),
            limiter=limiter,
            connections=config.concurrency,
            within=within,
        )

    def close(self) -> None:
        self._session.close()

    def upsert_contact(self, body: dict[str, Any]) -> Upserted:
        """Create the contact, or update the one with this address. 201 brings the id, 204 nothing.

        Source: https://developers.brevo.com/reference/createcontact
        """
        answer, seen = self._call("POST", "/contacts", body)
        if answer.status == 204:
            return Upserted("", seen)
        # A 201 with a repeated id for an existing contact was seen as well: the id is what counts.
        if answer.status in (200, 201) and (remote_id := contact_id(answer.object)):
            return Upserted(remote_id, seen)
        raise BrevoError(
            Kind.TRANSIENT,
            f"Brevo answered {answer.status} with a body that is not one of its answers.",
            seen,
        )

    def get_contact(self, email: str) -> dict[str, Any]:
        """The contact with this address as Brevo holds it.

        Source: https://developers.brevo.com/reference/getcontactinfo
        """
        return self._object("GET", f"/contacts/{quote(email, safe='')}?identifierType=email_id")

    def find_contact(self, remote_id: str, email: str) -> dict[str, Any] | None:
        """The contact with this id, or without one with this address; None when Brevo has none.

        Source: https://developers.brevo.com/reference/getcontactinfo
        """
        by_id = f"/contacts/{quote(remote_id, safe='')}?identifierType=contact_id"
        try:
            return self._object("GET", by_id) if remote_id else self.get_contact(email)
        except BrevoError as error:
            # To an address that cannot be one the answer is 400.
            if error.evidence.http_status in (400, 404):
                return None
            raise

    def block_contact(self, number: str) -> None:
        """Have the contact with this id not mailed any more. There is no call here that takes it back.

        Source: https://developers.brevo.com/reference/updatecontact
        """
        self._call("PUT", f"/contacts/{int(number)}?identifierType=contact_id", {"emailBlacklisted": True})

    def get_contacts(self, since: datetime | None, offset: int, limit: int) -> tuple[list[dict[str, Any]], int]:
        """A part of the contacts that changed since then (None: of all), oldest first, and how many there are in all.

        limit: MOST_ON_A_PAGE at most. While contacts are deleted there, those behind them move up: one may be on no
        page. Raises BrevoError, too, for an answer that is no such list.
        Source: https://developers.brevo.com/reference/getcontacts
        """
        query: dict[str, Any] = {"limit": limit, "offset": offset, "sort": "asc"}
        if since is not None:
            query["modifiedSince"] = since.astimezone(UTC).isoformat(timespec="milliseconds")
        answer, seen = self._call("GET", f"/contacts?{urlencode(query)}")
        found, total = answer.object.get("contacts"), answer.object.get("count")
        # Without anybody to show, Brevo may leave the list out. A count that cannot be kept is none.
        contacts = [] if found is None and total == 0 else found
        listed = isinstance(contacts, list) and all(isinstance(one, dict) for one in contacts)
        if not (listed and isinstance(total, int) and 0 <= total < 2**31):
            raise BrevoError(Kind.TRANSIENT, f"Brevo answered {answer.status} without a list of contacts.", seen)
        return contacts or [], total

    def delete_contact(self, identifier: str, kind: Literal["email_id", "contact_id"]) -> bool:
        """Delete the contact with this address or id. False: there was none. A block goes with it.

        Source: https://developers.brevo.com/reference/delete-contact
        """
        return self._found("DELETE", f"/contacts/{quote(identifier, safe='')}?identifierType={kind}")

    def has_contact(self, identifier: str, kind: Literal["email_id", "contact_id"]) -> bool:
        """Is there a contact with this address or id?"""
        return self._found("GET", f"/contacts/{quote(identifier, safe='')}?identifierType={kind}")

    def _found(self, method: str, path: str) -> bool:
        """Make a call about one contact. False: Brevo has none. Its code shows that it is Brevo who says so."""
        try:
            self._call(method, path)
        except BrevoError as error:
            if error.evidence.http_status == 404 and error.evidence.code:
                return False
            raise
        return True

    def get_attributes(self) -> dict[str, str]:
        """The account's contact attributes: upper-case name to type.

        What is not a normal attribute has its category for a type: Brevo does not store free values in it.
        Source: https://developers.brevo.com/reference/getattributes
        """
        found = [item for item in self._items("/contacts/attributes", "attributes") if item.get("name")]
        # One name may stand in several categories: the normal one is the one we write to, so it comes last.
        found.sort(key=lambda item: item.get("category") == "normal")
        return {str(item["name"]).upper(): _attribute_type(item) for item in found}

    def create_attribute(self, name: str, kind: str) -> None:
        """Make a contact attribute. One that exists already is fine.

        Source: https://developers.brevo.com/reference/createattribute
        """
        try:
            self._call("POST", f"/contacts/attributes/normal/{quote(name, safe='')}", {"type": kind})
        except BrevoError as error:
            if "unique" not in error.evidence.message.lower():
                raise

    def get_list(self, list_id: int) -> dict[str, Any]:
        """A contact list. Source: https://developers.brevo.com/reference/getlist"""
        return self._object("GET", f"/contacts/lists/{list_id}")

    def get_lists(self) -> list[dict[str, Any]]:
        """The account's first 50 lists. Source: https://developers.brevo.com/reference/getlists"""
        return self._items("/contacts/lists?limit=50&offset=0", "lists")

    def create_list(self, name: str) -> int:
        """Make a list in the account's first folder (made if there is none) and return its number.

        Source: https://developers.brevo.com/reference/createlist
        """
        folders = self._items("/contacts/folders?limit=50&offset=0", "folders")
        folder_id = next((folder["id"] for folder in folders if isinstance(folder.get("id"), int)), None)
        if folder_id is None:
            folder_id = self._new("/contacts/folders", {"name": name})
        return self._new("/contacts/lists", {"name": name, "folderId": folder_id})

    def get_webhooks(self) -> list[dict[str, Any]]:
        """The account's marketing webhooks. Their tokens stand in the answer in clear: never log or show it.

        One of 100 calls an hour, as the two below. Source: https://developers.brevo.com/reference/getwebhooks
        """
        try:
            return self._items("/webhooks?type=marketing", "webhooks")
        except BrevoError as error:
            if error.kind is Kind.NOT_FOUND:  # an account that has none
                return []
            raise

    def create_webhook(self, body: dict[str, Any]) -> int:
        """Register a webhook and return its number. Source: https://developers.brevo.com/reference/createwebhook"""
        return self._new("/webhooks", body)

    def update_webhook(self, number: int, body: dict[str, Any]) -> None:
        """Change a webhook. Source: https://developers.brevo.com/reference/updatewebhook"""
        self._call("PUT", f"/webhooks/{number}", body)

    def get_account(self) -> dict[str, Any]:
        """Whose key this is. One of 100 calls an hour. Source: https://developers.brevo.com/reference/getaccount"""
        return self._object("GET", "/account")

    def _items(self, path: str, name: str) -> list[dict[str, Any]]:
        found = self._object("GET", path).get(name)
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []

    def _new(self, path: str, body: dict[str, Any]) -> int:
        """Make something and return its number."""
        answer, seen = self._call("POST", path, body)
        number = answer.object.get("id")
        if not isinstance(number, int):
            raise BrevoError(Kind.TRANSIENT, f"Brevo answered {answer.status} without the new number.", seen)
        return number

    def _object(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer, seen = self._call(method, path, body)
        if not answer.object:
            raise BrevoError(Kind.TRANSIENT, f"Brevo answered {answer.status} without the data.", seen)
        return answer.object

    def _call(self, method: str, path: str, body: Any = None) -> tuple[Answer, Evidence]:
        refuse_to_unblock(body)
        answer = self._session.request(method, path, json=body)
        limit, remaining, reset = (
            header_number(answer, f"x-sib-ratelimit-{name}") for name in ("limit", "remaining", "reset")
        )
        # Other paths have a budget of their own (100 calls an hour) that says nothing about the pace of contacts.
        paced = path.startswith("/contacts") and answer.status != 429
        if paced:
            self.budget = limit, remaining, reset
        if paced and (reset or 0) <= LONGEST_HINT:
            self._limiter.observe(limit=limit, remaining=remaining, reset_seconds=reset, turn=answer.turn)
        code, message = self._said(answer)
        request_id = self._session.clean(answer.headers.get("sib-request-id", ""))
        seen = evidence(answer, code=code, message=message, request_id=request_id)
        if 200 <= answer.status < 300:
            return answer, seen
        # Brevo sends no Retry-After; the edge servers in front of it do.
        wish = timedelta(seconds=reset) if reset else retry_after(answer)
        error = self._error(answer, code, message, seen, wish, upsert=(method, path) == ("POST", "/contacts"))
        raise self._session.heeded(error)

    def _said(self, answer: Answer) -> tuple[str, str]:
        """Brevo's code and message. An answer that is not Brevo's JSON gives its beginning, without markup."""
        if answer.status < 300:
            return "", ""
        code, message = answer.object.get("code"), answer.object.get("message")
        words = message if isinstance(message, str) else without_markup(answer.text)
        return self._session.clean(str(code or "")), self._session.clean(words)

    def _error(
        self, answer: Answer, code: str, message: str, seen: Evidence, wish: timedelta, *, upsert: bool
    ) -> Exception:
        """The error table. First what stops everything, then what passes, then what concerns this contact."""
        status = answer.status
        said = quoted(message)
        if status == 429:
            return slow_down("Brevo", wish, seen, longest=LONGEST_WAIT, otherwise=DEFAULT_WAIT)
        if status == 401:
            return StopRun(f"Brevo rejected the key (401): {said}. {_advice_for_401(message)}", seen)
        if status == 402:
            return StopRun(f"Brevo wants the account's plan or credits put right (402): {said}.", seen)
        if status == 403 and isinstance(answer.json, dict):
            return StopRun(f"The key is not allowed to do this (403): {said}. Check its scope in Brevo.", seen)
        passing = in_trouble("Brevo", status, message) or redirected("Brevo", status, "BREVO_API_BASE_URL")
        if passing:
            return BrevoError(Kind.TRANSIENT, passing, seen)
        # No contact is ever "not found" in an upsert: Brevo's own 404 there is about a list, and has a code.
        if status == 404 and not code and (upsert or not (message and answer.object)):
            return StopRun(
                "There is no Brevo API at this address (404). Check BREVO_API_BASE_URL; Brevo's own is "
                "https://api.brevo.com/v3.",
                seen,
            )
        if not answer.object and status not in ABOUT_THE_CONTACT:
            # An edge server's page, not Brevo's answer: it tells nothing about the contact.
            return BrevoError(Kind.TRANSIENT, f"Something in front of Brevo refused it ({status}): {said}.", seen)
        kind = _kind(status, code, message, answer.object.get("metadata"))
        return BrevoError(kind, f"Brevo refused it ({status}): {said}.", seen)


def _advice_for_401(message: str) -> str:
    if re.search(r"\bip\b|authorised_ips", message, re.IGNORECASE):
        return "Authorise this server's address at https://app.brevo.com/security/authorised_ips."
    return "Check BREVO_API_KEY: it must be a v3 API key of this account that has not expired."


def _kind(status: int, code: str, message: str, metadata: Any) -> Kind:
    """What a 4xx about one request is about: by the identifiers Brevo names, then its code, then its words.

    Since about May 2026 a duplicate arrives as `invalid_parameter` too, hence the order.
    """
    identifiers = metadata.get("duplicate_identifiers") if isinstance(metadata, dict) else None
    named = {str(name).upper() for name in identifiers} if isinstance(identifiers, list) else set()
    if named:
        return Kind.DUPLICATE_PHONE if named <= PHONE_IDENTIFIERS else Kind.OTHER
    # Without what Brevo may quote: an address such as stylist@phone.example says nothing about lists or phones.
    text = re.sub(r"\S+@\S+", "", message.lower())
    if re.search(r"\blist(s|[ _]?ids?)?\b", text):
        return Kind.LIST
    if code != "missing_parameter" and re.search(r"\b(phone|sms|whatsapp|landline(_number)?)\b", text):
        taken = "already" in text or code == "duplicate_parameter"
        return Kind.DUPLICATE_PHONE if taken else Kind.INVALID_PHONE
    return Kind.NOT_FOUND if status == 404 else Kind.OTHER


def refuse_to_unblock(body: Any) -> None:
    """Raises ValueError for a request that would lift somebody's block, wherever in it that stands.

    Every request passes here. To enable people again who opted out breaks Brevo's terms, and the law.
    """
    if isinstance(body, dict):
        for name, value in body.items():
            if name in BLOCKS and value is not True:
                raise ValueError(f"{name} is only ever sent as true: nothing of ours un-blocks anybody.")
            refuse_to_unblock(value)
    elif isinstance(body, list):
        for part in body:
            refuse_to_unblock(part)


def contact_id(found: dict[str, Any]) -> str:
    """The id in one of Brevo's answers; "" when there is none."""
    number = found.get("id")
    return str(number).strip() if isinstance(number, int | str) and not isinstance(number, bool) else ""


def _attribute_type(item: dict[str, Any]) -> str:
    category = str(item.get("category") or "normal")
    return str(item.get("type") or "text") if category == "normal" else category
