"""Talking to Brevo's v3 API, and what its errors mean.

Source: https://developers.brevo.com/reference and https://developers.brevo.com/docs/how-it-works (errors, limits).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from html import unescape
from typing import Any
from urllib.parse import quote

from brevo_sync.conf import BrevoConfig
from curation_sdk.backoff import bounded
from curation_sdk.http import Answer, PlatformSession, evidence
from curation_sdk.outcomes import Evidence, StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter

#: Brevo's page says that the reset header counts seconds; one client in the field reads it as milliseconds. So no
#: single wait is longer than this: if it was too short, Brevo says so again.
LONGEST_WAIT = timedelta(minutes=5)
DEFAULT_WAIT = timedelta(seconds=10)

#: A pause that a header alone asks for is waited out only if it is short; a longer one comes as a 429 anyway.
LONGEST_HINT = 60  # seconds

#: Status codes that say "not now": the request may be repeated. 425 was seen while Brevo still works on the account.
TRANSIENT = {408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524}


class Kind(Enum):
    """What a refusal is about."""

    DUPLICATE_PHONE = "duplicate phone"
    INVALID_PHONE = "invalid phone"
    UNKNOWN_LIST = "unknown list"
    NOT_FOUND = "not found"
    TRANSIENT = "transient"
    OTHER = "other"


class BrevoError(Exception):
    """Brevo did not do what was asked, for a reason that concerns this one request.

    `reason` is for people and names the status and Brevo's own words.
    """

    def __init__(self, kind: Kind, reason: str, evidence: Evidence) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.evidence = evidence


@dataclass(frozen=True, slots=True)
class Upserted:
    """A contact arrived. Brevo gives its id only when it was new."""

    remote_id: str
    evidence: Evidence


class BrevoClient:
    """The eight endpoints that we use. Each method raises BrevoError, StopRun (401, 402, 403), Throttled (429),
    Unanswered (no whole answer) or NotPushed (the run ended first)."""

    def __init__(self, config: BrevoConfig, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._session = PlatformSession(
            base_url=config.base_url,
            headers={"api-key": config.api_key},
            secrets=(config.api_key,),
            limiter=limiter,
            connections=config.concurrency,
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
        remote_id = answer.object.get("id")
        if answer.status in (200, 201) and isinstance(remote_id, int | str) and str(remote_id).strip():
            return Upserted(str(remote_id), seen)
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

    def get_attributes(self) -> dict[str, str]:
        """The account's contact attributes: upper-case name to type ("text" when Brevo names none).

        Source: https://developers.brevo.com/reference/getattributes
        """
        found = self._object("GET", "/contacts/attributes").get("attributes")
        return {
            str(item["name"]).upper(): str(item.get("type") or "text")
            for item in (found if isinstance(found, list) else [])
            if isinstance(item, dict) and item.get("name")
        }

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
        folder = folders[0] if folders else self._object("POST", "/contacts/folders", {"name": name})
        return int(self._object("POST", "/contacts/lists", {"name": name, "folderId": folder["id"]})["id"])

    def get_account(self) -> dict[str, Any]:
        """Whose key this is. One of 100 calls an hour. Source: https://developers.brevo.com/reference/getaccount"""
        return self._object("GET", "/account")

    def _items(self, path: str, name: str) -> list[dict[str, Any]]:
        found = self._object("GET", path).get(name)
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []

    def _object(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer, seen = self._call(method, path, body)
        if not answer.object:
            raise BrevoError(Kind.TRANSIENT, f"Brevo answered {answer.status} without the data.", seen)
        return answer.object

    def _call(self, method: str, path: str, body: Any = None) -> tuple[Answer, Evidence]:
        answer = self._session.request(method, path, json=body)
        remaining, reset = (_number(answer, f"x-sib-ratelimit-{name}") for name in ("remaining", "reset"))
        if answer.status != 429 and not (remaining == 0 and (reset or 0) > LONGEST_HINT):
            self._limiter.observe(remaining=remaining, reset_seconds=reset)
        code, message = self._said(answer)
        seen = evidence(answer, code=code, message=message, request_id=answer.headers.get("sib-request-id", ""))
        if 200 <= answer.status < 300:
            return answer, seen
        raise self._error(answer, code, message, seen, timedelta(seconds=reset or 0))

    def _said(self, answer: Answer) -> tuple[str, str]:
        """Brevo's code and message. An answer that is not Brevo's JSON gives its beginning, without markup."""
        code, message = answer.object.get("code"), answer.object.get("message")
        if answer.status < 300:
            return "", ""
        if isinstance(message, str):
            return str(code or ""), self._session.clean(message)
        return str(code or ""), self._session.clean(_without_markup(answer.text))

    def _error(self, answer: Answer, code: str, message: str, seen: Evidence, reset: timedelta) -> Exception:
        """The error table. First what stops everything, then what passes, then what concerns this contact."""
        status = answer.status
        said = f'"{message}"' if message else "without a message"
        if status == 429:
            wait = bounded(reset, longest=LONGEST_WAIT, otherwise=DEFAULT_WAIT)
            self._limiter.refused(wait.total_seconds())
            return Throttled(wait, f"Brevo asked us to slow down (429) for {wait.seconds} seconds.", seen)
        if status == 401:
            return StopRun(f"Brevo rejected the key (401): {said}. {_advice_for_401(message)}", seen)
        if status == 402:
            return StopRun(f"Brevo wants the account's plan or credits put right (402): {said}.", seen)
        if status == 403 and isinstance(answer.json, dict):
            return StopRun(f"The key is not allowed to do this (403): {said}. Check its scope in Brevo.", seen)
        if status in TRANSIENT or status >= 500:
            return BrevoError(Kind.TRANSIENT, f"Brevo is in trouble ({status}): {said}.", seen)
        if 300 <= status < 400:
            reason = f"Brevo answered with a redirect ({status}), which its API never does. Check BREVO_API_BASE_URL."
            return BrevoError(Kind.TRANSIENT, reason, seen)
        if status == 404 and not (code or (message and answer.object)):
            return StopRun(
                "There is no Brevo API at this address (404). Check BREVO_API_BASE_URL; Brevo's own is "
                "https://api.brevo.com/v3.",
                seen,
            )
        kind = _kind(status, code, message, answer.object.get("metadata"))
        return BrevoError(kind, f"Brevo refused it ({status}): {said}.", seen)


def _advice_for_401(message: str) -> str:
    if "ip" in message.lower().replace(",", " ").split():
        return "Authorise this server's address at https://app.brevo.com/security/authorised_ips."
    return "Check BREVO_API_KEY: it must be a v3 API key of this account that has not expired."


def _kind(status: int, code: str, message: str, metadata: Any) -> Kind:
    """What a 4xx about one request is about: by the identifiers Brevo names, then its code, then its words.

    Since about May 2026 a duplicate arrives as `invalid_parameter` too, hence the order.
    """
    identifiers = metadata.get("duplicate_identifiers") if isinstance(metadata, dict) else None
    named = {str(name).upper() for name in identifiers} if isinstance(identifiers, list) else set()
    text = message.lower()
    if named:
        return Kind.DUPLICATE_PHONE if "SMS" in named and "EMAIL" not in named else Kind.OTHER
    if "sms" in text and ("already" in text or code == "duplicate_parameter"):
        return Kind.DUPLICATE_PHONE
    if "phone" in text or "sms" in text:
        return Kind.INVALID_PHONE
    if "list" in text and any(word in text for word in ("not found", "not exist", "invalid", "does not")):
        return Kind.UNKNOWN_LIST
    return Kind.NOT_FOUND if status == 404 else Kind.OTHER


def _number(answer: Answer, name: str) -> int | None:
    text = answer.headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _without_markup(text: str) -> str:
    """The words of an HTML page: what an edge server sends instead of JSON."""
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())[:200]
