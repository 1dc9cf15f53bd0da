"""An import from beginning to end: rows out of a file, in batches into the database, and the count."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile

from django.db import DataError, transaction

from contacts.address_key import email_key
from contacts.importing.batches import batches
from contacts.importing.columns import read_header
from contacts.importing.lines import ByteStream, read_lines
from contacts.importing.problems import Refusal, RowRefused
from contacts.importing.records import Record, RecordReader
from contacts.importing.rows import Row, clean_row, misquoted
from contacts.importing.store import existing_ids, one_import_at_a_time, store_rows
from contacts.suppression import erased_keys

BATCH_SIZE = 1000

ERASED_ROW = "its person asked to be forgotten, so it is not stored again"


@dataclass(slots=True)
class Tally:
    """How many rows came to what, at any moment of an import: it may be stopped."""

    read: int = 0
    imported: int = 0
    existing: int = 0
    refused: int = 0

    def sentence(self, *, dry_run: bool) -> str:
        """For people: "3 rows read: 2 imported, 1 already there, 0 refused."."""
        read = "1 row" if self.read == 1 else f"{self.read:,} rows"
        imported = "would be imported" if dry_run else "imported"
        return (
            f"{'Dry run, nothing written. ' if dry_run else ''}{read} read: {self.imported:,} {imported}, "
            f"{self.existing:,} already there, {self.refused:,} refused."
        )

    def kept(self) -> str:
        """What stays of an import that is stopped now."""
        contacts = "1 contact was" if self.imported == 1 else f"{self.imported:,} contacts were"
        return f"{contacts} imported before that and stay. Import the file again for the rest."


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A row, the number of its first line in the file, and how it stands there."""

    line: int
    row: Row
    text: str = field(default="", compare=False)


def read_rows(stream: ByteStream, *, start: int = 0) -> Iterator[NumberedRow | Refusal]:
    """Yield every row of a CSV file that is not blank, those that cannot be imported as a Refusal.

    start: the line of a row that was yielded before, to go on there and not at the first.
    Raise FileRefused, before the first row, when the file as a whole cannot be imported.
    """
    lines = read_lines(stream)
    columns, separator = read_header(lines)
    reader = RecordReader(dropwhile(lambda line: line.number < start, lines), separator)
    for record in reader:
        read = record if isinstance(record, Refusal) else _read_row(reader, columns, record)
        if read is not None:
            yield read


def _read_row(reader: RecordReader, columns: tuple[str, ...], record: Record) -> NumberedRow | Refusal | None:
    if not any(cell.strip() for cell in record.cells):
        return None
    if problem := misquoted(columns, record.cells):
        return reader.refuse_first_line(record.lines, problem)
    line = record.lines[0].number
    try:
        row = clean_row(columns, record.cells)
    except RowRefused as refused:
        return Refusal(line, str(refused), record.text())
    return None if row is None else NumberedRow(line, row, record.text())


def apart(rows: Sequence[NumberedRow]) -> tuple[list[NumberedRow], list[Refusal]]:
    """The rows that may be stored, and a refusal of those whose people were erased. What they say is not kept."""
    found = erased_keys({key for one in rows if (key := email_key(one.row.email))})
    if not found:
        return list(rows), []
    refused = {one.line for one in rows if email_key(one.row.email) in found}
    return (
        [one for one in rows if one.line not in refused],
        [Refusal(line, ERASED_ROW) for line in sorted(refused)],
    )


class Importer:
    """Imports rows in batches, each in a transaction of its own, and counts in `tally`."""

    def __init__(self, *, on_refused: Callable[[Refusal], None], dry_run: bool = False) -> None:
        self.tally = Tally()
        self._on_refused = on_refused
        self._dry_run = dry_run
        # A dry run has no table to find repeats in: about 10 MB for 100,000 rows.
        self._seen: set[bytes] = set()

    def run(self, rows: Iterable[NumberedRow | Refusal]) -> None:
        """Import `rows`. What `rows` raises comes through; the batches before it stay."""
        for batch in batches(rows, BATCH_SIZE, self.tally, self._refuse):
            self._finish(batch)

    def _finish(self, batch: list[NumberedRow]) -> None:
        if self._dry_run:
            allowed, refused = apart(batch)
            self._count(allowed)
            for refusal in refused:
                self._refuse(refusal)
        else:
            self._store(batch)

    def _store(self, batch: list[NumberedRow]) -> None:
        try:
            self._store_all(batch)
        except DataError:
            # A value that passed our checks and not the database's, such as a letter that a LATIN1 database
            # does not have. Find the row, so that it does not stop the others.
            for numbered in batch:
                self._store_one(numbered)

    def _store_one(self, numbered: NumberedRow) -> None:
        try:
            self._store_all([numbered])
        except DataError as error:
            reason = str(error).partition("\n")[0]
            self._refuse(Refusal(numbered.line, f"the database refused it: {reason}", numbered.text))

    def _store_all(self, batch: list[NumberedRow]) -> None:
        with transaction.atomic():
            # Whoever is being erased at this moment is in the ledger once we have the lock: see `contacts.deleting`.
            one_import_at_a_time()
            allowed, refused = apart(batch)
            stored = store_rows(numbered.row for numbered in allowed)
        self._add(len(allowed), stored)
        for refusal in refused:
            self._refuse(refusal)

    def _count(self, batch: list[NumberedRow]) -> None:
        """Count what an import would do, and write nothing."""
        ids = [numbered.row.contact_id() for numbered in batch]
        there = existing_ids(ids)
        self._add(len(batch), sum(self._is_new(contact_id, there) for contact_id in ids))

    def _is_new(self, contact_id: uuid.UUID, there: set[uuid.UUID]) -> bool:
        if contact_id in there or contact_id.bytes in self._seen:
            return False
        self._seen.add(contact_id.bytes)
        return True

    def _add(self, rows: int, imported: int) -> None:
        self.tally.imported += imported
        self.tally.existing += rows - imported

    def _refuse(self, refusal: Refusal) -> None:
        self.tally.refused += 1
        self._on_refused(refusal)
