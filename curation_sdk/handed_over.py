"""Contacts in the hands of somebody who reports later: finding them again, and storing what they say.

A platform that answers `Waiting` reports what became of a contact; another program takes contacts out of the queue and
reports on each. Both hold a contact as a worker does: Processing, with the lease, or the time by which the report is
due, in `next_attempt_at`. What comes after that time, or after somebody decided otherwise, changes nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from curation_sdk.claiming import Claimer, Person, due
from curation_sdk.decisions import Answer
from curation_sdk.job import SyncJob
from curation_sdk.outcomes import Outcome
from curation_sdk.settling import Result, settle
from curation_sdk.statuses import ProcessingStatus, SyncStatus
from curation_sdk.steering import paused

#: A lease that nobody has: an answer under it is recorded as one that came too late.
NOBODYS = datetime(1970, 1, 1, tzinfo=UTC)

#: Claims for one request. The first ones may hold nobody but people who are skipped.
CLAIMS = 10


def hand_over(
    job: SyncJob,
    *,
    now: datetime,
    size: int,
    lease: timedelta,
    refuse: Callable[[Any], Outcome | None],
    contacts: QuerySet[Any] | None = None,
) -> list[Person]:
    """Take up to `size` due contacts out of the queue for somebody else, for the time of the lease.

    contacts: take only from this set; None: from all. refuse: contact -> an outcome for who need not be handed over,
    else None. Whoever must not be pushed gets his answer at once, as in a run. A queue that is paused,
    or whose people cannot be told from those who must not be pushed, gives nobody.
    """
    if paused(job) or job.unsafe():
        return []
    policy = replace(job.policy(), lease=lease)
    people: list[Person] = []
    for _ in range(CLAIMS):
        room = size - len(people)
        if room <= 0:
            break
        only = None if contacts is None else _due_among(job, contacts, now, room)
        if only == []:
            break
        claimed = Claimer(job, policy, only).claim(now=now, size=room)
        if not claimed.to_push and not claimed.answered:
            break
        answered: list[tuple[Person, Outcome]] = list(claimed.answered)
        for person in claimed.to_push:
            if outcome := refuse(person.contact):
                answered.append((person, outcome))
            else:
                people.append(person)
        if answered:
            results = [Result(person, outcome) for person, outcome in answered]
            settle(job, policy, results, run=None, now=now, chance=random.random)
    return people


def _due_among(job: SyncJob, contacts: QuerySet[Any], now: datetime, size: int) -> list[Any]:
    chosen = due(job, now=now).filter(pk__in=contacts.order_by().values("pk"))
    return list(chosen.values_list("pk", flat=True)[:size])


def in_hand(job: SyncJob, keys: Collection[Any]) -> dict[Any, Person]:
    """Those of the contacts with these keys that are in somebody's hands, by key, with the rows of the same person."""
    processing = Q(**{job.processing_status: ProcessingStatus.PROCESSING, f"{job.next_attempt_at}__isnull": False})
    asked = list(job.contacts.filter(processing, pk__in=keys))
    identities = {getattr(row, job.identity) for row in asked} - {None, ""}
    others = job.contacts.filter(processing, **{f"{job.identity}__in": identities}) if identities else ()
    together: dict[tuple[Any, datetime], list[Any]] = {}
    for row in others:
        together.setdefault((getattr(row, job.identity), getattr(row, job.next_attempt_at)), []).append(
            _before(job, row)
        )
    found = {}
    for row in asked:
        lease = getattr(row, job.next_attempt_at)
        rows = together.get((getattr(row, job.identity), lease)) or [_before(job, row)]
        found[row.pk] = Person(rows, row, lease)
    return found


def take_back(job: SyncJob, row: Any, *, until: datetime) -> bool:
    """Put a contact that waits for another try in hand again, as it turned out that the last one arrived.

    The rows of the same person that wait likewise come along; a try that is counted stays counted. False, and nothing
    is changed: the row does not wait so, or is not as it was read. To be called after `one_bulk_writer`, in the
    transaction that stores the report.
    """
    waits = {job.processing_status: ProcessingStatus.QUEUED, f"{job.retry_count}__gt": 0}
    same = {column: getattr(row, column) for column in (job.retry_count, job.begun_at, job.identity) if column}
    mine = {
        job.sync_status: SyncStatus.PROCESSING,
        job.processing_status: ProcessingStatus.PROCESSING,
        job.next_attempt_at: until,
    }
    # One that is being claimed at this moment is waited for here, and then no longer Queued.
    if not job.contacts.filter(Q(**waits) & Q(**same), pk=row.pk).update(**mine):
        return False
    if job.identity and getattr(row, job.identity):
        job.contacts.filter(**waits, **{job.identity: getattr(row, job.identity)}).update(**mine)
    return True


def report(
    job: SyncJob, answers: Sequence[tuple[Person, Answer]], *, now: datetime, late: Iterable[tuple[Any, Answer]] = ()
) -> Counter[str]:
    """Store reports on people from `in_hand`; returns how many rows counted as what, by SyncRun's counters.

    late: contacts and what was said of them too late. It changes nothing, and is kept as an attempt.
    """
    results = [Result(person, answer) for person, answer in answers]
    results += [Result(Person([row], row, NOBODYS), answer) for row, answer in late]
    if not results:
        return Counter()
    return settle(job, job.policy(), results, run=None, now=now, chance=random.random)


def _before(job: SyncJob, row: Any) -> Any:
    """The row as it was before its claim counted a try, as answers are decided."""
    setattr(row, job.retry_count, max(getattr(row, job.retry_count) - 1, 0))
    return row
