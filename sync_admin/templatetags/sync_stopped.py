"""The line at the top of every page of the admin when a queue stands still."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

from curation_sdk.status_counts import kept_counts, status_counts
from curation_sdk.statuses import SyncStatus
from curation_sdk.wording import count_of
from sync_admin.advice import set_up_address
from sync_admin.stopped import stopped_queues

register = template.Library()


@register.inclusion_tag("sync_admin/stopped.html")
def sync_stopped() -> dict[str, Any]:
    """To be called for people who may see contacts."""
    stopped = stopped_queues(now=timezone.now())
    known = kept_counts() if stopped else {}
    return {
        "stopped": [
            {
                "job": job,
                "run": run,
                "waiting": _who_wait(status_counts(job, start=known)[SyncStatus.QUEUED]),
                "set_up": set_up_address(job),
            }
            for job, run in stopped
        ]
    }


def _who_wait(number: int) -> str:
    return count_of(number, "contact waits", "contacts wait")
