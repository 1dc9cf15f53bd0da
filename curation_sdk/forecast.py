"""What would become of the contacts that were chosen: the numbers of a preview, counted chunk by chunk, and kept.

Kept as JSON with the operation, so that a page that shows them costs the same for ten contacts and a million.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet

from curation_sdk.job import SyncJob
from curation_sdk.queueing import active, counted_by_rule, skip_cause, would_be_queued
from curation_sdk.status_counts import status_counts
from curation_sdk.statuses import SyncStatus

#: Requests that a preview shows.
SAMPLES = 3

#: Contacts of whom a preview says by name why they are skipped.
LEFT_OUT = 10

#: Rows read at a time.
_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would become of contacts. `queued`, `already_queued` and `skipped` add up to all of them.

    Of those to be queued: `unusable` have an address that the push does not send, `again` were synced before, of whom
    `changed` have been changed since; `people` are they, since rows with one address go as one push (None: not
    counted yet). `samples`: keys of some.

    Of those to be skipped by a rule that has more than one reason: `causes`, how many for each, by the label of the
    rule, and `left_out`, keys of some.
    """

    queued: int = 0
    already_queued: int = 0
    skipped: dict[str, int] = field(default_factory=dict)  # by the label of the rule
    unusable: int = 0
    again: int = 0
    changed: int = 0
    people: int | None = None
    samples: list[str] = field(default_factory=list)
    causes: dict[str, dict[str, int]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def __add__(self, other: Forecast) -> Forecast:
        return Forecast(
            queued=self.queued + other.queued,
            already_queued=self.already_queued + other.already_queued,
            skipped=_sum(self.skipped, other.skipped),
            unusable=self.unusable + other.unusable,
            again=self.again + other.again,
            changed=self.changed + other.changed,
            people=other.people,
            samples=[*self.samples, *other.samples][:SAMPLES],
            causes={
                label: _sum(self.causes.get(label, {}), other.causes.get(label, {}))
                for label in {**self.causes, **other.causes}
            },
            left_out=[*self.left_out, *other.left_out][:LEFT_OUT],
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def look(job: SyncJob, contacts: QuerySet[Any]) -> Forecast:
    """What would become of these contacts if they were queued now. Two statements, and two for each rule that
    skips some of them for reasons of their own."""
    goes = would_be_queued(job)
    counted = counted_by_rule(job)
    synced = goes & Q(**{f"{job.synced_at}__isnull": False})
    counted["queued"] = Count("pk", filter=goes)
    counted["again"] = Count("pk", filter=synced)
    counted["changed"] = Count("pk", filter=synced & Q(**{f"{job.updated_at}__gt": F(job.synced_at)}))
    found = contacts.order_by().aggregate(**counted)
    skipped = {rule.label: found[f"rule_{place}"] for place, rule in enumerate(job.skip_rules())}
    unusable, samples = _read(job, contacts.filter(goes))
    causes, left_out = _causes(job, contacts, skipped)
    return Forecast(
        queued=found["queued"],
        already_queued=found["total"] - found["queued"] - sum(skipped.values()),
        skipped={label: count for label, count in skipped.items() if count},
        unusable=unusable,
        again=found["again"],
        changed=found["changed"],
        samples=samples,
        causes=causes,
        left_out=left_out,
    )


def people(job: SyncJob, contacts: QuerySet[Any]) -> int:
    """How many people these contacts are, of those that would be queued."""
    found = (
        contacts.filter(would_be_queued(job)).order_by().aggregate(people=Count(job.identity or "pk", distinct=True))
    )
    return int(found["people"])


def duration(job: SyncJob, count: int) -> timedelta:
    """How long so many people take at the account's limit, at least."""
    policy = job.policy()
    calls = count / min(job.push_size, policy.batch_size)
    return timedelta(seconds=calls / policy.rate_per_second)


def waiting(job: SyncJob) -> int:
    """How many contacts are in the queue already."""
    counts = status_counts(job)
    return counts[SyncStatus.QUEUED] + counts[SyncStatus.PROCESSING]


def _causes(
    job: SyncJob, contacts: QuerySet[Any], skipped: Mapping[str, int]
) -> tuple[dict[str, dict[str, int]], list[str]]:
    """How many are skipped for which cause, where a rule knows more than one, and the keys of the first of them."""
    causes, left_out, passed = dict[str, dict[str, int]](), list[str](), ~active(job)
    for rule in job.skip_rules():
        if skipped[rule.label] and not isinstance(rule.reason, str):
            theirs = contacts.filter(passed & rule.condition).order_by()
            counts = theirs.annotate(why=skip_cause(rule)).values("why").annotate(count=Count("pk"))
            causes[rule.label] = dict(counts.values_list("why", "count"))
            left_out += [str(key) for key in theirs.values_list("pk", flat=True)[: LEFT_OUT - len(left_out)]]
        passed &= ~rule.condition
    return causes, left_out


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {label: one.get(label, 0) + other.get(label, 0) for label in {**one, **other}}


def _read(job: SyncJob, contacts: QuerySet[Any]) -> tuple[int, list[str]]:
    """How many have an address that is not pushed, and the keys of the first that are."""
    if not job.identity:
        return 0, [str(key) for key in contacts.values_list("pk", flat=True)[:SAMPLES]]
    unusable, samples, seen = 0, list[str](), set[str]()
    rows = contacts.order_by().values_list("pk", job.identity)
    for key, identity in rows.iterator(chunk_size=_AT_ONCE):
        if job.unusable(identity):
            unusable += 1
        elif len(samples) < SAMPLES and identity not in seen:
            seen.add(identity)
            samples.append(str(key))
    return unusable, samples
