"""What the task queue calls."""

from __future__ import annotations

import logging

from curation_sdk.models import SyncRun
from curation_sdk.shutdown import stop_requested
from curation_sdk.steering import paused
from curation_sdk.tasks import enqueue, process_queue
from curation_sdk.wording import count_of
from mautic_sync.comparing import COMPARISON
from mautic_sync.job import MAUTIC
from mautic_sync.opt_outs import Told, tell_opt_outs
from reconciliation.tasks import compare

logger = logging.getLogger(__name__)


def process_mautic_sync_queue(trigger: str = "schedule") -> str:
    """Tell Mautic of our opt-outs, then push what is due. Returns what happened, for the task list in the admin."""
    # A queue that is paused leaves the platform alone: opt-outs are told when it goes on.
    told = tell_opt_outs(stop=lambda: stop_requested() or paused(MAUTIC) is not None)
    if told.problem:
        logger.error("mautic: %s", opt_outs_sentence(told))
    sentence = process_queue(MAUTIC, trigger)
    if told.more and not stop_requested():
        enqueue(MAUTIC, SyncRun.Trigger.SUCCESSOR)
    return " ".join(filter(None, (opt_outs_sentence(told), sentence)))


def opt_outs_sentence(told: Told) -> str:
    """What became of the opt-outs; "" when there were none."""
    said = f"Told Mautic of {count_of(told.count, 'opt-out')}." if told.count else ""
    problem = f"Opt-outs wait: {told.problem}" if told.problem else ""
    return " ".join(filter(None, (said, problem)))


def compare_with_mautic() -> str:
    """Compare what Mautic holds with what is Complete here: the night's comparison, or one that waits to go on."""
    return compare(COMPARISON)
