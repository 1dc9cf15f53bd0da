"""Operations on very many contacts: asked for in a moment, done by a worker in chunks, seen and stopped by people."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from curation_sdk import chosen
from curation_sdk.database import atomic_with_retry, one_bulk_writer
from curation_sdk.forecast import Forecast, look, people
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, SyncRun
from curation_sdk.queueing import QueueResult, TakenOut, write_back, write_cancelled, write_queued, write_skipped
from curation_sdk.runs import worker_name
from curation_sdk.sparing import any_spared, decide, forget, spare, spare_before, spared
from curation_sdk.status_counts import statuses_changed
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
    return unfinished_of([job.platform])


def unfinished_of(platforms: Collection[str]) -> QuerySet[BulkOperation]:
    """Those of several platforms, likewise."""
    mine = BulkOperation.objects.filter(platform__in=platforms, state__in=BulkOperation.UNFINISHED)
    return mine.order_by("requested_at", "pk")


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


def do_now(job: SyncJob, operation: BulkOperation, *, seconds: float | None = None) -> None:
    """Do one operation here, while somebody waits: to its end, or for so many seconds. Out of its turn.

    Whatever ends this process, a worker goes on.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    if _take(operation, now=timezone.now()):
        _work(job, operation, lambda: deadline is not None and time.monotonic() >= deadline, lambda begun: None)
    operation.refresh_from_db()
    statuses_changed(job)


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
    rules = [rule.label for rule in job.skip_rules()]
    labels = sorted(operation.skipped, key=lambda label: rules.index(label) if label in rules else len(rules))
    skipped = {label: operation.skipped[label] for label in labels}
    return QueueResult(operation.queued, operation.already_queued, skipped)


def sentence(job: SyncJob, operation: BulkOperation) -> str:
    """What has been done so far, for people: "Queued 3 contacts for Brevo. …"."""
    if operation.action == Action.UNDO:
        text = _undone(job, operation)
    elif operation.action in TAKING_OUT:
        taken = TakenOut(operation.skipped_count, operation.skipped.get(UNDER_WAY, 0))
        text = f"{taken_out(job, operation.action, taken.count)} {taken.warning(job.label)}".strip()
    else:
        text = result(job, operation).sentence(job.label)
    if operation.spared:
        verb = "was" if operation.spared == 1 else "were"
        text += f" {operation.spared:,} {verb} left alone: somebody decided about them meanwhile."
    return text


def _undone(job: SyncJob, operation: BulkOperation) -> str:
    text = f"Took {count_of(operation.undone, 'contact')} out of the queue for {job.label} again."
    if operation.too_late:
        verb = "was" if operation.too_late == 1 else "were"
        text += f" {operation.too_late:,} {verb} too late: a run has or had them in hand."
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
        kept = operation.confirmed and operation.chosen is not None
        contacts = job.contacts.none() if kept else _contacts(job, operation)
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
            if operation.state != State.RUNNING:
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


def _contacts(job: SyncJob, operation: BulkOperation) -> QuerySet[Any]:
    """The contacts that the selection means."""
    contacts = job.select(operation.selection, operation.requested_by)
    if operation.action == Action.RETRY:
        contacts = contacts.filter(**{job.sync_status: SyncStatus.ERROR})
    return contacts


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
    if stored.confirmed and stored.chosen is not None:
        ended = _part(job, stored, size, now=now)
    else:
        ended = _piece(job, stored, contacts, size, now=now)
    if not ended:
        stored.heartbeat_at = timezone.now()
    elif stored.confirmed:
        stored.state, stored.finished_at, stored.token = State.FINISHED, timezone.now(), None
        forget(stored)
    else:
        draft_is_ready(job, stored)
    stored.save()
    return stored


def _piece(job: SyncJob, operation: BulkOperation, contacts: QuerySet[Any], size: int, *, now: datetime) -> bool:
    """The next contacts of the selection, found among all. Was it the last piece?"""
    made, key = operation.cursor_created_at, operation.cursor_id
    after = Place(made, key) if made and key else None
    until = operation.requested_at
    end = end_of_piece(job, after=after, until=until, size=size)
    rows = piece(job, contacts, after=after, end=end, until=until)
    if not operation.confirmed:
        keep(job, operation, rows)
    else:
        if any_spared(operation):
            operation.spared += rows.filter(spared(operation)).count()
            rows = rows.filter(~spared(operation))
        decide(job, rows, by=operation)
        _write(job, operation, rows, now=now)
    if end is not None:
        operation.cursor_created_at, operation.cursor_id = end
    return end is None


def _part(job: SyncJob, operation: BulkOperation, size: int, *, now: datetime) -> bool:
    """The next contacts of those that are kept for it, or for the one that it undoes. Was it the last part?"""
    keeps, after = operation.undoes or operation, operation.cursor_row
    few = (operation.chosen or 0) <= IMMEDIATELY
    end = None if few else chosen.end_of_part(keeps, after=after, size=size)
    kept = chosen.rows(keeps, after=after, until=end)
    if operation.undoes:
        kept = kept.exclude(status_before="")
    operation.spared += chosen.contacts(job, kept.filter(decided=True)).count()
    rows = chosen.contacts(job, kept.filter(decided=False))
    if operation.action == Action.RETRY:
        rows = rows.filter(**{job.sync_status: SyncStatus.ERROR})
    if few:
        spare_before(job, operation, rows)
    decide(job, rows, by=operation)
    if operation.undoes:
        found = rows.count()
        undone = write_back(job, rows, chosen.before(job, operation.undoes))
        operation.undone += undone
        operation.too_late += found - undone
    else:
        _write(job, operation, rows, now=now, remember=partial(chosen.remember, job, kept))
    operation.cursor_row = end
    return end is None


def _write(
    job: SyncJob,
    operation: BulkOperation,
    rows: QuerySet[Any],
    *,
    now: datetime,
    remember: Callable[[QuerySet[Any]], None] | None = None,
) -> None:
    """Queue, skip or take out these contacts, and count them."""
    if operation.action in TAKING_OUT:
        skip = operation.action == Action.SKIP
        taken = write_skipped(job, rows, reason=operation.reason) if skip else write_cancelled(job, rows)
        counts = {BY_HAND: taken.count - taken.under_way, UNDER_WAY: taken.under_way}
        done = QueueResult(0, 0, {label: count for label, count in counts.items() if count})
    else:
        done = write_queued(job, rows, now=now, remember=remember)
    so_far = result(job, operation) + done
    operation.queued, operation.already_queued = so_far.queued, so_far.already_queued
    operation.skipped = so_far.skipped


def keep(job: SyncJob, operation: BulkOperation, contacts: QuerySet[Any]) -> None:
    """Keep these contacts for the operation, and count what would become of them. It is not stored here."""
    operation.chosen = (operation.chosen or 0) + chosen.keep(operation, contacts)
    fresh = chosen.rows(operation, after=operation.cursor_row)
    found = look(job, chosen.contacts(job, fresh))
    operation.forecast = (Forecast(**operation.forecast) + found).as_json()
    operation.cursor_row = fresh.order_by("-pk").values_list("pk", flat=True).first() or operation.cursor_row


def draft_is_ready(job: SyncJob, operation: BulkOperation) -> None:
    """All its contacts are kept: people are counted, and it waits for a person's word. It is not stored here."""
    if (operation.chosen or 0) > SMALLEST:
        chosen.tell_the_planner()
    count = people(job, chosen.contacts(job, chosen.rows(operation)))
    operation.forecast = replace(Forecast(**operation.forecast), people=count).as_json()
    operation.state, operation.token = State.DRAFT, None
    operation.cursor_created_at = operation.cursor_id = operation.cursor_row = operation.started_at = None
