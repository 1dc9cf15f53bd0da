"""The contacts that are kept for an operation: chosen when its preview is made, and those alone are dealt with."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet, Subquery

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


def kept(job: SyncJob, operation: BulkOperation, *, few: bool = False) -> QuerySet[Any]:
    """The contacts that are kept for the operation and still there, but for those decided about since.

    `few`: they are looked up one by one, and not looked for in a piece of all contacts.
    """
    return _among(job, rows(operation).filter(decided=False), few=few)


def queued_by(job: SyncJob, operation: BulkOperation, *, few: bool = False) -> QuerySet[Any]:
    """The contacts that the operation has queued, but for those decided about since."""
    return _among(job, rows(operation).filter(decided=False).exclude(status_before=""), few=few)


def decided_since(job: SyncJob, operation: BulkOperation, *, queued: bool = False, few: bool = False) -> QuerySet[Any]:
    """The contacts kept for the operation about which somebody decided since. `queued`: of those that it queued."""
    decided = rows(operation).filter(decided=True)
    return _among(job, decided.exclude(status_before="") if queued else decided, few=few)


def any_decided(operation: BulkOperation) -> bool:
    return rows(operation).filter(decided=True).exists()


def rows(operation: BulkOperation) -> QuerySet[ChosenContact]:
    return ChosenContact.objects.filter(operation=operation)


def remember(job: SyncJob, operation: BulkOperation, contacts: QuerySet[Any]) -> None:
    """Note what these contacts are, which the operation is about to queue."""

    def column(name: str) -> Subquery:
        return Subquery(job.contacts.filter(pk=OuterRef("contact_id")).order_by().values(name)[:1])

    rows(operation).filter(contact_id__in=contacts.order_by().values("pk")).update(
        status_before=column(job.sync_status),
        processing_before=column(job.processing_status),
        reason_before=column(job.processing_error),
    )


def before(job: SyncJob, operation: BulkOperation) -> dict[str, Subquery]:
    """SQL for what a contact was before the operation queued it, by column."""
    mine = rows(operation).filter(contact_id=OuterRef("pk")).order_by()
    return {
        job.sync_status: Subquery(mine.values("status_before")[:1]),
        job.processing_status: Subquery(mine.values("processing_before")[:1]),
        job.processing_error: Subquery(mine.values("reason_before")[:1]),
    }


def _among(job: SyncJob, chosen: QuerySet[ChosenContact], *, few: bool) -> QuerySet[Any]:
    if few:
        return job.contacts.filter(pk__in=chosen.order_by().values("contact_id"))
    return job.contacts.filter(Exists(chosen.filter(contact_id=OuterRef("pk"))))
