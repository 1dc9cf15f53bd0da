"""What the task queue calls, and what each worker's main process does between tasks."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from curation_sdk.retention import delete_in_parts
from curation_sdk.shutdown import stop_requested
from curation_sdk.wording import count_of
from webhooks import rechecks
from webhooks.models import PlatformEvent
from webhooks.source import sources
from webhooks.working import waiting, work_through

logger = logging.getLogger(__name__)

#: A task works for so long, then the next one goes on.
BUDGET = 60.0  # seconds

#: Contacts are read again for so long in each minute.
RECHECKS = 45.0

#: Events that have waited for longer are seen to by a worker's main process: all its workers may be busy with pushes
#: of minutes, or the task was lost with a Redis. It has other things to do, so it works for a moment only.
LATE = timedelta(seconds=2)
A_MOMENT = 1.0  # seconds

#: Nobody reads again what has waited for so long: the platform is switched off, or a sweep has been there.
RECHECKS_LAST = timedelta(days=3)


def work_through_events() -> str:
    """Apply the events that wait. Called soon after each, and every minute for those to be tried again."""
    done = work_through(seconds=BUDGET, stop=stop_requested)
    return f"Worked through {count_of(done, 'event')}."


def recheck_contacts() -> str:
    """Read contacts again of which platforms say that they changed. Called every minute."""
    end = time.monotonic() + RECHECKS
    read = 0
    for source in sources():
        if source.recheck:
            read += source.recheck(end - time.monotonic(), stop_requested)
    return f"Read {count_of(read, 'contact')} again."


def look() -> None:
    """Take up events that no task has come for."""
    fresh = waiting().filter(tries=0).order_by("id")
    oldest = fresh.values_list("received_at", flat=True).first()
    if oldest is not None and timezone.now() - oldest > LATE:
        work_through(seconds=A_MOMENT, stop=stop_requested)


def prune_events() -> str:
    """Delete events that are older than `SYNC_HISTORY_DAYS`; 0 keeps them. Those that wait stay."""
    rechecks.forget(before=timezone.now() - RECHECKS_LAST)
    days: int = settings.SYNC_HISTORY_DAYS
    if not days:
        return "SYNC_HISTORY_DAYS is 0: events are kept for ever."
    old = PlatformEvent.objects.filter(received_at__lt=timezone.now() - timedelta(days=days))
    old = old.exclude(state=PlatformEvent.State.RECEIVED)
    deleted = delete_in_parts(old.order_by("id"), stop_requested)
    return f"Deleted {count_of(deleted, 'event')}."
