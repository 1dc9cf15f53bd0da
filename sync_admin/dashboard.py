"""The dashboard: how each queue stands."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from contacts.permissions import VIEW
from curation_sdk.overview import platform_state
from scrapersky.platforms import QUEUES
from sync_admin.pages import page, render


@page(VIEW)
def dashboard(request: HttpRequest) -> HttpResponseBase:
    """How each queue stands."""
    now = timezone.now()
    return render(
        request, "sync_admin/dashboard.html", "Sync", platforms=[platform_state(job, now=now) for job in QUEUES]
    )
