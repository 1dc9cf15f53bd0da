"""A later word stands: operations on many contacts leave those alone about which a person decided since.

Of one that begins with a preview, since the preview; and so does its undoing.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, ChosenContact, SparedContact


def spare(job: SyncJob, contacts: QuerySet[Any]) -> None:
    """Keep the platform's operations from these contacts. In the transaction that writes to them."""
    decide(job, contacts)
    _spare(BulkOperation.objects.filter(platform=job.platform), contacts)


def spare_before(job: SyncJob, operation: BulkOperation, contacts: QuerySet[Any]) -> None:
    """Likewise, those that were asked for before the operation, which deals with these contacts out of its turn.

    An undoing says no more than "not in the queue": who is to be skipped is skipped all the same.
    """
    earlier = _before(job, operation)
    if operation.action == BulkOperation.Action.UNDO:
        earlier = earlier.filter(action__in=(BulkOperation.Action.QUEUE, BulkOperation.Action.RETRY))
    _spare(earlier, contacts)


def decide(job: SyncJob, contacts: QuerySet[Any], *, by: BulkOperation | None = None) -> None:
    """Something is said about these contacts: what they are kept for no longer holds. One statement.

    `by`: an operation says it, so it holds for those only that were asked for before.
    """
    operations = _before(job, by) if by else BulkOperation.objects.filter(platform=job.platform)
    keeping = operations.filter(chosen__isnull=False).order_by()
    if not keeping.exists():
        return
    ChosenContact.objects.filter(
        operation__in=keeping.values("pk"), contact_id__in=contacts.order_by().values("pk"), decided=False
    ).update(decided=True)


def _before(job: SyncJob, operation: BulkOperation) -> QuerySet[BulkOperation]:
    earlier = BulkOperation.objects.filter(platform=job.platform, requested_at__lte=operation.requested_at)
    return earlier.exclude(pk__in=filter(None, (operation.pk, operation.undoes_id)))


def _spare(asked: QuerySet[BulkOperation], contacts: QuerySet[Any]) -> None:
    """Those that keep their contacts themselves are spared by `decide`."""
    unfinished = asked.filter(state__in=BulkOperation.UNFINISHED, chosen__isnull=True)
    operations = list(unfinished.order_by().values_list("pk", flat=True))
    if not operations:
        return
    SparedContact.objects.bulk_create(
        (
            SparedContact(operation_id=operation, contact_id=contact)
            for contact in contacts.order_by().values_list("pk", flat=True).distinct()
            for operation in operations
        ),
        batch_size=1000,
        ignore_conflicts=True,
    )


def spared(operation: BulkOperation) -> Exists:
    """The condition for a contact that the operation is to leave alone."""
    return Exists(SparedContact.objects.filter(operation=operation, contact_id=OuterRef("pk")))


def any_spared(operation: BulkOperation) -> bool:
    return SparedContact.objects.filter(operation=operation).exists()


def forget(operation: BulkOperation) -> None:
    """The operation has ended."""
    SparedContact.objects.filter(operation=operation).delete()
