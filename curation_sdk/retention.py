"""Old runs and attempts go, so that the tables that hold them do not grow for ever.

In small parts, each a transaction of its own: nobody waits for them, and what was deleted stays deleted when the task
is ended in the middle; the next one goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_q.models import Failure

from curation_sdk.database import atomic_with_retry
from curation_sdk.drafts import DRAFT_LASTS, UNDO_LASTS
from curation_sdk.job import BUDGET
from curation_sdk.models import BulkOperation, ChosenContact, SyncAttempt, SyncRun
from curation_sdk.shutdown import stop_requested
from curation_sdk.wording import count_of

logger = logging.getLogger(__name__)

#: Rows per transaction.
AT_ONCE = 1_000


def prune_sync_history() -> str:
    """What the daily schedule calls. Deletes what is older than `SYNC_HISTORY_DAYS`; 0 keeps it for ever."""
    days: int = settings.SYNC_HISTORY_DAYS
    if not days:
        return "SYNC_HISTORY_DAYS is 0: runs and attempts are kept for ever."
    end = time.monotonic() + BUDGET.total_seconds()
    sentence = prune(
        before=timezone.now() - timedelta(days=days), stop=lambda: stop_requested() or time.monotonic() > end
    )
    logger.info("retention: %s", sentence)
    return sentence


def prune_drafts() -> str:
    """What the daily schedule calls as well, whatever `SYNC_HISTORY_DAYS` says.

    Deletes previews that nobody confirmed, and forgets whom old operations queued.
    """
    end = time.monotonic() + BUDGET.total_seconds()
    now = timezone.now()

    def stop() -> bool:
        return stop_requested() or time.monotonic() > end

    drafts = BulkOperation.objects.filter(confirmed=False, requested_at__lt=now - DRAFT_LASTS)
    drafts = drafts.exclude(state=BulkOperation.State.RUNNING)
    old = BulkOperation.objects.filter(chosen__isnull=False, requested_at__lt=now - UNDO_LASTS)
    being_undone = BulkOperation.objects.filter(state__in=BulkOperation.UNFINISHED, undoes__isnull=False)
    old = old.exclude(Q(state__in=BulkOperation.UNFINISHED) | Q(pk__in=being_undone.values("undoes")))
    # Their contacts first, in parts: with the operation they would go all at once.
    kept = ChosenContact.objects.filter(Q(operation__in=drafts) | Q(operation__in=old)).order_by("pk")
    delete_in_parts(kept, stop)
    deleted = 0 if stop() else delete_in_parts(drafts.order_by("requested_at", "pk"), stop)
    sentence = f"Deleted {count_of(deleted, 'preview')} that nobody confirmed."
    logger.info("retention: %s", sentence)
    return sentence


def prune(*, before: datetime, stop: Callable[[], bool] = lambda: False) -> str:
    """Delete attempts made, runs and operations ended, and tasks failed before a time.

    Returns what was deleted, as a sentence. `stop` is asked between parts.

    A run that is under way stays, whatever its age: its row is also the lock of its slot. A run that asks its platform
    to be left alone until a time still ahead decides something, so it stays as well.
    """
    attempts = SyncAttempt.objects.filter(created_at__lt=before).order_by("created_at", "pk")
    runs = SyncRun.objects.exclude(state=SyncRun.State.RUNNING).filter(finished_at__lt=before)
    runs = runs.exclude(resume_at__gte=timezone.now()).order_by("finished_at", "pk")
    # The task queue limits how many successes it keeps; its failures it keeps for ever.
    failures = Failure.objects.filter(stopped__lt=before).order_by("stopped", "pk")
    operations = BulkOperation.objects.exclude(state__in=BulkOperation.UNFINISHED)
    operations = operations.filter(finished_at__lt=before).order_by("finished_at", "pk")
    counts = [delete_in_parts(rows, stop) for rows in (attempts, runs, operations, failures)]
    names = ("attempt", "run", "operation", "failed task")
    return f"Deleted {', '.join(count_of(count, name) for count, name in zip(counts, names, strict=True))}."


def delete_in_parts(rows: QuerySet[Any], stop: Callable[[], bool]) -> int:
    """Delete ordered rows, in transactions of their own. Returns how many; `stop` is asked between them."""
    deleted = 0
    while not stop():
        part = list(rows.values_list("pk", flat=True)[:AT_ONCE])
        if not part:
            break
        chosen = rows.model._default_manager.filter(pk__in=part)
        atomic_with_retry(chosen.order_by().delete)
        deleted += len(part)
    return deleted
