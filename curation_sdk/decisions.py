"""What follows from what a platform said: the table of outcomes as a pure function.

| said | sync / processing | tries counted | due again |
|---|---|---|---|
| Synced | Complete / Complete | 0 | - |
| Skipped | Skipped / - | 0 | - |
| Retry | Queued / Queued | one more | after the backoff, or when the platform said |
| Retry, past the limit | Error / Error | as before | - |
| Rejected | Error / Error | as before | - |
| Waiting | Processing / Processing | one more | when the answer is overdue |
| Throttled | Queued / Queued | as before | when the platform said |
| StopRun | Queued / Queued | as before | now |
| any other exception | Error / Error | as before | - |

A try is counted when a contact is claimed, so that one whose worker dies has used it up; "as before" gives it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from curation_sdk.backoff import LONGEST, bounded, retry_delay
from curation_sdk.causes import LONGEST as LONGEST_CAUSE
from curation_sdk.causes import cause_of
from curation_sdk.job import SyncJob, SyncPolicy
from curation_sdk.models import SyncAttempt
from curation_sdk.outcomes import Outcome, Rejected, Retry, Skipped, StopRun, Synced, Throttled, Waiting
from curation_sdk.statuses import ProcessingStatus, SyncStatus
from curation_sdk.wording import count_of, storable

#: What a push came to: an outcome, or what it raised.
Answer = Outcome | Exception


@dataclass(frozen=True, slots=True)
class Decision:
    """What to store for one row, and how to count it."""

    values: dict[str, Any]  # column -> new value
    counted_as: str  # the counter of SyncRun
    outcome: SyncAttempt.Outcome | None  # None: a plain success, which leaves no attempt
    reason: str
    cause: str = ""


def decide(
    job: SyncJob, policy: SyncPolicy, answer: Answer, *, tries_before: int, now: datetime, chance: float
) -> Decision:
    """Look up the table above. `tries_before` is the count before the claim, `chance` (0 … 1) the jitter."""
    Attempt = SyncAttempt.Outcome
    tries = tries_before + 1
    cause = cause_behind(answer)
    match answer:
        case Synced():
            warning = " ".join(filter(None, (answer.warning, answer.blocked)))
            values = _row(job, SyncStatus.COMPLETE, ProcessingStatus.COMPLETE, 0) | {job.synced_at: now}
            if answer.remote_id and job.contact_id:
                values[job.contact_id] = storable(answer.remote_id, 255)
            values |= {column: answer.learned.get(column) for column in job.learned}
            return Decision(values, "synced", Attempt.SYNCED if warning else None, warning)
        case Skipped(reason):
            values = _row(job, SyncStatus.SKIPPED, None, 0, reason, cause)
            return Decision(values, "skipped", Attempt.SKIPPED, reason, cause)
        case Retry(reason) if tries > policy.max_retries:
            given_up = f" Given up after {count_of(tries, 'try', 'tries')}."
            reason, cause = reason + given_up, cause_of(cause + given_up)
            return Decision(_failed(job, tries_before, reason, cause), "failed", Attempt.EXHAUSTED, reason, cause)
        case Retry(reason):
            due = now + _wait(policy, tries, answer.after, chance)
            return Decision(_queued(job, tries, due, reason, cause), "retried", Attempt.RETRY, reason, cause)
        case Rejected(reason):
            return Decision(_failed(job, tries_before, reason, cause), "failed", Attempt.REJECTED, reason, cause)
        case Waiting(reason):
            # As if the claim went on: who is still Processing when this time has come is claimed again.
            row = _row(job, SyncStatus.PROCESSING, ProcessingStatus.PROCESSING, tries, reason)
            return Decision(row | {job.next_attempt_at: now + answer.within}, "waiting", None, reason)
        case Throttled():
            due = now + bounded(answer.after, longest=LONGEST, otherwise=timedelta(minutes=1))
            values = _queued(job, tries_before, due, answer.reason, cause)
            return Decision(values, "released", Attempt.THROTTLED, answer.reason, cause)
        case StopRun():
            values = _queued(job, tries_before, now, answer.reason, cause)
            return Decision(values, "released", Attempt.STOPPED, answer.reason, cause)
        case _:
            reason = f"Unexpected {type(answer).__name__} in our program. The worker's log has the details."
            cause = cause_of(reason)
            return Decision(_failed(job, tries_before, reason, cause), "failed", Attempt.CRASHED, reason, cause)


def cause_behind(answer: Answer) -> str:
    """What others who get such an answer have in common; "" when nothing is wrong."""
    match answer:
        case Skipped() | Retry() | Rejected() if answer.cause:
            return storable(answer.cause, LONGEST_CAUSE)
        case Skipped() | Retry() | Rejected() | Throttled() | StopRun():
            return cause_of(answer.reason, answer.evidence.message)
    return ""


def _wait(policy: SyncPolicy, tries: int, after: timedelta | None, chance: float) -> timedelta:
    backoff = retry_delay(tries, base=policy.retry_delay, exponential=policy.retry_exponential, chance=chance)
    return backoff if after is None else bounded(after, longest=LONGEST, otherwise=backoff)


def _row(
    job: SyncJob, sync: SyncStatus, processing: ProcessingStatus | None, tries: int, error: str = "", cause: str = ""
) -> dict[str, Any]:
    return {
        job.sync_status: sync,
        job.processing_status: processing,
        job.processing_error: storable(error) if error else None,
        job.error_cause: cause or None,
        job.retry_count: tries,
        job.next_attempt_at: None,
    }


def _queued(job: SyncJob, tries: int, due: datetime, reason: str, cause: str) -> dict[str, Any]:
    row = _row(job, SyncStatus.QUEUED, ProcessingStatus.QUEUED, tries, reason, cause)
    return row | {job.next_attempt_at: due}


def _failed(job: SyncJob, tries: int, reason: str, cause: str) -> dict[str, Any]:
    return _row(job, SyncStatus.ERROR, ProcessingStatus.ERROR, tries, reason, cause)
