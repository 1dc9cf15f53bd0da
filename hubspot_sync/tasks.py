"""What the task queue calls."""

from __future__ import annotations

from curation_sdk.tasks import process_queue
from hubspot_sync.job import HUBSPOT


def process_hubspot_sync_queue(trigger: str = "schedule") -> str:
    """Push what is due for HubSpot. Returns what happened, as a sentence for the task list in the admin."""
    return process_queue(HUBSPOT, trigger)
