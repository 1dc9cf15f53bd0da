"""Lines into records: the cells of one row, which line breaks in quotes may spread over several lines."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from contacts.importing.columns import SEPARATORS
from contacts.importing.lines import MAX_BYTES, Line
from contacts.importing.problems import Refusal

#: How far a quoted cell is followed. A quote that nobody closed would otherwise take the rest of the file.
MAX_LINES = 50


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of one row as they stand in the file, and the lines they were read from."""

    lines: list[Line]
    cells: list[str]

    def text(self) -> str:
        """The row as it stands in the file, without its last line end."""
        return "".join(line.text for line in self.lines).removesuffix("\n")


class RecordReader:
    """Yields one record after the other, and takes back what turned out to be none."""

    def __init__(self, lines: Iterator[Line], separator: str = ",") -> None:
        self._lines = lines
        self._separator = separator
        self._messages = {
            "unexpected end of data": "a quote is opened and not closed",
            f"'{separator}' expected after '\"'": f"a quote is closed and no {SEPARATORS[separator]} follows",
        }
        self._again: deque[Line] = deque()

    def __iter__(self) -> Iterator[Record | Refusal]:
        """Yield all but blank lines: a Refusal where a line is no text or the quotes are wrong."""
        while (line := self._next_line()) is not None:
            if line.problem:
                yield Refusal(line.number, line.problem, line.legible)
            elif line.text.strip():
                yield self._read_from(line)

    def refuse_first_line(self, lines: list[Line], message: str) -> Refusal:
        """Refuse the first of `lines`, which made up a record whose quotes cannot be right.

        What the record took up after its first line are rows of their own: they are read again as such.
        """
        self._again.extendleft(reversed(lines[1:]))
        return Refusal(lines[0].number, message, lines[0].text.removesuffix("\n"))

    def _read_from(self, first: Line) -> Record | Refusal:
        """Return the record that begins with `first`, with as many further lines as its quotes ask for."""
        taken: list[Line] = []
        try:
            cells = next(csv.reader(self._feed(first, taken), delimiter=self._separator, strict=True))
        except csv.Error as error:
            return self.refuse_first_line(taken, self._messages.get(str(error), str(error)))
        return Record(taken, cells)

    def _feed(self, first: Line, taken: list[Line]) -> Iterator[str]:
        """Yield `first` and, for as long as the csv module asks, the lines after it; note them in `taken`."""
        line: Line | None = first
        size = 0
        while line is not None:
            size += len(line.text)
            if taken and (line.problem or len(taken) == MAX_LINES or size > MAX_BYTES):
                self._again.appendleft(line)
                return
            taken.append(line)
            yield line.text
            line = self._next_line()

    def _next_line(self) -> Line | None:
        return self._again.popleft() if self._again else next(self._lines, None)
