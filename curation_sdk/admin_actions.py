"""The bulk actions on contacts, the same for every platform. A platform's action only names its job."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from curation_sdk.job import SyncJob
from curation_sdk.models import SyncRun
from curation_sdk.queueing import queue_contacts, skip_contacts
from curation_sdk.statuses import SyncStatus
from curation_sdk.tasks import start_soon
from curation_sdk.wording import count_of
from curation_sdk.workers import worker_alive


def queue(job: SyncJob, model_admin: admin.ModelAdmin[Any], request: HttpRequest, contacts: QuerySet[Any]) -> None:
    """Queue the chosen contacts and tell the person what became of each."""
    if reason := job.off_reason():
        model_admin.message_user(request, f"{reason} Nothing was queued.", messages.ERROR)
        return
    result = queue_contacts(job, contacts, now=timezone.now())
    start_soon(job, SyncRun.Trigger.ADMIN)
    level = messages.SUCCESS if result.queued else messages.WARNING
    model_admin.message_user(request, result.sentence(job.label), level)
    if result.queued and not worker_alive(now=timezone.now()):
        text = "No worker is running, so they wait. `manage.py qcluster` starts one."
        model_admin.message_user(request, text, messages.WARNING)


def retry_failed(
    job: SyncJob, model_admin: admin.ModelAdmin[Any], request: HttpRequest, contacts: QuerySet[Any]
) -> None:
    """Queue those of the chosen contacts that ended in Error."""
    failed = contacts.filter(Q(**{job.sync_status: SyncStatus.ERROR}))
    if not failed.exists():
        text = f"None of the chosen contacts has the {job.label} status Error."
        model_admin.message_user(request, text, messages.WARNING)
        return
    queue(job, model_admin, request, failed)


def skip(job: SyncJob, model_admin: admin.ModelAdmin[Any], request: HttpRequest, contacts: QuerySet[Any]) -> None:
    """Mark the chosen contacts as not to be pushed."""
    reason = f"Skipped by {request.user.get_username()} on {timezone.now():%Y-%m-%d}."
    count = skip_contacts(job, contacts, reason=reason)
    text = f"{count_of(count, 'contact')} will not be pushed to {job.label}."
    model_admin.message_user(request, text, messages.SUCCESS)
