"""Talking to HubSpot's contacts API. What its errors mean stands in `refusals`.

Source: https://developers.hubspot.com/docs/api-reference
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from curation_sdk.answers import header_number, without_markup
from curation_sdk.http import ANSWER_TIMEOUT, Answer, PlatformSession, evidence
from curation_sdk.outcomes import Evidence, StopRun
from curation_sdk.ratelimit import RateLimiter
from hubspot_sync import details
from hubspot_sync.conf import HubSpotConfig
from hubspot_sync.details import NOTHING, Said
from hubspot_sync.payload import Parcel, upsert_body
from hubspot_sync.portal import Portal, read_portal
from hubspot_sync.properties import Found
from hubspot_sync.refusals import HubSpotError, entry_refusal, refusal_of
from hubspot_sync.window import Window

#: What others leave us of the ten seconds we use only to this share: they are as uneven as we are.
LEFT_BY_OTHERS = 0.95


@dataclass(frozen=True, slots=True)
class Arrived:
    """A contact arrived under this id. `warning`: what HubSpot remarked."""

    remote_id: str
    evidence: Evidence
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Upserted:
    """What a batch came to, by trace id. Who is in neither has got no answer."""

    arrived: dict[str, Arrived] = field(default_factory=dict)
    refused: dict[str, HubSpotError | StopRun] = field(default_factory=dict)


def api_path(family: Literal["objects", "properties"], version: str) -> str:
    """Where contacts or their properties are: dated versions have the version behind the family, v3 before it."""
    return f"/crm/v3/{family}/contacts" if version == "v3" else f"/crm/{family}/{version}/contacts"


def upsert_path(version: str) -> str:
    """Where a batch upsert goes."""
    return f"{api_path('objects', version)}/batch/upsert"


class HubSpotClient:
    """The endpoints that we use. Each method raises HubSpotError, StopRun (401, 403, no such property or API),
    Throttled (423, 429, 477), Unanswered (no whole answer) or NotPushed (the run ended first).

    `budget`: calls left and calls in ten seconds, calls left and calls in a day, as the last answer said.
    """

    def __init__(self, config: HubSpotConfig, limiter: RateLimiter, *, within: float = ANSWER_TIMEOUT) -> None:
        self._limiter = limiter
        self.budget: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
        self._window = Window()
        self._upsert = upsert_path(config.version)
        self._contacts = api_path("objects", config.version)
        self._properties = api_path("properties", config.version)
        self._details = f"/account-info/{config.version}/details"
        self._session = PlatformSession(
            base_url=config.base_url,
            headers={"Authorization": f"Bearer {config.api_key}"},
            secrets=(config.api_key,),
            limiter=limiter,
            connections=config.concurrency,
            within=within,
        )

    def close(self) -> None:
        self._session.close()

    def upsert(self, parcels: Sequence[Parcel]) -> Upserted:
        """Create or update up to 100 contacts by their addresses, no two of which are the same to HubSpot.

        The answer comes in another order and with other letters: only the trace ids tell whose an entry is. Whether
        some failed (207) or none (200) makes no difference here.
        Source: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/batch/post-crm-v3-objects-contacts-batch-upsert
        """
        answer, seen = self._call("POST", self._upsert, upsert_body(parcels))
        results = answer.object.get("results")
        if not isinstance(results, list):
            raise self._unusable(seen)
        upserted = Upserted()
        for entry in filter(_is_object, results):
            if (trace_id := _trace_id(entry)) and (remote_id := contact_id(entry)):
                upserted.arrived[trace_id] = Arrived(remote_id, seen, self._warning(entry))
        errors = answer.object.get("errors")
        for entry in filter(_is_object, errors if isinstance(errors, list) else []):
            said = self._read(entry)
            refusal = entry_refusal(answer.status, said, self._evidence(answer, said, said.message))
            if refusal:
                upserted.refused.update(dict.fromkeys(details.trace_ids(entry), refusal))
        return upserted

    def update_by_email(self, one: Parcel) -> Arrived:
        """Update the contact with this address; 404 when there is none.

        The address is not among what is written: it may be a second one of that contact.
        Source: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
        """
        path = f"{self._contacts}/{quote(one.email, safe='')}?idProperty=email"
        return self._written("PATCH", path, one.properties)

    def create(self, one: Parcel) -> Arrived:
        """Make the contact; 409 when there is one with this address already."""
        return self._written("POST", self._contacts, {"email": one.email, **one.properties})

    def update(self, remote_id: str, one: Parcel) -> Arrived:
        """Update the contact with this id; 404 when there is none."""
        return self._written("PATCH", f"{self._contacts}/{quote(remote_id, safe='')}", one.properties)

    def read_contacts(
        self, names: Sequence[str], properties: Sequence[str], *, by_email: bool = False
    ) -> list[dict[str, Any]]:
        """Up to 100 contacts by their ids, or by their addresses. Whom there is not is not in the answer.

        Properties that the account does not have are passed over. Source:
        https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/batch/post-crm-v3-objects-contacts-batch-read
        """
        body: dict[str, Any] = {"inputs": [{"id": name} for name in names], "properties": list(properties)}
        if by_email:
            body["idProperty"] = "email"
        answer, seen = self._call("POST", f"{self._contacts}/batch/read", body)
        results = answer.object.get("results")
        if not isinstance(results, list):
            raise self._unusable(seen)
        return [entry for entry in filter(_is_object, results) if entry.get("archived") is not True]

    def purge(self, name: str, *, by_email: bool) -> bool:
        """Delete the contact with this id or address for good. False: there was none.

        HubSpot keeps an address that it does not have from being used in the account from then on.
        Source: https://developers.hubspot.com/docs/api-reference/legacy/crm/objects/contacts/gdpr/gdpr-delete-contact;
        in HubSpot's own libraries for 2026-03 the path is the one below.
        """
        body = {"objectId": name} | ({"idProperty": "email"} if by_email else {})
        return self._found("POST", f"{self._contacts}/gdpr-delete", body)

    def has_contact(self, name: str, *, by_email: bool) -> bool:
        """Is there a contact with this id or address?"""
        return self._found("GET", f"{self._contacts}/{quote(name, safe='')}{'?idProperty=email' if by_email else ''}")

    def _found(self, method: str, path: str, body: Any = None) -> bool:
        """Make a call about one contact. False: HubSpot has none.

        A wrong version would say 404 as well, so then we look whether the API is there: StopRun if it is not.
        """
        try:
            self._call(method, path, body, names_one=True)
        except HubSpotError as error:
            if error.status != 404:
                raise
            self.see_contacts()
            return False
        return True

    def see_contacts(self) -> None:
        """May we see contacts? Changes nothing."""
        self._list(f"{self._contacts}?limit=1")

    def get_portal(self) -> Portal:
        """Whose account it is. Needs the scope "oauth", which HubSpot's specification calls basic."""
        answer, seen = self._call("GET", self._details)
        if portal := read_portal(answer.object, self._session.clean):
            return portal
        raise self._unusable(seen)

    def get_properties(self) -> dict[str, Found]:
        """The properties that the account's contacts have, by name.

        Source: https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide
        """
        return {str(item["name"]): _found(item) for item in self._list(self._properties) if item.get("name")}

    def create_property(self, body: dict[str, str | bool]) -> None:
        """Make a property. One that exists already is fine."""
        try:
            self._call("POST", self._properties, body)
        except HubSpotError as error:
            if error.status != 409:
                raise

    def _list(self, path: str) -> list[dict[str, Any]]:
        answer, seen = self._call("GET", path)
        results = answer.object.get("results")
        if not isinstance(results, list):
            raise self._unusable(seen)
        return list(filter(_is_object, results))

    def _written(self, method: str, path: str, properties: dict[str, str]) -> Arrived:
        answer, seen = self._call(method, path, {"properties": properties}, names_one=method == "PATCH")
        if not (remote_id := contact_id(answer.object)):
            raise self._unusable(seen)
        return Arrived(remote_id, seen)

    def _unusable(self, seen: Evidence) -> HubSpotError:
        reason = f"HubSpot answered {seen.http_status} with a body that is not one of its answers."
        return HubSpotError(reason, seen, transient=True)

    def _warning(self, entry: dict[str, Any]) -> str:
        """What HubSpot remarks on a contact that it took."""
        warnings = entry.get("warnings")
        found = [self._read(item).message for item in (warnings if isinstance(warnings, list) else [])]
        return " ".join(filter(None, found))

    def _read(self, body: Any) -> Said:
        return details.read(body).cleaned(self._session.clean)

    def _call(self, method: str, path: str, body: Any = None, *, names_one: bool = False) -> tuple[Answer, Evidence]:
        """`names_one`: the path names a contact, which there may not be."""
        answer = self._session.request(method, path, json=body)
        self._observe(answer)
        if 200 <= answer.status < 300:
            return answer, self._evidence(answer, NOTHING, "")
        said = self._read(answer.json)
        message = said.message or ("" if answer.object else without_markup(answer.text))
        seen = self._evidence(answer, said, message)
        raise self._session.heeded(refusal_of(answer, said, seen, names_one=names_one))

    def _observe(self, answer: Answer) -> None:
        """Keep the pace within what the account has left of its ten seconds."""
        ours = self._window.took(answer.turn)
        limit, remaining, interval = (
            header_number(answer, f"x-hubspot-ratelimit-{name}")
            for name in ("max", "remaining", "interval-milliseconds")
        )
        daily, daily_left = (
            header_number(answer, f"x-hubspot-ratelimit-{name}") for name in ("daily", "daily-remaining")
        )
        self.budget = remaining, limit, daily_left, daily
        if remaining is None or answer.status == 429:
            return
        # The window rolls: what we took of it comes back as evenly as we took it. At zero it has to roll on first.
        left = max(int((remaining + ours) * LEFT_BY_OTHERS), 1) if remaining > 0 else 0
        self._limiter.observe(limit=limit, remaining=left, reset_seconds=(interval or 10_000) / 1000, turn=answer.turn)

    def _evidence(self, answer: Answer, said: Said, message: str) -> Evidence:
        clean = self._session.clean
        correlation_id = said.correlation_id or answer.headers.get("x-hubspot-correlation-id", "")
        return evidence(answer, code=clean(said.code), message=clean(message), request_id=clean(correlation_id))


def contact_id(found: dict[str, Any]) -> str:
    """The id in one of HubSpot's answers; "" when there is none. A number too large for some, so it stays text."""
    number = found.get("id")
    return str(number).strip() if isinstance(number, int | str) and not isinstance(number, bool) else ""


def _found(item: dict[str, Any]) -> Found:
    more = item.get("modificationMetadata")
    read_only = isinstance(more, dict) and more.get("readOnlyValue") is True
    listed = item.get("options")
    options = tuple(str(one.get("value")) for one in (listed if isinstance(listed, list) else []) if _is_object(one))
    return Found(str(item.get("type") or "string"), read_only or item.get("calculated") is True, options)


def _trace_id(entry: dict[str, Any]) -> str:
    found = entry.get("objectWriteTraceId")
    return found if isinstance(found, str) else ""


def _is_object(entry: Any) -> bool:
    return isinstance(entry, dict)
