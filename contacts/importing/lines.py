"""Bytes into numbered lines of text, whatever the bytes are, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from contacts.importing.problems import FileRefused

#: More than any row within the columns' limits needs. A longer line is refused without being kept.
MAX_BYTES = 64 * 1024

_CHUNK = 64 * 1024
#: How the problem of a line in another encoding begins.
NOT_UTF8 = "not UTF-8 text"

#: Bytes that are kept of a line that is too long.
_KEPT = 1000

_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


class ByteStream(Protocol):
    """An open file, or standard input."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file.

    `text` ends in a line feed, whatever ended it in the file. Or `problem` says why there is no text; `legible` is
    what can be shown of it then.
    """

    number: int
    text: str
    problem: str = ""
    legible: str = field(default="", compare=False)


def read_lines(stream: ByteStream) -> Iterator[Line]:
    """Yield every line of `stream`, with its problem if it is no text. Raise FileRefused for UTF-16."""
    for number, raw in enumerate(_split(stream), start=1):
        if number == 1:
            if raw.startswith(_UTF16_BOMS) or b"\0" in raw[:4]:
                raise FileRefused('The file is UTF-16. Save it as UTF-8 (in Excel: "CSV UTF-8") and import that.')
            raw = raw.removeprefix(_BOM)
        yield _decode(number, raw)


def _decode(number: int, raw: bytes) -> Line:
    """Return the line that `raw`, its end included, stands for."""
    if len(raw) > MAX_BYTES:
        problem = f"the line is longer than {MAX_BYTES:,} bytes; a row is never that long"
        return Line(number, "", problem, f"{_legible(raw[:_KEPT])}…")
    if b"\0" in raw:
        return Line(number, "", "a NUL byte, which is not text", _legible(raw))
    try:
        return Line(number, raw.rstrip(b"\r\n").decode() + "\n")
    except UnicodeDecodeError as error:
        column = len(raw[: error.start].decode()) + 1
        return Line(
            number,
            "",
            f"{NOT_UTF8} (byte 0x{raw[error.start]:02X} at column {column}); save the file as UTF-8",
            _legible(raw),
        )


def _legible(raw: bytes) -> str:
    return raw.rstrip(b"\r\n").decode(errors="replace").replace("\0", "\ufffd")


def _split(stream: ByteStream) -> Iterator[bytes]:
    """Yield the lines of `stream` with their ends: LF, CRLF or CR, also mixed.

    Of a line longer than MAX_BYTES only the beginning is yielded, still longer than MAX_BYTES, and the rest
    dropped as it is read: a file of a gigabyte without a line end takes no more memory than any other.
    """
    pending = b""
    dropping = False  # `pending` has been yielded already; wait for its end
    while chunk := stream.read(_CHUNK):
        pieces = (pending + chunk).splitlines(keepends=True)
        # The last piece may go on in the next chunk. So may one that ends in CR: LF may follow it.
        pending = b"" if pieces[-1].endswith(b"\n") else pieces.pop()
        for piece in pieces:
            if not dropping:
                yield piece
            dropping = False
        if len(pending) > MAX_BYTES and not pending.endswith(b"\r"):
            if not dropping:
                yield pending
            dropping = True
        if dropping:
            # Its last byte stands for the dropped line: a CR, so that a following LF is no line of its own.
            pending = pending[-1:]
    if pending and not dropping:
        yield pending
