"""`manage.py hubspot_sync`: push to HubSpot what is due now."""

from __future__ import annotations

from typing import Any

from curation_sdk.commands import SyncCommand
from hubspot_sync import conf
from hubspot_sync.connection import request
from hubspot_sync.job import HUBSPOT
from hubspot_sync.payload import apart


class Command(SyncCommand):
    help = "Push to HubSpot what is due now, and return when nothing is."
    job = HUBSPOT

    def preview(self, contact: Any) -> dict[str, Any] | str:
        return request(contact, conf.load())

    def joined(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        inputs = [entry for request in requests for entry in request["body"]["inputs"]]
        groups = apart(inputs, lambda entry: str(entry["id"]))
        return [{**requests[0], "body": {"inputs": group}} for group in groups]
