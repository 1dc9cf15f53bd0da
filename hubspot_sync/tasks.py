"""What the task queue calls."""

from __future__ import annotations

from curation_sdk.tasks import process_queue
from hubspot_sync.comparing import COMPARISON
from hubspot_sync.job import HUBSPOT
from reconciliation.tasks import compare


def process_hubspot_sync_queue(trigger: str = "schedule") -> str:
    """Push what is due for HubSpot. Returns what happened, as a sentence for the task list in the admin."""
    return process_queue(HUBSPOT, trigger)


def compare_with_hubspot() -> str:
    """Compare what HubSpot holds with what is Complete here: the night's comparison, or one that waits to go on."""
    return compare(COMPARISON)
