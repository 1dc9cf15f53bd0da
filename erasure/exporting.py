"""Everything that is held about a person, as JSON: what may be asked for under Article 15 of the GDPR."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from django.db.models import Model

from contacts.address_hash import address_hash
from contacts.models import Contact
from contacts.suppression import of_person
from erasure import forgetting
from erasure.certificate import certificate
from erasure.erasing import Who, traces_of
from erasure.models import Deletion, Erasure
from erasure.places import PLACES


def export_person(who: Who, *, now: datetime) -> dict[str, Any]:
    """What every table holds about the person, by table; tables that hold nothing are left out.

    A row that names the person among others is shown with only those of its columns that do.
    """
    traces = traces_of(who)
    found: dict[str, list[dict[str, Any]]] = {}
    contacts = who.rows.select_related("domain", "page").order_by("created_at", "pk")
    found["contacts"] = [_contact(one) for one in contacts]
    for place in PLACES:
        mine = {row.pk: _row(row) for row in forgetting.theirs(place, traces).order_by("pk")}
        for row in forgetting.rows_naming(place, traces):
            if row.pk not in mine:
                mine[row.pk] = _row(row) if place.takes_whole(row, traces) else _naming(row, place.named, traces)
        found.setdefault(place.label, []).extend(mine.values())
    if who.key:
        found["suppressions"] = [_row(one) for one in of_person(who.key)]
    found["previews of imports"] = [
        {"import": str(one.pk), "row": row}
        for one in forgetting.imports_showing(traces)
        for row in one.preview
        if traces.identified_in(row)
    ]
    found["files that wait to be imported"] = [
        {"import": str(one.pk), "file": one.file_name} for one in forgetting.files_naming(traces)
    ]
    found["results of tasks"] = [
        {"task": one.pk, "result": str(one.result)} for one in forgetting.results_naming(traces)
    ]
    found["deletions that wait for a platform"] = [
        _row(one) for one in Deletion.objects.filter(address=who.key).exclude(address="")
    ]
    found["erasures"] = [certificate(one) for one in _erasures(who)]
    return {
        "person": who.key or str(who.contact_id),
        "exported_at": now,
        "held": {label: rows for label, rows in found.items() if rows},
    }


def _erasures(who: Who) -> list[Erasure]:
    return list(Erasure.objects.filter(key_hash=address_hash(who.key))) if who.key else []


def _contact(contact: Contact) -> dict[str, Any]:
    return {
        **_row(contact),
        "domain": contact.domain.domain if contact.domain else None,
        "page": contact.page.url if contact.page else None,
    }


def _row(row: Model) -> dict[str, Any]:
    return {field.attname: _plain(getattr(row, field.attname)) for field in row._meta.concrete_fields}


def _naming(row: Model, columns: tuple[str, ...], traces: Any) -> dict[str, Any]:
    named = {column: getattr(row, column) for column in columns if traces.named_in(getattr(row, column))}
    return {"id": _plain(row.pk), **named}


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes | memoryview) else value
