"""The refused rows of an upload as a CSV file, to be found and corrected in the file that was uploaded."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from contacts.models import ContactImport, RefusedRow
from contacts.spreadsheets import harmless


class _Echo:
    """A file for the csv module that hands each line back."""

    def write(self, line: str) -> str:
        return line


def refused_rows(upload: ContactImport) -> Iterator[str]:
    """Yield the lines of the file: line, reason, and the row as it was."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(["line", "reason", "row"])
    rows = RefusedRow.objects.filter(contact_import=upload).order_by("line").values_list("line", "reason", "text")
    for line, reason, text in rows.iterator(chunk_size=1_000):
        yield writer.writerow([line, harmless(reason), harmless(text)])
