"""`manage.py n8n_sync`: push to n8n what is due now."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from contacts.deliverable import skip_reason
from curation_sdk.commands import SyncCommand
from n8n_sync.job import N8N
from n8n_sync.payload import contact_payload


class Command(SyncCommand):
    help = "Push to n8n what is due now, and return when nothing is."
    job = N8N

    def preview(self, contact: Any) -> dict[str, Any] | str:
        if reason := skip_reason(contact.email):
            return reason
        # `delivery_id` and `timestamp` come with the first try.
        return {"method": "POST", "path": settings.N8N_WEBHOOK_URL, "body": contact_payload(contact)}
