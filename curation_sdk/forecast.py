"""What would become of the contacts that were chosen: the numbers of a preview, counted chunk by chunk, and kept.

Kept as JSON with the operation, so that a page that shows them costs the same for ten contacts and a million.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet

from curation_sdk.job import SyncJob
from curation_sdk.queueing import counted_by_rule, would_be_queued
from curation_sdk.status_counts import status_counts
from curation_sdk.statuses import SyncStatus

#: Requests that a preview shows.
SAMPLES = 3

#: Rows read at a time.
_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would become of contacts. `queued`, `already_queued` and `skipped` add up to all of them.

    Of those to be queued: `unusable` have an address that the push does not send, `again` were synced before, of whom
    `changed` have been changed since; `people` are they, since rows with one address go as one push (None: not
    counted yet). `samples`: keys of some.
    """

    queued: int = 0
    already_queued: int = 0
    skipped: dict[str, int] = field(default_factory=dict)  # by the label of the rule
    unusable: int = 0
    again: int = 0
    changed: int = 0
    people: int | None = None
    samples: list[str] = field(default_factory=list)

    def __add__(self, other: Forecast) -> Forecast:
        labels = [*self.skipped, *(label for label in other.skipped if label not in self.skipped)]
        return Forecast(
            queued=self.queued + other.queued,
            already_queued=self.already_queued + other.already_queued,
            skipped={label: self.skipped.get(label, 0) + other.skipped.get(label, 0) for label in labels},
            unusable=self.unusable + other.unusable,
            again=self.again + other.again,
            changed=self.changed + other.changed,
            people=other.people,
            samples=[*self.samples, *other.samples][:SAMPLES],
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def look(job: SyncJob, contacts: QuerySet[Any]) -> Forecast:
    """What would become of these contacts if they were queued now. Two statements."""
    goes = would_be_queued(job)
    counted = counted_by_rule(job)
    synced = goes & Q(**{f"{job.synced_at}__isnull": False})
    counted["queued"] = Count("pk", filter=goes)
    counted["again"] = Count("pk", filter=synced)
    counted["changed"] = Count("pk", filter=synced & Q(**{f"{job.updated_at}__gt": F(job.synced_at)}))
    found = contacts.order_by().aggregate(**counted)
    skipped = {rule.label: found[f"rule_{place}"] for place, rule in enumerate(job.skip_rules())}
    unusable, samples = _read(job, contacts.filter(goes))
    return Forecast(
        queued=found["queued"],
        already_queued=found["total"] - found["queued"] - sum(skipped.values()),
        skipped={label: count for label, count in skipped.items() if count},
        unusable=unusable,
        again=found["again"],
        changed=found["changed"],
        samples=samples,
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
