"""The header: which column stands where."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import NamedTuple

from contacts.importing.lines import Line
from contacts.importing.problems import FileRefused, shown

#: Every column that a file may have.
COLUMNS = (
    "email",
    "name",
    "phone_number",
    "email_type",
    "has_gmail",
    "domain",
    "page_url",
    "source_url",
    "context",
    "lawful_basis",
    "lawful_basis_source",
    "lawful_basis_date",
)

#: Whom a row is about. Only exports have it.
ID = "id"

#: What an export has besides. Read over: what became of a contact is found out, not imported.
READ_OVER = (
    *("created_at", "updated_at"),
    *("contact_curation_status", "contact_processing_error", "contact_curated_at"),
    *("brevo_sync_status", "brevo_processing_error", "brevo_contact_id", "brevo_synced_at"),
    *("hubspot_sync_status", "hubspot_processing_error", "hubspot_contact_id", "hubspot_synced_at"),
    *("mautic_sync_status", "mautic_processing_error", "mautic_contact_id", "mautic_synced_at"),
    *("n8n_sync_status", "n8n_processing_error", "n8n_contact_id", "n8n_synced_at"),
)

#: What may stand between cells. Excel writes semicolons where the comma is the decimal sign.
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}

_KNOWN = {*COLUMNS, ID, *READ_OVER}
_WRONG_SEPARATORS = {"|": "vertical bars"}


class Header(NamedTuple):
    """The names of the columns in the file's order, and what separates them."""

    columns: tuple[str, ...]
    separator: str


def read_header(lines: Iterator[Line]) -> Header:
    """Return what the first line that is not blank says.

    Raise FileRefused when there is none, or when we would not know what to do with one of the columns.
    """
    known = f"Known columns: {', '.join(COLUMNS)}."
    line = next((line for line in lines if line.problem or line.text.strip()), None)
    if line is None:
        raise FileRefused(f"The file is empty. Its first line must name the columns. {known}")
    if line.problem:
        raise FileRefused(f"The header on line {line.number} cannot be read: {line.problem}.")
    # The separator with which most columns are known; the comma when they are equal.
    separator = max(SEPARATORS, key=lambda one: len(set(_split(line.text, one)) & _KNOWN))
    columns = _split(line.text, separator)
    unknown = [column for column in columns if column not in _KNOWN]
    if unknown:
        _refuse_wrong_separator(columns)
        raise FileRefused(f"Unknown column: {_listed(unknown)}. {known}")
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated:
        raise FileRefused(f"Column given more than once: {_listed(repeated)}. {known}")
    if "email" not in columns:
        raise FileRefused(f"There is no column email. {known}")
    return Header(columns, separator)


def _split(text: str, separator: str) -> tuple[str, ...]:
    return tuple(_fold(cell) for cell in next(csv.reader([text], delimiter=separator)))


def _fold(cell: str) -> str:
    return cell.strip().lower()


def _refuse_wrong_separator(columns: tuple[str, ...]) -> None:
    """Raise FileRefused when another character than the comma splits the header into columns that we know."""
    for separator, name in _WRONG_SEPARATORS.items():
        cells = [_fold(cell).strip('"') for column in columns for cell in column.split(separator)]
        if len(cells) > len(columns) and any(cell in COLUMNS for cell in cells):
            raise FileRefused(f"The columns are separated by {name}. Save the file with commas between them.")


def _listed(columns: list[str]) -> str:
    """Return the first ten of the names, for a message."""
    names = [shown(column) if column else "one without a name" for column in columns[:10]]
    more = len(columns) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
