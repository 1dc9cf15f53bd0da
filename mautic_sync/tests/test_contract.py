"""Mautic keeps the contract of every platform."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import responses

from curation_sdk.contract import SECRET, Canned, PlatformContract
from mautic_sync.job import MAUTIC
from mautic_sync.tests.support import BATCH, FIELDS, SITE, error

REFUSED = {
    "contacts": [],
    "statusCodes": [400],
    "errors": [error(400, "email: ada@acme.example is invalid.", email="ada@acme.example is invalid.")["errors"][0]],
}


class TestContract(PlatformContract):
    job = MAUTIC
    push_url = BATCH
    success = Canned(201, json={"contacts": [{"id": 47, "doNotContact": []}], "statusCodes": [201]})
    remote_id = "47"
    throttled = Canned(429, json=error(429, "Too many"), headers={"Retry-After": "17"})
    throttled_for = timedelta(seconds=17)
    rejected = Canned(201, json=REFUSED)
    wrong_key = Canned(401, json=error(401, f"API authorization denied for {SECRET}.", kind="access_denied"))

    def platform_on(self, settings: Any) -> None:
        settings.MAUTIC_API_BASE_URL = f"{SITE}/api/"
        settings.MAUTIC_USERNAME = "sync"
        settings.MAUTIC_PASSWORD = SECRET

    def platform_off(self, settings: Any) -> None:
        settings.MAUTIC_USERNAME = settings.MAUTIC_PASSWORD = ""

    def other_answers(self, wire: responses.RequestsMock) -> None:
        wire.get(FIELDS, json={"1": {"id": 1, "alias": "firstname", "type": "text"}})
