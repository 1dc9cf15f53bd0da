"""A person in every table that may hold somebody, and a search of every text column of the whole database."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django_q.models import Success

from contacts.importing.upload import receive
from contacts.importing.work import check_at_once
from contacts.models import BasisChange, Contact, ContactImport, DefaultView, Domain, Page, RefusedRow, Suppression
from curation_sdk.models import (
    BulkOperation,
    ChosenContact,
    ConnectionCheck,
    QueuePause,
    SettingChange,
    SparedContact,
    SyncAttempt,
    SyncRun,
)
from n8n_sync.models import Enrichment, EnrichmentEvent
from opt_outs.models import LastTelling, Sweep
from reconciliation.models import HeldContact, Reconciliation
from webhooks.models import PlatformEvent, Recheck

ADA = "ada@acme.example"
NAME = "Ada Lovelace"
PHONE = "(212) 555-0123"
E164 = "+12125550123"

#: Whatever stands in one of these in a text column gives her away.
TRACES = (ADA, "ada%40acme", NAME, "Ada+Lovelace", PHONE, "2125550123", "555-0123", "Analytical Engine")

#: A sentence with all of her.
QUOTED = f"Brevo refused ADA@Acme.example ({NAME}, {E164}, {PHONE})."


def seed(now: datetime) -> Contact:
    """Put her everywhere. Returns one of her rows."""
    user = get_user_model().objects.create_user("bob")
    domain = Domain.objects.create(domain="acme.example")
    page = Page.objects.create(url="https://acme.example/team/Ada+Lovelace", domain=domain)
    ada = Contact.objects.create(
        email=ADA,
        name=NAME,
        phone_number=PHONE,
        context=f"{NAME} builds the Analytical Engine",
        source_url="https://acme.example/?q=ada%40acme.example",
        domain=domain,
        page=page,
        brevo_sync_status="Error",
        brevo_processing_status="Error",
        brevo_processing_error=QUOTED,
        brevo_error_cause=QUOTED,
        brevo_contact_id="7",
        n8n_begun_at=now,
    )
    Contact.objects.create(email=" ADA@ACME.example\n", name=f"Countess {NAME}", hubspot_contact_id="8")
    other = Contact.objects.create(email="bert@acme.example", name="Bert", domain=domain)
    run = SyncRun.objects.create(
        platform="brevo",
        trigger="admin",
        slot=1,
        started_at=now,
        heartbeat_at=now,
        state="finished",
        reason=QUOTED,
        notes=QUOTED,
    )
    for contact in (ada, other):
        SyncAttempt.objects.create(
            contact=contact, run=run, platform="brevo", created_at=now, outcome="rejected",
            reason=QUOTED, message=QUOTED, cause=QUOTED, code="x", request_id="r1",
        )  # fmt: skip
    operation = BulkOperation.objects.create(
        platform="brevo", action="queue", trigger="admin", requested_at=now, state="finished", requested_by=user,
        selection={"list": "q=ada%40acme.example"}, reason=QUOTED, problem=QUOTED, forecast={"samples": [QUOTED]},
        chosen=1,
    )  # fmt: skip
    ChosenContact.objects.create(
        operation=operation, contact_id=ada.pk, status_before="Error", reason_before=QUOTED, cause_before=QUOTED[:200]
    )
    SparedContact.objects.create(operation=operation, contact_id=ada.pk)
    mine = json.dumps({"contact_id": str(ada.pk), "enriched_data": {"phone": E164, "note": "Analytical Engine"}})
    named = json.dumps({"who": ADA, "what": "Analytical Engine"})
    event = EnrichmentEvent.objects.create(received_at=now, contact_id=ada.pk, body=mine, state="applied")
    EnrichmentEvent.objects.create(received_at=now, body=named, state="refused", problem=QUOTED)
    for contact in (ada, other):
        Enrichment.objects.create(
            contact=contact, event=event, enrichment_id="1", status="complete", sent_at=now, received_at=now,
            phone=E164, error=QUOTED, street=QUOTED, city=QUOTED, state=QUOTED, zip_code=QUOTED[:64], country=QUOTED,
            company_name=QUOTED, company_website=f"https://x.example/?{ADA}", company_industry=QUOTED,
            company_size=QUOTED, company_description=QUOTED, linkedin=QUOTED, twitter=QUOTED, facebook=QUOTED,
            instagram=QUOTED, github=QUOTED, additional_emails=[ADA, "x@y.example"], sources=[QUOTED],
        )  # fmt: skip
    told = {"platform": "brevo", "received_at": now, "event": "unsubscribed"}
    PlatformEvent.objects.create(
        key="1", email_key=ADA, body=json.dumps({"who": ADA, "x": "Analytical Engine"}), **told
    )
    PlatformEvent.objects.create(key="2", body=json.dumps({"leads": [{"mail": ADA}]}), problem=QUOTED, **told)
    Recheck.objects.create(platform="brevo", email_key=ADA, asked_at=now, due_at=now)
    kind = ContentType.objects.get_for_model(Contact)
    LogEntry.objects.create(
        user=user, content_type=kind, object_id=str(ada.pk), object_repr=ADA, action_flag=CHANGE, change_message=QUOTED
    )
    LogEntry.objects.create(user=user, object_id="1", object_repr=f"{ADA} (Unsubscribed)", action_flag=CHANGE)
    Suppression.objects.create(email_key=ADA, reason="unsubscribed", source="Brevo", note=QUOTED)
    Suppression.objects.create(email_key="bert@acme.example", reason="manual", note=QUOTED)
    BasisChange.objects.create(
        changed_at=now, changed_by="bob", through="admin", lawful_basis="consent", source=QUOTED, date=now.date()
    )
    DefaultView.objects.create(user=user, query="q=Ada+Lovelace&email_key=ada%40acme.example")
    QueuePause.objects.create(platform="brevo", paused_by="bob", paused_at=now, reason=QUOTED)
    SettingChange.objects.create(platform="brevo", name="X", before=QUOTED, after={"a": [QUOTED]}, changed_at=now)
    ConnectionCheck.objects.create(platform="brevo", result={"said": QUOTED})
    Sweep.objects.create(platform="brevo", started_at=now, finished_at=now, problem=QUOTED)
    LastTelling.objects.create(platform="brevo", at=now, problem=QUOTED)
    compared = Reconciliation.objects.create(
        platform="brevo", trigger="hand", state="finished", started_at=now, heartbeat_at=now, problem=QUOTED
    )
    for key in (ADA, "bert@acme.example"):
        HeldContact.objects.create(reconciliation=compared, email_key=key, kind="changed", details=QUOTED)
    done = ContactImport.objects.create(
        file_name=f"{ADA}.csv", size=1, lines=1, parts=0, uploaded_at=now, state="done", problem=QUOTED,
        preview=[{"line": 2, "email": ADA, "note": "Analytical Engine", "changes": []}],
    )  # fmt: skip
    RefusedRow.objects.create(contact_import=done, line=2, reason=QUOTED, text=f"{ADA},{NAME},Analytical Engine")
    file = io.BytesIO(f"email,name\nx@y.example,X\nAda@acme.example,{NAME}\n".encode())
    check_at_once(receive(file, name="people.csv", size=60, user=user, now=now))
    Success.objects.create(
        id="t1", name="t", func="f", started=now, stopped=now, success=True, result=f"Stopped. {QUOTED}"
    )
    return ada


def columns() -> Iterator[tuple[type[models.Model], models.Field[Any, Any]]]:
    """Every column of every table that can hold a text."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or not model._meta.managed:
            continue
        for field in model._meta.concrete_fields:
            if isinstance(field, models.CharField | models.TextField | models.JSONField | models.BinaryField):
                yield model, field


def found(*traces: str) -> set[str]:
    """Where in the database one of the texts stands, in whatever letters: "table.column". By plain SQL."""
    hits = set()
    with connection.cursor() as cursor:
        for model, field in columns():
            table, column = map(connection.ops.quote_name, (model._meta.db_table, field.column))
            binary = isinstance(field, models.BinaryField)
            cursor.execute(f"SELECT {column if binary else f'CAST({column} AS TEXT)'} FROM {table}")
            values = [value for (value,) in cursor.fetchall() if value]
            texts = [(zlib.decompress(value).decode() if binary else str(value)).lower() for value in values]
            if any(trace.lower() in text for trace in traces for text in texts):
                hits.add(f"{model._meta.db_table}.{field.column}")
    return hits
