"""Suppressions from a CSV file: reading the rows, and recording them in batches."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from itertools import chain
from typing import NamedTuple

from django.db import DataError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from contacts.address_key import email_key
from contacts.importing.batches import batches
from contacts.importing.columns import SEPARATORS
from contacts.importing.lines import ByteStream, Line, read_lines
from contacts.importing.problems import FileRefused, Refusal, RowRefused, shown
from contacts.importing.records import Record, RecordReader
from contacts.models import Suppression
from contacts.suppression import LONGEST, OptOut, not_recorded, suppress

#: Every column that a file may have; the first one has to be there.
COLUMNS = ("email", "reason", "source", "note", "since")

#: Who says so where a row does not.
SOURCE = "CSV"

BATCH_SIZE = 1_000

_LIMITS = {"email": LONGEST, "source": 100, "note": 10_000}
_ADDRESS = re.compile(r"[^\s@,;<>\"]+@[^\s@,;<>\"]+")
_KNOWN = f"Known columns: {', '.join(COLUMNS)}."

#: A reason by the name under which it is kept, and by the words in which people see it.
_REASONS = {
    text.lower(): Suppression.Reason(value)
    for value, label in Suppression.Reason.choices
    if value != Suppression.Reason.ERASED
    for text in (value, str(label))
}


@dataclass(frozen=True, slots=True)
class NumberedOptOut:
    """What a row says, who says so, and the number of its first line."""

    line: int
    opt_out: OptOut
    source: str
    text: str = field(default="", compare=False)


class _Head(NamedTuple):
    columns: tuple[str, ...]
    separator: str
    first: tuple[Line, ...]  # a row already: the file has no header


def read_opt_outs(stream: ByteStream, *, now: datetime) -> Iterator[NumberedOptOut | Refusal]:
    """Yield every row of a CSV file that is not blank, those that cannot be recorded as a Refusal.

    A file of bare addresses, one a line, needs no header. Raise FileRefused, before the first row, when the file as a
    whole cannot be understood.
    """
    lines = read_lines(stream)
    head = _read_head(lines)
    reader = RecordReader(chain(head.first, lines), head.separator)
    for record in reader:
        if isinstance(record, Refusal):
            yield record
        elif any(cell.strip() for cell in record.cells):
            yield _read_row(reader, head.columns, record, now)


def _read_head(lines: Iterator[Line]) -> _Head:
    line = next((line for line in lines if line.problem or line.text.strip()), None)
    if line is None:
        raise FileRefused(f"The file is empty. Its first line must name the columns. {_KNOWN}")
    if line.problem:
        raise FileRefused(f"The first line, {line.number}, cannot be read: {line.problem}.")
    if _ADDRESS.fullmatch(line.text.strip().strip('"')):
        return _Head(("email",), ",", (line,))
    separator = max(SEPARATORS, key=lambda one: len(set(_split(line.text, one)) & set(COLUMNS)))
    columns = _split(line.text, separator)
    if unknown := [shown(column) if column else "one without a name" for column in columns if column not in COLUMNS]:
        several = "Without a header a file may hold one address a line and nothing else. " if "@" in line.text else ""
        raise FileRefused(f"Unknown column: {', '.join(unknown[:10])}. {several}{_KNOWN}")
    if repeated := sorted({column for column in columns if columns.count(column) > 1}):
        raise FileRefused(f"Column given more than once: {', '.join(map(shown, repeated))}. {_KNOWN}")
    if "email" not in columns:
        raise FileRefused(f"There is no column email. {_KNOWN}")
    return _Head(columns, separator, ())


def _split(text: str, separator: str) -> tuple[str, ...]:
    return tuple(cell.strip().lower() for cell in next(csv.reader([text], delimiter=separator)))


def _read_row(
    reader: RecordReader, columns: tuple[str, ...], record: Record, now: datetime
) -> NumberedOptOut | Refusal:
    if len(record.cells) != len(columns):
        cells = f"{len(record.cells):,} cell{'' if len(record.cells) == 1 else 's'}"
        there = "one address a line is expected" if len(columns) == 1 else f"the header has {len(columns)}"
        return reader.refuse_first_line(record.lines, f"{cells}, but {there}")
    said = {name: text for name, cell in zip(columns, record.cells, strict=True) if (text := cell.strip())}
    if len(record.lines) > 1 and any("\n" in text for name, text in said.items() if name != "note"):
        # A quote that was not closed has taken up the lines after it.
        return reader.refuse_first_line(record.lines, "a line break inside; only a note may have one")
    line = record.lines[0].number
    try:
        opt_out = _opt_out(said, now)
    except RowRefused as refused:
        return Refusal(line, str(refused), record.text())
    return NumberedOptOut(line, opt_out, said.get("source", SOURCE), record.text())


def _opt_out(said: Mapping[str, str], now: datetime) -> OptOut:
    for column, limit in _LIMITS.items():
        if len(text := said.get(column, "")) > limit:
            raise RowRefused(f"{column}: {len(text):,} characters, at most {limit:,} fit")
    address = said.get("email", "")
    if not address:
        raise RowRefused("email: there is none")
    if not _ADDRESS.fullmatch(email_key(address) or ""):
        raise RowRefused(f"email: {shown(address)} is not an e-mail address")
    return OptOut(address, _reason(said), said.get("note", ""), _since(said, now))


def _reason(said: Mapping[str, str]) -> Suppression.Reason:
    text = said.get("reason", Suppression.Reason.REQUEST.value)
    if text.lower() == Suppression.Reason.ERASED:
        raise RowRefused("reason: whoever asks to be forgotten has to be erased, not imported")
    if text.lower() not in _REASONS:
        known = ", ".join(reason for reason in Suppression.Reason.values if reason != Suppression.Reason.ERASED)
        raise RowRefused(f"reason: {shown(text)} is none of {known}")
    return _REASONS[text.lower()]


def _since(said: Mapping[str, str], now: datetime) -> datetime | None:
    if (text := said.get("since")) is None:
        return None
    try:
        since = parse_datetime(text)
        if since is None and (day := parse_date(text)):
            since = datetime.combine(day, time())
        if since is not None and timezone.is_naive(since):
            since = timezone.make_aware(since)
        since = since and since.astimezone(UTC)  # the first and the last day there are may have none
    except (ValueError, OverflowError):
        since = None
    if since is None:
        raise RowRefused(f"since: {shown(text)} is not a date such as 2026-11-24, or 2026-11-24T12:00:00Z")
    if since > now:
        raise RowRefused(f"since: {shown(text)} is in the future")
    return since


@dataclass(slots=True)
class Tally:
    """How many rows came to what, at any moment of an import: it may be stopped."""

    read: int = 0
    recorded: int = 0
    there: int = 0  # in force already, or erased
    refused: int = 0

    def sentence(self, *, dry_run: bool) -> str:
        """For people: "3 rows read: 2 suppressed, 1 in force already, 0 refused."."""
        rows = "1 row" if self.read == 1 else f"{self.read:,} rows"
        done = "would be suppressed" if dry_run else "suppressed"
        return (
            f"{'Dry run, nothing written. ' if dry_run else ''}{rows} read: {self.recorded:,} {done}, "
            f"{self.there:,} in force already, {self.refused:,} refused."
        )

    def kept(self) -> str:
        """What stays of an import that is stopped now."""
        return "Import the file again for the rest; what was recorded stays."


class OptOutImporter:
    """Records rows in batches, and counts in `tally`. What is in force already stays as it is."""

    def __init__(self, *, on_refused: Callable[[Refusal], None], now: datetime, dry_run: bool = False) -> None:
        self.tally = Tally()
        self._on_refused, self._now, self._dry_run = on_refused, now, dry_run
        # A dry run has no table to find repeats in. Of each row a hash: some 10 MB for 100,000.
        self._seen: set[int] = set()

    def run(self, rows: Iterable[NumberedOptOut | Refusal]) -> None:
        """Record `rows`. What `rows` raises comes through; the batches before it stay."""
        for batch in batches(rows, BATCH_SIZE, self.tally, self._refuse):
            self._finish(batch)

    def _finish(self, batch: list[NumberedOptOut]) -> None:
        by_source: dict[str, list[NumberedOptOut]] = {}
        for numbered in batch:
            by_source.setdefault(numbered.source, []).append(numbered)
        for source, some in by_source.items():
            try:
                self._add(some, source)
            except DataError:
                # A letter that the database does not have. Find the row, so that it does not stop the others.
                for numbered in some:
                    self._add_one(numbered, source)

    def _add(self, some: list[NumberedOptOut], source: str) -> None:
        opt_outs = [numbered.opt_out for numbered in some]
        if self._dry_run:
            new = {hash((key, one.reason, source)) for key, one in not_recorded(opt_outs, source)} - self._seen
            self._seen |= new
            recorded = len(new)
        else:
            recorded = suppress(opt_outs, source, now=self._now)
        self.tally.recorded += recorded
        self.tally.there += len(some) - recorded

    def _add_one(self, numbered: NumberedOptOut, source: str) -> None:
        try:
            self._add([numbered], source)
        except DataError as error:
            reason = str(error).partition("\n")[0]
            self._refuse(Refusal(numbered.line, f"the database refused it: {reason}", numbered.text))

    def _refuse(self, refusal: Refusal) -> None:
        self.tally.refused += 1
        self._on_refused(refusal)
