"""Opt-outs on a platform's page: what it has been told, what its last sweep found, and a sweep on demand."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from contacts.permissions import SET_UP, VIEW
from curation_sdk.admin_actions import warn_without_worker
from curation_sdk.job import SyncJob
from opt_outs import pacing, standing
from opt_outs.sweeping import sweeper_of
from opt_outs.tasks import sweep_soon
from opt_outs.telling import tellers
from sync_admin.pages import page


def shown(job: SyncJob) -> dict[str, Any] | None:
    """What the page says; None for a platform that is neither told nor swept."""
    now = timezone.now()
    is_told = any(teller.job is job for teller in tellers())
    is_swept = sweeper_of(job.platform) is not None
    if not (is_told or is_swept):
        return None
    return {
        "told": standing.told(job, now=now) if is_told else "",
        "swept": standing.swept(job, now=now) if is_swept else "",
        "trouble": is_swept and standing.sweep_in_trouble(job),
    }


@require_POST
@page(VIEW, SET_UP)
def sweep_now(request: HttpRequest, platform: str) -> HttpResponseBase:
    """Have a worker sweep the platform, or say why none would."""
    sweeper = sweeper_of(platform)
    if sweeper is None:
        raise Http404(f"{platform} is not swept.")
    label = sweeper.job.label
    if reason := pacing.left_alone(sweeper.job, now=timezone.now()):
        messages.error(request, f"{label} is not swept now. {reason}")
    else:
        sweep_soon(platform)
        messages.success(request, f"A worker reads what changed in {label} since the last sweep.")
        warn_without_worker(request, "it waits")
    return redirect("sync-connection", platform)
