"""A choice of contacts as JSON, so that a worker can make the same choice again later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from contacts.filters import filter_contacts
from contacts.models import Contact


def select_contacts(selection: Mapping[str, Any], user: Any = None) -> QuerySet[Contact]:
    """The contacts of a selection.

    `{"filters": {…}}`: as the API takes them. `{"list": "email_type__exact=FREE&q=…"}`: everything in the admin's list
    under that address, as `user` sees it.

    Raises ValidationError or IncorrectLookupParameters for one that makes no sense (any more).
    """
    if "filters" in selection:
        return filter_contacts(selection["filters"])
    # By the list's own code, so that it is exactly what the person saw.
    request = HttpRequest()
    request.method, request.GET = "GET", QueryDict(selection["list"])
    request.user = user or AnonymousUser()
    model_admin = admin.site.get_model_admin(Contact)
    changelist = model_admin.get_changelist_instance(request)
    chosen: QuerySet[Contact] = changelist.get_queryset(request)
    return chosen
