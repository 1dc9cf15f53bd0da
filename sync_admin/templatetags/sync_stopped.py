"""The line at the top of every page of the admin when a queue stands still."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

from contacts.suppression import lost_key
from sync_admin.advice import set_up_address
from sync_admin.stopped import stopped_queues

register = template.Library()


@register.inclusion_tag("sync_admin/lost_key.html")
def erasure_key_lost() -> dict[str, str]:
    """As below: erased people would not be recognised, so nothing is pushed."""
    return {"problem": lost_key()}


@register.inclusion_tag("sync_admin/stopped.html")
def sync_stopped() -> dict[str, Any]:
    """To be called for people who may see contacts."""
    return {
        "stopped": [
            {"job": job, "run": run, "waiting": waiting, "set_up": set_up_address(job)}
            for job, run, waiting in stopped_queues(now=timezone.now())
        ]
    }
