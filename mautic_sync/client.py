"""Talking to a Mautic installation. What its errors mean stands in `refusals`.

Source: Mautic's own code (5.x): `app/bundles/ApiBundle` (log-in, errors, limits) and `app/bundles/LeadBundle`
(contacts, segments, "do not contact"); https://developer.mautic.org describes the same for readers.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from curation_sdk.answers import without_markup
from curation_sdk.http import ANSWER_TIMEOUT, Answer, PlatformSession, evidence
from curation_sdk.outcomes import Evidence
from curation_sdk.ratelimit import RateLimiter
from mautic_sync.conf import MauticConfig
from mautic_sync.details import MANUAL, address_of, blocked, by_place, contact_id, entries, first_error, text
from mautic_sync.refusals import MauticError, no_token, refusal_of

#: Seconds for the answer to a call with many contacts: each of them sets off Mautic's own events.
BATCH_WITHIN = 75.0

#: Seconds for the answer to a call that changes one contact, before a run.
SHORT_WITHIN = 10.0


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

    def __init__(self, config: MauticConfig, limiter: RateLimiter, *, within: float = ANSWER_TIMEOUT) -> None:
        self._config = config
        self.version = ""
        headers, secrets = _log_in(config)
        self._session = PlatformSession(
            base_url=config.site_url,
            headers=headers,
            secrets=secrets,
            limiter=limiter,
            connections=config.concurrency,
            within=within,
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
        contacts, errors = by_place(answer.object.get("contacts")), by_place(answer.object.get("errors"))
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

    def delete_contact(self, contact_id: str) -> bool:
        """Delete a contact. False: there is none with this id."""
        try:
            self._call("DELETE", f"/api/contacts/{int(contact_id)}/delete", within=SHORT_WITHIN)
        except MauticError as error:
            if error.not_found:
                return False
            raise
        return True

    def find_contacts(self, address: str) -> list[str]:
        """The ids of the contacts with this address. Mautic's search may find longer ones, too: they are left out."""
        path = f"/api/contacts?{urlencode({'search': f'email:{address}', 'limit': 200})}"
        answer, seen = self._call("GET", path, within=SHORT_WITHIN)
        found = answer.object.get("contacts")
        if not isinstance(found, dict | list):
            raise MauticError(f"Mautic answered {answer.status} without the data.", seen, transient=True)
        theirs = [one for one in entries(found) if address_of(one).casefold() == address.casefold()]
        return list(filter(None, map(contact_id, theirs)))

    def contacts_after(self, last: int, limit: int) -> list[dict[str, Any]]:
        """The contacts with an address whose ids come after this one, in their order.

        By the id and not by a place: then nobody is left out when others come and go. Source: "List contacts" of
        https://developer.mautic.org/#contacts (`where`, `orderBy`).
        """
        wanted = {
            "where[0][col]": "id",
            "where[0][expr]": "gt",
            "where[0][val]": last,
            "where[1][col]": "email",
            "where[1][expr]": "neq",
            "where[1][val]": "",
            "orderBy": "id",
            "orderByDir": "asc",
            "start": 0,
            "limit": limit,
        }
        answer, seen = self._call("GET", f"/api/contacts?{urlencode(wanted)}")
        found = answer.object.get("contacts")
        if not isinstance(found, dict | list):
            raise MauticError(f"Mautic answered {answer.status} without the contacts.", seen, transient=True)
        listed = entries(found)
        after = [one for one in listed if (number := contact_id(one)) and int(number) > last]
        if listed and not after:
            # Else we would read the same ones for ever.
            raise MauticError("Mautic did not heed from where on its contacts were asked for.", seen, transient=True)
        return after

    def get_contact(self, remote_id: str) -> dict[str, Any] | None:
        """The contact with this id; None when Mautic has none."""
        try:
            found = self._object("GET", f"/api/contacts/{int(remote_id)}").get("contact")
        except MauticError as error:
            if error.not_found:
                return None
            raise
        return found if isinstance(found, dict) else None

    def count_contacts(self) -> int:
        """How many contacts there are. The smallest question, to see whether log-in and address are right."""
        total = str(self._object("GET", "/api/contacts?limit=1&minimal=1").get("total", ""))
        return int(total) if total.isascii() and total.isdigit() else 0

    def get_fields(self) -> dict[str, str]:
        """The contact fields: alias to type. A list or an object, as PHP writes it."""
        answer, seen = self._call("GET", "/api/contacts/list/fields")
        if not isinstance(answer.json, dict | list):
            raise MauticError(f"Mautic answered {answer.status} without the data.", seen, transient=True)
        return {str(one["alias"]): str(one.get("type")) for one in entries(answer.json) if one.get("alias")}

    def create_field(self, alias: str, label: str, kind: str) -> None:
        """Make a contact field."""
        self._call("POST", "/api/fields/contact/new", {"label": label, "alias": alias, "type": kind})

    def get_segment(self, segment_id: int) -> dict[str, Any]:
        """A segment."""
        found = self._object("GET", f"/api/segments/{segment_id}").get("list")
        return found if isinstance(found, dict) else {}

    def get_segments(self) -> list[dict[str, Any]]:
        """The first 50 segments."""
        return entries(self._object("GET", "/api/segments?limit=50").get("lists"))

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
        within: float | None = None,
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
        seen = self._seen(answer)
        if 200 <= answer.status < 300:
            return answer, seen
        raise self._session.heeded(refusal_of(answer, seen, sent=sent, by_client=bool(self._config.client_id)))

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
            raise self._session.heeded(no_token(answer, self._seen(answer)))

    def _seen(self, answer: Answer) -> Evidence:
        """With the type (or code) and the message of an error. What is not Mautic's gives its beginning, without
        markup."""
        if answer.status < 300:
            return evidence(answer, code="", message="", request_id="")
        first = first_error(answer)
        code = first.get("type") or first.get("code") or answer.object.get("error") or ""
        words = first.get("message") or answer.object.get("error_description")
        if not isinstance(words, str):
            words = without_markup(answer.text)
        clean = self._session.clean
        return evidence(answer, code=clean(str(code)), message=clean(words), request_id="")

    def _item(self, answer: Answer, code: Any, contact: Any, error: Any) -> Item:
        """One entry of a batch. Its error comes in two forms, with details by field and without."""
        status = code if isinstance(code, int) and not isinstance(code, bool) else 0
        contact = contact if isinstance(contact, dict) else {}
        error = error if isinstance(error, dict) else {}
        said = error.get("details")
        details = (
            {str(alias): self._session.clean(text(texts)) for alias, texts in said.items()}
            if isinstance(said, dict)
            else {}
        )
        message = self._session.clean(text(error.get("message"))) if error else ""
        seen = evidence(answer, code=str(status), message=message, request_id="")
        return Item(status, seen, contact_id(contact), blocked(contact), message, details, address_of(contact))


def _log_in(config: MauticConfig) -> tuple[dict[str, str], tuple[str, ...]]:
    """The headers of every call, and what must never show."""
    if config.client_id:
        return {}, (config.client_secret,)
    pair = base64.b64encode(f"{config.username}:{config.password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}, (pair, config.password)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
