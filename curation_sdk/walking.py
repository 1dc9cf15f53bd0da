"""Walking through all contacts in pieces, oldest first: a place in their order, and what lies between two of them.

The order is that of `created_at`, and of the key where that is the same: new rows stand at the end of the table, so a
piece lies together on the disk, and what came after a moment is left out by itself. In the order of the random keys
each piece would touch as many pages as it has rows: 75 seconds instead of 40 for 300,000 contacts on PostgreSQL.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import BooleanField, DateTimeField, F, Func, QuerySet, UUIDField, Value

from curation_sdk.job import SyncJob


class Place(NamedTuple):
    """A contact's place in the order."""

    created_at: datetime
    pk: UUID


def end_of_piece(job: SyncJob, *, after: Place | None, until: datetime, size: int) -> Place | None:
    """The place of the `size`-th contact after `after`; None when there are fewer that were made until `until`."""
    rest = _after(job, job.contacts, after).filter(**{f"{job.created_at}__lte": until})
    for created_at, pk in rest.order_by(job.created_at, "pk").values_list(job.created_at, "pk")[size - 1 : size]:
        end = Place(created_at, pk)
        # SQLite keeps times as text. Where somebody wrote one in another form, it may compare differently here:
        # rather one big piece than the same one for ever.
        return end if after is None or end > after else None
    return None


def piece(
    job: SyncJob, contacts: QuerySet[Any], *, after: Place | None, end: Place | None, until: datetime
) -> QuerySet[Any]:
    """Those of `contacts` that lie behind `after`, up to `end`; without an end, all that were made until `until`."""
    rest = _after(job, contacts, after)
    if end is None:
        return rest.filter(**{f"{job.created_at}__lte": until})
    return rest.filter(_Compared(job, "<=", end), **{f"{job.created_at}__lte": end.created_at})


def _after(job: SyncJob, contacts: QuerySet[Any], after: Place | None) -> QuerySet[Any]:
    if after is None:
        return contacts
    # The time alone as well: PostgreSQL estimates the size of a range by it, but not by the pair.
    return contacts.filter(_Compared(job, ">", after), **{f"{job.created_at}__gte": after.created_at})


class _Compared(Func):
    """SQL for `(created_at, id) > (…, …)`: one step in the index that has both."""

    output_field = BooleanField()

    def __init__(self, job: SyncJob, operator: str, place: Place) -> None:
        super().__init__(
            F(job.created_at),
            F("pk"),
            Value(place.created_at, output_field=DateTimeField()),
            Value(place.pk, output_field=UUIDField()),
        )
        self.operator = operator

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        compiled = [compiler.compile(part) for part in self.source_expressions]
        made, key, place_made, place_key = (sql for sql, _ in compiled)
        sql = f"({made}, {key}) {self.operator} ({place_made}, {place_key})"
        return sql, [value for _, params in compiled for value in params]
