"""`manage.py hubspot_sync`: push to HubSpot what is due now."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from contacts.deliverable import skip_reason
from curation_sdk.commands import SyncCommand
from hubspot_sync import conf
from hubspot_sync.client import upsert_path
from hubspot_sync.job import HUBSPOT
from hubspot_sync.payload import apart, parcel, upsert_body


class Command(SyncCommand):
    help = "Push to HubSpot what is due now, and return when nothing is."
    job = HUBSPOT

    def preview(self, contact: Any) -> dict[str, Any] | str:
        if reason := skip_reason(contact.email):
            return reason
        config = conf.load()
        one = parcel(contact, config, today=timezone.now().date(), mark="dry-run")
        return {"method": "POST", "path": upsert_path(config.version), "body": upsert_body([one])}

    def joined(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        inputs = [entry for request in requests for entry in request["body"]["inputs"]]
        groups = apart(inputs, lambda entry: str(entry["id"]))
        return [{**requests[0], "body": {"inputs": group}} for group in groups]
