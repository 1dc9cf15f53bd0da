"""Taking a person out of every table. Within the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Exists, Func, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django_q.models import Task

from contacts.importing.upload import FileGone, StoredFile
from contacts.importing.work import cancel
from contacts.models import Contact, ContactImport, EmailType, Page
from curation_sdk.causes import cause_of
from curation_sdk.sparing import spare
from curation_sdk.status_counts import statuses_changed
from curation_sdk.statuses import SyncStatus
from erasure.places import GONE, PLACES, Place
from erasure.traces import Traces
from scrapersky.platforms import QUEUES

FILE_CANCELLED = (
    "Cancelled: the file named a person who asked to be forgotten. Take the person out of it and upload it again."
)

#: Primary keys for one statement.
AT_ONCE = 500


#: How every sentence begins that says why an emptied row is Skipped.
_ERASED = "Erased on "


def skip_sentence(now: datetime) -> str:
    """Why an emptied row is Skipped everywhere."""
    return f"{_ERASED}{now:%Y-%m-%d}: this person asked to be forgotten."


def is_emptied(contact: Contact) -> bool:
    """Is this the row of an erased person, with nothing in it? Not one that somebody has filled again since."""
    if contact.email or contact.name or contact.phone_number:
        return False
    return any((getattr(contact, job.processing_error) or "").startswith(_ERASED) for job in QUEUES)


class Holds(Func):
    """SQL: does one of the columns hold one of the texts, in whatever letters?"""

    output_field = BooleanField()

    def __init__(self, *columns: str, forms: tuple[str, ...]) -> None:
        super().__init__(*[Cast(column, TextField()) for column in columns])
        self.forms = forms

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        pairs = [compiler.compile(one) for one in self.source_expressions]
        columns = [value for _, params in pairs for value in params]
        patterns = [f"%{connection.ops.prep_for_like_query(form)}%" for form in self.forms]
        if connection.vendor == "postgresql":
            # All columns as one text, put in small letters once: several times as fast as looking into each.
            texts = ", ".join(sql for sql, _ in pairs)
            any_of = ", ".join(["LOWER(%s)"] * len(patterns))
            return f"(LOWER(CONCAT_WS(E'\\n', {texts})) LIKE ANY (ARRAY[{any_of}]))", [*columns, *patterns]
        one = " OR ".join(r"{} LIKE %s ESCAPE '\'" for _ in patterns)
        sql = " OR ".join(f"COALESCE({one.replace('{}', text)}, 0)" for text, _ in pairs)
        return f"({sql})", [value for _, params in pairs for value in (*params, *patterns)]


def naming(place: Place, traces: Traces) -> QuerySet[Any]:
    """The rows of the table that hold one of the words, found by the database: it may find some too many."""
    rows: QuerySet[Any] = place.model._default_manager.order_by()
    if not traces.words or not place.named:
        return rows.none()
    if place.model is Contact:
        rows = rows.exclude(pk__in=traces.contact_ids)  # the person's own are seen to by themselves
    return rows.filter(Holds(*place.named, forms=traces.spelt))


def theirs(place: Place, traces: Traces) -> QuerySet[Any]:
    """The rows of the table that are about the person by what they point to."""
    rows: QuerySet[Any] = place.model._default_manager.order_by()
    return rows.filter(place.theirs(traces)) if place.theirs else rows.none()


def rows_naming(place: Place, traces: Traces) -> list[Any]:
    """The rows that do name the person."""
    return [
        row for row in naming(place, traces) if any(traces.named_in(getattr(row, column)) for column in place.named)
    ]


def forget(traces: Traces, naming_rows: dict[Place, list[Any]], done: Counter[str]) -> None:
    """Empty, delete, or take the words out of, what the tables hold; count it. `naming_rows`: see `look_for`."""
    for place in PLACES:
        rows = naming_rows.get(place, [])
        mine = theirs(place, traces)
        if whole := [row.pk for row in rows if place.takes_whole(row, traces)]:
            mine = place.model._default_manager.filter(Q(pk__in=mine.values("pk")) | Q(pk__in=whole)).order_by()
            rows = [row for row in rows if row.pk not in whole]
        if place.becomes is None:
            done[f"{place.label} deleted"] += mine.delete()[0]
        elif place.becomes:
            # What has been emptied before is not counted again.
            left = Q()
            for column, value in place.becomes.items():
                left |= ~Q(**{f"{column}__isnull": True}) if value is None else ~Q(**{column: value})
            done[f"{place.label} emptied"] += mine.filter(left).update(**place.becomes)
        for row in rows:
            _take_out(place, row, traces, done)


def look_for(traces: Traces, *, late: bool = False) -> dict[Place, list[Any]]:
    """The rows of all tables that name the person. Reads whole tables, so nobody should wait for a lock meanwhile.

    late: only where answers that were on their way come in. What was scraped, the largest of tables, stays unread.
    """
    places = [place for place in PLACES if not (late and place.model in (Contact, Page))]
    return {place: rows for place in places if (rows := rows_naming(place, traces))}


def _take_out(place: Place, row: Any, traces: Traces, done: Counter[str]) -> None:
    mine = place.model._default_manager.filter(pk=row.pk)
    values = mine.values(*place.named).first()  # what it says now: the row may have been emptied above
    if values is None:
        return
    new = {column: traces.without(value) for column, value in values.items()}
    changed = {column: value for column, value in new.items() if value != values[column]}
    if place.model is Page and Page.objects.filter(url=changed.get("url")).exists():
        changed["url"] = f"{changed['url']}#{row.pk}"  # of two people on pages of one site; no two are the same
    if changed:
        mine.update(**changed)
        done[f"{place.label} in which the person was named"] += 1


# --- Contacts and pages ---------------------------------------------------------------------------------------


def empty(contacts: QuerySet[Contact], *, now: datetime) -> int:
    """Leave nothing of these rows but the rows: out of every queue, Skipped with the reason. Returns how many."""
    reason = skip_sentence(now)
    columns: dict[str, Any] = {
        **dict.fromkeys(("email", "name", "phone_number", "context", "source_url", "source_job_id", "domain", "page")),
        **dict.fromkeys(("lawful_basis", "lawful_basis_source", "lawful_basis_date")),
        "email_type": EmailType.UNKNOWN,
        "has_gmail": False,
        "updated_at": now,
    }
    for job in QUEUES:
        spare(job, contacts)
        columns |= {
            job.sync_status: SyncStatus.SKIPPED,
            job.processing_status: None,
            job.processing_error: reason,
            job.error_cause: cause_of(reason),
            job.retry_count: 0,
            job.next_attempt_at: None,
            job.synced_at: None,
        }
        columns |= dict.fromkeys(filter(None, (job.contact_id, job.begun_at)))
        statuses_changed(job)
    return contacts.update(**columns)


def drop_pages(page_ids: set[Any]) -> int:
    """Delete those of the pages on which nobody else was found: their addresses often name the person."""
    others = Contact.objects.filter(page=OuterRef("pk"))
    alone = list(Page.objects.filter(~Exists(others), pk__in=page_ids).order_by().values_list("pk", flat=True))
    Page.objects.filter(pk__in=alone).delete()
    return len(alone)


# --- Uploaded files, and what tasks said ----------------------------------------------------------------------


def files_naming(traces: Traces) -> list[ContactImport]:
    """The files not imported yet that hold the address."""
    waiting = ContactImport.objects.filter(state__in=ContactImport.UNFINISHED)
    return [one for one in waiting if traces.key and _holds(one, traces.key)]


def _holds(upload: ContactImport, key: str) -> bool:
    file, wanted, rest = StoredFile(upload), key.encode().lower(), b""
    try:
        while part := file.read(1024 * 1024):
            if wanted in (rest + part).lower():
                return True
            rest = part[-len(wanted) :]
    except FileGone:
        return False
    return False


def drop_files(files: list[ContactImport], *, now: datetime) -> int:
    """Cancel their imports, and so delete them."""
    return sum(cancel(one, now=now, problem=FILE_CANCELLED) for one in files)


def imports_showing(traces: Traces) -> Iterator[ContactImport]:
    """Imports in whose preview the person stands."""
    for one in ContactImport.objects.exclude(preview=[]).order_by():
        if any(traces.identified_in(row) for row in one.preview):
            yield one


def forget_previews(traces: Traces) -> int:
    """Take the person's lines out of the previews of imports."""
    count = 0
    for one in imports_showing(traces):
        kept = [row for row in one.preview if not traces.identified_in(row)]
        count += ContactImport.objects.filter(pk=one.pk).update(preview=kept)
    return count


def results_naming(traces: Traces) -> list[Task]:
    """Tasks whose result names the person: a run's sentence may quote what a platform said of somebody."""
    return [one for one in Task.objects.order_by() if traces.named_in(str(one.result))]


def forget_results(traces: Traces) -> int:
    """Take such results away."""
    found = results_naming(traces)
    return Task.objects.filter(pk__in=[one.pk for one in found]).update(result=GONE) if found else 0
