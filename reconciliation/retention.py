"""What old comparisons found goes, and in the end they themselves."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from curation_sdk.job import BUDGET
from curation_sdk.retention import delete_in_parts
from curation_sdk.shutdown import stop_requested
from curation_sdk.wording import count_of
from reconciliation.models import HeldContact, Reconciliation

logger = logging.getLogger(__name__)

State = Reconciliation.State


def prune_comparisons() -> str:
    """What the daily schedule calls. Returns what was deleted, as a sentence."""
    end = time.monotonic() + BUDGET.total_seconds()

    def stop() -> bool:
        return stop_requested() or time.monotonic() > end

    platforms = Reconciliation.objects.order_by().values_list("platform", flat=True).distinct()
    rows = sum(prune_of(platform, stop=stop) for platform in list(platforms))
    days: int = settings.SYNC_HISTORY_DAYS
    gone = 0
    if days:
        before = timezone.now() - timedelta(days=days)
        # Those that still have rows would take all of them along at once.
        old = Reconciliation.objects.exclude(state=State.RUNNING).filter(started_at__lt=before)
        old = old.exclude(pk__in=_shown()).exclude(pk__in=HeldContact.objects.values("reconciliation"))
        gone = delete_in_parts(old.order_by("started_at", "pk"), stop)
    sentence = f"Deleted {count_of(gone, 'comparison')} and {count_of(rows, 'row')} of older ones."
    logger.info("retention: %s", sentence)
    return sentence


def prune_of(platform: str, *, stop: Callable[[], bool]) -> int:
    """Delete the rows of the platform's older comparisons, and those of the last one in whom nothing differs."""
    ended = Reconciliation.objects.filter(platform=platform).exclude(state=State.RUNNING)
    shown = [pk for pk, name in _shown_of_each() if name == platform]
    deleted = 0
    for pk, state in list(ended.order_by("started_at", "pk").values_list("pk", "state")):
        rows = HeldContact.objects.filter(reconciliation_id=pk)
        if pk in shown:
            if state != State.FINISHED:
                continue  # it may go on
            rows = rows.filter(kind=HeldContact.Kind.SAME)
        deleted += delete_in_parts(rows.order_by("pk"), stop)
    return deleted


def _shown_of_each() -> list[tuple[UUID, str]]:
    """Of each platform the last comparison that finished, and the last one of all."""
    found: dict[tuple[str, bool], UUID] = {}
    every = Reconciliation.objects.order_by("started_at", "pk")
    for pk, platform, state in every.values_list("pk", "platform", "state"):
        found[platform, False] = pk
        if state == State.FINISHED:
            found[platform, True] = pk
    return [(pk, platform) for (platform, _), pk in found.items()]


def _shown() -> list[UUID]:
    return [pk for pk, _ in _shown_of_each()]
