"""Where the admin's first page and its history lead to: our own pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from curation_sdk.admin import ForgivingAdmin
from erasure.job import SEE
from erasure.models import Erasure


@admin.register(Erasure)
class ErasureAdmin(ForgivingAdmin[Erasure]):
    """Erasures are made on a page of their own, and never changed."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Erasure | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Erasure | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Erasure | None = None) -> bool:
        return request.user.has_perm(SEE)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("privacy"))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        known = object_id.isascii() and object_id.isdigit() and len(object_id) < 19
        to = reverse("privacy-certificate", args=[int(object_id)]) if known else reverse("privacy")
        return HttpResponseRedirect(to)
