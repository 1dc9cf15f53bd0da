"""Storing the answers: one guarded write for a batch, whatever was said to whom."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from curation_sdk import statements
from curation_sdk.claiming import Person, release
from curation_sdk.database import atomic_with_retry, one_bulk_writer
from curation_sdk.decisions import Answer, Decision, decide
from curation_sdk.job import SyncJob, SyncPolicy
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.outcomes import NO_EVIDENCE, Evidence, Synced
from curation_sdk.status_counts import statuses_changed
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
    run: SyncRun | None,
    now: datetime,
    chance: Callable[[], float],
) -> Counter[str]:
    """Store the answers in one transaction. Returns how many rows counted as what, by SyncRun's counters.

    A row that is no longer held under its claim (somebody took it out of the queue, skipped or deleted it, or
    its lease passed and another worker has it) keeps what it has: the answer came too late. So does one in which a
    text that was judged has changed; that one goes back to the queue. `run` is None
    for answers that came outside of one.
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
        if isinstance(result.answer, Synced) and result.answer.blocked and job.identity
    ]

    def store() -> Counter[str]:
        one_bulk_writer()
        if blocked:
            job.suppress(blocked, job.label, now)
        return _store(job, settlements, run=run, now=now)

    counts = atomic_with_retry(store)
    statuses_changed(job)
    return counts


def _store(job: SyncJob, settlements: Sequence[_Settlement], *, run: SyncRun | None, now: datetime) -> Counter[str]:
    """Write the rows that are still ours, and record the attempts of those that still exist."""
    ours = _write(job, settlements)
    late = [settlement.row.pk for settlement in settlements if settlement.row.pk not in ours]
    exists = ours | set(job.contacts.filter(pk__in=late).values_list("pk", flat=True) if late else ())
    if late and job.judged:
        # Those of them that are still held have changed: what they say now is judged next.
        release(job, [Person([one.row], one.row, one.lease) for one in settlements if one.row.pk not in ours], now=now)
    counts: Counter[str] = Counter()
    attempts: list[SyncAttempt] = []
    for settlement in settlements:
        decision = settlement.decision
        outcome, reason, cause = decision.outcome, decision.reason, decision.cause
        if settlement.row.pk in ours:
            counts[decision.counted_as] += 1
            if decision.counted_as == "synced" and outcome is not None:
                counts["warned"] += 1
        elif decision.counted_as == "waiting":
            # The answer that we would wait for was quicker than this, or nobody wants it any more.
            counts["waiting"] += 1
        else:
            counts["late"] += 1
            outcome, reason, cause = SyncAttempt.Outcome.LATE, _late(job, decision), ""
            logger.info("%s: the answer for contact %s came too late", job.platform, settlement.row.pk)
        if outcome is not None and settlement.row.pk in exists and _of_contacts(job):
            attempts.append(_attempt(job, settlement, outcome, reason, cause, run=run, now=now))
    if attempts:
        SyncAttempt.objects.bulk_create(attempts)
    return counts


def _of_contacts(job: SyncJob) -> bool:
    """Attempts are kept with contacts. A job on another table has what was said last on its own rows."""
    return job.model is SyncAttempt._meta.get_field("contact").related_model


def _late(job: SyncJob, decision: Decision) -> str:
    said = decision.reason or ("The platform has the contact." if job.contact_id else f"{job.done.capitalize()}.")
    changed = ", or it had changed" if job.judged else ""
    return f"Not applied: the contact had left the queue, or another worker had it{changed}. The answer was: {said}"


def _attempt(
    job: SyncJob,
    settlement: _Settlement,
    outcome: SyncAttempt.Outcome,
    reason: str,
    cause: str,
    *,
    run: SyncRun | None,
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
        cause=cause,
        http_status=evidence.http_status,
        code=storable(evidence.code, 100),
        message=storable(evidence.message),
        request_id=storable(evidence.request_id, 100),
        duration_ms=evidence.duration_ms,
    )


def _write(job: SyncJob, settlements: Sequence[_Settlement]) -> set[Any]:
    """Write the decisions to the rows that are still held under their lease; returns the keys of those."""
    columns = statements.answer_columns(job)
    written: set[Any] = set()
    for part in statements.in_parts(settlements):
        new = {column: [settlement.decision.values.get(column) for settlement in part] for column in columns}
        varying = [column for column in columns if any(value != new[column][0] for value in new[column])]
        values = [statements.prepared(job, column, new[column][0]) for column in columns if column not in varying]
        for place, settlement in enumerate(part):
            values.append(statements.prepared(job, "pk", settlement.row.pk))
            values.append(statements.prepared(job, job.next_attempt_at, settlement.lease))
            values += [statements.prepared(job, column, getattr(settlement.row, column)) for column in job.judged]
            values += [statements.prepared(job, column, new[column][place]) for column in varying]
        with connection.cursor() as cursor:
            cursor.execute(statements.store_answers(job, len(part), varying), values)
            written.update(job.model._meta.pk.to_python(key) for (key,) in cursor.fetchall())
    return written
