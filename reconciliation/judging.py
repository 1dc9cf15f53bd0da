"""What is to be said of a person, given what we have and what the platform holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curation_sdk.wording import storable
from reconciliation.held import Comparison, Held, Reader
from reconciliation.models import HeldContact
from reconciliation.people import changed_since_push

Kind = HeldContact.Kind

#: How the field is called in which the platform has another address.
ADDRESS = "e-mail"


def judged(comparison: Comparison, reader: Reader, rows: Sequence[Any], held: Held | None) -> tuple[Kind, str]:
    """The kind, and what there is to add. rows: the person's settled rows, at least one."""
    if held is None:
        return Kind.MISSING, ""
    if held.block:
        return Kind.BLOCKED, storable(held.block.note)
    if held.on_list is False:
        return Kind.OFF_LIST, ""
    fields = differing(comparison, reader, rows, held)
    if not fields:
        return Kind.SAME, ""
    kind = Kind.NEWER if changed_since_push(comparison.job, rows) else Kind.CHANGED
    return kind, storable(", ".join(fields), 500)


def differing(comparison: Comparison, reader: Reader, rows: Sequence[Any], held: Held) -> list[str]:
    """The fields in which the platform holds what none of our pushes would have written.

    The rows of one person may have been pushed together or one after the other, so each stands for itself as well.
    """
    job = comparison.job
    whole = job.merge(rows, job.contact_id)
    candidates = [whole] if len(rows) == 1 else [whole, *rows]
    if all(held.address.casefold() != reader.address(one).casefold() for one in candidates):
        return [ADDRESS]
    found = [reader.differing(one, held) for one in candidates]
    return [name for name in found[0] if all(name in names for names in found[1:])]
