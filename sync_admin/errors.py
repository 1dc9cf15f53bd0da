"""What failed, what waits for another try and what was skipped, by cause: with what to do, and "retry these"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from contacts.permissions import VIEW
from curation_sdk import cause_groups, drafts, operations
from curation_sdk.admin_actions import to_preview, warn_without_worker
from curation_sdk.cause_filter import list_address, list_query
from curation_sdk.cause_groups import Group
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, SyncAttempt
from curation_sdk.queueing import closed_reason
from curation_sdk.status_counts import status_counts
from curation_sdk.statuses import SyncStatus
from curation_sdk.wording import count_of
from scrapersky.platforms import QUEUES
from sync_admin.advice import Advice, advice, set_up_address
from sync_admin.pages import page, queue_or_404, queue_to_steer, render

GONE = "No contact has this error any more. Nothing was queued."

#: Causes of a queue on the page of all queues.
FIRST = 5


@dataclass(frozen=True, slots=True)
class Line:
    """A group of contacts as the page shows it."""

    group: Group
    advice: Advice
    contacts: str  # address of their list
    last: SyncAttempt | None

    @property
    def count(self) -> str:
        return count_of(self.group.count, "contact")

    @property
    def retry(self) -> str:
        """What the button says. Very many lead to a page that shows first what would become of them."""
        if self.group.count == 1:
            return "Retry this one"
        return f"Retry these {self.group.count:,}" + (" …" if self.group.count > operations.IMMEDIATELY else "")


@require_safe
@page(VIEW)
def overview(request: HttpRequest) -> HttpResponseBase:
    """How many failed in each queue, and the most frequent causes."""
    queues = [
        {
            "job": job,
            "failed": _some(status_counts(job)[SyncStatus.ERROR]),
            "causes": _lines(job, SyncStatus.ERROR, cause_groups.failed(job)[:FIRST], {}),
        }
        for job in QUEUES
    ]
    return render(request, "sync_admin/errors.html", "Errors", queues=queues)


@require_safe
@page(VIEW)
def errors(request: HttpRequest, name: str) -> HttpResponseBase:
    """Everything in one queue that did not work, by cause."""
    job = queue_or_404(name)
    groups = {
        SyncStatus.ERROR: cause_groups.failed(job),
        SyncStatus.QUEUED: cause_groups.waiting(job),
        SyncStatus.SKIPPED: cause_groups.skipped(job),
    }
    last = cause_groups.last_answers(job, {one.cause for found in groups.values() for one in found})
    failed, waiting, skipped = (_lines(job, status, found, last) for status, found in groups.items())
    counts = status_counts(job)
    return render(
        request,
        "sync_admin/queue_errors.html",
        f"{job.label}: errors",
        job=job,
        queues=QUEUES,
        failed=failed,
        waiting=waiting,
        skipped=skipped,
        failed_besides=_besides(counts[SyncStatus.ERROR], failed),
        skipped_besides=_besides(counts[SyncStatus.SKIPPED], skipped),
        all_failed=list_address(job, SyncStatus.ERROR),
        all_skipped=list_address(job, SyncStatus.SKIPPED),
        set_up=set_up_address(job),
        closed=closed_reason(job),
        may_retry=request.user.has_perm(job.permission),
    )


@require_POST
@page(VIEW)
def retry(request: HttpRequest, name: str) -> HttpResponseBase:
    """Queue the failed contacts of one cause again: those, and no others. Very many are shown and confirmed first."""
    job = queue_to_steer(request, name)
    cause = request.POST.get("cause", "").replace("\x00", "")
    contacts = cause_groups.of_cause(job, SyncStatus.ERROR, cause)
    selection = {"list": list_query(job, SyncStatus.ERROR, cause)}
    if closed := closed_reason(job):
        messages.error(request, f"{closed} Nothing was queued.")
    elif operations.too_many(contacts):
        return to_preview(job, BulkOperation.Action.RETRY, contacts, selection, user=request.user)
    elif _at_once(request, job, contacts, selection) and not job.off_reason():
        warn_without_worker(request, "they wait")
    return HttpResponseRedirect(reverse("sync-errors", args=[job.platform]))


def _at_once(request: HttpRequest, job: SyncJob, contacts: QuerySet[Any], selection: dict[str, str]) -> int:
    """As one that is confirmed after a preview, so that it is in the history and can be undone. Says how many."""
    if not contacts.exists():
        messages.warning(request, GONE)
        return 0
    now = timezone.now()
    operation = drafts.draft_of_few(job, BulkOperation.Action.RETRY, contacts, selection, user=request.user, now=now)
    drafts.confirm(job, operation, now=now)
    link = reverse("admin:curation_sdk_bulkoperation_change", args=[operation.pk])
    if operation.state == BulkOperation.State.FAILED:
        messages.error(request, f"This could not be done: {operation.problem}")
    elif operation.queued:
        text = format_html('{} <a href="{}">See it, or undo it.</a>', operations.sentence(job, operation), link)
        messages.success(request, text)
    elif operation.skipped:
        messages.warning(
            request, format_html('{} <a href="{}">See it.</a>', operations.sentence(job, operation), link)
        )
    else:  # somebody was quicker
        messages.warning(request, GONE)
    return operation.queued


def _lines(job: SyncJob, status: SyncStatus, groups: Sequence[Group], last: dict[str, SyncAttempt]) -> list[Line]:
    return [
        Line(one, advice(job, one.cause), list_address(job, status, one.cause), last.get(one.cause)) for one in groups
    ]


def _besides(total: int, lines: Sequence[Line]) -> str:
    """How many have the status and are in no group that is shown: for rarer causes, or for none that is known."""
    return _some(total - sum(line.group.count for line in lines))


def _some(number: int) -> str:
    return count_of(number, "contact") if number > 0 else ""
