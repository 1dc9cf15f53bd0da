"""What an import would do with each row, with nothing written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, TypedDict

from contacts.address_key import email_key
from contacts.importing.columns import ID
from contacts.importing.rows import Row
from contacts.importing.run import NumberedRow
from contacts.importing.store import chunks, existing_ids
from contacts.models import Contact

#: Rows of each kind that are shown.
SHOWN = 25

#: Characters of a cell that are shown.
_LONGEST = 120


class Kind(StrEnum):
    """What an import does with a row. The values are columns of ContactImport."""

    NEW = "new"
    #: It becomes a contact of its own, beside those with the same address: one person to the platforms.
    NEW_FOR_ADDRESS = "new_for_address"
    #: The very same row was imported before, or stands earlier in the file. What is there is left as it is.
    THERE = "there"


class Change(TypedDict):
    """A column in which a row differs from the contact that is there."""

    column: str
    there: str
    row: str


class Shown(TypedDict):
    """A row of the preview."""

    line: int
    kind: str
    email: str
    name: str
    phone_number: str
    note: str
    changes: list[Change]


class Checker:
    """Says of one row after the other what would become of it; knows those before it."""

    def __init__(self) -> None:
        # About 15 MB for 100,000 rows. Of an address its hash: two that share one cost no more than a wrong label.
        self._ids: set[bytes] = set()
        self._addresses: set[int] = set()

    def pass_over(self, rows: Iterable[NumberedRow]) -> None:
        """Take note of rows that have been checked already."""
        for numbered in rows:
            self._note(numbered.row)

    def kinds(self, rows: Sequence[NumberedRow]) -> list[Kind]:
        """Return what an import would do with each of the rows."""
        there = existing_ids(numbered.row.contact_id() for numbered in rows)
        addresses = _known_addresses({email_key(numbered.row.email) for numbered in rows} - {None})
        kinds = []
        for numbered in rows:
            key = email_key(numbered.row.email)
            contact_id = numbered.row.contact_id()
            if contact_id in there or contact_id.bytes in self._ids:
                kinds.append(Kind.THERE)
            elif key is not None and (key in addresses or hash(key) in self._addresses):
                kinds.append(Kind.NEW_FOR_ADDRESS)
            else:
                kinds.append(Kind.NEW)
            self._note(numbered.row)
        return kinds

    def _note(self, row: Row) -> None:
        self._ids.add(row.contact_id().bytes)
        if (key := email_key(row.email)) is not None:
            self._addresses.add(hash(key))


def shown(rows: Sequence[NumberedRow], kinds: Sequence[Kind], before: Sequence[Shown]) -> list[Shown]:
    """Return those of the rows that are shown: of each kind the first ones of the file."""
    counts = Counter(one["kind"] for one in before)
    chosen: list[tuple[NumberedRow, Kind]] = []
    for numbered, kind in zip(rows, kinds, strict=True):
        if counts[kind] < SHOWN:
            counts[kind] += 1
            chosen.append((numbered, kind))
    if not chosen:
        return []
    same_row = _by_id([numbered.row for numbered, kind in chosen if kind == Kind.THERE])
    same_address = _by_address([numbered.row for numbered, kind in chosen if kind == Kind.NEW_FOR_ADDRESS])
    found = []
    for numbered, kind in chosen:
        row, contact = numbered.row, None
        if kind == Kind.THERE:
            contact = same_row.get(row.contact_id())
        elif kind == Kind.NEW_FOR_ADDRESS:
            contact = same_address.get(email_key(row.email))
        changes = _changes(row, contact) if contact else []
        found.append(_shown(numbered, kind, changes, in_table=contact is not None))
    return found


def _shown(numbered: NumberedRow, kind: Kind, changes: list[Change], *, in_table: bool) -> Shown:
    row = numbered.row
    note = ""
    if kind == Kind.THERE and not in_table:
        note = "The same as an earlier row of this file."
    elif kind == Kind.THERE and changes and row.id:
        note = "The row has this contact's id, and the contact is left as it is."
    elif kind == Kind.THERE and changes:
        note = "The contact was edited here since, and is left as it is."
    elif kind == Kind.NEW_FOR_ADDRESS and not in_table:
        note = "An earlier row of this file has the address too."
    elif kind == Kind.NEW_FOR_ADDRESS and not changes:
        note = "It says nothing that the contact does not say."
    return {
        "line": numbered.line,
        "kind": kind.value,
        "email": _cut(row.email),
        "name": _cut(row.name),
        "phone_number": _cut(row.phone_number),
        "note": note,
        "changes": changes,
    }


def _changes(row: Row, contact: Contact) -> list[Change]:
    """In what the row differs from the contact, of the columns about which the row says something.

    Not in the id: a row of an export that is new to us comes beside the contact, and changes none.
    """
    there = {
        **{column: getattr(contact, column) for column in Row._fields if column not in ("domain", "page_url")},
        "domain": contact.domain and contact.domain.domain,
        "page_url": contact.page and contact.page.url,
    }
    return [
        {"column": column, "there": _cut(there[column]), "row": _cut(value)}
        for column, value in row._asdict().items()
        if column != ID and value is not None and value != there[column]
    ]


def _cut(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _known_addresses(keys: Iterable[str | None]) -> set[str]:
    return {
        key
        for some in chunks(keys)
        for key in Contact.objects.filter(email_key__in=some).order_by().values_list("email_key", flat=True).distinct()
        if key is not None
    }


def _by_id(rows: Iterable[Row]) -> dict[Any, Contact]:
    wanted = [row.contact_id() for row in rows]
    return _with_where_found().in_bulk(wanted) if wanted else {}


def _by_address(rows: Iterable[Row]) -> dict[str | None, Contact]:
    """Of each address the contact that was changed last: it counts most when rows of one person are merged."""
    keys = {email_key(row.email) for row in rows}
    contacts = _with_where_found().filter(email_key__in=keys).order_by("updated_at", "id") if keys else ()
    return {contact.email_key: contact for contact in contacts}


def _with_where_found() -> Any:
    return Contact.objects.select_related("domain", "page")
