"""What the task queue calls."""

from __future__ import annotations

from contact_curation.job import CURATION
from curation_sdk.tasks import process_queue


def process_curation_queue(trigger: str = "schedule") -> str:
    """Curate what is queued. Returns what happened, as a sentence for the task list in the admin."""
    return process_queue(CURATION, trigger)
