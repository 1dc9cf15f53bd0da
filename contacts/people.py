"""Rows with the same address are one person: their data, merged."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from contacts.placeholders import clean_name, clean_phone

if TYPE_CHECKING:
    from contacts.models import Contact


def merge(rows: Sequence[Contact], remote_id: str) -> Contact:
    """One contact from the rows of one person: of each field the latest value that is not blank.

    "Latest" goes by `updated_at`, which moves only when the person's data changes. What a scraper writes where it
    found nothing counts as blank. `remote_id` names the platform's id column. The result is not to be saved.
    """
    if len(rows) == 1:
        return rows[0]
    newest_first = sorted(rows, key=lambda row: (row.updated_at, str(row.pk)), reverse=True)
    person = copy.copy(newest_first[0])
    for row in newest_first[1:]:
        if not clean_name(person.name) and clean_name(row.name):
            person.name = row.name
        if not clean_phone(person.phone_number) and clean_phone(row.phone_number):
            person.phone_number = row.phone_number
        if person.email_type == "UNKNOWN":
            person.email_type = row.email_type
        if person.domain is None and row.domain is not None:
            person.domain = row.domain
        if person.page_id is None:
            person.page_id = row.page_id
        person.has_gmail = person.has_gmail or row.has_gmail
        for column in ("context", "source_url", "source_job_id", remote_id):
            if not getattr(person, column) and getattr(row, column):
                setattr(person, column, getattr(row, column))
    return person
