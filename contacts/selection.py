"""A choice of contacts as JSON, so that a worker can make the same choice again later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from contacts.filters import filter_contacts
from contacts.models import Contact
from curation_sdk.jobs import job_named


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


#: How an address compares a column, for people.
_LOOKUPS = {"in": "is one of", "gt": "is above", "gte": "is from", "lt": "is below", "lte": "is up to"}


def in_words(selection: Mapping[str, Any]) -> str:
    """A selection for people: "e-mail type is FREE; search “acme”". `ticked`: rows were ticked in that list."""
    if "filters" in selection:
        said = [_filter_in_words(name, value) for name, value in selection["filters"].items()]
    else:
        said = [_lookup_in_words(name, str(value)) for name, value in QueryDict(selection.get("list", "")).items()]
    words = "; ".join(filter(None, said)) or "all contacts"
    if not selection.get("ticked"):
        return words
    return "ticked in the list" if words == "all contacts" else f"ticked in the list: {words}"


def _filter_in_words(name: str, value: Any) -> str:
    part_of = name.removesuffix("_contains")
    return f"{_column(name)} is {value}" if part_of == name else f"{_column(part_of)} contains “{value}”"


#: The kinds of `reconciliation`, which stands above this room, by their names in an address.
_KINDS = {
    "missing": "missing there",
    "off_list": "not on the list",
    "blocked": "blocked or unsubscribed there",
    "changed": "changed there",
    "newer": "changed here since the push",
}


def _lookup_in_words(name: str, value: str) -> str:
    if name == SEARCH_VAR:
        return f"search “{value}”" if value.strip() else ""
    if name == "comparison":
        platform, _, kind = value.partition(":")
        job = job_named(platform)
        return f"{_KINDS.get(kind, kind)}, by the comparison with {job.label if job else platform}"
    column, _, lookup = name.partition("__")
    last = lookup.rpartition("__")[2]
    if last == "isnull":
        return f"{_column(column)} is {'empty' if value.lower() in ('1', 'true') else 'not empty'}"
    if last == "exact" and _is_boolean(column):
        value = "yes" if value.lower() in ("1", "true") else "no"
    return f"{_column(column)} {_LOOKUPS.get(last, 'is')} {value}"


def _column(name: str) -> str:
    """What a column is called on the pages."""
    try:
        return str(getattr(Contact._meta.get_field(name), "verbose_name", name))
    except FieldDoesNotExist:
        return name.replace("_", " ")


def _is_boolean(name: str) -> bool:
    try:
        return Contact._meta.get_field(name).get_internal_type() == "BooleanField"
    except FieldDoesNotExist:
        return False
