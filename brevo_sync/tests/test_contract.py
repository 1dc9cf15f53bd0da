"""Brevo keeps the contract of every platform."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import responses

from brevo_sync.job import BREVO
from curation_sdk.contract import SECRET, Canned, PlatformContract

API = "https://brevo.test/v3"


class TestContract(PlatformContract):
    job = BREVO
    push_url = f"{API}/contacts"
    success = Canned(201, json={"id": 42})
    remote_id = "42"
    throttled = Canned(429, json={"message": "too many"}, headers={"x-sib-ratelimit-reset": "17"})
    throttled_for = timedelta(seconds=17)
    rejected = Canned(400, json={"code": "invalid_parameter", "message": "Invalid email address"})
    wrong_key = Canned(401, json={"code": "unauthorized", "message": "Key not found"})

    def platform_on(self, settings: Any) -> None:
        settings.BREVO_API_KEY = SECRET
        settings.BREVO_API_BASE_URL = API

    def platform_off(self, settings: Any) -> None:
        settings.BREVO_API_KEY = ""

    def other_answers(self, wire: responses.RequestsMock) -> None:
        wire.get(f"{API}/contacts/attributes", json={"attributes": []})
