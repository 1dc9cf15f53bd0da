"""What a platform holds beside what is Complete here: the page, the button that compares, and "queue them again"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from contacts.permissions import VIEW
from curation_sdk import drafts
from curation_sdk.admin_actions import warn_without_worker
from curation_sdk.clock import SystemClock
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation
from curation_sdk.queueing import closed_reason
from curation_sdk.wording import count_of, moment
from reconciliation import engine, standing
from reconciliation.held import Comparison
from reconciliation.list_filter import list_address, list_query
from reconciliation.models import HeldContact, Reconciliation
from reconciliation.tasks import ask_for
from scrapersky.platforms import COMPARISONS, comparison_named
from sync_admin.pages import page, queue_to_steer, render

State, Kind = Reconciliation.State, HeldContact.Kind

#: People on a page of one kind.
ON_A_PAGE = 50

#: What each kind means, and what can be done. {0} is the platform.
MEANING = {
    Kind.MISSING: "Complete here, and {0} has no such contact. Somebody may have deleted them there on purpose: look "
    "before you queue them again.",
    Kind.OFF_LIST: "{0} has them, but not on our list any more: somebody took them off it. A push would put them on "
    "it again.",
    Kind.BLOCKED: "{0} does not mail them: they are blocked there, or have unsubscribed. They are suppressed here, "
    "unless somebody has lifted that.",
    Kind.CHANGED: "{0} holds something else than we sent. A push would write our values again.",
    Kind.NEWER: "Their data changed here after the push. A push would bring {0} up to date.",
    Kind.UNKNOWN: "They are on our list in {0}, and no contact here has their address. Nothing is done about them.",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A kind, as the page shows it: `address` is the list of those contacts of whom it still holds."""

    kind: str
    label: str
    count: str
    address: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the kind that is shown."""

    name: str
    here: str  # the contact's page here; "": there is none
    there: str  # likewise there
    remote_id: str
    details: str
    status: str  # as it is now


@require_safe
@page(VIEW)
def comparison(request: HttpRequest, name: str) -> HttpResponseBase:
    """What the last comparison found, and how the one under way stands."""
    one = _comparison_or_404(name)
    job, now = one.job, timezone.now()
    last, finished = standing.both(job)
    lines = _lines(job, finished, request.GET.get("kind", ""))
    kind = next((line.kind for line in lines if line.chosen), "")
    people = _page(finished, kind, request.GET.get("page", "")) if finished and kind else None
    under_way = last if last and last.state != State.FINISHED else None
    return render(
        request,
        "sync_admin/comparison.html",
        f"{job.label}: comparison",
        job=job,
        others=[other.job for other in COMPARISONS],
        off=job.off_reason(),
        finished=finished,
        sides=_sides(finished, now) if finished else [],
        under_way=_under_way(under_way, now) if under_way else "",
        problem=_problem(one, under_way),
        # Not while somebody reads through a list.
        looks_again=bool(under_way and under_way.state == State.RUNNING and not request.GET),
        stopped=bool(under_way and under_way.state == State.STOPPED),
        lines=lines,
        kind=kind,
        kind_label=Kind(kind).label if kind else "",
        meaning=MEANING[Kind(kind)].format(job.label) if kind else "",
        people=people,
        rows=_people(job, people.object_list) if people else [],
        pages=people.paginator.get_elided_page_range(people.number, on_each_side=2, on_ends=1) if people else (),
        can_queue=bool(kind == Kind.MISSING and request.user.has_perm(job.permission) and not closed_reason(job)),
        may_compare=request.user.has_perm(job.permission),
    )


@require_POST
@page(VIEW)
def begin(request: HttpRequest, name: str) -> HttpResponseBase:
    """Have a worker compare."""
    one = _comparison_or_404(name)
    job = queue_to_steer(request, name)
    if off := job.off_reason():
        messages.error(request, off)
        return _back(job)
    _, begun = ask_for(one, by=request.user.get_username(), now=timezone.now())
    if begun:
        messages.success(request, f"A worker compares {job.label} with what is Complete here.")
    else:
        messages.warning(request, f"A comparison with {job.label} is under way already.")
    warn_without_worker(request, "it waits")
    return _back(job)


@require_POST
@page(VIEW)
def queue_missing(request: HttpRequest, name: str) -> HttpResponseBase:
    """Lead to the preview of queueing those whom the platform lacks: of them only who is still as he was compared."""
    _comparison_or_404(name)
    job = queue_to_steer(request, name)
    last = standing.finished(job)
    missing = standing.contacts(job, last, [Kind.MISSING]) if last else None
    if closed := closed_reason(job):
        messages.error(request, f"{closed} Nothing was queued.")
        return _back(job)
    if missing is None or not missing.exists():
        messages.warning(request, "None is missing any more: all of them were queued or pushed since.")
        return _back(job)
    operation = drafts.draft(
        job,
        BulkOperation.Action.QUEUE,
        missing,
        {"list": list_query(job, Kind.MISSING)},
        user=request.user,
        now=timezone.now(),
    )
    return HttpResponseRedirect(reverse("sync-preview", args=[job.platform, operation.pk]))


def _comparison_or_404(name: str) -> Comparison:
    if one := comparison_named(name):
        return one
    raise Http404(f"The contacts of {name} cannot be read back.")


def _back(job: SyncJob) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("sync-comparison", args=[job.platform]))


def _sides(finished: Reconciliation, now: datetime) -> list[tuple[str, str, str]]:
    """The two counts, and when they were taken."""
    asked = f"asked for by {finished.asked_by}" if finished.asked_by else finished.get_trigger_display().lower()
    ended = moment(finished.finished_at or finished.started_at, now=now)
    sides = [
        ("Complete here", f"{finished.here:,}", "people, by their addresses"),
        ("There", f"{finished.there:,}", f"in {finished.against}"),
        ("Compared", ended, f"begun {moment(finished.started_at, now=now)}, {asked}"),
    ]
    if finished.suppressed:
        sides.append(("Newly suppressed", f"{finished.suppressed:,}", "blocked or unsubscribed there"))
    return sides


def _under_way(current: Reconciliation, now: datetime) -> str:
    """How far it is, for people."""
    begun = f"Begun {moment(current.started_at, now=now)}: {count_of(current.read, 'contact')} read."
    if current.to_ask:
        begun += f" {count_of(current.to_ask, 'more person', 'more people')} to be asked for one by one."
    return begun


def _problem(one: Comparison, current: Reconciliation | None) -> str:
    """Why it does not go on at this moment; "" when it does."""
    if current is None:
        return ""
    if current.state == State.STOPPED:
        return f"Stopped: {current.problem}"
    if current.problem:
        later = f" It goes on at {current.resume_at:%H:%M:%S} UTC." if current.resume_at else ""
        return f"{current.problem}{later}"
    return engine.hindrance(one, SystemClock())


def _lines(job: SyncJob, finished: Reconciliation | None, wanted: str) -> list[Line]:
    """Each kind with its count. Shown is the one that was asked for, else the first that has anybody."""
    if finished is None:
        return []
    kinds = [kind for kind in MEANING if finished.count(kind)]
    shown = wanted if wanted in kinds else next(iter(kinds), "")
    return [
        Line(
            kind.value,
            str(kind.label),
            f"{finished.count(kind):,}",
            list_address(job, kind) if kind in standing.OURS else "",
            kind == shown,
        )
        for kind in MEANING
    ]


def _page(finished: Reconciliation, kind: str, number: str) -> Any:
    """A page of that kind. How many there are is known."""
    paginator: Any = Paginator(standing.people(finished, kind), ON_A_PAGE)
    paginator.count = finished.count(kind)
    return paginator.get_page(number)


def _people(job: SyncJob, rows: Sequence[HeldContact]) -> list[Person]:
    ours = job.contacts.in_bulk([row.contact_id for row in rows if row.contact_id])
    shown = []
    for row in rows:
        contact = ours.get(row.contact_id)
        shown.append(
            Person(
                name=row.email_key,
                here=reverse("admin:contacts_contact_change", args=[row.contact_id]) if contact else "",
                there=job.page_of(row.remote_id) if row.remote_id else "",
                remote_id=row.remote_id,
                details=row.details,
                status=getattr(contact, job.sync_status) if contact else "",
            )
        )
    return shown
