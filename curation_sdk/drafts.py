"""Preview, confirm, undo: an operation that begins as a draft, and is taken back while its contacts still wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from curation_sdk import operations
from curation_sdk.database import atomic_with_retry, one_bulk_writer
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, SyncRun
from curation_sdk.tasks import start_soon

Action, State = BulkOperation.Action, BulkOperation.State

#: A draft can be confirmed for so long: what it shows gets old. Then it goes.
DRAFT_LASTS = timedelta(days=1)

#: For so long it is known whom an operation queued; then it can no longer be undone.
UNDO_LASTS = timedelta(days=7)

#: What an operation with these actions queues can be taken back.
UNDOABLE = (Action.QUEUE, Action.RETRY)


def draft(
    job: SyncJob,
    action: BulkOperation.Action,
    contacts: QuerySet[Any],
    selection: Mapping[str, Any],
    *,
    user: Any,
    now: datetime,
) -> BulkOperation:
    """Keep these contacts for an operation that a person is going to confirm, and count what would become of them.

    Very many are left to a worker, who makes the choice again by the selection. Not rows that were ticked: no
    selection tells those.
    """

    if selection.get("ticked") or not operations.too_many(contacts):
        return draft_of_few(job, action, contacts, selection, user=user, now=now)
    operation = _new(job, action, selection, user=user, now=now)
    operation.save()
    start_soon(job, SyncRun.Trigger.ADMIN)
    return operation


def draft_of_few(
    job: SyncJob,
    action: BulkOperation.Action,
    contacts: QuerySet[Any],
    selection: Mapping[str, Any],
    *,
    user: Any,
    now: datetime,
) -> BulkOperation:
    """The same while the person waits, so that it can be confirmed at once."""

    def keep() -> BulkOperation:
        one_bulk_writer()
        operation = _new(job, action, selection, user=user, now=now)
        operation.save()
        operations.keep(job, operation, contacts)
        operations.draft_is_ready(job, operation)
        operation.save()
        return operation

    return atomic_with_retry(keep)


def _new(
    job: SyncJob, action: BulkOperation.Action, selection: Mapping[str, Any], *, user: Any, now: datetime
) -> BulkOperation:
    return BulkOperation(
        platform=job.platform,
        action=action,
        selection=dict(selection),
        trigger=SyncRun.Trigger.ADMIN,
        requested_by=user,
        requested_at=now,
        confirmed=False,
        chosen=0,
    )


def is_stale(operation: BulkOperation, *, now: datetime) -> bool:
    return operation.requested_at < now - DRAFT_LASTS


def confirm(job: SyncJob, operation: BulkOperation, *, now: datetime) -> bool:
    """Do what the draft says, at once or by a worker. False: it is no draft (any more), or it is too old."""
    mine = BulkOperation.objects.filter(pk=operation.pk, state=State.DRAFT, requested_at__gte=now - DRAFT_LASTS)
    # Asked for now, not when somebody had a look: operations are done in this order.
    if not mine.update(state=State.WAITING, confirmed=True, requested_at=now):
        return False
    operation.refresh_from_db()
    _begin(job, operation)
    return True


def discard(operation: BulkOperation, *, now: datetime) -> bool:
    """Nobody is going to confirm it. False: it was confirmed."""
    mine = BulkOperation.objects.filter(pk=operation.pk, confirmed=False)
    return bool(mine.update(state=State.CANCELLED, finished_at=now, token=None))


def undo(job: SyncJob, operation: BulkOperation, *, user: Any, now: datetime) -> BulkOperation | None:
    """Take out of the queue whom the operation has put there and nobody has in hand yet: an operation of its own.

    One that is under way is stopped first. Where an undoing was stopped this one goes on: whom that has taken back is
    not too late. None: it is being undone, or has been, by somebody else.
    """
    operations.cancel(operation, now=now)
    operation.refresh_from_db()
    stopped = operation.undoings.aggregate(cursor=Max("cursor_row"))
    undoing = BulkOperation(
        platform=job.platform,
        action=Action.UNDO,
        selection=operation.selection,
        trigger=SyncRun.Trigger.ADMIN,
        requested_by=user,
        requested_at=now,
        chosen=operation.queued,
        undoes=operation,
        cursor_row=stopped["cursor"],
    )
    try:
        with transaction.atomic():  # the constraint decides between two that try at once
            undoing.save()
    except IntegrityError:
        return None
    _begin(job, undoing)
    return undoing


def undo_fault(operation: BulkOperation, *, now: datetime) -> str:
    """Why an operation cannot be undone; "" when it can, as long as some of its contacts still wait."""
    if operation.action not in UNDOABLE or operation.chosen is None or not operation.confirmed:
        return "This operation did not queue contacts that were kept for it, so it cannot be undone."
    if operation.requested_at < now - UNDO_LASTS:
        return f"This operation is older than {UNDO_LASTS.days} days, so nobody knows any more whom it queued."
    states = {undoing.state for undoing in operation.undoings.all()}
    if State.FINISHED in states:
        return "This operation has been undone already."
    if states & set(BulkOperation.UNFINISHED):
        return "This operation is being undone."
    if operation.state not in BulkOperation.UNFINISHED and not operation.queued:
        return "This operation queued nobody, so there is nothing to undo."
    return ""


def _begin(job: SyncJob, operation: BulkOperation) -> None:
    if (operation.chosen or 0) <= operations.IMMEDIATELY:
        operations.do_now(job, operation)
    start_soon(job, SyncRun.Trigger.ADMIN)
