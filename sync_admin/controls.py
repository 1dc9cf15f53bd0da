"""The buttons of the dashboard: pause, resume, run now, cancel the run, stop an operation."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from contacts.permissions import VIEW
from curation_sdk import operations, runs, steering
from curation_sdk.admin_actions import warn_without_worker
from curation_sdk.claiming import work_is_due
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, SyncRun
from curation_sdk.tasks import start_soon
from sync_admin.pages import page, queue_to_steer


@page(VIEW)
@require_POST
def pause(request: HttpRequest, name: str) -> HttpResponseBase:
    """Let no run begin until somebody lifts it, and have the one under way end."""
    job = queue_to_steer(request, name)
    who, reason = request.user.get_username(), request.POST.get("reason", "")
    found, made = steering.pause(job, by=who, reason=reason, now=timezone.now())
    if made:
        text = f"{job.label} is paused. Contacts can be queued; a run under way ends within seconds."
        messages.success(request, text)
    else:
        messages.warning(request, f"{job.label} was paused already. {steering.pause_sentence(found)}")
    return _back(job)


@page(VIEW)
@require_POST
def resume(request: HttpRequest, name: str) -> HttpResponseBase:
    """Lift the pause, and begin with what is due."""
    job = queue_to_steer(request, name)
    if not steering.resume(job):
        messages.warning(request, f"{job.label} was not paused.")
        return _back(job)
    start_soon(job, SyncRun.Trigger.HAND)
    messages.success(request, f"{job.label} goes on with what is due.")
    warn_without_worker(request, "it waits")
    return _back(job)


@page(VIEW)
@require_POST
def run_now(request: HttpRequest, name: str) -> HttpResponseBase:
    """Have a worker begin a run, or say why none would do anything."""
    job = queue_to_steer(request, name)
    if reason := _why_not(job):
        messages.warning(request, reason)
        return _back(job)
    start_soon(job, SyncRun.Trigger.HAND)
    messages.success(request, f"A run for {job.name} was asked for.")
    warn_without_worker(request, "it waits")
    return _back(job)


@page(VIEW)
@require_POST
def cancel_run(request: HttpRequest, name: str) -> HttpResponseBase:
    """Have the run under way end."""
    job, now = queue_to_steer(request, name), timezone.now()
    if steering.cancel_runs(job, by=request.user.get_username()):
        text = f"The run for {job.name} ends within seconds. What it has not pushed stays queued."
        messages.success(request, text)
    elif ending := runs.running(job, now=now).first():
        messages.warning(request, f"{ending.cancelled_by} has cancelled the run already.")
    else:
        messages.warning(request, f"No run for {job.name} is under way.")
    return _back(job)


@page(VIEW)
@require_POST
def stop_operation(request: HttpRequest, operation_id: UUID) -> HttpResponseBase:
    """Stop an operation on many contacts after the chunk that is being written."""
    operation = get_object_or_404(BulkOperation, pk=operation_id)
    job = queue_to_steer(request, operation.platform)
    if operations.cancel(operation, now=timezone.now()):
        messages.success(request, "The operation was stopped. What it had done stays.")
    else:
        messages.warning(request, "The operation had ended already.")
    return _back(job)


def _why_not(job: SyncJob) -> str:
    """Why a run that begins now would do nothing; "" when it would do something."""
    now = timezone.now()
    if off := job.off_reason():
        return off
    if pause := steering.paused(job):
        return f"{steering.pause_sentence(pause)} Resume it first."
    if runs.running(job, now=now).exists():
        return f"A run for {job.name} is under way already."
    if until := runs.resume_at(job, now=now):
        # The platform's word: whoever calls it earlier is refused, and for longer.
        return f"{job.label} asked us to wait until {until:%H:%M:%S} UTC. The schedule starts the next run after that."
    if not operations.unfinished(job).exists() and not work_is_due(job, job.policy(), now=now):
        return f"Nothing is due for {job.name}."
    return ""


def _back(job: SyncJob) -> HttpResponseBase:
    return redirect(f"{reverse('sync-dashboard')}#queue-{job.platform}")
