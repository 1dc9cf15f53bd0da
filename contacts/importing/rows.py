"""The cells of one row, checked and cleaned."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from urllib.parse import urlsplit

from django.utils import timezone

from contacts.importing.columns import ID, READ_OVER
from contacts.importing.problems import RowRefused, shown
from contacts.lawful_basis import BASIS, DATE, LONGEST_SOURCE, SOURCE, problems
from contacts.models import EmailType, LawfulBasis
from contacts.placeholders import clean_name, clean_phone
from contacts.spreadsheets import as_it_was

#: What fits, in characters. The database's limits, but for `context`, which has none there.
LIMITS = {
    "email": 320,
    "name": 255,
    "phone_number": 64,
    "domain": 255,
    "page_url": 2000,
    "source_url": 2000,
    "context": 10_000,
    SOURCE: LONGEST_SOURCE,
}

_ONLY_IN_EXPORTS = {ID, *READ_OVER}

#: In UTF-8. PostgreSQL keeps page addresses in an index, which takes 2,704 bytes per entry.
MAX_PAGE_URL_BYTES = 2600

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_HOST = re.compile(r"(?:[^\x00-\x20\x7f\s!-,./:-@\[-^`{-~]+\.)+[^\x00-\x20\x7f\s!-,./:-@\[-^`{-~]+")
_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_WEB_ADDRESS = re.compile(r"https?://[^/?#\s\x00-\x20\x7f][^\x00-\x1f\x7f]*", re.IGNORECASE)

#: Fixed for ever: another value would give every row another id, and import it a second time.
_NAMESPACE = uuid.UUID("5b0d3c0e-6f0c-4f4e-9a35-0c6e2f1d7b18")


class Row(NamedTuple):
    """What a row says, None where it says nothing. What we can work out ourselves is not filled in yet."""

    email: str | None = None
    name: str | None = None
    phone_number: str | None = None
    email_type: EmailType | None = None
    has_gmail: bool | None = None
    domain: str | None = None
    page_url: str | None = None
    source_url: str | None = None
    context: str | None = None
    lawful_basis: LawfulBasis | None = None
    lawful_basis_source: str | None = None
    lawful_basis_date: date | None = None
    id: uuid.UUID | None = None

    def contact_id(self) -> uuid.UUID:
        """Return the id that the row has as a contact: the same for the same content, always.

        A file is imported again after a crash, after corrections, or because somebody was not sure. With an
        id made from the content the database itself keeps a row from getting in twice, also when two imports
        run at once, and without an index on the content. Only what the row says counts, not what we make of
        it: a better guess at the type of an address must not turn known rows into new ones, nor must a column
        that we come to know later. The price: a contact that was deleted here comes back with the next
        import, and one that was edited here comes back as a second row.

        A row of an export says which contact it is: that one is there, or comes back under its own id.
        """
        if self.id is not None:
            return self.id
        said = {column: value for column, value in self._asdict().items() if value is not None}
        return uuid.uuid5(_NAMESPACE, json.dumps(said, sort_keys=True, separators=(",", ":"), default=str))


def misquoted(columns: Sequence[str], cells: Sequence[str]) -> str:
    """Return why the quotes of this record must be wrong, or "" when nothing speaks against them.

    A quote that was not closed takes up the lines after it until some other quote happens to close it. That
    shows in the number of cells, or in a line break where none can be.
    """
    if len(cells) != len(columns):
        return f"{_counted(len(cells), 'cell')}, but the header has {len(columns)}"
    for column, cell in zip(columns, cells, strict=True):
        if "\n" not in cell.strip():
            continue
        if column not in ("name", "context"):
            return f"{column}: a line break inside"
        if column == "name" and len(cell.strip()) > LIMITS["name"]:
            return _too_long(column, cell.strip())
    return ""


def clean_row(columns: Sequence[str], cells: Sequence[str]) -> Row | None:
    """Return what the row says, or None for a blank one. Raise RowRefused when a cell is not as it must be.

    Names, numbers and addresses are kept as they were scraped, whatever they look like: the sync judges them.
    """
    said = {
        column: text
        for column, cell in zip(columns, cells, strict=True)
        if column not in READ_OVER and (text := cell.strip())
    }
    if not _ONLY_IN_EXPORTS.isdisjoint(columns):  # it keeps spreadsheets from running its cells
        said = {column: as_it_was(text) for column, text in said.items()}
    if not said:
        return None
    for column, text in said.items():
        if column in LIMITS and len(text) > LIMITS[column]:
            raise RowRefused(_too_long(column, text))
    email, name, phone_number = said.get("email"), said.get("name"), said.get("phone_number")
    if not (email or clean_name(name) or clean_phone(phone_number)):
        raise RowRefused("nothing to import: no e-mail, no name and no phone number")
    basis, day = _lawful_basis(said)
    return Row(
        email=email,
        name=name,
        phone_number=phone_number,
        email_type=_email_type(said),
        has_gmail=_has_gmail(said),
        domain=_domain(said),
        page_url=_page_url(said),
        source_url=_web_address("source_url", said),
        context=said.get("context"),
        lawful_basis=basis,
        lawful_basis_source=said.get(SOURCE),
        lawful_basis_date=day,
        id=_id(said),
    )


def _id(said: Mapping[str, str]) -> uuid.UUID | None:
    text = said.get(ID)
    try:
        return None if text is None else uuid.UUID(text)
    except ValueError:
        raise RowRefused(f"id: {shown(text or '')} is not the id of a contact; leave it empty for a new one") from None


def _email_type(said: Mapping[str, str]) -> EmailType | None:
    text = said.get("email_type")
    if text is None:
        return None
    if text.upper() not in EmailType.values:
        raise RowRefused(f"email_type: {shown(text)} is none of {', '.join(EmailType.values)}")
    return EmailType(text.upper())


def _has_gmail(said: Mapping[str, str]) -> bool | None:
    text = said.get("has_gmail")
    if text is None:
        return None
    if text.lower() not in _BOOLEANS:
        raise RowRefused(f"has_gmail: {shown(text)} is none of true, false, yes, no, 1, 0")
    return _BOOLEANS[text.lower()]


def _lawful_basis(said: Mapping[str, str]) -> tuple[LawfulBasis | None, date | None]:
    """Return basis and date. With a basis come its source and a date, and neither without one."""
    text, day, basis = said.get(BASIS), None, None
    if text is not None:
        name = text.lower().replace(" ", "_")
        if name not in LawfulBasis.values:
            raise RowRefused(f"{BASIS}: {shown(text)} is none of {', '.join(LawfulBasis.values)}")
        basis = LawfulBasis(name)
    if DATE in said:
        try:
            day = date.fromisoformat(said[DATE])
        except ValueError:
            raise RowRefused(f"{DATE}: {shown(said[DATE])} is not a date such as 2026-11-24") from None
    for column, problem in problems(basis, said.get(SOURCE), day, today=timezone.localdate()).items():
        raise RowRefused(f"{column}: {problem}")
    return basis, day


def _domain(said: Mapping[str, str]) -> str | None:
    """Return the host in lower case, from a bare host or from a whole address."""
    text = said.get("domain")
    if text is None:
        return None
    try:
        host = urlsplit("//" + _SCHEME.sub("", text)).hostname or ""
    except ValueError:  # brackets that do not match
        host = ""
    host = host.rstrip(".")
    if "@" in text or not _HOST.fullmatch(host) or len(host) > LIMITS["domain"]:
        raise RowRefused(f"domain: {shown(text)} is not a host name such as example.com")
    return host


def _page_url(said: Mapping[str, str]) -> str | None:
    url = _web_address("page_url", said)
    if url is not None and len(url.encode()) > MAX_PAGE_URL_BYTES:
        raise RowRefused(f"page_url: {len(url.encode()):,} bytes, at most {MAX_PAGE_URL_BYTES:,} fit")
    return url


def _web_address(column: str, said: Mapping[str, str]) -> str | None:
    """Return the address, the web's only: the admin makes links of them, and javascript: must not get in."""
    text = said.get(column)
    if text is not None and not _WEB_ADDRESS.fullmatch(text):
        raise RowRefused(f"{column}: {shown(text)} is not an address that begins with http:// or https://")
    return text


def _too_long(column: str, text: str) -> str:
    return f"{column}: {len(text):,} characters, at most {LIMITS[column]:,} fit"


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
