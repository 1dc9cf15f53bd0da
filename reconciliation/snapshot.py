"""Storing what was read. Every function here belongs into the caller's transaction, which also moves the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Exists, OuterRef

from contacts.address_key import email_key
from contacts.suppression import erased_keys, suppressed_keys
from curation_sdk.wording import storable
from reconciliation.held import UNREADABLE, Asked, Comparison, Held, Reader
from reconciliation.judging import judged
from reconciliation.models import HeldContact, Reconciliation
from reconciliation.people import by_key, settled, settled_rows

Kind = HeldContact.Kind

#: Of our contacts so many are looked through at once for those whom the platform did not show.
PIECE = 20_000

LONGEST_KEY = 320
LONGEST_ID = 255


def found_on_page(
    comparison: Comparison, reader: Reader, current: Reconciliation, page: Sequence[Held]
) -> list[HeldContact]:
    """A row for each of the page who is Complete with us, or on our list and unknown to us.

    Unknown people who are suppressed get none: an erased person's address is not to come back.
    """
    job = comparison.job
    # Of two with one address the one that is blocked counts.
    page = sorted(page, key=lambda held: held.block is not None)
    with_key = {key: held for held in page if (key := _key(held.address))}
    ours = by_key(job, with_key)
    unknown = {
        key for key, held in with_key.items() if key not in ours and held.on_list and not held.block
    } - suppressed_keys([key for key in with_key if key not in ours])
    rows = []
    for key, held in with_key.items():
        if key in unknown:
            rows.append(_row(current, key, Kind.UNKNOWN, held))
        elif mine := settled_rows(job, ours.get(key, ()), current.started_at):
            kind, details = judged(comparison, reader, mine, held)
            rows.append(_row(current, key, kind, held, details, mine[0].pk))
    return rows


def keep(rows: Sequence[HeldContact]) -> None:
    """Store the rows of a page, but for people who were erased since it was read. Of two contacts with one address the
    first counts, unless the other is blocked."""
    gone = erased_keys({row.email_key for row in rows})
    rows = [row for row in rows if row.email_key not in gone]
    HeldContact.objects.bulk_create(rows, batch_size=1_000, ignore_conflicts=True)
    blocked = {row.email_key: row for row in rows if row.kind == Kind.BLOCKED}
    if blocked:
        first = HeldContact.objects.filter(reconciliation_id=rows[0].reconciliation_id, email_key__in=blocked)
        for row in first.exclude(kind=Kind.BLOCKED):
            by = blocked[row.email_key]
            row.kind, row.details, row.remote_id = by.kind, by.details, by.remote_id
            row.save(update_fields=["kind", "details", "remote_id"])


def gather(comparison: Comparison, current: Reconciliation, after: UUID | None) -> UUID | None:
    """Note those of the next piece of our contacts whom the platform did not show. Returns its end; None: the last."""
    job = comparison.job
    contacts = job.contacts.order_by("pk")
    if after:
        contacts = contacts.filter(pk__gt=after)
    end: UUID | None = next(iter(contacts.values_list("pk", flat=True)[PIECE - 1 : PIECE]), None)
    if end:
        contacts = contacts.filter(pk__lte=end)
    shown = HeldContact.objects.filter(reconciliation=current, email_key=OuterRef(job.identity))
    contacts = contacts.filter(settled(job, current.started_at)).filter(~Exists(shown))
    try:
        sql, values = contacts.order_by().values(job.identity, "pk").query.sql_with_params()
    except EmptyResultSet:
        return end
    table = connection.ops.quote_name(HeldContact._meta.db_table)
    key = Reconciliation._meta.pk.get_db_prep_value(current.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (reconciliation_id, kind, remote_id, details, email_key, contact_id) "  # noqa: S608
            f"SELECT %s, %s, '', '', found.* FROM ({sql}) AS found WHERE 1 = 1 ON CONFLICT DO NOTHING",
            [key, Kind.UNASKED.value, *values],
        )
    return end


def tell_the_planner() -> None:
    """After very many rows. PostgreSQL's own look at the table comes a minute later."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(HeldContact._meta.db_table)}")


def to_ask(comparison: Comparison, current: Reconciliation, most: int) -> list[tuple[HeldContact, list[Any], Asked]]:
    """The next people to be asked for: their rows here, and how to ask. With no rows: no longer settled."""
    job = comparison.job
    rows = list(HeldContact.objects.filter(reconciliation=current, kind=Kind.UNASKED).order_by("pk")[:most])
    ours = by_key(job, [row.email_key for row in rows])
    found = []
    for row in rows:
        mine = settled_rows(job, ours.get(row.email_key, ()), current.started_at)
        person = job.merge(mine, job.contact_id) if mine else None
        remote_id = str(getattr(person, job.contact_id) or "") if person else ""
        found.append((row, mine, Asked(remote_id, (person.email or "") if person else "")))
    return found


def answered(
    comparison: Comparison,
    reader: Reader,
    current: Reconciliation,
    asked: Sequence[tuple[HeldContact, list[Any], Asked]],
    answers: Sequence[Held | None],
) -> None:
    """Store what the platform says of those who were asked for: one answer for each."""
    gone, known = [], []
    for (row, mine, _), held in zip(asked, answers, strict=True):
        if not mine or held is UNREADABLE:
            gone.append(row.pk)
            continue
        row.kind, row.details = judged(comparison, reader, mine, held)
        row.contact_id = mine[0].pk
        row.remote_id = storable(held.remote_id, LONGEST_ID) if held else ""
        known.append(row)
    HeldContact.objects.filter(pk__in=gone).delete()
    HeldContact.objects.bulk_update(known, ["kind", "details", "contact_id", "remote_id"], batch_size=500)
    # Ours under another address passed for somebody unknown.
    ids = [row.remote_id for row in known if row.remote_id]
    HeldContact.objects.filter(reconciliation=current, kind=Kind.UNKNOWN, remote_id__in=ids).delete()


def count(current: Reconciliation, kind: str) -> int:
    """People of this kind so far."""
    return HeldContact.objects.filter(reconciliation=current, kind=kind).count()


def counts(current: Reconciliation) -> dict[str, int]:
    """People of each kind."""
    rows = HeldContact.objects.filter(reconciliation=current).order_by()
    return dict(rows.values_list("kind").annotate(people=Count("pk")))


def _key(address: str) -> str:
    key = email_key(storable(address, LONGEST_KEY + 1)) or ""
    return key if len(key) <= LONGEST_KEY else ""


def _row(
    current: Reconciliation, key: str, kind: Kind, held: Held, details: str = "", contact_id: UUID | None = None
) -> HeldContact:
    return HeldContact(
        reconciliation=current,
        email_key=key,
        remote_id=storable(held.remote_id, LONGEST_ID),
        kind=kind,
        details=details,
        contact_id=contact_id,
    )
