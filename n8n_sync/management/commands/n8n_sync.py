"""`manage.py n8n_sync`: push to n8n what is due now."""

from __future__ import annotations

from typing import Any

from curation_sdk.commands import SyncCommand
from n8n_sync.connection import request
from n8n_sync.job import N8N


class Command(SyncCommand):
    help = "Push to n8n what is due now, and return when nothing is."
    job = N8N

    def preview(self, contact: Any) -> dict[str, Any] | str:
        return request(contact)
