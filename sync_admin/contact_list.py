"""Beside the list of contacts: take it away as a file, and keep it as one's own view."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from contacts.admin import view_of
from contacts.exporting import csv_lines
from contacts.models import Contact, DefaultView
from contacts.permissions import VIEW
from sync_admin.pages import page

LONGEST_VIEW = 2_000


@page(VIEW)
@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """Everything in the list under this address, as CSV."""
    model_admin = admin.site.get_model_admin(Contact)
    try:
        changelist = model_admin.get_changelist_instance(request)
    except IncorrectLookupParameters:
        messages.error(request, "This filter makes no sense any more. Nothing was exported.")
        return _to_list("q=")
    lines = csv_lines(changelist.get_queryset(request))
    name = f"contacts-{timezone.now():%Y-%m-%d-%H%M}.csv"
    return StreamingHttpResponse(
        lines,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@page(VIEW)
@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Show the list like this whenever the person opens it."""
    text = view_of(QueryDict(request.POST.get("query", "")))
    if not text or len(text) > LONGEST_VIEW:
        messages.error(
            request, "There is no filter, search or order to keep." if not text else "This is too long to keep."
        )
        return _to_list(text[:LONGEST_VIEW] or "q=")
    user: Any = request.user
    DefaultView.objects.update_or_create(user=user, defaults={"query": text})
    messages.success(request, "The list of contacts opens like this for you from now on.")
    return _to_list(text)


@page(VIEW)
@require_POST
def forget_view(request: HttpRequest) -> HttpResponse:
    """Show the list with everybody again, the newest first."""
    user: Any = request.user
    DefaultView.objects.filter(user=user).delete()
    messages.success(request, "The list of contacts opens with everybody again, the newest first.")
    return _to_list("")


def _to_list(query: str) -> HttpResponse:
    url = reverse("admin:contacts_contact_changelist")
    return HttpResponseRedirect(f"{url}?{query}" if query else url)
