"""`manage.py brevo_sync`: push to Brevo what is due now."""

from __future__ import annotations

from brevo_sync.job import BREVO
from curation_sdk.commands import SyncCommand


class Command(SyncCommand):
    help = "Push to Brevo what is due now, and return when nothing is."
    job = BREVO
