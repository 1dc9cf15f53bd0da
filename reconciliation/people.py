"""Our side of a comparison: the people who are Complete with us."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from curation_sdk.job import SyncJob
from curation_sdk.queueing import active
from curation_sdk.statuses import ACTIVE, SyncStatus


def settled(job: SyncJob, before: datetime) -> Q:
    """The condition for contacts whose push was over before that moment, and who wait for no other."""
    old = Q(**{f"{job.synced_at}__lt": before}) | Q(**{f"{job.synced_at}__isnull": True})
    return Q(**{job.sync_status: SyncStatus.COMPLETE, f"{job.identity}__gt": ""}) & old & ~active(job)


def by_key(job: SyncJob, keys: Collection[str]) -> dict[str, list[Any]]:
    """Our rows with these addresses, as a platform's payload needs them."""
    rows = job.contacts.filter(**{f"{job.identity}__in": keys}).select_related(*job.related).order_by()
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(getattr(row, job.identity), []).append(row)
    return found


def settled_rows(job: SyncJob, rows: Sequence[Any], before: datetime) -> list[Any]:
    """Of a person's rows those that are settled; none while one of them is on its way, or was pushed since."""
    for row in rows:
        synced_at = getattr(row, job.synced_at)
        if getattr(row, job.processing_status) in ACTIVE or (synced_at and synced_at >= before):
            return []
    return [row for row in rows if getattr(row, job.sync_status) == SyncStatus.COMPLETE]


def changed_since_push(job: SyncJob, rows: Sequence[Any]) -> bool:
    """Has the person's data changed here since it was pushed?"""
    return any(
        getattr(row, job.synced_at) and getattr(row, job.updated_at) > getattr(row, job.synced_at) for row in rows
    )
