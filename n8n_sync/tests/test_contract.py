"""n8n keeps the contract of every platform."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from curation_sdk.contract import SECRET, Canned, PlatformContract
from n8n_sync.job import N8N

WEBHOOK = "https://n8n.test/webhook/scrapersky-contact"


class TestContract(PlatformContract):
    job = N8N
    push_url = WEBHOOK
    success = Canned(202, json={"execution_id": "42"})
    remote_id = "42"
    throttled = Canned(429, headers={"Retry-After": "17"})
    throttled_for = timedelta(seconds=17)
    rejected = Canned(422, json={"code": 422, "message": "Failed to parse request body", "hint": "Check it"})
    wrong_key = Canned(403, text="Authorization data is wrong!")

    def platform_on(self, settings: Any) -> None:
        settings.N8N_WEBHOOK_SECRET = SECRET
        settings.N8N_WEBHOOK_URL = WEBHOOK

    def platform_off(self, settings: Any) -> None:
        settings.N8N_WEBHOOK_URL = ""
