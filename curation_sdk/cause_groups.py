"""Contacts that failed, wait for another try or were skipped, grouped by cause, and the last answer of each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Subquery

from curation_sdk.job import SyncJob
from curation_sdk.models import SyncAttempt
from curation_sdk.status_counts import counted_once
from curation_sdk.statuses import SyncStatus

#: Groups of one status that are shown, the largest first.
MOST = 50


@dataclass(frozen=True, slots=True)
class Group:
    """Contacts with one status for one cause. `next_try`: of the first of them, where they wait for one."""

    cause: str
    count: int
    next_try: datetime | None = None


def failed(job: SyncJob) -> list[Group]:
    """Contacts in Error. Read from an index alone."""
    return _grouped(job, SyncStatus.ERROR)


def skipped(job: SyncJob) -> list[Group]:
    """Skipped contacts. Read from an index alone."""
    return _grouped(job, SyncStatus.SKIPPED)


def waiting(job: SyncJob) -> list[Group]:
    """Queued contacts whose last push did not work. Read from an index alone."""
    return _grouped(job, SyncStatus.QUEUED)


def of_cause(job: SyncJob, status: SyncStatus, cause: str) -> QuerySet[Any]:
    """The contacts of a group."""
    return job.contacts.filter(**{job.sync_status: status, job.error_cause: cause})


def last_answers(job: SyncJob, causes: Collection[str]) -> dict[str, SyncAttempt]:
    """The last attempt that ended for each cause, with its contact. Not there: none, or not kept any more."""
    latest = Q()
    for cause in causes:
        said = SyncAttempt.objects.filter(platform=job.platform, cause=cause).exclude(cause="")
        latest |= Q(pk=Subquery(said.order_by("-created_at").values("pk")[:1]))
    if not latest:
        return {}
    attempts = SyncAttempt.objects.filter(latest).select_related("contact").order_by()
    return {attempt.cause: attempt for attempt in attempts}


def _grouped(job: SyncJob, status: SyncStatus) -> list[Group]:
    def count() -> list[Group]:
        contacts = job.contacts.filter(**{job.sync_status: status, f"{job.error_cause}__isnull": False})
        groups = contacts.order_by().values_list(job.error_cause)
        groups = groups.annotate(number=Count("*"), next_try=Min(job.next_attempt_at))
        return [Group(*row) for row in groups.order_by("-number", job.error_cause)[:MOST]]

    return counted_once(job, f"causes of {status}", count, lambda groups: sum(group.count for group in groups))
