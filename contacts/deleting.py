"""Deleting contacts, and what they point to, without getting in the way of those who write many of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from contacts.importing.store import one_import_at_a_time
from curation_sdk.database import one_bulk_writer


@contextmanager
def deleting_many() -> Iterator[None]:
    """A transaction for a deletion. Not while an import writes to domains and pages, nor while an answer for one of
    the contacts is stored: its attempt would point to nobody.

    Whoever takes both locks takes them in this order; imports take the first only, all others the second only.
    """
    with transaction.atomic():
        one_import_at_a_time()
        one_bulk_writer()
        yield
