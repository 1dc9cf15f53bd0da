"""A mapping tried on one real contact: what would be sent, and then the push itself, through the normal loop."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from contacts.address_key import email_key
from contacts.models import Contact
from curation_sdk.connection import Connection
from curation_sdk.cycle import run_cycle
from curation_sdk.job import SyncJob
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.queueing import make_due, queue_contacts, skip_reason
from curation_sdk.tasks import enqueue

#: Rows with one address that are pushed as one person here. A made-up address may stand on thousands.
MOST_ROWS = 50

#: Somebody waits in front of a browser, and a web server may end a request after 30 seconds.
BUDGET = timedelta(seconds=10)
STOP_AFTER = 12.0  # seconds


@dataclass(frozen=True, slots=True)
class Trial:
    """What a push of the contact with this address would send, as JSON; or `problem`: why nothing would be sent.

    digest: of the request, so that what is pushed is what was shown.
    """

    email: str
    problem: str = ""
    contact: Contact | None = None
    rows: tuple[Any, ...] = ()  # keys
    text: str = ""
    digest: str = ""


def trial(connection: Connection, email: str, chosen: Mapping[str, Any]) -> Trial:
    """The request for this address with these settings. Asks nobody, changes nothing."""
    job = connection.job
    if not (key := email_key(email)):
        return Trial(email, "Enter the address of a contact.")
    found = Contact.objects.filter(email_key=key).select_related(*job.related).annotate(why=skip_reason(job))
    # Not ordered by the database, which might walk along the order in search of the few rows.
    rows = sorted(found.order_by()[: MOST_ROWS + 1], key=lambda row: (row.created_at, str(row.pk)))
    if not rows:
        return Trial(email, "No contact has this address.")
    if len(rows) > MOST_ROWS:
        return Trial(email, f"More than {MOST_ROWS} contacts have this address. Try another one.")
    keys = tuple(row.pk for row in rows)
    person = job.merge(rows, job.contact_id)
    request = str(rows[0].why) or connection.request(person, chosen)
    if isinstance(request, str):
        return Trial(email, f"The contact would be skipped: {request}", person, keys)
    text = json.dumps(request, ensure_ascii=False, indent=2)
    return Trial(email, "", person, keys, text, hashlib.sha256(text.encode()).hexdigest())


def push(job: SyncJob, tried: Trial) -> str:
    """Queue the contact and run for it alone. Returns what the run did, as a sentence.

    When no run can be made now, because another one is under way for instance, the queue goes on with it.
    """
    now = timezone.now()
    contacts = Contact.objects.filter(pk__in=tried.rows)
    queued = queue_contacts(job, contacts, now=now)
    make_due(job, contacts, now=now)
    begun = time.monotonic()
    report = run_cycle(
        job,
        trigger=SyncRun.Trigger.ADMIN,
        budget=BUDGET,
        only=tried.rows,
        stop=lambda: time.monotonic() - begun > STOP_AFTER,
    )
    if report.state is None:
        enqueue(job, SyncRun.Trigger.ADMIN)
    return f"{queued.sentence(job.name)} {report.sentence()}"


def last_attempt(job: SyncJob, contact: Contact) -> SyncAttempt | None:
    """The contact's last attempt that was not a plain success."""
    return SyncAttempt.objects.filter(contact=contact, platform=job.platform).first()
