"""The contacts that are kept for an operation: chosen when its preview is made, and those alone are dealt with."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery

from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, ChosenContact


def keep(operation: BulkOperation, contacts: QuerySet[Any]) -> int:
    """Keep these contacts for the operation. Returns how many. One statement, whatever the number."""
    table = connection.ops.quote_name(ChosenContact._meta.db_table)
    key = BulkOperation._meta.pk.get_db_prep_value(operation.pk, connection)
    try:
        sql, values = contacts.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (operation_id, contact_id) SELECT %s, found.* FROM ({sql}) AS found",  # noqa: S608
            [key, *values],
        )
        return int(cursor.rowcount)


def tell_the_planner() -> None:
    """After very many were kept. PostgreSQL's own look at the table comes a minute later, and by then it would have
    read all rows of the operation for each single one."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(ChosenContact._meta.db_table)}")


def rows(operation: BulkOperation, *, after: int | None = None, until: int | None = None) -> QuerySet[ChosenContact]:
    """What is kept for the operation; of the part that lies behind `after`, up to `until`."""
    found = ChosenContact.objects.filter(operation=operation)
    if after is not None:
        found = found.filter(pk__gt=after)
    return found if until is None else found.filter(pk__lte=until)


def end_of_part(operation: BulkOperation, *, after: int | None, size: int) -> int | None:
    """The key of the `size`-th row behind `after`; None when there are fewer.

    They were kept in the order in which contacts are walked through, so those of a part lie together on the disk.
    """
    keys = rows(operation, after=after).order_by("pk").values_list("pk", flat=True)
    return next(iter(keys[size - 1 : size]), None)


def contacts(job: SyncJob, kept: QuerySet[ChosenContact]) -> QuerySet[Any]:
    """The contacts of these rows that are still there."""
    return job.contacts.filter(pk__in=kept.order_by().values("contact_id"))


def remember(job: SyncJob, kept: QuerySet[ChosenContact], queued: QuerySet[Any]) -> None:
    """Note what these contacts are, which are about to be queued, in the rows that keep them."""

    def column(name: str) -> Subquery:
        return Subquery(job.contacts.filter(pk=OuterRef("contact_id")).order_by().values(name)[:1])

    kept.filter(contact_id__in=queued.order_by().values("pk")).update(
        status_before=column(job.sync_status),
        processing_before=column(job.processing_status),
        reason_before=column(job.processing_error),
        cause_before=column(job.error_cause),
    )


def before(job: SyncJob, operation: BulkOperation) -> dict[str, Subquery]:
    """SQL for what a contact was before the operation queued it, by column."""
    mine = rows(operation).filter(contact_id=OuterRef("pk")).order_by()
    return {
        job.sync_status: Subquery(mine.values("status_before")[:1]),
        job.processing_status: Subquery(mine.values("processing_before")[:1]),
        job.processing_error: Subquery(mine.values("reason_before")[:1]),
        job.error_cause: Subquery(mine.values("cause_before")[:1]),
    }
