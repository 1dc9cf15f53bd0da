"""Preview, then queue: what an operation would do, its confirmation, and its undoing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_GET, require_POST

from contacts.permissions import SET_UP, VIEW
from curation_sdk import chosen, drafts, forecast, operations
from curation_sdk.admin_actions import warn_without_worker
from curation_sdk.claiming import SIBLINGS
from curation_sdk.forecast import Forecast
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation
from curation_sdk.overview import hindrance
from curation_sdk.platform_settings import without_path
from curation_sdk.queueing import closed_reason, skip_reason
from curation_sdk.statuses import ProcessingStatus
from curation_sdk.wording import count_of
from curation_sdk.workers import worker_alive
from reconciliation.list_filter import ComparisonFilter
from sync_admin.pages import page, queue_to_steer, render

State = BulkOperation.State

GONE = "There is no such preview any more. One that nobody confirms goes after a day. Choose the contacts again."


@require_GET
@page(VIEW)
def preview(request: HttpRequest, platform: str, operation_id: UUID) -> HttpResponseBase:
    """What the operation would do, with the button that does it."""
    job = queue_to_steer(request, platform)
    operation = _operation(job, operation_id)
    if operation and operation.confirmed:
        return HttpResponseRedirect(_page_of(operation))
    if operation is None or operation.state == State.CANCELLED:
        return _back(request, operation, GONE, messages.WARNING)
    now = timezone.now()
    counting = operation.state in BulkOperation.UNFINISHED
    off = closed_reason(job)
    context = {
        "job": job,
        "operation": operation,
        "what": operation.get_action_display(),
        "selected": job.in_words(operation.selection),
        "list_url": _list_of(operation),
        "counting": counting,
        "no_worker": counting and not worker_alive(now=now),
        "fault": off or _fault(request, operation, now=now),
        "hindrance": "" if off else hindrance(job, now=now),
        "few": (operation.chosen or 0) <= operations.IMMEDIATELY,
        "chosen": count_of(operation.chosen or 0, "contact"),
    }
    if operation.state == State.DRAFT:
        found = Forecast(**operation.forecast)
        context |= {
            "forecast": found,
            "rows": _rows(job, operation, found),
            "destination": "" if off else job.destination(),
            "duration": "" if off else _duration(job, found),
            "left_out": _left_out(job, found),
            "skipped": sum(found.skipped.values()),
            "samples": [] if off else _samples(job, operation, found, request.user),
            "confirm": _confirms(job, found),
        }
    title = f"{operation.what}: preview"
    return render(request, "sync_admin/preview.html", title, **context)


@require_POST
@page(VIEW)
def confirm(request: HttpRequest, platform: str, operation_id: UUID) -> HttpResponseBase:
    """Do exactly what was shown."""
    job = queue_to_steer(request, platform)
    operation = _operation(job, operation_id)
    if operation is None:
        return _back(request, operation, GONE, messages.WARNING)
    now = timezone.now()
    if fault := closed_reason(job) or _fault(request, operation, now=now):
        messages.error(request, f"{fault} Nothing was queued.")
        return HttpResponseRedirect(_preview_of(operation))
    if not drafts.confirm(job, operation, now=now):
        operation.refresh_from_db()
        if operation.confirmed:
            messages.warning(request, "This was confirmed already, and is done once.")
            return HttpResponseRedirect(_page_of(operation))
        if operation.state == State.CANCELLED:
            return _back(request, operation, f"{GONE} Nothing was queued.", messages.WARNING)
        messages.warning(request, "The contacts are still being counted. Nothing was queued.")
        return HttpResponseRedirect(_preview_of(operation))
    _say(request, job, operation)
    # Whoever is queued is no more among those that a comparison found: that list would be empty.
    of_comparison = ComparisonFilter.parameter_name in QueryDict(operation.selection.get("list", ""))
    return HttpResponseRedirect(_page_of(operation) if of_comparison else _list_of(operation))


@require_POST
@page(VIEW)
def discard(request: HttpRequest, platform: str, operation_id: UUID) -> HttpResponseBase:
    """Leave everything as it is."""
    job = queue_to_steer(request, platform)
    operation = _operation(job, operation_id)
    if operation is None:
        return _back(request, operation, GONE, messages.WARNING)
    if operation.requested_by_id != request.user.pk:
        messages.error(request, f"Only {_who(operation)}, who made this preview, can discard it.")
        return HttpResponseRedirect(_preview_of(operation))
    if not drafts.discard(operation, now=timezone.now()):
        messages.warning(request, "This was confirmed already. It can be undone here while contacts wait.")
        return HttpResponseRedirect(_page_of(operation))
    return _back(request, operation, "Nothing was queued.", messages.SUCCESS)


@require_POST
@page(VIEW)
def count_on(request: HttpRequest, platform: str, operation_id: UUID) -> HttpResponseBase:
    """Without a worker: count the chosen contacts here, for a while."""
    job = queue_to_steer(request, platform)
    operation = _operation(job, operation_id)
    if operation and not operation.confirmed:
        operations.do_now(job, operation, seconds=COUNT_FOR)
    return HttpResponseRedirect(reverse("sync-preview", args=[platform, operation_id]))


@require_POST
@page(VIEW)
def undo(request: HttpRequest, platform: str, operation_id: UUID) -> HttpResponseBase:
    """Take out of the queue whom the operation has put there and nobody has in hand yet."""
    job = queue_to_steer(request, platform)
    operation = _operation(job, operation_id)
    if operation is None:
        return _back(request, operation, "There is no such operation.", messages.ERROR)
    now = timezone.now()
    if fault := drafts.undo_fault(operation, now=now):
        messages.warning(request, fault)
        return HttpResponseRedirect(_page_of(operation))
    undoing = drafts.undo(job, operation, user=request.user, now=now)
    if undoing is None:
        messages.warning(request, "This operation is being undone, or has been.")
    elif undoing.state == State.FINISHED:
        level = messages.SUCCESS if undoing.undone else messages.WARNING
        messages.add_message(request, level, operations.sentence(job, undoing))
    else:
        messages.success(request, "These are many contacts: a worker takes them out of the queue again.")
        warn_without_worker(request, "they wait")
    return HttpResponseRedirect(_page_of(operation))


#: So long a click counts.
COUNT_FOR = 10.0  # seconds


def _operation(job: SyncJob, operation_id: UUID) -> BulkOperation | None:
    found = BulkOperation.objects.select_related("requested_by").filter(platform=job.platform, pk=operation_id)
    return found.first()


def _fault(request: HttpRequest, operation: BulkOperation, *, now: datetime) -> str:
    """Why this person cannot confirm it; "" when he can, as soon as it is counted."""
    if operation.requested_by_id != request.user.pk:
        return (
            f"Only {_who(operation)}, who made this preview, can confirm it. "
            "Choose the contacts yourself for one of your own."
        )
    if operation.state == State.FAILED:
        return f"The contacts could not be counted: {operation.problem}"
    if not operation.confirmed and drafts.is_stale(operation, now=now):
        return "This preview is older than a day. Choose the contacts again for a new one."
    return ""


def _who(operation: BulkOperation) -> str:
    return operation.requested_by.get_username() if operation.requested_by else "somebody who is gone"


def _say(request: HttpRequest, job: SyncJob, operation: BulkOperation) -> None:
    """What became of the contacts, and where to see it."""
    if operation.state == State.FAILED:
        messages.error(request, f"This could not be done: {operation.problem}")
        return
    done = operation.state == State.FINISHED
    text = operations.sentence(job, operation) if done else f"A worker queues them for {job.name}."
    link = format_html('{} <a href="{}">See it, or undo it.</a>', text, _page_of(operation))
    messages.add_message(request, messages.SUCCESS if operation.queued or not done else messages.WARNING, link)
    if not done or (operation.queued and not job.off_reason()):
        warn_without_worker(request, "they wait")


def _back(request: HttpRequest, operation: BulkOperation | None, text: str, level: int) -> HttpResponse:
    messages.add_message(request, level, text)
    return HttpResponseRedirect(_list_of(operation))


def _list_of(operation: BulkOperation | None) -> str:
    """The list of contacts, filtered as it was when they were chosen."""
    query = operation.selection.get("list", "") if operation else ""
    return reverse("admin:contacts_contact_changelist") + (f"?{query}" if query else "")


def _preview_of(operation: BulkOperation) -> str:
    return reverse("sync-preview", args=[operation.platform, operation.pk])


def _page_of(operation: BulkOperation) -> str:
    return reverse("admin:curation_sdk_bulkoperation_change", args=[operation.pk])


def _rows(job: SyncJob, operation: BulkOperation, found: Forecast) -> list[dict[str, Any]]:
    """The table: what becomes of how many."""
    rows = [_row("Will be queued", found.queued, "")]
    if found.unusable:
        text = "They end Skipped, with the reason, when it is their turn."
        rows.append(_row("with an address that cannot be pushed", found.unusable, text, within=True))
    if job.identity and found.people is not None and found.people < found.queued:
        text = f"Rows with one address are one person: {count_of(found.people, 'person', 'people')} in all."
        rows.append(_row("same person as another row", found.queued - found.people, text, within=True))
    if found.again:
        changed = "None has changed since." if not found.changed else f"{found.changed:,} changed since."
        text = f"They are sent again: what {job.name} has is updated, and nothing there is blanked. {changed}"
        rows.append(_row(f"{job.done} before", found.again, text if job.identity else changed, within=True))
    rows.append(_row("Queued already", found.already_queued, "Left as they are."))
    for rule in job.skip_rules():
        rows.append(_row(f"Skipped: {rule.label}", found.skipped.get(rule.label, 0), "They get the status Skipped."))
        causes = sorted(found.causes.get(rule.label, {}).items(), key=lambda item: (-item[1], item[0]))
        rows += [_row(cause, count, "", within=True) for cause, count in causes]
    if since := chosen.rows(operation).filter(decided=True).count():
        text = "Left alone: somebody decided about them since these numbers were counted."
        rows.append(_row("Decided about since", since, text, within=True))
    return rows


def _left_out(job: SyncJob, found: Forecast) -> list[dict[str, Any]]:
    """Some of those who would be skipped, with the reason as it is now."""
    rows = job.contacts.filter(pk__in=found.left_out).annotate(why=skip_reason(job)).exclude(why="")
    return [{"name": str(row), "url": _contact(row.pk), "why": row.why} for row in rows.order_by("pk")]


def _contact(key: Any) -> str:
    return reverse("admin:contacts_contact_change", args=[key])


def _confirms(job: SyncJob, found: Forecast) -> str:
    """What the button says; "" when there is nothing to confirm."""
    if found.queued:
        return f"Queue {count_of(found.queued, 'contact')} for {job.name}"
    return "Mark them as Skipped" if found.skipped else ""


def _row(what: str, count: int, text: str, *, within: bool = False) -> dict[str, Any]:
    return {"what": what, "count": f"{count:,}", "text": text, "within": within}


def _duration(job: SyncJob, found: Forecast) -> str:
    """How long it takes at the account's limit, for people."""
    people = found.queued if found.people is None else found.people
    if not people:
        return ""
    if not job.contact_id:
        return "A moment: there is no limit to keep."
    ahead = forecast.waiting(job)
    policy = job.policy()
    size = min(job.push_size, policy.batch_size)
    pace = f"{policy.rate_per_second:g} calls a second" + (f" with up to {size} contacts each" if size > 1 else "")
    text = f"At least {in_time(forecast.duration(job, people))}, at {pace}"
    if not ahead:
        return f"{text}. Nobody waits before them."
    wait = in_time(forecast.duration(job, ahead))
    return f"{text}, after the {count_of(ahead, 'contact')} in the queue now (at least {wait})."


def in_time(length: timedelta) -> str:
    """ "a few seconds", "about 4 minutes", "about 3 hours"."""
    seconds = length.total_seconds()
    if seconds < 10:
        return "a few seconds"
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"about {round(seconds / size)} {name}s"
    return f"about {round(seconds)} seconds"


def _samples(job: SyncJob, operation: BulkOperation, found: Forecast, user: Any) -> list[dict[str, str]]:
    """Some requests as they would be sent: rows of one person merged, as a run does it."""
    hidden = job.address_is_secret and not user.has_perm(SET_UP)
    contacts = job.contacts.filter(pk__in=found.samples)
    together = Q(pk__in=found.samples)
    if job.identity:
        same = {f"{job.identity}__in": [getattr(contact, job.identity) for contact in contacts]}
        kept = chosen.rows(operation).filter(decided=False).values("contact_id")
        waits = Q(**{job.processing_status: ProcessingStatus.QUEUED})
        together |= Q(**same) & (waits | Q(pk__in=kept))
    rows = job.contacts.filter(together).select_related(*job.related).annotate(why=skip_reason(job))
    people: dict[Any, list[Any]] = {}
    for row in rows[:SIBLINGS]:
        people.setdefault(job.person(row), []).append(row)
    shown = []
    for group in people.values():
        person = job.merge(group, job.contact_id)
        request = group[0].why or job.preview(person)
        shown.append({"name": str(person), **_request(request, hidden=hidden)})
    return shown


def _request(request: dict[str, Any] | str, *, hidden: bool) -> dict[str, str]:
    """hidden: the path is not for the reader."""
    if isinstance(request, str):
        return {"line": "No request", "body": request}
    body = request.get("body", request)
    line = "What is found"
    if "method" in request:
        line = f"{request['method']} {without_path(request['path']) if hidden else request['path']}"
    return {"line": line, "body": json.dumps(body, ensure_ascii=False, indent=2)}
