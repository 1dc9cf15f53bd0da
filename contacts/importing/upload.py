"""An uploaded file: looked at as a whole, kept in the database in pieces, and read from there.

In the database and not in a folder: the web server and the worker may be on different machines.
"""

from __future__ import annotations

import zlib
from datetime import datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO

from django.db import transaction

from contacts.importing.columns import read_header
from contacts.importing.lines import NOT_UTF8, read_lines
from contacts.importing.problems import FileRefused
from contacts.models import ContactImport, ContactImportPart
from curation_sdk.wording import storable

#: Bytes that a file may have: some 400,000 contacts.
LARGEST = 50 * 1024 * 1024

TOO_LARGE = (
    f"The file is larger than {LARGEST // 1024 // 1024} MB. Split it, each part with the header, or import it with "
    "`manage.py import_contacts`."
)

#: Bytes in a piece, before it is compressed.
_PART = 256 * 1024

#: Pieces in one INSERT.
_AT_ONCE = 20

_WORKBOOK = 'This is an Excel workbook or a ZIP file, not CSV. In Excel save it as "CSV UTF-8" and upload that.'
_KINDS = {
    b"PK\x03\x04": _WORKBOOK,
    b"\xd0\xcf\x11\xe0": _WORKBOOK,
    b"\x1f\x8b": "The file is compressed. Unpack it and upload the CSV file.",
    b"%PDF": "This is a PDF, not CSV.",
}


class FileGone(Exception):
    """The file was deleted while it was read."""


def receive(stream: BinaryIO, *, name: str, size: int, user: Any, now: datetime) -> ContactImport:
    """Keep the file, for a worker to check. Raise FileRefused, and keep nothing, when it cannot be imported."""
    if size > LARGEST:
        raise FileRefused(TOO_LARGE)
    lines = look_at(stream)
    stream.seek(0)
    # Compressed before the transaction: SQLite has one writer at a time.
    parts = [zlib.compress(data) for data in iter(lambda: stream.read(_PART), b"")]
    with transaction.atomic():
        upload = ContactImport.objects.create(
            file_name=file_name(name), size=size, lines=lines, parts=len(parts), uploaded_by=user, uploaded_at=now
        )
        ContactImportPart.objects.bulk_create(
            (ContactImportPart(contact_import=upload, number=number, data=data) for number, data in enumerate(parts)),
            batch_size=_AT_ONCE,
        )
    return upload


def look_at(stream: BinaryIO) -> int:
    """Return how many lines the file has. Raise FileRefused when it cannot be imported as a whole."""
    refuse_other_kinds(stream)
    lines = read_lines(stream)
    read_header(lines)
    number, rows, utf8, other = 0, False, False, 0
    for line in lines:
        number = line.number
        rows = rows or bool(line.problem or line.text.strip())
        utf8 = utf8 or not line.text.isascii()
        if line.problem.startswith(NOT_UTF8):
            other = other or number
    if not rows:
        raise FileRefused("The file has a header and no rows.")
    if other and not utf8:
        # Single lines that are damaged are refused one by one. Here every line with such letters is.
        raise FileRefused(
            f"The file is not UTF-8: line {other:,} is in another encoding, and so is every line that is not plain "
            'ASCII. In Excel save it as "CSV UTF-8", in LibreOffice choose the character set UTF-8, and upload that.'
        )
    return number


def refuse_other_kinds(stream: BinaryIO) -> None:
    """Raise FileRefused for a workbook, an archive and the like."""
    beginning = stream.read(4)
    stream.seek(0)
    for signature, message in _KINDS.items():
        if beginning.startswith(signature):
            raise FileRefused(message)


def file_name(name: str) -> str:
    """The last part of the name that the browser sent, fit to store."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    return storable(last, 255).strip() or "contacts.csv"


class StoredFile:
    """The bytes of an upload, read piece by piece."""

    def __init__(self, upload: ContactImport) -> None:
        self._upload = upload
        self._next = 0
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end. Raise FileGone when there should be more and is not."""
        if not self._rest and self._next < self._upload.parts:
            self._rest = zlib.decompress(self._part())
            self._next += 1
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def _part(self) -> bytes:
        part = ContactImportPart.objects.filter(contact_import=self._upload, number=self._next).first()
        if part is None:
            raise FileGone
        return bytes(part.data)
