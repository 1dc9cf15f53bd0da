"""The file that an import reads, and how far it has been read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from django.core.management.base import OutputWrapper
from tqdm import tqdm

from contacts.importing.problems import FileRefused


class Source:
    """An open file or standard input, with a line of progress on a terminal.

    Every way in which it cannot be read is a FileRefused, so that it is not taken for another program error.
    """

    def __init__(self, stream: BinaryIO, *, terminal: OutputWrapper) -> None:
        """Read from `stream`. The progress goes to `terminal`, if it is one."""
        self._stream = stream
        self._bar = tqdm(
            total=_size(stream),
            unit="B",
            unit_scale=True,
            desc="Reading",
            ncols=80,
            ascii=True,
            leave=False,
            disable=not terminal.isatty(),
            file=_Plain(terminal),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        try:
            data = self._stream.read(size)
        except OSError as error:
            raise FileRefused(f"The file cannot be read: {error.strerror}.") from error
        self._bar.update(len(data))
        return data

    def clear_progress(self) -> None:
        """Make room for a message; the next read draws the line again."""
        self._bar.clear()


def open_file(path: str) -> BinaryIO:
    """Open the file at `path`. Raise FileRefused when that cannot be done."""
    try:
        return Path(path).open("rb")
    except FileNotFoundError as error:
        raise FileRefused("There is no such file.") from error
    except IsADirectoryError as error:
        raise FileRefused("This is a directory, not a file.") from error
    except OSError as error:
        raise FileRefused(f"The file cannot be read: {error.strerror}.") from error


def _size(stream: BinaryIO) -> int | None:
    """Return how many bytes there will be, None when nobody can know."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # not a file of the operating system's
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


class _Plain:
    """Django's standard error without its colours and line ends, as tqdm writes to it."""

    def __init__(self, terminal: OutputWrapper) -> None:
        self._terminal = terminal

    def write(self, text: str) -> None:
        self._terminal.write(text, lambda unchanged: unchanged, ending="")

    def flush(self) -> None:
        self._terminal.flush()
