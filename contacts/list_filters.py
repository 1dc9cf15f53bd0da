"""The filters beside the contact list, with the number of contacts that each choice would show.

Django's own counts walk the table. Here a number is given where it is cheap, and left out where it is not: for all
contacts it is that of the strip above the list, and what a short list can be filtered by is counted in that list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from contacts.suppression import suppressed_keys
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


class ContactChangeList(ChangeList):
    """The list under one address."""

    def get_query_string(self, *args: Any, **kwargs: Any) -> str:
        """With no filter left, an empty search: the bare address may lead to a person's own view."""
        query = super().get_query_string(*args, **kwargs)
        return "?q=" if query == "?" else query

    def mark_suppressed(self) -> None:
        """Note with the rows that are shown who of them is suppressed: the list says so beside the address."""
        rows = self.result_list = list(self.result_list)
        suppressed = suppressed_keys({row.email_key for row in rows if row.email_key})
        for row in rows:
            row.suppressed = row.email_key in suppressed

    def counts(self, spec: admin.FieldListFilter) -> Counter[Any] | None:
        """Value of the filter's column -> contacts, among those that all other filters and the search let through.

        None where to find out would take long.
        """
        own = self.get_filters_params().keys() & set(spec.expected_parameters() or ())
        column = spec.field_path
        everybody = not self.query and self.get_filters_params().keys() == own
        if everybody and column in (known := vars(spec.request).get(_KNOWN, {})):
            return Counter(known[column])
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
        return _counted(self.queryset, [one.field_path for one in self.filter_specs if isinstance(one, counting)])

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
