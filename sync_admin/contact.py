"""What a person does with one contact on its page: push it now, skip it, take it out of the queue."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from contacts.models import Contact
from contacts.permissions import VIEW
from curation_sdk import operations
from curation_sdk.admin_actions import skipped_by
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, SyncRun
from curation_sdk.overview import platform_state
from curation_sdk.queueing import cancel_queued, closed_reason, make_due, queue_contacts, skip_contacts
from curation_sdk.statuses import SyncStatus
from curation_sdk.tasks import start_soon
from scrapersky.platforms import PLATFORMS
from sync_admin.pages import page, queue_or_404, queue_to_steer


@page(VIEW)
@require_POST
def push_now(request: HttpRequest, name: str, contact_id: UUID) -> HttpResponse:
    """Queue this contact and begin a run. One that waits for its next try is due at once."""
    job, chosen = _platform(request, name), _contact(contact_id)
    if closed := closed_reason(job):
        messages.error(request, f"{closed} Nothing was queued.")
        return _back(contact_id)
    now = timezone.now()
    queued = queue_contacts(job, chosen, now=now)
    hurried = make_due(job, chosen, now=now)
    contact = chosen.first()
    problem = platform_state(job, now=now)["problem"]
    begins = "" if problem else ", and a run begins"
    if queued.queued:
        _said(request, chosen, f"Queued for {job.name}{begins}.")
    elif hurried:
        _said(request, chosen, f"The next try for {job.name} is due at once{begins}.")
    elif queued.skipped_count:
        reason = getattr(contact, job.processing_error, "")
        _said(request, chosen, f"Skipped for {job.name}: {reason}", messages.WARNING)
        return _back(contact_id)
    elif getattr(contact, job.sync_status, "") == SyncStatus.PROCESSING:
        messages.info(request, f"A run is pushing it to {job.name} at this moment.")
        return _back(contact_id)
    else:
        messages.info(request, f"It was queued for {job.name} already, and is due now{begins}.")
    start_soon(job, SyncRun.Trigger.ADMIN)
    if problem:
        messages.warning(request, problem)
    return _back(contact_id)


@page(VIEW)
@require_POST
def skip(request: HttpRequest, name: str, contact_id: UUID) -> HttpResponse:
    """Mark this contact as not to be pushed."""
    job, chosen = _platform(request, name), _contact(contact_id)
    taken = skip_contacts(job, chosen, reason=skipped_by(request))
    _said(request, chosen, f"It will not be pushed to {job.name}.")
    _warn(request, job, taken.under_way)
    if others := taken.others_wait(job.name):
        messages.warning(request, others)
    return _back(contact_id)


@page(VIEW)
@require_POST
def take_out(request: HttpRequest, name: str, contact_id: UUID) -> HttpResponse:
    """Take this contact out of the queue."""
    job, chosen = _platform(request, name), _contact(contact_id)
    taken = cancel_queued(job, chosen)
    if taken.count:
        _said(request, chosen, operations.taken_out(job, BulkOperation.Action.TAKE_OUT, taken.count))
    else:
        messages.info(request, f"It was not in the queue for {job.name} any more.")
    _warn(request, job, taken.under_way)
    return _back(contact_id)


def _platform(request: HttpRequest, name: str) -> SyncJob:
    if (job := queue_or_404(name)) not in PLATFORMS:
        raise Http404(f"{job.label} is no platform.")
    return queue_to_steer(request, name)


def _contact(contact_id: UUID) -> QuerySet[Contact]:
    chosen = Contact.objects.filter(pk=contact_id)
    if not chosen.exists():
        raise Http404("There is no such contact.")
    return chosen


def _said(request: HttpRequest, chosen: QuerySet[Contact], text: str, level: int = messages.SUCCESS) -> None:
    """Tell the person, and keep it in the contact's history."""
    messages.add_message(request, level, text)
    user: Any = request.user
    LogEntry.objects.log_actions(user.pk, chosen, CHANGE, text)


def _warn(request: HttpRequest, job: SyncJob, under_way: int) -> None:
    if under_way:
        messages.warning(request, f"It was being pushed at that moment and may have reached {job.name}.")


def _back(contact_id: UUID) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:contacts_contact_change", args=[contact_id]))
