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
from curation_sdk.queueing import closed_reason, queue_contacts
from curation_sdk.statuses import SyncStatus
from curation_sdk.tasks import start_soon
from n8n_sync.models import Enrichment

#: A longer phone is no number; cut off it would be a wrong one.
LONGEST_PHONE = Contact._meta.get_field("phone_number").max_length or 0


@dataclass(slots=True)
class Used:
    """What was taken over. `queued`: label of a platform -> contacts queued again.

    `companies_left_out`: how many the person may not take over.
    """

    phones: int = 0
    companies: int = 0
    companies_left_out: int = 0
    queued: dict[str, int] = field(default_factory=dict)


def use_enrichments(
    enrichments: Sequence[Enrichment], jobs: Sequence[SyncJob], *, companies: bool, now: datetime
) -> Used:
    """Copy phone and company to the contacts, and queue those who changed again wherever they had arrived.

    Of several enrichments the latest that has one counts: for the phone those of the contact, for the company those of
    the domain. A company's name goes to the domain, which all its contacts share, so it only fills a blank, and only
    when `companies` says that it may; the phone is the person's own and is replaced.
    """
    used = Used()
    contacts: dict[UUID, Contact] = {}
    phones: dict[UUID, str] = {}
    names: dict[UUID, str] = {}
    for enrichment in sorted(enrichments, key=lambda one: (one.received_at, one.pk)):
        contact = contacts.setdefault(enrichment.contact_id, enrichment.contact)
        if 0 < len(enrichment.phone) <= LONGEST_PHONE:
            phones[contact.pk] = enrichment.phone
        if enrichment.company_name and contact.domain_id:
            names[contact.domain_id] = enrichment.company_name
    named: set[UUID] = set()
    if companies:
        named = {domain_id for domain_id, name in names.items() if _name_company(domain_id, name, now)}
        used.companies = len(named)
    else:
        used.companies_left_out = Domain.objects.filter(pk__in=names, company_name="").count()
    changed: set[UUID] = set()
    for contact in contacts.values():
        phone = phones.get(contact.pk, "")
        if phone and phone != contact.phone_number and _saved(contact, phone):
            used.phones += 1
            changed.add(contact.pk)
        if contact.domain_id in named:
            changed.add(contact.pk)
    for job in jobs:
        arrived = Contact.objects.filter(Q(**{job.sync_status: SyncStatus.COMPLETE}), pk__in=changed)
        if changed and not closed_reason(job) and (queued := queue_contacts(job, arrived, now=now).queued):
            used.queued[job.name] = queued
            start_soon(job, SyncRun.Trigger.ADMIN)
    return used


def _saved(contact: Contact, phone: str) -> bool:
    return save_columns(contact, {"phone_number": phone}, trigger=SyncRun.Trigger.ADMIN)


def _name_company(domain_id: UUID, name: str, now: datetime) -> bool:
    return bool(Domain.objects.filter(pk=domain_id, company_name="").update(company_name=name, updated_at=now))
