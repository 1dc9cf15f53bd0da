"""How fast a queue's contacts are dealt with, by what its latest runs did."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from curation_sdk.models import SyncRun

#: Runs that ended earlier say nothing about now.
LATELY = timedelta(minutes=10)

#: Less work than this says nothing yet.
ENOUGH = timedelta(seconds=2)


def contacts_a_minute(runs: Iterable[SyncRun], *, now: datetime) -> float | None:
    """Contacts that got an answer, for each minute in which a run was at work. None: nobody was lately.

    Time in which several runs worked side by side counts once.
    """
    lately = [run for run in runs if (run.finished_at or now) >= now - LATELY]
    worked = _together([(run.started_at, run.finished_at or now) for run in lately])
    if worked < ENOUGH:
        return None
    return sum(map(answered, lately)) / (worked.total_seconds() / 60)


def answered(run: SyncRun) -> int:
    """Contacts of a run that got an answer, whichever."""
    return run.synced + run.waiting + run.skipped + run.retried + run.failed


def time_left(contacts: int, pace: float | None) -> timedelta | None:
    """How long so many contacts take at this pace (contacts a minute); None when nobody can say."""
    return timedelta(minutes=contacts / pace) if pace and contacts else None


def _together(spans: Iterable[tuple[datetime, datetime]]) -> timedelta:
    total, until = timedelta(), None
    for begun, ended in sorted(spans):
        since = max(begun, until) if until else begun
        total += max(ended - since, timedelta())
        until = max(ended, until) if until else ended
    return total
