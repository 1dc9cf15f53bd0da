"""What the task queue calls."""

from __future__ import annotations

from brevo_sync.job import BREVO
from curation_sdk.tasks import process_queue


def process_brevo_sync_queue(trigger: str = "schedule") -> str:
    """Push what is due for Brevo. Returns what happened, as a sentence for the task list in the admin."""
    return process_queue(BREVO, trigger)
