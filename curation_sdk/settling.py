"""Storing the answers: one guarded write for a batch, whatever was said to whom."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Case, Value, When
from django.db.models.functions import Cast

from curation_sdk.claiming import Person
from curation_sdk.database import atomic_with_retry
from curation_sdk.decisions import Answer, Decision, decide
from curation_sdk.job import SyncJob, SyncPolicy
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.outcomes import NO_EVIDENCE, Evidence, Synced
from curation_sdk.status_counts import statuses_changed
from curation_sdk.statuses import ProcessingStatus
from curation_sdk.wording import storable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """A person and the answer to their push."""

    person: Person
    answer: Answer


@dataclass(frozen=True, slots=True)
class _Settlement:
    row: Any
    lease: datetime
    decision: Decision
    evidence: Evidence


def settle(
    job: SyncJob,
    policy: SyncPolicy,
    results: Sequence[Result],
    *,
    run: SyncRun,
    now: datetime,
    chance: Callable[[], float],
) -> Counter[str]:
    """Store the answers in one transaction. Returns how many rows counted as what, by SyncRun's counters.

    A row that is no longer held under its claim (somebody took it out of the queue, skipped or deleted it, or
    its lease passed and another worker has it) keeps what it has: the answer came too late.
    """
    settlements = [
        _Settlement(
            row,
            result.person.lease,
            decide(
                job,
                policy,
                result.answer,
                # The row was read before its claim counted a try.
                tries_before=getattr(row, job.retry_count),
                now=now,
                chance=jitter,
            ),
            getattr(result.answer, "evidence", NO_EVIDENCE),
        )
        for result in results
        for jitter in [chance()]
        for row in result.person.rows
    ]
    blocked = [
        (getattr(result.person.contact, job.identity), result.answer.blocked)
        for result in results
        if isinstance(result.answer, Synced) and result.answer.blocked
    ]

    def store() -> Counter[str]:
        if blocked:
            job.suppress(blocked, job.label)
        return _store(job, settlements, run=run, now=now)

    counts = atomic_with_retry(store)
    statuses_changed(job)
    return counts


def _store(job: SyncJob, settlements: Sequence[_Settlement], *, run: SyncRun, now: datetime) -> Counter[str]:
    """Lock the rows, write those that are still ours, record the attempts of those that still exist."""
    rows = job.contacts.filter(pk__in=[settlement.row.pk for settlement in settlements])
    # Locked in the order of their keys, so that two settlements never wait for each other.
    stored = {
        pk: (processing, lease)
        for pk, processing, lease in rows.order_by("pk")
        .select_for_update()
        .values_list("pk", job.processing_status, job.next_attempt_at)
    }
    counts: Counter[str] = Counter()
    ours: list[_Settlement] = []
    attempts: list[SyncAttempt] = []
    for settlement in settlements:
        decision = settlement.decision
        outcome, reason = decision.outcome, decision.reason
        if stored.get(settlement.row.pk) == (ProcessingStatus.PROCESSING, settlement.lease):
            ours.append(settlement)
            counts[decision.counted_as] += 1
            if decision.counted_as == "synced" and outcome is not None:
                counts["warned"] += 1
        else:
            counts["late"] += 1
            outcome, reason = SyncAttempt.Outcome.LATE, _late(decision)
            logger.info("%s: the answer for contact %s came too late", job.platform, settlement.row.pk)
        if outcome is not None and settlement.row.pk in stored:
            attempts.append(_attempt(job, settlement, outcome, reason, run=run, now=now))
    _write(job, ours)
    SyncAttempt.objects.bulk_create(attempts)
    return counts


def _late(decision: Decision) -> str:
    said = decision.reason or "The platform has the contact."
    return f"Not applied: the contact had left the queue, or another worker had it. The answer was: {said}"


def _attempt(
    job: SyncJob,
    settlement: _Settlement,
    outcome: SyncAttempt.Outcome,
    reason: str,
    *,
    run: SyncRun,
    now: datetime,
) -> SyncAttempt:
    evidence = settlement.evidence
    return SyncAttempt(
        contact_id=settlement.row.pk,
        run=run,
        platform=job.platform,
        created_at=now,
        outcome=outcome,
        reason=storable(reason),
        http_status=evidence.http_status,
        code=storable(evidence.code, 100),
        message=storable(evidence.message),
        request_id=storable(evidence.request_id, 100),
        duration_ms=evidence.duration_ms,
    )


def _write(job: SyncJob, settlements: Sequence[_Settlement]) -> None:
    """One UPDATE for all rows that get the same columns; a CASE where their values differ."""
    groups: dict[tuple[str, ...], list[_Settlement]] = {}
    for settlement in settlements:
        groups.setdefault(tuple(settlement.decision.values), []).append(settlement)
    for columns, group in groups.items():
        rows = job.contacts.filter(pk__in=[settlement.row.pk for settlement in group])
        rows.update(**{column: _assignment(job, column, group) for column in columns})


def _assignment(job: SyncJob, column: str, group: Sequence[_Settlement]) -> Any:
    values = {settlement.row.pk: settlement.decision.values[column] for settlement in group}
    first = next(iter(values.values()))
    if all(value == first for value in values.values()):
        return first
    field = job.model._meta.get_field(column)
    keys: dict[Any, list[Any]] = {}
    for pk, value in values.items():
        keys.setdefault(value, []).append(pk)
    case = Case(
        *[When(pk__in=pks, then=Value(value, output_field=field)) for value, pks in keys.items()],
        output_field=field,
    )
    # As in Django's bulk_update: PostgreSQL cannot tell the type of such a CASE by itself.
    return Cast(case, output_field=field) if connection.features.requires_casted_case_in_updates else case
