"""Contacts as CSV: any number of them, in pieces, so that a million take no more memory than a page."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import TupleLessThan

from contacts.importing.columns import COLUMNS, ID, READ_OVER
from contacts.importing.records import MAX_LINES
from contacts.models import Contact
from contacts.spreadsheets import harmless

#: Contacts that are read at once.
PIECE = 2_000

#: The header: what `import_contacts` reads, then what became of the contacts.
HEADER = (*COLUMNS, ID, *READ_OVER)

#: Columns of the file that have another name in the tables.
_FIELDS = {"domain": "domain__domain", "page_url": "page__url"}

#: Excel takes a file without it for one in the old code page of its country.
_BOM = "\ufeff"


class _Line:
    """A file for the csv module that hands back what is written."""

    def write(self, text: str) -> str:
        return text


def csv_lines(contacts: QuerySet[Contact]) -> Iterator[str]:
    """The lines of the file, the newest contact first, some of them at a time.

    From place to place and not in one query: no transaction stays open while somebody's line is slow.
    """
    writer = csv.writer(_Line())
    yield _BOM + writer.writerow(HEADER)
    fields = [_FIELDS.get(column, column) for column in HEADER]
    made, key = HEADER.index("created_at"), HEADER.index(ID)
    rows = contacts.order_by("-created_at", "-id").values_list(*fields)
    piece = list(rows[:PIECE])
    while piece:
        yield "".join(
            writer.writerow([_cell(column, value) for column, value in zip(HEADER, row, strict=True)]) for row in piece
        )
        last = (piece[-1][made], piece[-1][key])
        # The time alone as well: PostgreSQL estimates the size of a range by it, but not by the pair.
        piece = list(rows.filter(TupleLessThan((F("created_at"), F("id")), last), created_at__lte=last[0])[:PIECE])


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    # As many lines as the import follows a cell for, and only in a text that may have them.
    if column != "context" or text.count("\n") + text.count("\r") >= MAX_LINES:
        text = " ".join(text.splitlines())
    return harmless(text)
