"""Operations on very many contacts: asked for in a moment, done by a worker in chunks, seen and stopped by people."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from curation_sdk.database import atomic_with_retry, one_bulk_writer
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, SyncRun
from curation_sdk.queueing import QueueResult, TakenOut, write_cancelled, write_queued, write_skipped
from curation_sdk.runs import worker_name
from curation_sdk.sparing import any_spared, forget, spare, spared
from curation_sdk.statuses import SyncStatus
from curation_sdk.walking import Place, end_of_piece, piece
from curation_sdk.wording import count_of, storable

logger = logging.getLogger(__name__)

#: Up to so many contacts are dealt with at once, while the person waits: about half a second on PostgreSQL.
IMMEDIATELY = 10_000

#: Contacts in the first chunk. The next are sized so that one takes about as long as CHUNK_SECONDS: others that write
#: many contacts, such as a run that stores its answers, wait so long. Never fewer than SMALLEST: where the disk is
#: busy a chunk takes long because of its commit, and smaller ones would only be more commits.
FIRST_CHUNK = 5_000
SMALLEST, LARGEST = 5_000, 20_000
CHUNK_SECONDS = 0.5

#: An operation whose worker has not been heard of for so long goes to the next one.
LOST_AFTER = timedelta(seconds=30)

#: How those whom a person skipped or took out stand among the counts: whom no run had in hand, and whom one had.
BY_HAND, UNDER_WAY = "by hand", "by hand while being pushed"

State, Action = BulkOperation.State, BulkOperation.Action

#: Those that leave nobody in the queue.
TAKING_OUT = (Action.SKIP, Action.TAKE_OUT)


def too_many(contacts: QuerySet[Any]) -> bool:
    """Are these more contacts than can be dealt with while somebody waits? Does not count them all."""
    return contacts.order_by().values("pk")[: IMMEDIATELY + 1].count() > IMMEDIATELY


def request(
    job: SyncJob,
    action: BulkOperation.Action,
    selection: Mapping[str, Any],
    *,
    trigger: SyncRun.Trigger,
    user: Any,
    now: datetime,
    reason: str = "",
) -> BulkOperation:
    """Write down what is to be done with every contact of the selection that exists now."""
    return BulkOperation.objects.create(
        platform=job.platform,
        action=action,
        selection=dict(selection),
        reason=storable(reason) if reason else "",
        trigger=trigger,
        requested_by=user,
        requested_at=now,
    )


def cancel(operation: BulkOperation, *, now: datetime) -> bool:
    """Stop it after the chunk that is being written. What has been done stays. False: it had ended already."""
    mine = BulkOperation.objects.filter(pk=operation.pk, state__in=BulkOperation.UNFINISHED)
    stopped = bool(mine.update(state=State.CANCELLED, finished_at=now, token=None))
    if stopped:
        forget(operation)
    return stopped


def unfinished(job: SyncJob) -> QuerySet[BulkOperation]:
    """The platform's operations that wait or are being done, in the order in which they were asked for."""
    return BulkOperation.objects.filter(platform=job.platform, state__in=BulkOperation.UNFINISHED).order_by(
        "requested_at", "pk"
    )


def operation_is_left(job: SyncJob, *, now: datetime) -> bool:
    """Does an operation wait for a worker, or has its worker not been heard of for too long?"""
    return _next(job, now=now) is not None


def work_off(
    job: SyncJob, *, seconds: float | None, stop: Callable[[], bool], on_queued: Callable[[BulkOperation], None]
) -> bool:
    """Do what was asked for, one operation after the other, for up to so many seconds (None: to the end).

    on_queued: called once for an operation, when its first contacts are in the queue.
    Returns whether there is work left that nobody else is doing.
    """
    deadline = None if seconds is None else time.monotonic() + seconds

    def over() -> bool:
        return stop() or (deadline is not None and time.monotonic() >= deadline)

    while operation := _next(job, now=timezone.now()):
        if over():
            return True
        if _take(operation, now=timezone.now()):
            _work(job, operation, over, on_queued)
    return False


def queue_in_chunks(job: SyncJob, contacts: QuerySet[Any], *, stop: Callable[[], bool]) -> Iterator[QueueResult]:
    """Queue contacts in the foreground, each chunk committed for itself; yields what became of each chunk."""
    until, after, size = timezone.now(), None, FIRST_CHUNK

    def chunk() -> tuple[Place | None, QueueResult]:
        one_bulk_writer()
        end = end_of_piece(job, after=after, until=until, size=size)
        rows = piece(job, contacts, after=after, end=end, until=until)
        spare(job, rows)
        return end, write_queued(job, rows, now=timezone.now())

    while not stop():
        begun = time.monotonic()
        after, queued = atomic_with_retry(chunk)
        yield queued
        if after is None:
            return
        size = _next_size(size, time.monotonic() - begun)


def result(job: SyncJob, operation: BulkOperation) -> QueueResult:
    """The counts so far, the rules in the job's order: PostgreSQL keeps the names of a JSON object in its own."""
    rules = [rule.label for rule in job.skip_rules]
    labels = sorted(operation.skipped, key=lambda label: rules.index(label) if label in rules else len(rules))
    skipped = {label: operation.skipped[label] for label in labels}
    return QueueResult(operation.queued, operation.already_queued, skipped)


def sentence(job: SyncJob, operation: BulkOperation) -> str:
    """What has been done so far, for people: "Queued 3 contacts for Brevo. …"."""
    if operation.action in TAKING_OUT:
        taken = TakenOut(operation.skipped_count, operation.skipped.get(UNDER_WAY, 0))
        text = f"{taken_out(job, operation.action, taken.count)} {taken.warning(job.label)}".strip()
    else:
        text = result(job, operation).sentence(job.label)
    if operation.spared:
        verb = "was" if operation.spared == 1 else "were"
        text += f" {operation.spared:,} {verb} left alone: somebody decided about them meanwhile."
    return text


def taken_out(job: SyncJob, action: str, count: int) -> str:
    """For people: "Took 3 contacts out of the queue for Brevo."."""
    if action == Action.TAKE_OUT:
        return f"Took {count_of(count, 'contact')} out of the queue for {job.label}."
    return f"{count_of(count, 'contact')} will not be pushed to {job.label}."


def _next(job: SyncJob, *, now: datetime) -> BulkOperation | None:
    """The operation whose turn it is; None when there is none or a worker that lives is at it.

    One at a time and in their order: when somebody queues and somebody skips the same contacts, the later word stands.
    """
    first = unfinished(job).first()
    if first and first.state == State.RUNNING and first.heartbeat_at and first.heartbeat_at >= now - LOST_AFTER:
        return None
    return first


def _take(operation: BulkOperation, *, now: datetime) -> bool:
    """Make it ours. Of two that try at once, one gets it."""
    lost = Q(state=State.RUNNING) & (Q(heartbeat_at__lt=now - LOST_AFTER) | Q(heartbeat_at__isnull=True))
    token = uuid.uuid4()
    taken = BulkOperation.objects.filter(Q(state=State.WAITING) | lost, pk=operation.pk).update(
        state=State.RUNNING,
        token=token,
        worker=worker_name(),
        heartbeat_at=now,
        started_at=Coalesce(F("started_at"), now),
    )
    if taken:
        operation.refresh_from_db()
    return bool(taken) and operation.token == token


def _ours(operation: BulkOperation) -> QuerySet[BulkOperation]:
    return BulkOperation.objects.filter(pk=operation.pk, state=State.RUNNING, token=operation.token)


def _work(
    job: SyncJob, operation: BulkOperation, over: Callable[[], bool], on_queued: Callable[[BulkOperation], None]
) -> None:
    """Chunk after chunk, until it is done, the time is over, or it is no longer ours."""
    size = FIRST_CHUNK
    told = operation.queued > 0
    try:
        contacts = job.select(operation.selection, operation.requested_by)
        if operation.action == Action.RETRY:
            contacts = contacts.filter(**{job.sync_status: SyncStatus.ERROR})
        while not over():
            begun = time.monotonic()
            chunk = partial(_chunk, job, operation, contacts, size, now=timezone.now())
            moved = atomic_with_retry(chunk)
            if moved is None:
                return
            operation = moved
            if operation.queued and not told:
                told = True
                on_queued(operation)
            if operation.state == State.FINISHED:
                logger.info("%s: %s", job.platform, sentence(job, operation))
                return
            size = _next_size(size, time.monotonic() - begun)
    except (OperationalError, InterfaceError):
        raise  # the database is away: whoever comes next goes on
    except Exception as error:
        logger.exception("%s: the operation %s cannot be done", job.platform, operation.pk)
        problem = f"{type(error).__name__}: {error}"
        _ours(operation).update(state=State.FAILED, finished_at=timezone.now(), problem=storable(problem), token=None)
        forget(operation)
        return
    _ours(operation).update(state=State.WAITING, token=None)


def _next_size(size: int, seconds: float) -> int:
    """At most twice or half as many: a single slow chunk says little."""
    factor = min(max(CHUNK_SECONDS / max(seconds, 0.001), 0.5), 2.0)
    return min(max(int(size * factor), SMALLEST), LARGEST)


def _chunk(
    job: SyncJob, operation: BulkOperation, contacts: QuerySet[Any], size: int, *, now: datetime
) -> BulkOperation | None:
    """Deal with the next contacts and move the cursor, in the caller's transaction. None: it is no longer ours."""
    one_bulk_writer()
    stored = _ours(operation).select_for_update().first()
    if stored is None:
        return None
    after = (
        Place(stored.cursor_created_at, stored.cursor_id) if stored.cursor_created_at and stored.cursor_id else None
    )
    until = stored.requested_at
    end = end_of_piece(job, after=after, until=until, size=size)
    rows = piece(job, contacts, after=after, end=end, until=until)
    if any_spared(stored):
        stored.spared += rows.filter(spared(stored)).count()
        rows = rows.filter(~spared(stored))
    if stored.action in TAKING_OUT:
        skip = stored.action == Action.SKIP
        taken = write_skipped(job, rows, reason=stored.reason) if skip else write_cancelled(job, rows)
        counts = {BY_HAND: taken.count - taken.under_way, UNDER_WAY: taken.under_way}
        done = QueueResult(0, 0, {label: count for label, count in counts.items() if count})
    else:
        done = write_queued(job, rows, now=now)
    so_far = result(job, stored) + done
    stored.queued, stored.already_queued, stored.skipped = so_far.queued, so_far.already_queued, so_far.skipped
    if end is not None:
        stored.cursor_created_at, stored.cursor_id = end
        stored.heartbeat_at = timezone.now()
    else:
        stored.state, stored.finished_at, stored.token = State.FINISHED, timezone.now(), None
        forget(stored)
    stored.save()
    return stored
