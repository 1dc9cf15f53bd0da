"""The bulk actions on contacts, the same for every platform. A platform's action only names its job."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ALL_VAR, ORDER_VAR, PAGE_VAR
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from curation_sdk import drafts, operations
from curation_sdk.job import SyncJob
from curation_sdk.looking import WHOLE
from curation_sdk.models import BulkOperation, SyncRun
from curation_sdk.queueing import cancel_queued, closed_reason, skip_contacts
from curation_sdk.statuses import SyncStatus
from curation_sdk.tasks import start_soon
from curation_sdk.workers import worker_alive

#: Without a worker the page counts the chosen contacts itself, for so long.
COUNT_FOR = 10.0  # seconds


def queue(
    job: SyncJob, model_admin: admin.ModelAdmin[Any], request: HttpRequest, contacts: QuerySet[Any]
) -> HttpResponse | None:
    """Keep the chosen contacts and lead to the page that shows what queueing them would do."""
    return _preview(job, BulkOperation.Action.QUEUE, model_admin, request, contacts)


def retry_failed(
    job: SyncJob, model_admin: admin.ModelAdmin[Any], request: HttpRequest, contacts: QuerySet[Any]
) -> HttpResponse | None:
    """The same with those of the chosen contacts that ended in Error."""
    failed = contacts.filter(Q(**{job.sync_status: SyncStatus.ERROR}))
    if not failed.exists():
        text = f"None of the chosen contacts has the {job.name} status Error."
        model_admin.message_user(request, text, messages.WARNING)
        return None
    return _preview(job, BulkOperation.Action.RETRY, model_admin, request, failed)


def skip(job: SyncJob, model_admin: admin.ModelAdmin[Any], request: HttpRequest, contacts: QuerySet[Any]) -> None:
    """Mark the chosen contacts as not to be pushed."""
    reason = skipped_by(request)
    if _everything(request) and operations.too_many(contacts):
        _in_background(job, BulkOperation.Action.SKIP, model_admin, request, reason)
        return
    taken = skip_contacts(job, contacts, reason=reason)
    text = operations.taken_out(job, BulkOperation.Action.SKIP, taken.count)
    model_admin.message_user(request, text, messages.SUCCESS)
    for warning in filter(None, (taken.warning(job.name), taken.others_wait(job.name))):
        model_admin.message_user(request, warning, messages.WARNING)


def take_out(job: SyncJob, model_admin: admin.ModelAdmin[Any], request: HttpRequest, contacts: QuerySet[Any]) -> None:
    """Take the chosen contacts out of the queue."""
    if _everything(request) and operations.too_many(contacts):
        _in_background(job, BulkOperation.Action.TAKE_OUT, model_admin, request)
        return
    taken = cancel_queued(job, contacts)
    level = messages.SUCCESS if taken.count else messages.WARNING
    model_admin.message_user(request, operations.taken_out(job, BulkOperation.Action.TAKE_OUT, taken.count), level)
    if warning := taken.warning(job.name):
        model_admin.message_user(request, warning, messages.WARNING)


def _everything(request: HttpRequest) -> bool:
    """Was "Select all … contacts" chosen, and not single rows?"""
    return request.POST.get("select_across") == "1"


def _list(request: HttpRequest) -> str:
    """What the list was filtered by."""
    query = request.GET.copy()
    for name in (PAGE_VAR, ALL_VAR, ORDER_VAR, WHOLE):
        query.pop(name, None)
    return query.urlencode()


def _preview(
    job: SyncJob,
    action: BulkOperation.Action,
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    contacts: QuerySet[Any],
) -> HttpResponse | None:
    if reason := closed_reason(job):
        model_admin.message_user(request, f"{reason} Nothing was queued.", messages.ERROR)
        return None
    ticked = {} if _everything(request) else {"ticked": True}
    selection = {"list": _list(request), **ticked}
    return to_preview(job, action, contacts, selection, user=request.user)


def to_preview(
    job: SyncJob, action: BulkOperation.Action, contacts: QuerySet[Any], selection: dict[str, Any], *, user: Any
) -> HttpResponse:
    """Keep these contacts, and lead to the page that shows what would become of them, where a person confirms it."""
    now = timezone.now()
    draft = drafts.draft(job, action, contacts, selection, user=user, now=now)
    if draft.state == BulkOperation.State.WAITING and not worker_alive(now=now):
        operations.do_now(job, draft, seconds=COUNT_FOR)
    return HttpResponseRedirect(reverse("sync-preview", args=[job.platform, draft.pk]))


def skipped_by(request: HttpRequest) -> str:
    """The reason that stands with a contact that this person skips now."""
    return f"Skipped by {request.user.get_username()} on {timezone.now():%Y-%m-%d}."


def warn_without_worker(request: HttpRequest, waits: str) -> None:
    """Say so when no worker lives. waits: who waits for one, and does: "they wait"."""
    if not worker_alive(now=timezone.now()):
        messages.warning(request, f'No worker is running, so {waits}. "manage.py qcluster" starts one.')


#: What a worker does with very many, for people. What queues has a preview, and is confirmed there.
_DOING = {
    BulkOperation.Action.SKIP: "skips them",
    BulkOperation.Action.TAKE_OUT: "takes them out of the queue",
}

#: What else there is to say: nobody looks for these while a worker goes through the contacts.
_BESIDES = {BulkOperation.Action.SKIP: "Other contacts with the same addresses stay as they are. "}


def _in_background(
    job: SyncJob,
    action: BulkOperation.Action,
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    reason: str = "",
) -> None:
    """Leave it to a worker, who makes the choice again from the list's address, and say where to look."""
    operation = operations.request(
        job,
        action,
        {"list": _list(request)},
        trigger=SyncRun.Trigger.ADMIN,
        user=request.user,
        now=timezone.now(),
        reason=reason,
    )
    start_soon(job, SyncRun.Trigger.ADMIN)
    link = reverse("admin:curation_sdk_bulkoperation_change", args=[operation.pk])
    text = format_html(
        'These are many contacts: a worker {} for {}. {}<a href="{}">See how far it is, or stop it.</a>',
        *(_DOING[action], job.name, _BESIDES.get(action, ""), link),
    )
    model_admin.message_user(request, text, messages.SUCCESS)
    warn_without_worker(request, "it waits")
