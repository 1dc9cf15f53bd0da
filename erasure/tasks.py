"""What the task queue calls."""

from __future__ import annotations

from django.utils import timezone

from curation_sdk.models import SyncRun
from curation_sdk.tasks import enqueue, process_queue
from curation_sdk.wording import count_of
from erasure.erasing import erase_who_came_back, look_again
from erasure.job import ERASURE


def erase_again() -> str:
    """What the daily schedule calls: nobody who was erased stays, however they came back."""
    count = erase_who_came_back(now=timezone.now())
    if count:
        enqueue(ERASURE, SyncRun.Trigger.SCHEDULE)
    return f"Erased {count_of(count, 'person', 'people')} who had been stored again."


def process_erasures(trigger: str = "schedule") -> str:
    """Look again for what came in late, then have the platforms delete. Returns what happened, as a sentence."""
    look_again(now=timezone.now())
    return process_queue(ERASURE, trigger)
