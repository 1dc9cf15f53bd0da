"""Working events off: in the order of their receipt, in chunks, each a transaction that applies and marks them.

A worker that is killed leaves its chunk as it was; nothing is applied without being marked, or marked without being
applied. To apply an event twice changes nothing, so the order and the number of events do not matter either.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from contacts.suppression import erased_keys
from curation_sdk.connection import last_webhook, webhook_came
from curation_sdk.database import atomic_with_retry
from curation_sdk.wording import storable
from webhooks.models import PlatformEvent
from webhooks.source import Source, Verdict, sources

logger = logging.getLogger(__name__)

State = PlatformEvent.State

#: Events in a transaction. On SQLite nobody else writes meanwhile, so it has to be short.
CHUNK = 200

#: An event that could not be applied is tried again after so long, so often in all; then a person has to look.
AGAIN_AFTER = timedelta(minutes=1)
MOST_TRIES = 5

_LONGEST_RESULT = 300


def waiting() -> QuerySet[PlatformEvent]:
    """Events that nobody has applied yet."""
    return PlatformEvent.objects.filter(state=State.RECEIVED)


def work_through(*, seconds: float, stop: Callable[[], bool] = lambda: False) -> int:
    """Apply what waits. Returns how many events were dealt with.

    Ends after `seconds`, when `stop` says so, or when nothing is left. Any number of workers may do it at once.
    """
    known = {source.platform: source for source in sources()}
    end = time.monotonic() + seconds
    done = 0
    while not stop() and time.monotonic() < end:
        count = atomic_with_retry(lambda: _chunk(known, timezone.now()))
        if not count:
            break
        done += count
    return done


def _chunk(known: dict[str, Source], now: datetime) -> int:
    """Apply and mark the oldest events that no other worker has in hand."""
    due = waiting().filter(Q(tries=0) | Q(worked_at__lt=now - AGAIN_AFTER)).order_by("id")
    if connection.vendor == "postgresql":
        due = due.select_for_update(skip_locked=True)
    events = list(due[:CHUNK])
    erased = _of_erased_people(events)
    for platform, group in groupby(sorted(events, key=lambda event: event.platform), lambda event: event.platform):
        theirs = list(group)
        if source := known.get(platform):
            _apply(source, theirs, now)
            latest = max(event.received_at for event in theirs)
            if latest > (last_webhook(platform) or latest - AGAIN_AFTER):
                webhook_came(platform, now=latest)
        else:
            _mark([event.pk for event in theirs], now, state=State.IGNORED, result="Nobody deals with them here.")
    PlatformEvent.objects.filter(pk__in=erased).exclude(state=State.RECEIVED).update(email_key="", body="{}")
    return len(events)


def _of_erased_people(events: Sequence[PlatformEvent]) -> list[int]:
    """Events about people who were erased. Nothing of them is kept but that they came."""
    erased = erased_keys({event.email_key for event in events if event.email_key})
    return [event.pk for event in events if event.email_key in erased]


def _apply(source: Source, events: Sequence[PlatformEvent], now: datetime) -> None:
    """All of them at once; one by one when that fails, so that a broken one holds up nobody but itself."""
    try:
        with transaction.atomic():
            verdicts = source.apply(events, now)
    except (OperationalError, InterfaceError):
        # The database's trouble, not the event's.
        raise
    except Exception as error:
        if len(events) > 1:
            for event in events:
                _apply(source, [event], now)
            return
        logger.exception("%s: event %s could not be applied", source.label, events[0].pk)
        _failed(events[0], error, now)
        return
    outcomes: dict[Verdict, list[int]] = {}
    for event, verdict in zip(events, verdicts, strict=True):
        outcomes.setdefault(verdict, []).append(event.pk)
    for verdict, keys in outcomes.items():
        _mark(keys, now, state=verdict.state, result=storable(verdict.result, _LONGEST_RESULT), problem="")


def _failed(event: PlatformEvent, error: Exception, now: datetime) -> None:
    given_up = event.tries + 1 >= MOST_TRIES
    # The class only: the message may hold what is in the event.
    problem = f"Unexpected {type(error).__name__} in our program; the log has more."
    _mark([event.pk], now, state=State.FAILED if given_up else State.RECEIVED, problem=problem)


def _mark(keys: Sequence[int], now: datetime, **columns: Any) -> None:
    PlatformEvent.objects.filter(pk__in=keys).update(worked_at=now, tries=F("tries") + 1, **columns)
