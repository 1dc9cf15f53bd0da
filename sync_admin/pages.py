"""What every page below /admin/sync/ is made with: the admin's log-in and look, a permission, a queue by its name."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse

from curation_sdk.job import SyncJob
from scrapersky.platforms import queue_named

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def page(*permissions: str) -> Callable[[View[P]], View[P]]:
    """For a view of the admin: whoever is logged in to it and has the permissions ("contacts.view_contact") gets in.

    Others are asked to log in, or get 403.
    """

    def checked(view: View[P]) -> View[P]:
        @wraps(view)
        def inner(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.has_perms(permissions):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded: View[P] = admin.site.admin_view(inner)  # type: ignore[assignment]
        return guarded

    return checked


def render(request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
    """A page in the admin's frame."""
    return TemplateResponse(request, template, {**admin.site.each_context(request), "title": title, **context})


def queue_or_404(name: str) -> SyncJob:
    """The queue of this name in an address."""
    if job := queue_named(name):
        return job
    raise Http404(f"There is no queue named {name}.")


def queue_to_steer(request: HttpRequest, name: str) -> SyncJob:
    """The same, for which this person has to have the permission: 403 without."""
    job = queue_or_404(name)
    if not request.user.has_perm(job.permission):
        raise PermissionDenied
    return job
