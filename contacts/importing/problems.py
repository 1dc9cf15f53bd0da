"""What can be wrong with a file or with one of its rows."""

from __future__ import annotations

from dataclasses import dataclass, field


class FileRefused(Exception):
    """The file as a whole cannot be imported; the message says why and what to do."""


class RowRefused(Exception):
    """One row cannot be imported; the message says why, without the line number."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not imported: the number of its first line in the file, why, and the row as it stands there."""

    line: int
    message: str
    text: str = field(default="", compare=False)


def shown(text: str) -> str:
    """Return a cell for a message: in quotes, short, and with nothing in it that a terminal would obey."""
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}…"
