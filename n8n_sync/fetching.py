"""The other way round: n8n fetches contacts of any platform's queue, and reports on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from contacts.deliverable import skip_reason
from contacts.models import Contact
from curation_sdk.causes import without_particulars
from curation_sdk.claiming import Person
from curation_sdk.database import atomic_with_retry, one_bulk_writer
from curation_sdk.decisions import Answer
from curation_sdk.handed_over import hand_over, in_hand
from curation_sdk.handed_over import report as store_report
from curation_sdk.job import SyncJob
from curation_sdk.outcomes import Evidence, Rejected, Retry, Skipped, Synced
from n8n_sync import conf
from n8n_sync.deliveries import fetched_id
from n8n_sync.inbound import Report
from n8n_sync.job import N8N
from n8n_sync.models import Enrichment
from n8n_sync.payload import queue_item
from n8n_sync.receiving import found, is_meant


@dataclass(frozen=True, slots=True)
class Result:
    """What n8n says of one contact that it fetched. `found`: what it found out besides."""

    job: SyncJob
    contact_id: UUID
    delivery_id: str
    status: str
    remote_id: str
    error: str
    found: Report | None


@dataclass(slots=True)
class Tally:
    """What became of a list of results."""

    applied: int = 0
    late: int = 0
    unknown: int = 0
    answers: dict[str, list[tuple[Person, Answer]]] = field(default_factory=dict)  # by platform
    too_late: dict[str, list[tuple[Contact, Answer]]] = field(default_factory=dict)


def fetch(job: SyncJob, *, limit: int, contacts: QuerySet[Contact] | None, now: datetime) -> list[dict[str, Any]]:
    """Take up to so many due people out of the platform's queue, for the time that n8n has to report on them."""
    lease = conf.deadline()
    people = hand_over(job, now=now, size=limit, lease=lease, refuse=_refuse, contacts=contacts)
    return [
        {
            **queue_item(
                person.contact,
                fetched_id=fetched_id(job.platform, person.contact, person.lease),
                platform=job.platform,
                remote_id=getattr(person.contact, job.contact_id),
            ),
            "report_until": person.lease.isoformat(),
        }
        for person in people
    ]


def take_results(results: Sequence[Result], *, now: datetime) -> Tally:
    """Store what n8n says, each under the lease with which it fetched the contact.

    What comes too late changes nothing in the statuses and is kept as an attempt; what was found out is kept anyway.
    """
    return atomic_with_retry(lambda: _take(results, now))


def _take(results: Sequence[Result], now: datetime) -> Tally:
    one_bulk_writer()
    tally = Tally()
    jobs = {result.job.platform: result.job for result in results}
    keys = {platform: [r.contact_id for r in results if r.job.platform == platform] for platform in jobs}
    held = {platform: in_hand(jobs[platform], keys[platform]) for platform in jobs}
    contacts = Contact.objects.in_bulk({result.contact_id for result in results})
    seen = _seen_before([result.found for result in results if result.found])
    learned: list[Enrichment] = []
    for result in results:
        contact, platform = contacts.get(result.contact_id), result.job.platform
        if contact is None or not contact.email_key:
            # Nobody without an address is handed out: it has been taken away since, perhaps with the person.
            tally.unknown += 1
            continue
        person = held[platform].get(contact.pk)
        meant = person is not None and _is_meant(result, person)
        if meant and person is not None:
            tally.answers.setdefault(platform, []).append((person, _answer(result)))
            tally.applied += 1
            del held[platform][contact.pk]  # one answer each
        else:
            tally.too_late.setdefault(platform, []).append((contact, _answer(result)))
            tally.late += 1
        if result.found and (key := _key(result.found)) not in seen:
            seen.add(key)
            learned.append(found(result.found, answered=meant, now=now))
    Enrichment.objects.bulk_create(learned)
    for platform, job in jobs.items():
        store_report(job, tally.answers.get(platform, []), late=tally.too_late.get(platform, []), now=now)
    return tally


def _key(report: Report) -> tuple[UUID, str, str]:
    """What makes it the same report when it comes again."""
    return report.contact_id, report.enrichment_id, report.delivery_id


def _seen_before(reports: Sequence[Report]) -> set[tuple[UUID, str, str]]:
    """The keys of those that have been kept already, perhaps with others of the same contacts. One query."""
    if not reports:
        return set()
    kept = Enrichment.objects.filter(
        contact_id__in={report.contact_id for report in reports},
        enrichment_id__in={report.enrichment_id for report in reports},
    )
    return set(kept.values_list("contact_id", "enrichment_id", "delivery_id"))


def _is_meant(result: Result, person: Person) -> bool:
    if result.job.platform == N8N.platform and is_meant(person.contact, person.lease, result.delivery_id):
        return True
    return result.delivery_id == fetched_id(result.job.platform, person.contact, person.lease)


def _answer(result: Result) -> Answer:
    evidence = Evidence(message=result.error)
    cause = without_particulars(result.error)
    match result.status:
        case "complete":
            return Synced(result.remote_id, evidence=evidence)
        case "skipped":
            return Skipped(result.error or "n8n skipped the contact and gave no reason.", evidence, cause)
        case "retry":
            return Retry(result.error or "n8n asks for another try.", evidence=evidence, cause=cause)
    reason = f"n8n: {result.error}" if result.error else "n8n reported a failure and gave no reason."
    return Rejected(reason, evidence, cause=cause and f"n8n: {cause}")


def _refuse(contact: Contact) -> Skipped | None:
    reason = skip_reason(contact.email)
    return Skipped(reason) if reason else None
