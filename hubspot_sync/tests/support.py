"""What several tests here need: an account's configuration, a client in frozen time, an unsaved contact, answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import requests

from contacts.models import Contact, Domain
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.testing import FakeClock
from hubspot_sync import conf
from hubspot_sync.client import HubSpotClient
from hubspot_sync.payload import Parcel, parcel
from hubspot_sync.properties import PROPERTIES, names_in_use

KEY = "pat-eu1-0123456789abcdef-secret"
BASE = "https://hubspot.test"
CONTACTS = f"{BASE}/crm/objects/2026-09/contacts"
UPSERT = f"{CONTACTS}/batch/upsert"
PROPERTIES_URL = f"{BASE}/crm/properties/2026-09/contacts"
TODAY = date(2026, 11, 24)
ALL_PROPERTIES = {"results": [{"name": name, "type": "string"} for name in PROPERTIES]}


def config(**changes: Any) -> conf.HubSpotConfig:
    """One account; `renamed` changes property names as HUBSPOT_PROPERTIES does."""
    values: dict[str, Any] = {
        "api_key": KEY,
        "base_url": BASE,
        "version": "2026-09",
        "properties": names_in_use(changes.pop("renamed", {})),
        "rate_per_second": 9.0,
        "concurrency": 2,
    }
    return conf.HubSpotConfig(**{**values, **changes})


def client(clock: FakeClock | None = None, **changes: Any) -> HubSpotClient:
    """A client whose turns cost no time."""
    return HubSpotClient(config(**changes), RateLimiter(1000.0, clock or FakeClock()))


def contact(email: str | None = "ada@acme.example", *, domain: Domain | None = None, **columns: Any) -> Contact:
    """A contact that is in no database."""
    made = Contact(email=email, **columns)
    if domain is not None:
        made.domain = domain
    return made


def sent(email: str = "ada@acme.example", **columns: Any) -> Parcel:
    """A contact as it is sent."""
    return parcel(contact(email, **columns), config(), today=TODAY, mark="m")


def error(message: str, category: str = "VALIDATION_ERROR", **more: Any) -> dict[str, Any]:
    """An error body."""
    return {"status": "error", "category": category, "message": message, "correlationId": "c-1", **more}


def bad_value(name: str, code: str, message: str) -> dict[str, Any]:
    """An error body whose details sit as JSON inside the message."""
    detail = json.dumps([{"isValid": False, "message": message, "error": code, "name": name}])
    return error(f"Property values were not valid: {detail}")


def took(entry: dict[str, Any], number: int = 501, **more: Any) -> dict[str, Any]:
    """The result for one input: an id, and the address in lower case."""
    return {
        "id": str(number),
        "new": True,
        "objectWriteTraceId": entry["objectWriteTraceId"],
        "properties": {"email": entry["id"].lower()},
        "createdAt": "2026-11-24T12:00:00Z",
        "updatedAt": "2026-11-24T12:00:00Z",
        "archived": False,
        **more,
    }


def reply(make: Callable[[list[dict[str, Any]]], Any], status: int = 200) -> Callable[[Any], Any]:
    """A callback for `responses` that makes the answer from the request's inputs."""

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        return (
            status,
            {"Content-Type": "application/json"},
            json.dumps(make(json.loads(request.body or "{}")["inputs"])),
        )

    return answer


def takes_all(inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """Everybody arrives; the answer comes in another order."""
    results = [took(entry, 501 + place) for place, entry in enumerate(inputs)]
    return {"status": "COMPLETE", "results": results[::-1]}


def refuses(entry: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """An entry of a 207's errors."""
    return {**body, "context": {"objectWriteTraceId": [entry["objectWriteTraceId"]]}}
