"""HubSpot keeps the contract of every platform."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import responses

from curation_sdk.contract import SECRET, Canned, PlatformContract
from hubspot_sync.job import HUBSPOT
from hubspot_sync.tests.support import (
    ALL_PROPERTIES,
    BASE,
    CONTACTS,
    PROPERTIES_URL,
    UPSERT,
    bad_value,
    error,
    refuses,
    takes_all,
    took,
)


def refuses_all(request: Any) -> Any:
    refusal = bad_value("email", "INVALID_EMAIL", "Email address ada@acme.example is invalid")
    return {"status": "COMPLETE", "results": [], "errors": [refuses(entry, refusal) for entry in request["inputs"]]}


class TestContract(PlatformContract):
    job = HUBSPOT
    push_url = UPSERT
    success = Canned(200, reply=lambda request: {"results": [took(entry, 42) for entry in request["inputs"]]})
    remote_id = "42"
    throttled = Canned(
        429, json={"message": "no", "policyName": "TEN_SECONDLY_ROLLING"}, headers={"Retry-After": "17"}
    )
    throttled_for = timedelta(seconds=17)
    rejected = Canned(207, reply=refuses_all)
    wrong_key = Canned(401, json=error("Authentication credentials not found.", "INVALID_AUTHENTICATION"))

    def platform_on(self, settings: Any) -> None:
        settings.HUBSPOT_API_KEY = SECRET
        settings.HUBSPOT_API_BASE_URL = BASE

    def platform_off(self, settings: Any) -> None:
        settings.HUBSPOT_API_KEY = ""

    def other_answers(self, wire: responses.RequestsMock) -> None:
        wire.get(f"{CONTACTS}?limit=1", json={"results": []})
        wire.get(PROPERTIES_URL, json=ALL_PROPERTIES)


def test_the_support_answers_as_hubspot_does() -> None:
    """Results carry the trace ids of their inputs, in another order."""
    inputs = [{"id": "A@x.example", "objectWriteTraceId": "1"}, {"id": "b@x.example", "objectWriteTraceId": "2"}]
    results = takes_all(inputs)["results"]
    assert [(result["objectWriteTraceId"], result["properties"]["email"]) for result in results] == [
        ("2", "b@x.example"),
        ("1", "a@x.example"),
    ]
