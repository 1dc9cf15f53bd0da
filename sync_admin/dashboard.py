"""The dashboard: how each queue stands, live, and what runs did in the last days."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from contacts.permissions import VIEW
from curation_sdk.overview import as_state, standings
from scrapersky.platforms import PLATFORMS, QUEUES, queue_named
from sync_admin.board import board
from sync_admin.chart import KINDS, drawing, in_words, last_days
from sync_admin.pages import page, render


@page(VIEW)
@require_safe
def dashboard(request: HttpRequest) -> HttpResponseBase:
    """How each queue stands."""
    now = timezone.now()
    shown = _board(request, for_a_start=True)
    return render(
        request,
        "sync_admin/dashboard.html",
        "Sync",
        says_what_is_stopped=True,
        board=shown,
        may_steer=[job.platform for job in QUEUES if request.user.has_perm(job.permission)],
        may_open_runs=_may_open_runs(request),
        chart=_chart(request.GET.get("chart", ""), [queue["platform"] for queue in shown["queues"]], now),
    )


@page(VIEW)
@require_safe
def state(request: HttpRequest) -> HttpResponseBase:
    """The same as JSON, for the page's script."""
    return _fresh(_board(request, for_a_start=False))


@page(VIEW)
@require_safe
def strip(request: HttpRequest) -> HttpResponseBase:
    """The queues in use as JSON, for the lines above the contact list: less than the dashboard asks for."""
    used = [as_state(one) for one in standings(QUEUES, now=timezone.now()) if one.in_use]
    return _fresh({"queues": used})


def _board(request: HttpRequest, *, for_a_start: bool) -> dict[str, Any]:
    return board(QUEUES, now=timezone.now(), runs_linked=_may_open_runs(request), for_a_start=for_a_start)


def _may_open_runs(request: HttpRequest) -> bool:
    return request.user.has_perm("curation_sdk.view_syncrun")


def _fresh(answer: dict[str, Any]) -> JsonResponse:
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})


def _chart(chosen: str, used: list[str], now: Any) -> dict[str, Any]:
    """Of the chosen queue, or of all platforms together: what curation does would count each contact twice."""
    job = queue_named(chosen)
    days = last_days([job.platform] if job else [platform.platform for platform in PLATFORMS], now=now)
    return {
        "of": job.label if job else "All platforms",
        "chosen": job.platform if job else "",
        "choices": [("", "All platforms"), *((one.platform, one.label) for one in QUEUES if one.platform in used)],
        "kinds": KINDS,
        "days": days,
        "drawing": drawing(days),
        "words": in_words(days),
    }
