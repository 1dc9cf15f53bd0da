"""Taking contacts out of the queue for a worker, and giving them back unpushed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import F, Q, QuerySet

from curation_sdk import statements
from curation_sdk.backoff import JITTER, LONGEST
from curation_sdk.database import atomic_with_retry, one_bulk_writer
from curation_sdk.job import SyncJob, SyncPolicy
from curation_sdk.models import SyncRun
from curation_sdk.outcomes import Outcome, Rejected, Skipped
from curation_sdk.queueing import active, skip_reason
from curation_sdk.runs import SKEW
from curation_sdk.statuses import ProcessingStatus, SyncStatus
from curation_sdk.wording import count_of

#: Rows of the same people that one claim takes along. A made-up address may stand on tens of thousands.
SIBLINGS = 500


#: Rows of other tables, such as domains, are read anew after so long, or when there are so many.
REMEMBER = timedelta(seconds=10)
REMEMBER_AT_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Person:
    """Claimed rows that share an address: one push, one answer for all of them."""

    rows: Sequence[Any]
    contact: Any  # their merged data, never saved
    lease: datetime  # stands in `next_attempt_at` while the claim is ours: the token that settling checks


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim took: people to push, and people whose answer is known without asking the platform."""

    to_push: list[Person] = field(default_factory=list)
    answered: list[tuple[Person, Outcome]] = field(default_factory=list)


class Claimer:
    """Takes claims for one run. `only`: keys of the contacts to take; None: all."""

    def __init__(self, job: SyncJob, policy: SyncPolicy, only: Collection[Any] | None = None) -> None:
        self._job, self._policy = job, policy
        self._only = [] if only is None else [statements.prepared(job, "pk", key) for key in only]
        reason, self._reason_values = statements.compiled(job, skip_reason(job))
        self._related: dict[str, dict[Any, Any]] = {}  # relation -> key -> object
        self._related_at = datetime.min.replace(tzinfo=UTC)
        self._select = statements.select_claim(job, reason, only=None if only is None else len(self._only))

    def claim(self, *, now: datetime, size: int) -> Claim:
        """Take up to `size` due contacts, oldest first, and the other queued rows of the same people with them.

        Every row taken is marked Processing, gets one try counted and the lease set. On PostgreSQL the rows that
        another worker is taking at this moment are passed over; SQLite has one writer at a time.
        """
        job, lease = self._job, now + self._policy.lease
        siblings = [SIBLINGS] if job.identity else []
        values = [*self._only, self._time(now), size, *siblings, *self._reason_values]

        def take() -> list[Any]:
            rows = list(job.contacts.raw(self._select, values))
            return self._mark(rows, lease, now) if rows else rows

        rows = atomic_with_retry(take)
        self._relate(rows, now)
        return _sort(job, self._policy, rows, lease)

    def _mark(self, rows: list[Any], lease: datetime, now: datetime) -> list[Any]:
        keys = [statements.prepared(self._job, "pk", row.pk) for row in rows]
        begun = [self._time(now)] if self._job.begun_at else []
        with connection.cursor() as cursor:
            cursor.execute(statements.mark_claimed(self._job, len(keys)), [self._time(lease), *begun, *keys])
            taken = cursor.rowcount
        for row in rows if begun else ():
            if not getattr(row, self._job.retry_count):
                setattr(row, self._job.begun_at, now)
        if taken < len(rows):
            # Not ours: a row that cannot be found by its own key, written past Django.
            found = set(_filter(self._job, rows).values_list("pk", flat=True))
            rows = [row for row in rows if row.pk in found]
        return rows

    def _relate(self, rows: Sequence[Any], now: datetime) -> None:
        """Give the rows what a push needs of other tables, such as their domains: many share one."""
        if now - self._related_at > REMEMBER or sum(map(len, self._related.values())) > REMEMBER_AT_MOST:
            self._related, self._related_at = {}, now
        for name in self._job.related:
            field = self._job.model._meta.get_field(name)
            known = self._related.setdefault(name, {})
            keys = {getattr(row, field.attname) for row in rows} - {None}
            if missing := keys - known.keys():
                known.update(field.related_model._base_manager.in_bulk(missing))
            for row in rows:
                setattr(row, name, known.get(getattr(row, field.attname)))

    def _time(self, moment: datetime) -> Any:
        return statements.prepared(self._job, self._job.next_attempt_at, moment)


def claim(job: SyncJob, policy: SyncPolicy, *, now: datetime, size: int, only: Collection[Any] | None = None) -> Claim:
    """One claim; see `Claimer.claim`."""
    return Claimer(job, policy, only).claim(now=now, size=size)


def due(job: SyncJob, *, now: datetime, only: Collection[Any] | None = None) -> QuerySet[Any]:
    """The contacts whose turn it is, oldest first: queued ones, and those whose worker let the lease pass."""
    turn = Q(**{f"{job.next_attempt_at}__lte": now})
    contacts = job.contacts.filter(active(job), turn).order_by(job.next_attempt_at, "pk")
    return contacts if only is None else contacts.filter(pk__in=only)


def misdated(job: SyncJob, policy: SyncPolicy, *, now: datetime) -> list[Q]:
    """The contacts in the queue whose time cannot be meant: without one, or later than anything would make it.

    The first come from somebody's plain SQL. The others are left over when a clock is set back: a wait longer than
    any; and, where runs from the future prove it, a claim longer than a lease, and a wait that nothing explains.
    Each of these is a range of the index of the due, which an OR of them would not be.
    """
    at, status = job.next_attempt_at, job.processing_status
    wrong = [Q(**{f"{at}__isnull": True}), Q(**{f"{at}__gt": now + LONGEST * (1 + JITTER) + SKEW})]
    if SyncRun.objects.filter(platform=job.platform, heartbeat_at__gt=now + SKEW).exists():
        longest = max(policy.lease, policy.answer_within)
        fresh = {job.retry_count: 0, f"{job.processing_error}__isnull": True}
        wrong += [
            Q(**{f"{at}__gt": now + longest + SKEW, status: ProcessingStatus.PROCESSING}),
            Q(**{f"{at}__gt": now + SKEW, status: ProcessingStatus.QUEUED}, **fresh),
        ]
    return [one & active(job) for one in wrong]


def work_is_due(job: SyncJob, policy: SyncPolicy, *, now: datetime, only: Collection[Any] | None = None) -> bool:
    """Is there anything to claim? Contacts whose time cannot be meant are made due first, if nothing else is."""
    if _any(due(job, now=now, only=only)):
        return True
    mended = 0
    for wrong in misdated(job, policy, now=now):
        contacts = job.contacts.filter(wrong)
        if _any(contacts.order_by(job.next_attempt_at, "pk")):
            mended += atomic_with_retry(partial(_make_due, job, contacts, now))
    return bool(mended) and _any(due(job, now=now, only=only))


def _make_due(job: SyncJob, contacts: QuerySet[Any], now: datetime) -> int:
    one_bulk_writer()
    return contacts.update(**{job.next_attempt_at: now})


def _any(contacts: QuerySet[Any]) -> bool:
    # Sliced, so that the order stays: without it the planner may take a walk over the whole table for quicker.
    return contacts[:1].exists()


def release(job: SyncJob, people: Iterable[Person], *, now: datetime) -> int:
    """Give claimed contacts back unpushed: queued, due now, the try not counted. Returns how many rows."""
    rows_by_lease: dict[datetime, list[Any]] = {}
    for person in people:
        rows_by_lease.setdefault(person.lease, []).extend(person.rows)

    def give_back() -> int:
        one_bulk_writer()
        return sum(
            _filter(job, rows)
            .filter(**held(job, lease))
            .update(
                **{
                    job.sync_status: SyncStatus.QUEUED,
                    job.processing_status: ProcessingStatus.QUEUED,
                    job.retry_count: F(job.retry_count) - 1,
                    job.next_attempt_at: now,
                }
            )
            for lease, rows in rows_by_lease.items()
        )

    return atomic_with_retry(give_back)


def still_to_push(job: SyncJob, people: Iterable[Person]) -> Claim:
    """Of claimed people those, with those of their rows, whose claim still holds; apart from them the rows that have
    come under a rule since, with their answer."""
    people = list(people)
    rows = {row.pk: person.lease for person in people for row in person.rows}
    claims = {job.processing_status: ProcessingStatus.PROCESSING, f"{job.next_attempt_at}__in": set(rows.values())}
    found = job.contacts.filter(pk__in=list(rows), **claims).annotate(why_not=skip_reason(job)).order_by()
    held_rows = {(pk, lease): why for pk, lease, why in found.values_list("pk", job.next_attempt_at, "why_not")}
    if len(held_rows) == len(rows) and not any(held_rows.values()):
        return Claim(people)
    left = Claim()
    for person in people:
        mine = [row for row in person.rows if held_rows.get((row.pk, person.lease)) == ""]
        if mine:
            left.to_push.append(Person(mine, job.merge(mine, job.contact_id), person.lease))
        for row in person.rows:
            if reason := held_rows.get((row.pk, person.lease)):
                left.answered.append((Person([row], row, person.lease), Skipped(reason)))
    return left


def held(job: SyncJob, lease: datetime) -> dict[str, Any]:
    """The filter that finds a row only while it is still claimed under this lease."""
    return {job.processing_status: ProcessingStatus.PROCESSING, job.next_attempt_at: lease}


def _filter(job: SyncJob, rows: Sequence[Any]) -> QuerySet[Any]:
    return job.contacts.filter(pk__in=[row.pk for row in rows])


def _sort(job: SyncJob, policy: SyncPolicy, rows: Sequence[Any], lease: datetime) -> Claim:
    claimed = Claim()
    groups: dict[Any, list[Any]] = {}
    for row in rows:
        reason = row.skip_reason
        tries = getattr(row, job.retry_count)
        if reason:
            claimed.answered.append((Person([row], row, lease), Skipped(reason)))
        elif getattr(row, job.processing_status) == ProcessingStatus.PROCESSING and tries > policy.max_retries:
            # No answer came in time, and there is no try left: a worker that died might take the next one with it.
            lapsed = Rejected(f"{job.lapsed(row)}, at the last of {count_of(tries, 'try', 'tries')}.")
            claimed.answered.append((Person([row], row, lease), lapsed))
        else:
            groups.setdefault(job.person(row), []).append(row)
    claimed.to_push.extend(Person(group, job.merge(group, job.contact_id), lease) for group in groups.values())
    return claimed
