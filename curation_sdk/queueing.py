"""Putting contacts into a platform's queue and taking them out. Set-based SQL, whatever the number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Case, Count, Q, QuerySet, Value, When

from curation_sdk.causes import cause_of
from curation_sdk.database import atomic_with_retry, one_bulk_writer
from curation_sdk.job import SkipRule, SyncJob
from curation_sdk.sparing import spare
from curation_sdk.status_counts import statuses_changed
from curation_sdk.statuses import ACTIVE, ProcessingStatus, SyncStatus
from curation_sdk.wording import count_of


@dataclass(frozen=True, slots=True)
class QueueResult:
    """What became of a request to queue contacts. The three counts add up to the contacts asked for."""

    queued: int
    already_queued: int
    skipped: dict[str, int] = field(default_factory=dict)  # by the label of the rule

    @property
    def skipped_count(self) -> int:
        return sum(self.skipped.values())

    @property
    def total(self) -> int:
        return self.queued + self.already_queued + self.skipped_count

    def __add__(self, other: QueueResult) -> QueueResult:
        skipped = dict(self.skipped)
        for label, count in other.skipped.items():
            skipped[label] = skipped.get(label, 0) + count
        return QueueResult(self.queued + other.queued, self.already_queued + other.already_queued, skipped)

    def sentence(self, label: str) -> str:
        """For people: "Queued 3 contacts for Brevo. 1 was queued already. 2 skipped: 2 suppressed."."""
        parts = [f"Queued {count_of(self.queued, 'contact')} for {label}."]
        if self.already_queued:
            parts.append(f"{self.already_queued:,} {'was' if self.already_queued == 1 else 'were'} queued already.")
        if self.skipped:
            reasons = ", ".join(f"{count:,} {rule}" for rule, count in self.skipped.items())
            parts.append(f"{self.skipped_count:,} skipped: {reasons}.")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class TakenOut:
    """What became of a request to take contacts out of the queue, or to keep them out of it.

    `under_way`: those that a run had in hand at that moment. Their push may have been sent already, which nobody can
    call back, so people are told.
    `others`: other rows of the same people that stay in the queue, where that was asked.
    """

    count: int
    under_way: int = 0
    others: int = 0

    def __add__(self, other: TakenOut) -> TakenOut:
        return TakenOut(self.count + other.count, self.under_way + other.under_way, self.others + other.others)

    def warning(self, label: str) -> str:
        """For people; "" when there is nothing to say."""
        if not self.under_way:
            return ""
        verb = "was" if self.under_way == 1 else "were"
        return f"{self.under_way:,} of them {verb} being pushed at that moment and may have reached {label}."

    def others_wait(self, label: str) -> str:
        """For people, who did not expect them to be pushed; "" when there is nothing to say."""
        if not self.others:
            return ""
        if self.others == 1:
            text = f"Another contact with the same address is in the queue for {label}, so the person will be pushed."
            return f"{text} Skip that one, too."
        text = f"{self.others:,} other contacts with the same addresses are in the queue for {label}"
        return f"{text}, so these people will be pushed. Skip those, too."


def closed_reason(job: SyncJob) -> str:
    """Why contacts cannot be queued, naming the setting; "" when we push them, or another program fetches them."""
    return "" if job.platform in settings.SYNC_PULLED_PLATFORMS else job.off_reason()


def queue_contacts(job: SyncJob, contacts: QuerySet[Any], *, now: datetime) -> QueueResult:
    """Queue the given contacts; those that may not be pushed end Skipped, with the reason.

    Contacts that are queued or being pushed already are counted and left alone. All others start afresh: no
    error, no tries, due now.
    """

    def queue() -> QueueResult:
        one_bulk_writer()
        spare(job, contacts)
        return write_queued(job, contacts, now=now)

    result = atomic_with_retry(queue)
    statuses_changed(job)
    return result


def write_queued(
    job: SyncJob,
    contacts: QuerySet[Any],
    *,
    now: datetime,
    remember: Callable[[QuerySet[Any]], None] | None = None,
) -> QueueResult:
    """Queue, within the caller's transaction: one look at the contacts, one UPDATE, and one for each rule that
    matches some of them.

    remember: called with those that are about to be queued.
    """
    chosen = _chosen(contacts)
    idle = ~active(job)
    found = chosen.aggregate(**counted_by_rule(job))
    skipped = {}
    passed = Q()
    for place, rule in enumerate(job.skip_rules()):
        # Who comes under a rule from this moment on is found when he is claimed.
        if not found[f"rule_{place}"]:
            continue
        skipped[rule.label] = chosen.filter(idle & passed & rule.condition).update(**_skipped(job, rule))
        passed &= ~rule.condition
    if remember:
        remember(chosen.filter(idle & passed))
    queued = chosen.filter(idle & passed).update(
        **{
            job.sync_status: SyncStatus.QUEUED,
            job.processing_status: ProcessingStatus.QUEUED,
            job.processing_error: None,
            job.error_cause: None,
            job.retry_count: 0,
            job.next_attempt_at: now,
        }
    )
    skipped = {label: count for label, count in skipped.items() if count}
    # The rest was queued before, or by somebody else at this moment.
    return QueueResult(queued, max(found["total"] - queued - sum(skipped.values()), 0), skipped)


def counted_by_rule(job: SyncJob) -> dict[str, Count]:
    """What to count of contacts: `total`, and as `rule_0` … those who would be skipped by each rule, the first that
    matches."""
    counted, passed = {"total": Count("pk")}, ~active(job)
    for place, rule in enumerate(job.skip_rules()):
        counted[f"rule_{place}"] = Count("pk", filter=passed & rule.condition)
        passed &= ~rule.condition
    return counted


def would_be_queued(job: SyncJob) -> Q:
    """The contacts that are not in the queue, and come under no rule."""
    passed = ~active(job)
    for rule in job.skip_rules():
        passed &= ~rule.condition
    return passed


def make_due(job: SyncJob, contacts: QuerySet[Any], *, now: datetime) -> int:
    """Let queued contacts that wait for their next try have it now. Returns how many."""
    waiting = Q(**{job.processing_status: ProcessingStatus.QUEUED, f"{job.next_attempt_at}__gt": now})

    def hurry() -> int:
        one_bulk_writer()
        return _chosen(contacts).filter(waiting).update(**{job.next_attempt_at: now})

    return atomic_with_retry(hurry)


def cancel_queued(job: SyncJob, contacts: QuerySet[Any]) -> TakenOut:
    """Take contacts out of the queue: back to New. Returns how many.

    A contact that is being pushed at this moment is taken out as well: its answer will come too late and
    change nothing.
    """

    def cancel() -> TakenOut:
        one_bulk_writer()
        spare(job, contacts)
        return write_cancelled(job, contacts)

    taken = atomic_with_retry(cancel)
    statuses_changed(job)
    return taken


def write_cancelled(job: SyncJob, contacts: QuerySet[Any]) -> TakenOut:
    """Take out of the queue, within the caller's transaction."""
    new = {
        job.sync_status: SyncStatus.NEW,
        job.processing_status: None,
        job.processing_error: None,
        job.error_cause: None,
        job.retry_count: 0,
        job.next_attempt_at: None,
    }
    queued = Q(**{job.processing_status: ProcessingStatus.QUEUED})
    return _take_out(_chosen(contacts), new, idle=queued, rest=active(job))


def skip_contacts(job: SyncJob, contacts: QuerySet[Any], *, reason: str) -> TakenOut:
    """Mark contacts as not to be pushed, whatever state they are in. Returns how many, and how many others wait."""

    def skip() -> TakenOut:
        one_bulk_writer()
        spare(job, contacts)
        others = _others(job, contacts)  # first: afterwards the caller's filter may find nobody
        return replace(write_skipped(job, contacts, reason=reason), others=others)

    taken = atomic_with_retry(skip)
    statuses_changed(job)
    return taken


def _others(job: SyncJob, contacts: QuerySet[Any]) -> int:
    """How many further rows of the same people are in the queue."""
    if not job.identity:
        return 0
    chosen = _chosen(contacts)
    people = chosen.filter(**{f"{job.identity}__isnull": False}).values(job.identity)
    rows = job.contacts.filter(active(job), **{f"{job.identity}__in": people})
    return rows.exclude(pk__in=chosen.values("pk")).count()


def write_skipped(job: SyncJob, contacts: QuerySet[Any], *, reason: str) -> TakenOut:
    """Skip, within the caller's transaction."""
    skipped = _skipped(job, SkipRule(label="", condition=Q(), reason=reason))
    in_hand = Q(**{job.processing_status: ProcessingStatus.PROCESSING})
    return _take_out(_chosen(contacts), skipped, idle=~in_hand, rest=~Q(**{job.sync_status: SyncStatus.SKIPPED}))


def write_back(job: SyncJob, contacts: QuerySet[Any], was: Mapping[str, Any]) -> int:
    """Take contacts that wait out of the queue again, within the caller's transaction. Returns how many.

    `was`: a value or SQL for each of sync status, processing status, reason and cause, as they were before.
    """
    waits = Q(**{job.processing_status: ProcessingStatus.QUEUED})
    return contacts.filter(waits).update(**was, **{job.retry_count: 0, job.next_attempt_at: None})


def _take_out(chosen: QuerySet[Any], values: dict[str, Any], *, idle: Q, rest: Q) -> TakenOut:
    """Write the values to the contacts that no run has in hand, then to the rest of them, and count both.

    A contact that a run claims before the first statement reaches it falls to the second; afterwards it is no longer
    there to be claimed. So none is pushed of whom we have not said that he may be.
    """
    count = chosen.filter(idle).update(**values)
    under_way = chosen.filter(rest).update(**values)
    return TakenOut(count + under_way, under_way)


def skip_reason(job: SyncJob) -> Case:
    """SQL for the reason why a contact must not be pushed; "" when it may be."""
    return Case(
        *[When(rule.condition, then=_reason(rule)) for rule in job.skip_rules()],
        default=Value(""),
        output_field=models.TextField(),
    )


def _chosen(contacts: QuerySet[Any]) -> QuerySet[Any]:
    """The caller's set, which may be ordered, joined or searched, in a form that can be counted and updated.

    A plain filter stays one: the same rows by way of their keys cost a join of the table with itself.
    """
    query = contacts.query
    joined = sum(1 for uses in query.alias_refcount.values() if uses) > 1
    if joined or query.distinct or query.combinator:
        by_key: QuerySet[Any] = contacts.model._default_manager.filter(pk__in=contacts.order_by().values("pk"))
        return by_key
    return contacts.order_by()


def active(job: SyncJob) -> Q:
    """The contacts to which the machine still owes an answer: queued, or being pushed."""
    return Q(**{f"{job.processing_status}__in": ACTIVE})


def _reason(rule: SkipRule) -> Any:
    return Value(rule.reason) if isinstance(rule.reason, str) else rule.reason


def skip_cause(rule: SkipRule) -> Any:
    """SQL for the cause that contacts have who are skipped by this rule."""
    if not rule.cause and isinstance(rule.reason, str):
        return Value(cause_of(rule.reason))
    return Value(rule.cause) if isinstance(rule.cause, str) else rule.cause


def _skipped(job: SyncJob, rule: SkipRule) -> dict[str, Any]:
    return {
        job.sync_status: SyncStatus.SKIPPED,
        job.processing_status: None,
        job.processing_error: _reason(rule),
        job.error_cause: skip_cause(rule),
        job.retry_count: 0,
        job.next_attempt_at: None,
    }
