"""Taking contacts out of the queue for a worker, and giving them back unpushed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from curation_sdk.database import atomic_with_retry, one_bulk_writer
from curation_sdk.job import SyncJob, SyncPolicy
from curation_sdk.outcomes import Outcome, Rejected, Skipped
from curation_sdk.queueing import active, skip_reason
from curation_sdk.statuses import ProcessingStatus, SyncStatus

_SKIP_REASON = "skip_reason"

#: Rows of the same people that one claim takes along. A made-up address may stand on tens of thousands.
SIBLINGS = 500


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


def due(job: SyncJob, *, now: datetime, only: Collection[Any] | None = None) -> QuerySet[Any]:
    """The contacts whose turn it is, oldest first: queued ones, and those whose worker let the lease pass.

    One without a time is due as well: it was queued by somebody's plain SQL.
    """
    turn = Q(**{f"{job.next_attempt_at}__lte": now}) | Q(**{f"{job.next_attempt_at}__isnull": True})
    contacts = job.contacts.filter(active(job), turn).order_by(job.next_attempt_at, "pk")
    return contacts if only is None else contacts.filter(pk__in=only)


def claim(job: SyncJob, policy: SyncPolicy, *, now: datetime, size: int, only: Collection[Any] | None = None) -> Claim:
    """Take up to `size` due contacts, and the other queued rows of the same people with them.

    Every row taken is marked Processing, gets one try counted and the lease set. On PostgreSQL the rows that
    another worker is taking at this moment are passed over; SQLite has one writer at a time.
    """
    lease = now + policy.lease

    def take() -> list[Any]:
        rows = list(_locked(job, due(job, now=now, only=only))[:size])
        if not rows:
            return rows
        rows += _siblings(job, rows)
        taken = _filter(job, rows).update(
            **{
                job.sync_status: SyncStatus.PROCESSING,
                job.processing_status: ProcessingStatus.PROCESSING,
                job.retry_count: F(job.retry_count) + 1,
                job.next_attempt_at: lease,
            }
        )
        if taken < len(rows):
            # Not ours: a row that cannot be found by its own key, written past Django.
            found = set(_filter(job, rows).values_list("pk", flat=True))
            rows = [row for row in rows if row.pk in found]
        return rows

    return _sort(job, policy, atomic_with_retry(take), lease)


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


def held(job: SyncJob, lease: datetime) -> dict[str, Any]:
    """The filter that finds a row only while it is still claimed under this lease."""
    return {job.processing_status: ProcessingStatus.PROCESSING, job.next_attempt_at: lease}


def _locked(job: SyncJob, contacts: QuerySet[Any]) -> QuerySet[Any]:
    locked: QuerySet[Any] = (
        contacts.select_related(*job.related)
        .annotate(**{_SKIP_REASON: skip_reason(job)})
        .select_for_update(skip_locked=True, of=("self",))
    )
    return locked


def _siblings(job: SyncJob, rows: Sequence[Any]) -> list[Any]:
    """Queued rows of the people in `rows`, also those that are not due yet: one answer serves them all."""
    people = {getattr(row, job.identity) for row in rows} - {None, ""}
    queued = Q(**{f"{job.identity}__in": people, job.processing_status: ProcessingStatus.QUEUED})
    others = job.contacts.filter(queued).exclude(pk__in=[row.pk for row in rows])
    return list(_locked(job, others.order_by("pk"))[:SIBLINGS])


def _filter(job: SyncJob, rows: Sequence[Any]) -> QuerySet[Any]:
    return job.contacts.filter(pk__in=[row.pk for row in rows])


def _sort(job: SyncJob, policy: SyncPolicy, rows: Sequence[Any], lease: datetime) -> Claim:
    claimed = Claim()
    groups: dict[Any, list[Any]] = {}
    for row in rows:
        reason = getattr(row, _SKIP_REASON)
        tries = getattr(row, job.retry_count)
        if reason:
            claimed.answered.append((Person([row], row, lease), Skipped(reason)))
        elif getattr(row, job.processing_status) == ProcessingStatus.PROCESSING and tries > policy.max_retries:
            # It was being pushed when its worker died, and has no try left. Once more might kill the next one.
            died = Rejected(f"The worker died while pushing this contact, at the last of {tries} tries.")
            claimed.answered.append((Person([row], row, lease), died))
        else:
            groups.setdefault(getattr(row, job.identity), []).append(row)
    claimed.to_push.extend(Person(group, job.merge(group, job.contact_id), lease) for group in groups.values())
    return claimed
