"""Talking to a Mautic installation, and what its errors mean.

Source: Mautic's own code (5.x): `app/bundles/ApiBundle` (log-in, errors, limits) and `app/bundles/LeadBundle`
(contacts, segments, "do not contact"); https://developer.mautic.org describes the same for readers.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from curation_sdk.answers import PlatformError, header_number, in_trouble, quoted, without_markup
from curation_sdk.backoff import bounded
from curation_sdk.http import ANSWER_TIMEOUT, Answer, PlatformSession, evidence
from curation_sdk.outcomes import Evidence, StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.wording import count_of
from mautic_sync.conf import MauticConfig

#: Mautic counts calls per hour and says nothing sure about when it takes the next one; a proxy in front of it may.
LONGEST_WAIT = timedelta(minutes=15)
DEFAULT_WAIT = timedelta(minutes=1)

#: Seconds for the answer to a call with many contacts: each of them sets off Mautic's own events.
BATCH_WITHIN = 75.0

#: Seconds for the answer to a call that changes one contact, before a run.
SHORT_WITHIN = 10.0

#: Mautic names its limit for one call within so many characters.
LIMIT_WITHIN = 120

#: Words of errors that name another number: PHP's ("Maximum execution time of 30 seconds exceeded … on line 12") and
#: the database's ("SQLSTATE[22001]: … at row 1"). Both are in English, whatever the installation's language.
NO_LIMIT = ("second", "row", "sqlstate", "line")

#: Reasons of a "do not contact" entry. 0 would lift one, so nothing here ever sends it.
UNSUBSCRIBED, BOUNCED, MANUAL = 1, 2, 3
REASONS = {UNSUBSCRIBED: "unsubscribed there", BOUNCED: "bounced", MANUAL: "set by hand"}


class MauticError(PlatformError):
    """Mautic did not do what was asked, for a reason that concerns this one request."""

    @property
    def not_found(self) -> bool:
        return self.evidence.http_status == 404


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one contact in a batch.

    status: Mautic's for this item. blocked: why Mautic does not mail them; "" when it does. details: what it said of
    single fields, by alias. address: that of the contact which it took for this one; "" when it did not say.
    """

    status: int
    evidence: Evidence
    remote_id: str = ""
    blocked: str = ""
    message: str = ""
    details: dict[str, str] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """The answer to a batch: an item for each contact, in their order. `turn`: when the call was made."""

    items: list[Item]
    turn: float


class MauticClient:
    """The calls that we use. Each method raises MauticError, StopRun, Throttled (429), Unanswered or NotPushed.

    `version` is what the last answer said, "" before the first. Safe to use from several threads: they share a token.
    """

    def __init__(self, config: MauticConfig, limiter: RateLimiter) -> None:
        self._config = config
        self._limiter = limiter
        self.version = ""
        headers, secrets = _log_in(config)
        self._session = PlatformSession(
            base_url=config.site_url,
            headers=headers,
            secrets=secrets,
            limiter=limiter,
            connections=config.concurrency,
        )
        self._token = ""
        self._token_lock = threading.Lock()

    def close(self) -> None:
        self._session.close()

    def upsert_contacts(self, bodies: Sequence[dict[str, Any]]) -> Batch:
        """Create or update contacts by their address. The status is 201 whatever became of them: see each item."""
        answer, seen = self._call(
            "POST", "/api/contacts/batch/new", list(bodies), within=BATCH_WITHIN, sent=len(bodies)
        )
        codes = answer.object.get("statusCodes")
        if not isinstance(codes, list) or len(codes) != len(bodies):
            raise MauticError(
                f"Mautic answered {answer.status} with a body that is not one of its answers.", seen, transient=True
            )
        contacts, errors = _by_place(answer.object.get("contacts")), _by_place(answer.object.get("errors"))
        items = [self._item(answer, code, contacts.get(place), errors.get(place)) for place, code in enumerate(codes)]
        return Batch(items, answer.turn)

    def add_to_segment(self, segment_id: int, contact_ids: Sequence[str], *, turn: float | None = None) -> set[str]:
        """Add contacts to a segment in one call. Returns the ids that Mautic did not add.

        turn: that of the call that brought the contacts, which this one completes.
        """
        ids = [int(contact_id) for contact_id in contact_ids]
        answer, seen = self._call("POST", f"/api/segments/{segment_id}/contacts/add", {"ids": ids}, turn=turn)
        details = answer.object.get("details")
        if not answer.object.get("success"):
            raise MauticError(f"Mautic answered {answer.status} without a result.", seen, transient=True)
        if not isinstance(details, dict):
            return set()
        return {str(key) for key, one in details.items() if isinstance(one, dict) and one.get("success") is False}

    def block_contact(self, contact_id: str, comments: str) -> None:
        """Set "do not contact" for e-mail, by hand. There is no call here that takes it away."""
        body = {"reason": MANUAL, "comments": comments}
        self._call("POST", f"/api/contacts/{int(contact_id)}/dnc/email/add", body, within=SHORT_WITHIN)

    def find_contacts(self, address: str) -> list[str]:
        """The ids of the contacts with this address. Mautic's search may find longer ones, too: they are left out."""
        path = f"/api/contacts?{urlencode({'search': f'email:{address}', 'limit': 200})}"
        answer, seen = self._call("GET", path, within=SHORT_WITHIN)
        found = answer.object.get("contacts")
        if not isinstance(found, dict | list):
            raise MauticError(f"Mautic answered {answer.status} without the data.", seen, transient=True)
        theirs = [one for one in _entries(found) if address_of(one).casefold() == address.casefold()]
        return list(filter(None, map(contact_id, theirs)))

    def count_contacts(self) -> int:
        """How many contacts there are. The smallest question, to see whether log-in and address are right."""
        total = str(self._object("GET", "/api/contacts?limit=1&minimal=1").get("total", ""))
        return int(total) if total.isascii() and total.isdigit() else 0

    def get_fields(self) -> dict[str, str]:
        """The contact fields: alias to type. A list or an object, as PHP writes it."""
        answer, seen = self._call("GET", "/api/contacts/list/fields")
        if not isinstance(answer.json, dict | list):
            raise MauticError(f"Mautic answered {answer.status} without the data.", seen, transient=True)
        return {str(one["alias"]): str(one.get("type")) for one in _entries(answer.json) if one.get("alias")}

    def create_field(self, alias: str, label: str, kind: str) -> None:
        """Make a contact field."""
        self._call("POST", "/api/fields/contact/new", {"label": label, "alias": alias, "type": kind})

    def get_segment(self, segment_id: int) -> dict[str, Any]:
        """A segment."""
        found = self._object("GET", f"/api/segments/{segment_id}").get("list")
        return found if isinstance(found, dict) else {}

    def get_segments(self) -> list[dict[str, Any]]:
        """The first 50 segments."""
        return _entries(self._object("GET", "/api/segments?limit=50").get("lists"))

    def _object(self, method: str, path: str) -> dict[str, Any]:
        answer, seen = self._call(method, path)
        if not answer.object:
            raise MauticError(f"Mautic answered {answer.status} without the data.", seen, transient=True)
        return answer.object

    # --- one call -----------------------------------------------------------------------------------------------

    def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        within: float = ANSWER_TIMEOUT,
        turn: float | None = None,
        sent: int = 0,
    ) -> tuple[Answer, Evidence]:
        """Make a call, with a fresh token once if the one at hand is refused. sent: contacts in a batch."""
        token = self._shared_token()
        answer = self._session.request(method, path, json=body, headers=_bearer(token), within=within, turn=turn)
        if answer.status == 401 and token:
            token = self._shared_token(refused=token)
            answer = self._session.request(method, path, json=body, headers=_bearer(token), within=within, turn=turn)
        if version := answer.headers.get("Mautic-Version", ""):
            self.version = self._session.clean(version)[:40]
        code, message = self._said(answer)
        seen = evidence(answer, code=code, message=message, request_id="")
        if 200 <= answer.status < 300:
            return answer, seen
        raise self._error(answer, code, message, seen, sent)

    def _shared_token(self, refused: str = "") -> str:
        """The token of all threads; a new one when there is none, or when the one at hand is the refused one.

        "" with a user's log-in, which needs none. Source: https://developer.mautic.org/#client-credentials
        """
        if not self._config.client_id:
            return ""
        with self._token_lock:
            if self._token and self._token != refused:
                return self._token
            form = {
                "grant_type": "client_credentials",
                "client_id": self._config.client_id,
                "client_secret": self._config.client_secret,
            }
            answer = self._session.request("POST", "/oauth/v2/token", form=form)
            token = answer.object.get("access_token")
            if answer.status == 200 and isinstance(token, str) and token.isascii() and token.isprintable() and token:
                self._session.keep_secret(token)
                self._token = token
                return token
            raise self._no_token(answer)

    def _no_token(self, answer: Answer) -> Exception:
        code, message = self._said(answer)
        seen = evidence(answer, code=code, message=message, request_id="")
        if answer.status in (400, 401):
            return StopRun(
                f"Mautic gave no token ({answer.status}): {quoted(message)}. Check MAUTIC_CLIENT_ID and "
                "MAUTIC_CLIENT_SECRET: they stand in Mautic under API Credentials, kind OAuth 2, and must have been "
                "made by an administrator.",
                seen,
            )
        if answer.status == 200:
            return MauticError("Mautic answered 200 without a token.", seen, transient=True)
        return self._error(answer, code, message, seen, 0)

    def _said(self, answer: Answer) -> tuple[str, str]:
        """The type (or code) and the message of an error. What is not Mautic's gives its beginning, without markup."""
        if answer.status < 300:
            return "", ""
        first = _first_error(answer)
        code = first.get("type") or first.get("code") or answer.object.get("error") or ""
        words = first.get("message") or answer.object.get("error_description")
        if not isinstance(words, str):
            words = without_markup(answer.text)
        return self._session.clean(str(code)), self._session.clean(words)

    def _item(self, answer: Answer, code: Any, contact: Any, error: Any) -> Item:
        """One entry of a batch. Its error comes in two forms, with details by field and without."""
        status = code if isinstance(code, int) and not isinstance(code, bool) else 0
        contact = contact if isinstance(contact, dict) else {}
        error = error if isinstance(error, dict) else {}
        said = error.get("details")
        details = (
            {str(alias): self._session.clean(_text(texts)) for alias, texts in said.items()}
            if isinstance(said, dict)
            else {}
        )
        message = self._session.clean(_text(error.get("message"))) if error else ""
        seen = evidence(answer, code=str(status), message=message, request_id="")
        return Item(status, seen, contact_id(contact), _blocked(contact), message, details, address_of(contact))

    def _error(self, answer: Answer, code: str, message: str, seen: Evidence, sent: int) -> Exception:
        """The error table. First what stops everything, then what passes, then what concerns this request."""
        status, said = answer.status, quoted(message)
        ours = bool(_first_error(answer))  # Mautic's own words, not those of a server in front of it
        if status == 429:
            wish = timedelta(seconds=header_number(answer, "retry-after") or 0)
            wait = bounded(wish, longest=LONGEST_WAIT, otherwise=DEFAULT_WAIT)
            self._limiter.refused(wait.total_seconds())
            return Throttled(wait, f"Mautic asked us to slow down (429) for {count_of(wait.seconds, 'second')}.", seen)
        if 300 <= status < 400:
            # Not followed: it would take the log-in to another place, and lose the body on the way.
            return StopRun(
                f"Mautic answered with a redirect ({status}). Correct MAUTIC_API_BASE_URL: the address as the browser "
                "shows it, most likely with https.",
                seen,
            )
        if status == 401:
            return StopRun(f"Mautic rejected the log-in (401): {said}. {self._advice_for_401()}", seen)
        if status == 403 and ours:
            return StopRun(f"Mautic does not let us do this (403): {said}. {_advice_for_403(code)}", seen)
        if status == 404 and (sent or not ours):
            return StopRun(
                "There is no Mautic API at this address (404). Check MAUTIC_API_BASE_URL: the address of the site, "
                "with the folder if it is in one.",
                seen,
            )
        if status == 500 and (most := _batch_limit(_first_error(answer), sent)):
            if _names_a_limit(_first_error(answer)):
                return StopRun(
                    f"Mautic takes at most {count_of(most, 'contact')} a call (500): {said}. Set "
                    f"MAUTIC_SYNC_SCHEDULER_BATCH_SIZE to {most} or less.",
                    seen,
                )
            return MauticError(
                f"{in_trouble('Mautic', status, message)} If it is about the number of contacts in a call, set "
                f"MAUTIC_SYNC_SCHEDULER_BATCH_SIZE to {most} or less.",
                seen,
                transient=True,
            )
        if trouble := in_trouble("Mautic", status, message):
            return MauticError(trouble, seen, transient=True)
        if status == 409:
            return MauticError(f"Somebody is working on it in Mautic (409): {said}.", seen, transient=True)
        if not ours:
            return MauticError(f"Something in front of Mautic refused it ({status}): {said}.", seen, transient=True)
        return MauticError(f"Mautic refused it ({status}): {said}.", seen)

    def _advice_for_401(self) -> str:
        if self._config.client_id:
            return "A fresh token was refused, too. Check MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET."
        return "Check MAUTIC_USERNAME and MAUTIC_PASSWORD."


def contact_id(contact: dict[str, Any]) -> str:
    """The id in one of Mautic's contacts; "" when there is none."""
    number = contact.get("id")
    text = "" if isinstance(number, bool) or not isinstance(number, int | str) else str(number)
    return text if text.isascii() and text.isdigit() and len(text) < 19 else ""


def about_the_role(error: StopRun) -> bool:
    """Does it only say that our role may not do this? With one contact it may be so, and not with another."""
    return error.evidence.http_status == 403 and error.evidence.code not in ("api_disabled", "access_denied")


def address_of(contact: dict[str, Any]) -> str:
    """The address in one of Mautic's contacts, from the flat fields of an answer; "" when there is none."""
    fields = contact.get("fields")
    everything = fields.get("all") if isinstance(fields, dict) else None
    address = everything.get("email") if isinstance(everything, dict) else None
    return address if isinstance(address, str) else ""


def _log_in(config: MauticConfig) -> tuple[dict[str, str], tuple[str, ...]]:
    """The headers of every call, and what must never show."""
    if config.client_id:
        return {}, (config.client_secret,)
    pair = base64.b64encode(f"{config.username}:{config.password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}, (pair, config.password)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _advice_for_403(code: str) -> str:
    """By the error's type; a role that lacks a permission has none."""
    if code == "api_disabled":
        return 'In Mautic, under Configuration, API Settings, set "API enabled" to yes.'
    if code == "access_denied":
        return (
            'In Mautic, under Configuration, API Settings, set "Enable HTTP basic auth" to yes, or use '
            "MAUTIC_CLIENT_ID."
        )
    return (
        "The role of our user needs, in Mautic under Roles: API access, contacts (view, edit own and others, create), "
        "and segments (view own and others)."
    )


def _first_error(answer: Answer) -> dict[str, Any]:
    errors = answer.object.get("errors")
    first = next(iter(_by_place(errors).values()), None)
    return first if isinstance(first, dict) else {}


def _batch_limit(error: dict[str, Any], sent: int) -> int:
    """The installation's limit for one call, if the error may be about that; else 0.

    The words depend on the language, but they name a number below that of the contacts sent.
    """
    numbers = [int(number) for number in re.findall(r"\b[0-9]{1,4}\b", _text(error.get("message")))]
    return next((number for number in numbers if 0 < number < sent), 0)


def _names_a_limit(error: dict[str, Any]) -> bool:
    """Is the error about the limit beyond doubt: short, with one number, and none of PHP's or the database's words?

    Else it may be what one contact's data brought about, and to stop for it would stop every run.
    """
    words = _text(error.get("message"))
    of_others = any(word in words.lower() for word in NO_LIMIT)
    return len(words) <= LIMIT_WITHIN and len(re.findall(r"[0-9]+", words)) == 1 and not of_others


def _by_place(found: Any) -> dict[int, Any]:
    """PHP writes an array whose keys run from 0 without a gap as a list, any other as an object: both, by place."""
    if isinstance(found, list):
        return dict(enumerate(found))
    if not isinstance(found, dict):
        return {}
    return {int(key): value for key, value in found.items() if key.isascii() and key.isdigit()}


def _entries(found: Any) -> list[dict[str, Any]]:
    """The objects in a list, or in an object by id."""
    listed = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return [one for one in listed if isinstance(one, dict)]


def _text(said: Any) -> str:
    """A message, or a list of them."""
    if isinstance(said, list):
        return " ".join(map(_text, said))
    return said if isinstance(said, str) else ""


def _blocked(contact: dict[str, Any]) -> str:
    """Why Mautic does not mail the contact, from its "do not contact" entries; "" when it does."""
    for entry in _entries(contact.get("doNotContact")):
        if entry.get("channel") == "email":
            number = str(entry.get("reason", ""))
            reason = int(number) if number.isascii() and number.isdigit() else 0
            if reason:
                return f"Mautic does not mail this address: {REASONS.get(reason, 'blocked')}."
    return ""
