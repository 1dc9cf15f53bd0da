"""`manage.py brevo_sync`: push to Brevo what is due now."""

from __future__ import annotations

from typing import Any

from brevo_sync import conf
from brevo_sync.connection import request
from brevo_sync.job import BREVO
from curation_sdk.commands import SyncCommand


class Command(SyncCommand):
    help = "Push to Brevo what is due now, and return when nothing is."
    job = BREVO

    def preview(self, contact: Any) -> dict[str, Any] | str:
        return request(contact, conf.load())
