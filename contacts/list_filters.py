"""The filters beside the contact list, with the number of contacts that each choice would show.

Django's own counts walk the table. Here a number is given where it is cheap, and left out where it is not: for all
contacts it is that of the strip above the list, and what a short list can be filtered by is counted in that list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from contacts.suppression import suppressed_keys
from curation_sdk.looking import WHOLE, OrMore, Seen, look
from curation_sdk.overview import Standing

#: Lists up to so many contacts are counted by each filter.
SHORT = 1_000

#: Up to so many filters in use have numbers of their own.
MOST_ACTIVE = 2


#: The request's attribute with the counts of all contacts, by their column.
_KNOWN = "status_counts_of_all"


def remember_counts(request: HttpRequest, standings: Iterable[Standing]) -> None:
    """Let the filters of this request know what was counted for the strip."""
    vars(request)[_KNOWN] = {one.job.sync_status: one.counts for one in standings}


_LOOKED_AT_SOME = (
    "Only the newest {} contacts{} were looked at.{} Narrow the list, or "
    '<a class="sync-link" href="{}">look through all contacts</a>, which may take some seconds.'
)
_LOOKED_AT_ALL = (
    "All contacts were looked through, which may take some seconds for each page. "
    '<a class="sync-link" href="{}">Look at the newest only</a>'
)


class ContactChangeList(ChangeList):
    """The list under one address.

    looked_at: so many contacts were looked at, and others are there that may belong on this page; None when nothing is
    left out.
    """

    among: QuerySet[Any] | None = None
    among_status = ""
    looked_at: int | None = None

    @property
    def at_least(self) -> bool:
        """More contacts may fit than were counted."""
        return isinstance(self.result_count, OrMore)

    def get_query_string(self, *args: Any, **kwargs: Any) -> str:
        """With no filter left, an empty search: the bare address may lead to a person's own view."""
        query = super().get_query_string(*args, **kwargs)
        return "?q=" if query == "?" else query

    def get_filters_params(self, params: Any = None) -> Any:
        return {name: value for name, value in super().get_filters_params(params).items() if name != WHOLE}

    def mark_suppressed(self) -> None:
        """Note with the rows that are shown who of them is suppressed: the list says so beside the address."""
        rows = self.result_list = list(self.result_list)
        suppressed = suppressed_keys({row.email_key for row in rows if row.email_key})
        for row in rows:
            row.suppressed = row.email_key in suppressed

    def get_results(self, request: HttpRequest) -> None:
        """The contacts of the page and how many there are, without looking for them all where that takes long."""
        self.among = among = self._among(request)
        if among is None or WHOLE in self.params:
            super().get_results(request)
            return
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        seen = self._look(among, 0, self.list_max_show_all) if self.show_all else None
        if seen is None or seen.looked_at or seen.total > self.list_max_show_all:
            seen = self._look(among, self.list_per_page * (self.page_num - 1), self.list_per_page)
        self.result_count = self.paginator.count = seen.total
        self.looked_at = seen.looked_at
        self.can_show_all = not seen.looked_at and seen.total <= self.list_max_show_all
        self.multi_page = seen.total > self.list_per_page
        self.show_full_result_count, self.full_result_count = False, None
        self.show_admin_actions = True
        there = self.apply_select_related(self.root_queryset).in_bulk(seen.keys)
        self.result_list = [there[key] for key in seen.keys if key in there]

    def _look(self, among: QuerySet[Any], start: int, size: int) -> Seen:
        if start < 0:
            raise IncorrectLookupParameters
        seen = look(self.queryset, among, start=start, size=size, exact_up_to=self.paginator.exact_up_to)
        if seen.keys or not start:
            return seen
        if seen.total > size:
            raise IncorrectLookupParameters
        return self._look(among, 0, size)  # as Django does: what fits on one page is shown under every number

    def _among(self, request: HttpRequest) -> QuerySet[Any] | None:
        """Contacts in the order of an index, among whom all of this list are; None when that is the list itself."""
        if connections[self.queryset.db].vendor != "postgresql" or self.queryset.query.is_empty():
            return None
        known = vars(request).get(_KNOWN, {})
        asked = {name: values[-1] for name, values in self.get_filters_params().items() if len(values) == 1}
        statuses = {column: asked[name] for column in known if (name := f"{column}__exact") in asked}
        newest_first = self.root_queryset.order_by("-created_at", "-id")
        others = self.query or list(self.queryset.query.order_by) not in (
            ["-created_at", "-id"],
            ["-created_at", "-pk"],
        )
        if not others and len(self.get_filters_params()) <= len(statuses) <= 1:
            return None
        if not statuses:
            return newest_first
        # Of the rarest the most contacts are seen.
        rarest = min(statuses, key=lambda column: known[column].get(statuses[column], 0))
        column: Any = self.lookup_opts.get_field(rarest)
        self.among_status = f" with the {column.verbose_name} {statuses[rarest]}"
        return newest_first.filter(**{rarest: statuses[rarest]})

    def what_was_seen(self) -> SafeString | str:
        """For people: that not all contacts were looked at for this page, or that all were because somebody asked."""
        if WHOLE in self.params:
            link = self.get_query_string(remove=[WHOLE])
            return format_html(_LOOKED_AT_ALL, link) if self.among is not None else ""
        if not self.looked_at:
            return ""
        found = " None of them fits." if not self.result_count else ""
        link = self.get_query_string({WHOLE: "1"})
        return format_html(_LOOKED_AT_SOME, f"{self.looked_at:,}", self.among_status, found, link)

    def counts(self, spec: admin.FieldListFilter) -> Counter[Any] | None:
        """Value of the filter's column -> contacts, among those that all other filters and the search let through.

        None where to find out would take long.
        """
        own = self.get_filters_params().keys() & set(spec.expected_parameters() or ())
        column = spec.field_path
        everybody = not self.query and self.get_filters_params().keys() == own
        if everybody and column in (known := vars(spec.request).get(_KNOWN, {})):
            return Counter(known[column])
        if self.at_least:
            return None
        if own:
            # Without this filter the list is another one. By one other filter an index finds it.
            dear = self.query or len(self.get_filters_params()) > MOST_ACTIVE
            return None if dear else _counted(self._without(spec), [column])[column]
        if not self.multi_page:
            return Counter(getattr(row, column) for row in self.result_list)  # read already
        # To search once more may take as long as the rest of the page.
        return None if self.query or self.result_count > SHORT else self._of_this_list[column]

    @cached_property
    def _of_this_list(self) -> dict[str, Counter[Any] | None]:
        counting = (CountedChoices, CountedBoolean)
        columns = [one.field_path for one in self.filter_specs if isinstance(one, counting)]
        rows = self.queryset
        if self.among is not None and WHOLE not in self.params:
            rows = self.root_queryset.filter(pk__in=self._look(self.among, 0, SHORT + 1).keys)
        return _counted(rows, columns)

    def _without(self, spec: admin.FieldListFilter) -> QuerySet[Any]:
        specs = self.filter_specs
        others: QuerySet[Any] = self.get_queryset(spec.request, exclude_parameters=spec.expected_parameters())
        self.filter_specs = specs
        return others


def _counted(contacts: QuerySet[Any], columns: list[str]) -> dict[str, Counter[Any] | None]:
    """The values of the columns and how often each occurs; None for all when the list is not short."""
    rows = list(contacts.order_by().values_list(*columns)[: SHORT + 1])
    if len(rows) > SHORT:
        return dict.fromkeys(columns)
    return {column: Counter(row[place] for row in rows) for place, column in enumerate(columns)}


def _with_counts(spec: Any, values: Iterable[Any], choices: Iterable[Any], changelist: Any) -> Iterator[Any]:
    """A filter's choices, in the order of the values that they stand for (None: all), with their numbers."""
    counts = changelist.counts(spec)
    for choice, value in zip(choices, values, strict=True):
        number = "" if counts is None or value is None else f" ({counts[value]:,})"
        yield {**choice, "display": f"{choice['display']}{number}"}


class CountedChoices(admin.ChoicesFieldListFilter):
    """Of a column with choices."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        values = [None, *(value for value, _ in self.field.flatchoices)]
        return _with_counts(self, values, super().choices(changelist), changelist)


class CountedBoolean(admin.BooleanFieldListFilter):
    """Of a column that is true or false."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        return _with_counts(self, [None, True, False], super().choices(changelist), changelist)


class CountedBasis(CountedChoices):
    """Of the lawful basis, which may be missing: that is what one looks for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.missing = str(self.lookup_val_isnull).lower() in ("true", "1")

    def choices(self, changelist: Any) -> Iterator[Any]:
        everyone, *some = super().choices(changelist)
        query = changelist.get_query_string({self.lookup_kwarg_isnull: "True"}, [self.lookup_kwarg])
        counts = changelist.counts(self)
        number = "" if counts is None else f" ({counts[None]:,})"
        yield {**everyone, "selected": everyone["selected"] and not self.missing}
        yield {"selected": self.missing, "query_string": query, "display": f"None recorded{number}"}
        yield from some
