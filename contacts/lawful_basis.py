"""On what lawful basis a contact may be written to (GDPR, article 6): what belongs to one, and setting it for many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from contacts.models import BasisChange, Contact, LawfulBasis
from curation_sdk.database import atomic_with_retry, one_bulk_writer

#: The columns, in the order in which people see them.
BASIS, SOURCE, DATE = COLUMNS = ("lawful_basis", "lawful_basis_source", "lawful_basis_date")

#: Characters of a source.
LONGEST_SOURCE = 500


def problems(basis: str | None, source: str | None, day: date | None, *, today: date) -> dict[str, str]:
    """Why these do not go together, by column; empty when they do. Pure.

    A basis has to be shown (GDPR, article 5, 2), so it needs a source, and a date that is not in the future.
    """
    if not basis:
        return {name: "Give the lawful basis as well." for name, value in ((SOURCE, source), (DATE, day)) if value}
    found = {}
    if not (source or "").strip():
        found[SOURCE] = "Say where the lawful basis comes from, such as the form or the contract."
    if day is None:
        found[DATE] = "Give the date since when the lawful basis holds."
    elif day > today:
        found[DATE] = "The date is in the future."
    return found


def cleaned(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by column as they are kept: texts without blanks around them, None for what is not there."""
    return {
        name: (value.strip() if isinstance(value, str) else value) or None
        for name, value in values.items()
        if name in COLUMNS
    }


@dataclass(frozen=True, slots=True)
class By:
    """Who records a basis, when and through what; `operation`: of which these contacts are a part."""

    name: str
    now: datetime
    through: BasisChange.Through
    operation: UUID | None = None


def set_basis(contacts: QuerySet[Contact], basis: LawfulBasis, source: str, day: date, *, by: By) -> int:
    """Record a basis with these contacts, whatever they had before, and who did so. Returns how many.

    `updated_at` stays: nothing new is known about the person, and an old row must not become the latest one when rows
    of one person are merged.
    """
    chosen = Contact.objects.filter(pk__in=contacts.order_by().values("pk"))

    def write() -> int:
        one_bulk_writer()
        count = chosen.update(**{BASIS: basis, SOURCE: source, DATE: day})
        if count:
            _note(basis, source, day, count, by)
        return count

    return atomic_with_retry(write)


def _note(basis: LawfulBasis, source: str, day: date, count: int, by: By) -> None:
    """One row for each operation: parts that come later are added to it."""
    what = {"lawful_basis": basis, "source": source, "date": day}
    mine = BasisChange.objects.filter(operation=by.operation, **what) if by.operation else BasisChange.objects.none()
    if not mine.update(contacts=F("contacts") + count):
        who = {"changed_at": by.now, "changed_by": by.name, "through": by.through}
        BasisChange.objects.create(operation=by.operation, contacts=count, **what, **who)
