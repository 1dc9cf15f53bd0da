"""From an enrichment to the contact: only when a person says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from contacts.curation import save_columns
from contacts.models import Contact, Domain
from curation_sdk.job import SyncJob
from curation_sdk.models import SyncRun
from curation_sdk.queueing import queue_contacts
from curation_sdk.statuses import SyncStatus
from curation_sdk.tasks import start_soon
from n8n_sync.models import Enrichment


@dataclass(slots=True)
class Used:
    """What was taken over. `queued`: label of a platform -> contacts queued again."""

    phones: int = 0
    companies: int = 0
    queued: dict[str, int] = field(default_factory=dict)


def use_enrichments(enrichments: Sequence[Enrichment], jobs: Sequence[SyncJob], *, now: datetime) -> Used:
    """Copy phone and company to the contacts, and queue those who changed again wherever they had arrived.

    Of several enrichments of a contact the latest counts. A company's name goes to the domain, which all its contacts
    share, so it only fills a blank; the phone is the person's own and is replaced.
    """
    used = Used()
    changed: set[UUID] = set()
    for enrichment in sorted(enrichments, key=lambda one: (one.received_at, one.pk)):
        contact = enrichment.contact
        phone = enrichment.phone[:64]
        if phone and phone != contact.phone_number and _saved(contact, phone):
            used.phones += 1
            changed.add(contact.pk)
        name = enrichment.company_name
        if name and contact.domain_id and _name_company(contact.domain_id, name, now):
            used.companies += 1
            changed.add(contact.pk)
    for job in jobs:
        arrived = Contact.objects.filter(Q(**{job.sync_status: SyncStatus.COMPLETE}), pk__in=changed)
        if changed and not job.off_reason() and (queued := queue_contacts(job, arrived, now=now).queued):
            used.queued[job.label] = queued
            start_soon(job, SyncRun.Trigger.ADMIN)
    return used


def _saved(contact: Contact, phone: str) -> bool:
    return save_columns(contact, {"phone_number": phone}, trigger=SyncRun.Trigger.ADMIN)


def _name_company(domain_id: UUID, name: str, now: datetime) -> bool:
    return bool(Domain.objects.filter(pk=domain_id, company_name="").update(company_name=name, updated_at=now))
