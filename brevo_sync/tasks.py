"""What the task queue calls."""

from __future__ import annotations

from brevo_sync.comparing import COMPARISON
from brevo_sync.job import BREVO
from curation_sdk.tasks import process_queue
from reconciliation.tasks import compare


def process_brevo_sync_queue(trigger: str = "schedule") -> str:
    """Push what is due for Brevo. Returns what happened, as a sentence for the task list in the admin."""
    return process_queue(BREVO, trigger)


def compare_with_brevo() -> str:
    """Compare what Brevo holds with what is Complete here: the night's comparison, or one that waits to go on."""
    return compare(COMPARISON)
