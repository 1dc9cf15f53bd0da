"""What the task queue calls."""

from __future__ import annotations

from mautic_sync.comparing import COMPARISON
from mautic_sync.opt_outs import TELLER
from opt_outs.tasks import tell_and_push
from reconciliation.tasks import compare


def process_mautic_sync_queue(trigger: str = "schedule") -> str:
    """Tell Mautic of our opt-outs, then push what is due. Returns what happened, for the task list in the admin."""
    return tell_and_push(TELLER, trigger)


def compare_with_mautic() -> str:
    """Compare what Mautic holds with what is Complete here: the night's comparison, or one that waits to go on."""
    return compare(COMPARISON)
