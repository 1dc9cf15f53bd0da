"""`manage.py curate_contacts`: curate now what is queued."""

from __future__ import annotations

from contact_curation.job import CURATION
from curation_sdk.commands import SyncCommand


class Command(SyncCommand):
    help = "Curate what is queued for it now, and return when nothing is."
    job = CURATION
