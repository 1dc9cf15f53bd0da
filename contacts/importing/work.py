"""Uploaded files: checked and imported by a worker in chunks, confirmed and cancelled by people.

As operations on many contacts are (`curation_sdk.operations`): whoever works at a file holds its token and writes a
heartbeat with each chunk. A worker that is killed loses the chunk under way; the next one goes on.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, reset_queries
from django.db.models import Q, QuerySet
from django.utils import timezone

from contacts.importing.check import Checker, Kind, shown
from contacts.importing.problems import FileRefused, Refusal
from contacts.importing.run import Importer, NumberedRow, apart, read_rows
from contacts.importing.upload import FileGone, StoredFile
from contacts.models import ContactImport, ContactImportPart, RefusedRow
from curation_sdk.database import atomic_with_retry
from curation_sdk.runs import worker_name
from curation_sdk.wording import count_of, storable

logger = logging.getLogger(__name__)

#: Rows in a chunk: as many as the importer stores at once.
CHUNK = 1_000

#: A file with so many lines is checked while the person waits: half a second.
AT_ONCE = 2_001

#: A file whose worker has not been heard of for so long goes to the next one.
LOST_AFTER = timedelta(seconds=30)

State = ContactImport.State
Rows = Sequence[NumberedRow | Refusal]


def confirm(upload: ContactImport, *, user: Any, now: datetime) -> bool:
    """Have it imported. False: it cannot be confirmed now, or somebody has done so."""
    mine = ContactImport.objects.filter(pk=upload.pk, state=State.CHECKED)
    return bool(mine.update(state=State.CONFIRMED, confirmed_by=user, confirmed_at=now))


def cancel(upload: ContactImport, *, now: datetime, problem: str = "") -> bool:
    """Stop it after the chunk that is being written. What is imported stays. False: it had ended already."""
    mine = ContactImport.objects.filter(pk=upload.pk, state__in=ContactImport.UNFINISHED)
    stopped = bool(mine.update(state=State.CANCELLED, finished_at=now, token=None, problem=problem))
    if stopped:
        delete_file(upload)
    return stopped


def delete_file(upload: ContactImport) -> None:
    """Nobody needs it any more."""
    ContactImportPart.objects.filter(contact_import=upload).delete()


def check_at_once(upload: ContactImport) -> bool:
    """Check a small file here and now. False: it is for the worker."""
    if upload.lines > AT_ONCE or not _take(upload, now=timezone.now()):
        return False
    _work(upload, lambda: False)
    return True


def work_off(*, seconds: float, stop: Callable[[], bool]) -> bool:
    """Check and import what is there, one file after the other, for up to so many seconds.

    Returns whether there is work left that nobody else is doing.
    """
    deadline = time.monotonic() + seconds

    def over() -> bool:
        return stop() or time.monotonic() >= deadline

    while upload := _next(now=timezone.now()):
        if over():
            return True
        if _take(upload, now=timezone.now()):
            _work(upload, over)
    return False


def _free(now: datetime) -> Q:
    """Nobody has begun, or whoever did has not been heard of for too long."""
    silent = Q(heartbeat_at__lt=now - LOST_AFTER) | Q(heartbeat_at__isnull=True)
    return Q(state__in=ContactImport.WAITING) | (Q(state__in=ContactImport.RUNNING) & silent)


def _next(*, now: datetime) -> ContactImport | None:
    return ContactImport.objects.filter(_free(now)).order_by("uploaded_at", "pk").first()


def _take(upload: ContactImport, *, now: datetime) -> bool:
    """Make it ours. Of two that try at once, one gets it."""
    begun = State.CHECKING if upload.state in (State.UPLOADED, State.CHECKING) else State.IMPORTING
    token = uuid.uuid4()
    mine = ContactImport.objects.filter(_free(now), pk=upload.pk, state=upload.state)
    taken = mine.update(state=begun, token=token, worker=worker_name(), heartbeat_at=now)
    if taken:
        upload.refresh_from_db()
    return bool(taken) and upload.token == token


def _ours(upload: ContactImport) -> QuerySet[ContactImport]:
    return ContactImport.objects.filter(pk=upload.pk, state__in=ContactImport.RUNNING, token=upload.token)


def _work(upload: ContactImport, over: Callable[[], bool]) -> None:
    """Chunk after chunk, until it is done, the time is over, or it is no longer ours."""
    try:
        finished = _check(upload, over) if upload.state == State.CHECKING else _import(upload, over)
    except (OperationalError, InterfaceError):
        raise  # the database is away: whoever comes next goes on
    except FileGone:
        _fail(upload, "The file is no longer there. Upload it again.")
    except FileRefused as refused:
        _fail(upload, str(refused))
    except Exception as error:
        logger.exception("The import %s cannot be done", upload.pk)
        _fail(upload, storable(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"))
    else:
        if not finished:
            waiting = State.UPLOADED if upload.state == State.CHECKING else State.CONFIRMED
            _ours(upload).update(state=waiting, token=None)


def _fail(upload: ContactImport, problem: str) -> None:
    failed = _ours(upload).update(state=State.FAILED, finished_at=timezone.now(), problem=problem, token=None)
    if failed:
        delete_file(upload)


# --- The check ------------------------------------------------------------------------------------------------


def _check(upload: ContactImport, over: Callable[[], bool]) -> bool:
    """Go through the file, writing nothing but what is found. False: the time was over.

    After a worker was lost the rows that it had checked are read once more, for the repeats among them; what takes
    the time, asking the database about each, is not done again.
    """
    checker, cursor = Checker(), upload.cursor
    for read, following in _in_chunks(read_rows(StoredFile(upload))):
        allowed, erased = apart([row for row in read if isinstance(row, NumberedRow)])
        refused = [row for row in read if isinstance(row, Refusal)]
        rows: Rows = sorted([*allowed, *refused, *erased], key=lambda row: row.line)
        good = [row for row in rows if isinstance(row, NumberedRow)]
        if rows and rows[0].line < cursor:
            checker.pass_over(good)
            if not _beat(upload):
                return True
            continue  # without asking for the time: it would be over before anything new is checked
        if over():
            return False
        kinds = checker.kinds(good)
        examples = shown(good, kinds, upload.preview)
        moved = atomic_with_retry(partial(_note_checked, upload, rows, kinds, examples, following))
        if moved is None:
            return True
        upload.preview = moved.preview
        _forget_statements()
    return True


def _note_checked(
    upload: ContactImport, rows: Rows, kinds: Sequence[Kind], examples: list[Any], following: int | None
) -> ContactImport | None:
    """Add what was found in a chunk, in the caller's transaction. None: it is no longer ours."""
    stored = _ours(upload).select_for_update().first()
    if stored is None:
        return None
    for kind in Kind:
        setattr(stored, kind.value, getattr(stored, kind.value) + kinds.count(kind))
    stored.wrong += _keep(stored, [row for row in rows if isinstance(row, Refusal)])
    stored.preview = [*stored.preview, *examples]
    stored.heartbeat_at = timezone.now()
    if following is None:
        stored.state, stored.token, stored.cursor, stored.checked_at = State.CHECKED, None, 0, timezone.now()
    else:
        stored.cursor = following
    stored.save()
    return stored


# --- The import -----------------------------------------------------------------------------------------------


def _import(upload: ContactImport, over: Callable[[], bool]) -> bool:
    """Import the rows that have not been imported yet. False: the time was over."""
    for rows, following in _in_chunks(read_rows(StoredFile(upload), start=upload.cursor)):
        if over():
            return False
        if atomic_with_retry(partial(_store, upload, rows, following)) is None:
            return True
        _forget_statements()
    return True


def _store(upload: ContactImport, rows: Rows, following: int | None) -> ContactImport | None:
    """Import a chunk and note how far it is, in the caller's transaction. None: it is no longer ours."""
    stored = _ours(upload).select_for_update().first()
    if stored is None:
        return None
    refusals: list[Refusal] = []
    importer = Importer(on_refused=refusals.append)
    importer.run(rows)
    _keep(stored, refusals)
    stored.imported += importer.tally.imported
    stored.left += importer.tally.existing
    stored.refused += importer.tally.refused
    stored.heartbeat_at = timezone.now()
    if following is None:
        stored.state, stored.token, stored.finished_at = State.DONE, None, timezone.now()
        delete_file(stored)
        logger.info("Import %s: %s", stored.pk, sentence(stored))
    else:
        stored.cursor = following
    stored.save()
    return stored


def sentence(upload: ContactImport) -> str:
    """What the import has done so far: "96 contacts were imported, 3 rows were there already, 1 was refused."."""
    contacts = f"{count_of(upload.imported, 'contact')} {'was' if upload.imported == 1 else 'were'} imported"
    there = f"{count_of(upload.left, 'row')} {'was' if upload.left == 1 else 'were'} there already"
    return f"{contacts}, {there}, {upload.refused:,} {'was' if upload.refused == 1 else 'were'} refused."


# --- Both -----------------------------------------------------------------------------------------------------


def _keep(upload: ContactImport, refusals: Iterable[Refusal]) -> int:
    """Keep the refused rows, for people to see. The import finds those again that the check has found."""
    rows = [
        RefusedRow(contact_import=upload, line=refusal.line, reason=refusal.message, text=refusal.text)
        for refusal in refusals
    ]
    RefusedRow.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _beat(upload: ContactImport) -> bool:
    return bool(_ours(upload).update(heartbeat_at=timezone.now()))


def _in_chunks(rows: Iterable[NumberedRow | Refusal]) -> Iterator[tuple[Rows, int | None]]:
    """Yield the rows in chunks, each with the line of the row after it; None after the last, which may be empty."""
    chunk: list[NumberedRow | Refusal] = []
    for row in rows:
        if len(chunk) == CHUNK:
            yield chunk, row.line
            chunk = []
        chunk.append(row)
    yield chunk, None


def _forget_statements() -> None:
    if settings.DEBUG:
        # Django keeps the text of the last 9,000 statements then, and ours are long.
        reset_queries()
