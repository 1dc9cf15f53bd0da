"""A batch of rows into the database, as a set: a handful of statements, one short transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, transaction
from django.utils import timezone

from contacts.emails import classify_email, is_gmail
from contacts.importing.rows import Row
from contacts.models import Contact, Domain, Page

T = TypeVar("T")

#: Values in one IN (…). A statement takes 999 on SQLite before 3.32.
_LOOKUP = 500

#: The lock that imports take on PostgreSQL. Any number, as long as nobody else uses it.
_LOCK = 0x5C4A_9E75

#: As a scraper inserts: the columns that an import fills; the others get the database's defaults. bulk_create
#: would send every column, which took 38 seconds instead of 18 for 100,000 rows on SQLite, 33 instead of 22 on
#: PostgreSQL. DO NOTHING is for whoever inserts without taking our lock.
_INSERT = """
    INSERT INTO contacts (
        id, email, email_type, has_gmail, name, phone_number, context, source_url,
        domain_id, page_id, lawful_basis, lawful_basis_source, lawful_basis_date, created_at, updated_at
    )
    VALUES {rows}
    ON CONFLICT (id) DO NOTHING
"""
_ONE_ROW = "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
#: Rows in one statement: of fifteen values each, see _LOOKUP.
_ROWS_AT_ONCE = 66


def store_rows(rows: Iterable[Row]) -> int:
    """Insert the rows that are not there yet, with their domains and pages. Return how many were inserted.

    Rows that are there, or that repeat each other, are left as they are: the first one counts. Raise
    django.db.DataError when the database refuses a value; nothing is inserted then.
    """
    by_id: dict[uuid.UUID, Row] = {}
    for row in rows:
        by_id.setdefault(row.contact_id(), row)
    with transaction.atomic():
        one_import_at_a_time()
        for contact_id in existing_ids(by_id):
            del by_id[contact_id]
        domains = _domain_ids(by_id.values())
        pages = _page_ids(by_id.values(), domains)
        _insert(by_id, domains, pages)
    return len(by_id)


def existing_ids(ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of `ids` that are contacts already."""
    return {
        found
        for some in chunks(ids)
        for found in Contact.objects.filter(id__in=some).values_list("id", flat=True).order_by()
    }


def one_import_at_a_time() -> None:
    """Let no other import write until this batch is committed.

    Two imports of overlapping files would otherwise wait for each other's rows in PostgreSQL, until it breaks
    one of them off as a deadlock; and both would count the same rows as theirs. On SQLite the transaction has
    the only write lock from its beginning.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _domain_ids(rows: Iterable[Row]) -> dict[str, uuid.UUID]:
    """Return the ids of all domains that `rows` name, creating those that are missing."""
    names = {row.domain for row in rows if row.domain}
    ids = _read_domains(names)
    missing = sorted(names - ids.keys())
    Domain.objects.bulk_create([Domain(domain=name) for name in missing], ignore_conflicts=True)
    return ids | _read_domains(missing)


def _read_domains(names: Iterable[str]) -> dict[str, uuid.UUID]:
    return {
        name: domain_id
        for some in chunks(names)
        for name, domain_id in Domain.objects.filter(domain__in=some).values_list("domain", "id").order_by()
    }


def _page_ids(rows: Iterable[Row], domains: Mapping[str, uuid.UUID]) -> dict[str, uuid.UUID]:
    """Return the ids of all pages that `rows` name, creating those that are missing.

    A page belongs to the domain that the first row with it names. One that has a domain keeps it.
    """
    domain_of: dict[str, uuid.UUID | None] = {}
    for row in rows:
        if row.page_url and domain_of.get(row.page_url) is None:
            domain_of[row.page_url] = domains[row.domain] if row.domain else None
    pages = _read_pages(domain_of)
    missing = sorted(domain_of.keys() - pages.keys())
    Page.objects.bulk_create([Page(url=url, domain_id=domain_of[url]) for url in missing], ignore_conflicts=True)
    pages |= _read_pages(missing)
    _fill_in_domains(pages, domain_of)
    return {url: page.id for url, page in pages.items()}


def _fill_in_domains(pages: Mapping[str, Page], domain_of: Mapping[str, uuid.UUID | None]) -> None:
    """Give the pages that have no domain yet the one that is now known."""
    found = []
    for url, page in pages.items():
        if page.domain_id is None and domain_of[url] is not None:
            page.domain_id = domain_of[url]
            page.updated_at = timezone.now()
            found.append(page)
    Page.objects.bulk_update(found, ["domain", "updated_at"])


def _read_pages(urls: Iterable[str]) -> dict[str, Page]:
    return {page.url: page for some in chunks(urls) for page in Page.objects.filter(url__in=some).order_by()}


def _insert(rows: Mapping[uuid.UUID, Row], domains: Mapping[str, uuid.UUID], pages: Mapping[str, uuid.UUID]) -> None:
    """Insert the rows as contacts, with what they leave open worked out from their address."""
    now = timezone.now()
    contacts: list[list[Any]] = []
    for position, (contact_id, row) in enumerate(rows.items()):
        # Each a moment after the one before it in the file: where rows share an address, the later one is
        # the newer, and its name and number win.
        created = _datetime(now + timedelta(microseconds=position))
        contacts.append(
            [
                _uuid(contact_id),
                row.email,
                (classify_email(row.email) if row.email_type is None else row.email_type).value,
                is_gmail(row.email) if row.has_gmail is None else row.has_gmail,
                row.name,
                row.phone_number,
                row.context,
                row.source_url,
                _uuid(domains[row.domain]) if row.domain else None,
                _uuid(pages[row.page_url]) if row.page_url else None,
                row.lawful_basis and row.lawful_basis.value,
                row.lawful_basis_source,
                row.lawful_basis_date and connection.ops.adapt_datefield_value(row.lawful_basis_date),
                created,
                created,
            ]
        )
    with connection.cursor() as cursor:
        for start in range(0, len(contacts), _ROWS_AT_ONCE):
            some = contacts[start : start + _ROWS_AT_ONCE]
            cursor.execute(
                _INSERT.format(rows=", ".join([_ONE_ROW] * len(some))),
                [value for contact in some for value in contact],
            )


def _uuid(value: uuid.UUID) -> Any:
    """Return the id as the database's driver takes it."""
    return Contact._meta.pk.get_db_prep_value(value, connection, prepared=True)


def _datetime(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(values)
    while some := list(islice(iterator, _LOOKUP)):
        yield some
