"""Talking to HubSpot's contacts API, and what its errors mean.

Source: https://developers.hubspot.com/docs/api-reference and
https://developers.hubspot.com/docs/api-reference/error-handling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote

from curation_sdk.answers import PlatformError, header_number, in_trouble, quoted, redirected, without_markup
from curation_sdk.backoff import LONGEST, bounded
from curation_sdk.http import Answer, PlatformSession, evidence
from curation_sdk.outcomes import Evidence, StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.wording import count_of
from hubspot_sync import details
from hubspot_sync.conf import HubSpotConfig
from hubspot_sync.details import Said
from hubspot_sync.payload import Parcel, upsert_body
from hubspot_sync.properties import Found
from hubspot_sync.window import Window

#: How long to wait when a limit is reached, by its `policyName`. Nobody tells when the account's day ends, so the
#: daily one is asked about every hour. Source: https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
WAITS = {
    "TEN_SECONDLY_ROLLING": timedelta(seconds=10),
    "SECONDLY": timedelta(seconds=1),
    "DAILY": timedelta(hours=1),
}
OTHER_WAIT = timedelta(seconds=10)

#: 423: too many writes at once. The lock lasts two seconds.
LOCKED_FOR = timedelta(seconds=2)

#: 477: the account moves to another data centre, for up to a day. `Retry-After` says how long.
MOVING_FOR = timedelta(hours=1)

#: What others leave us of the ten seconds we use only to this share: they are as uneven as we are.
LEFT_BY_OTHERS = 0.95

#: Categories of one entry of a 207 that are HubSpot's last word on the contact. What else it says there is asked for
#: once more with a call of its own, which has a status of its own.
FINAL = {"VALIDATION_ERROR"}


class HubSpotError(PlatformError):
    """HubSpot did not do what was asked, for a reason that concerns this one request. `said`: its error body."""

    def __init__(self, reason: str, evidence: Evidence, said: Said, *, transient: bool = False) -> None:
        super().__init__(reason, evidence, transient=transient)
        self.said = said

    @property
    def status(self) -> int | None:
        return self.evidence.http_status


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
    """The seven endpoints that we use. Each method raises HubSpotError, StopRun (401, 403, no such property or API),
    Throttled (423, 429, 477), Unanswered (no whole answer) or NotPushed (the run ended first)."""

    def __init__(self, config: HubSpotConfig, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._window = Window()
        self._upsert = upsert_path(config.version)
        self._contacts = api_path("objects", config.version)
        self._properties = api_path("properties", config.version)
        self._session = PlatformSession(
            base_url=config.base_url,
            headers={"Authorization": f"Bearer {config.api_key}"},
            secrets=(config.api_key,),
            limiter=limiter,
            connections=config.concurrency,
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
            if refusal := self._refusal(answer, entry):
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

    def see_contacts(self) -> None:
        """May we see contacts? Changes nothing."""
        self._list(f"{self._contacts}?limit=1")

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
        return HubSpotError(reason, seen, Said(), transient=True)

    def _warning(self, entry: dict[str, Any]) -> str:
        """What HubSpot remarks on a contact that it took."""
        warnings = entry.get("warnings")
        found = [details.read(item).message for item in (warnings if isinstance(warnings, list) else [])]
        return self._session.clean(" ".join(filter(None, found)))

    def _refusal(self, answer: Answer, entry: dict[str, Any]) -> HubSpotError | StopRun | None:
        """What one entry of a 207's `errors` means; None when it is not the last word on the contact."""
        said = details.read(entry)
        seen = self._evidence(answer, said, said.message)
        if stop := self._stop(answer.status, said, seen):
            return stop
        if said.category not in FINAL:
            return None
        return HubSpotError(f"HubSpot refused it: {quoted(seen.message)}.", seen, said)

    def _call(self, method: str, path: str, body: Any = None, *, names_one: bool = False) -> tuple[Answer, Evidence]:
        """`names_one`: the path names a contact, which there may not be."""
        answer = self._session.request(method, path, json=body)
        self._observe(answer)
        if 200 <= answer.status < 300:
            return answer, self._evidence(answer, Said(), "")
        said = details.read(answer.json)
        message = said.message or ("" if answer.object else without_markup(answer.text))
        raise self._error(answer, said, self._evidence(answer, said, message), names_one=names_one)

    def _observe(self, answer: Answer) -> None:
        """Keep the pace within what the account has left of its ten seconds."""
        ours = self._window.took(answer.turn)
        limit, remaining, interval = (
            header_number(answer, f"x-hubspot-ratelimit-{name}")
            for name in ("max", "remaining", "interval-milliseconds")
        )
        if remaining is None or answer.status == 429:
            return
        # The window rolls: what we took of it comes back as evenly as we took it. At zero it has to roll on first.
        left = max(int((remaining + ours) * LEFT_BY_OTHERS), 1) if remaining > 0 else 0
        self._limiter.observe(limit=limit, remaining=left, reset_seconds=(interval or 10_000) / 1000, turn=answer.turn)

    def _evidence(self, answer: Answer, said: Said, message: str) -> Evidence:
        clean = self._session.clean
        correlation_id = said.correlation_id or answer.headers.get("x-hubspot-correlation-id", "")
        return evidence(answer, code=clean(said.code), message=clean(message), request_id=clean(correlation_id))

    def _error(self, answer: Answer, said: Said, seen: Evidence, *, names_one: bool) -> Exception:
        """The error table. First what stops everything, then what passes, then what concerns this contact."""
        status, words = answer.status, quoted(seen.message)
        if throttled := self._throttled(answer, said, seen):
            return throttled
        if status == 401:
            return StopRun(
                f"HubSpot rejected the token (401): {words}. Check HUBSPOT_API_KEY: it must be the access token of a "
                "service key or a private app of this account, and not revoked.",
                seen,
            )
        if status == 403 and isinstance(answer.json, dict):
            return self._stop(status, said, seen) or StopRun(
                f"The token is not allowed to do this (403): {words}. Check its scopes in HubSpot.", seen
            )
        if stop := self._stop(status, said, seen):
            return stop
        passing = in_trouble("HubSpot", status, seen.message) or redirected("HubSpot", status, "HUBSPOT_API_BASE_URL")
        if passing:
            return HubSpotError(passing, seen, said, transient=True)
        if status == 404 and not (names_one and (said.category or said.correlation_id)):
            return StopRun(
                "There is no such HubSpot API at this address (404). Check HUBSPOT_API_BASE_URL and "
                "HUBSPOT_API_VERSION; HubSpot's own are https://api.hubapi.com and 2026-09.",
                seen,
            )
        if not answer.object and status != 400:
            # An edge server's page, not HubSpot's answer: it tells nothing about the contact.
            text = f"Something in front of HubSpot refused it ({status}): {words}."
            return HubSpotError(text, seen, said, transient=True)
        return HubSpotError(f"HubSpot refused it ({status}): {words}.", seen, said)

    def _throttled(self, answer: Answer, said: Said, seen: Evidence) -> Throttled | None:
        """What asks us to wait. `Retry-After` counts whenever it is there; it is not promised."""
        wish = timedelta(seconds=header_number(answer, "retry-after") or 0)
        words = quoted(seen.message)
        if answer.status == 429:
            wait = bounded(wish, longest=LONGEST, otherwise=WAITS.get(_policy(said), OTHER_WAIT))
            text = "HubSpot asked us to slow down"
        elif answer.status == 423:
            wait = max(bounded(wish, longest=LONGEST, otherwise=LOCKED_FOR), LOCKED_FOR)
            text = "HubSpot has locked the account for a moment"
        elif answer.status == 477:
            wait = bounded(wish, longest=LONGEST, otherwise=MOVING_FOR)
            text = "HubSpot is moving the account to another data centre"
        else:
            return None
        seconds = int(wait.total_seconds())
        self._limiter.refused(seconds)
        reason = f"{text} ({answer.status}): {words}. We wait {count_of(seconds, 'second')}."
        return Throttled(wait, reason, seen)

    def _stop(self, status: int, said: Said, seen: Evidence) -> StopRun | None:
        """What is wrong for every contact, named: properties that are missing, scopes that the token lacks."""
        if said.missing_properties:
            return StopRun(self._session.clean(no_such_properties(said.missing_properties)), seen)
        if said.category == "MISSING_SCOPES":
            scopes = self._session.clean(", ".join(said.scopes)) or "which HubSpot does not name"
            return StopRun(f"The token lacks a scope ({status}): {scopes}. Give it to the token in HubSpot.", seen)
        return None


def no_such_properties(names: Sequence[str]) -> str:
    """The sentence for properties that the account does not have."""
    nouns = "property" if len(names) == 1 else "properties"
    return (
        f"HubSpot refuses every contact, because the account has no {nouns} {', '.join(names)}. "
        "`manage.py hubspot_setup --create` makes what is missing."
    )


def contact_id(found: dict[str, Any]) -> str:
    """The id in one of HubSpot's answers; "" when there is none. A number too large for some, so it stays text."""
    number = found.get("id")
    return str(number).strip() if isinstance(number, int | str) and not isinstance(number, bool) else ""


def _policy(said: Said) -> str:
    """Which limit was reached. Where the answer has no `policyName`, its words say it."""
    if said.policy:
        return said.policy.upper()
    text = said.message.lower()
    if "ten_secondly" in text:
        return "TEN_SECONDLY_ROLLING"
    return "DAILY" if "daily" in text else "SECONDLY" if "secondly" in text else ""


def _found(item: dict[str, Any]) -> Found:
    more = item.get("modificationMetadata")
    read_only = isinstance(more, dict) and more.get("readOnlyValue") is True
    return Found(str(item.get("type") or "string"), read_only or item.get("calculated") is True)


def _trace_id(entry: dict[str, Any]) -> str:
    found = entry.get("objectWriteTraceId")
    return found if isinstance(found, str) else ""


def _is_object(entry: Any) -> bool:
    return isinstance(entry, dict)
