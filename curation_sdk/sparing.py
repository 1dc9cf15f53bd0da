"""A later word stands: operations on many contacts leave those alone about which a person decided since."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, SparedContact


def spare(job: SyncJob, contacts: QuerySet[Any]) -> None:
    """Keep the platform's unfinished operations from these contacts. In the transaction that writes to them."""
    unfinished = BulkOperation.objects.filter(platform=job.platform, state__in=BulkOperation.UNFINISHED)
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
