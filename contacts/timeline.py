"""A contact's page: how it stands in each queue, and what happened to it, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from contact_curation.job import CURATION
from contacts.models import BasisChange, Contact
from contacts.suppression import of_person
from curation_sdk import operations
from curation_sdk.drafts import UNDO_LASTS
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, ChosenContact, SyncAttempt
from curation_sdk.overview import in_use
from curation_sdk.queueing import closed_reason
from curation_sdk.statuses import ACTIVE, SyncStatus
from curation_sdk.wording import count_of
from n8n_sync.models import Enrichment
from scrapersky.platforms import QUEUES
from webhooks.models import PlatformEvent

#: Of each kind, the newest.
MOST = 50

#: Operations that were about the contact, and that may have been: of each, the newest.
MOST_OPERATIONS = 5


@dataclass(frozen=True, slots=True)
class Standing:
    """How the contact stands in one queue."""

    platform: str
    label: str
    status: str
    since: str  # what it waits for, or why it does not
    synced_at: datetime | None
    contact_id: str
    url: str  # its page in the platform's own site
    reason: str
    closed: str  # why it cannot be queued
    may_steer: bool
    waits: bool
    is_curation: bool


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the contact."""

    when: datetime
    what: str
    by: str = ""
    detail: str = ""
    status: str = ""  # the colour of its badge
    url: str = ""  # where there is more about it


def standings(contact: Contact, user: Any, *, now: datetime) -> list[Standing]:
    """How it stands in each queue that is in use, or was for this contact."""
    return [
        _standing(job, contact, user, now=now)
        for job in QUEUES
        if getattr(contact, job.sync_status) != SyncStatus.NEW or in_use(job)
    ]


def _standing(job: SyncJob, contact: Contact, user: Any, *, now: datetime) -> Standing:
    known = str((job.contact_id and getattr(contact, job.contact_id)) or "")
    return Standing(
        platform=job.platform,
        label=job.label,
        status=getattr(contact, job.sync_status),
        since=_waits_for(job, contact, now=now),
        synced_at=getattr(contact, job.synced_at),
        contact_id=known,
        url=job.page_of(known) if known else "",
        reason=getattr(contact, job.processing_error) or "",
        closed=closed_reason(job),
        may_steer=user.has_perm(job.permission),
        waits=getattr(contact, job.processing_status) in ACTIVE,
        is_curation=job is CURATION,
    )


def _waits_for(job: SyncJob, contact: Contact, *, now: datetime) -> str:
    due = getattr(contact, job.next_attempt_at)
    status = getattr(contact, job.sync_status)
    if due is None or status not in (SyncStatus.QUEUED, SyncStatus.PROCESSING):
        return ""
    if status == SyncStatus.PROCESSING:
        return f"A run has it until {due:%Y-%m-%d %H:%M} UTC at the latest."
    tries = getattr(contact, job.retry_count)
    if due > now:
        return f"Waits for its next try at {due:%Y-%m-%d %H:%M} UTC, after {tries} that failed."
    return "Due now: the next run takes it in its turn."


def events(contact: Contact, user: Any, *, now: datetime) -> list[Event]:
    """What happened to the contact, as far as it is known and the user may see it."""
    found = [
        *_found(contact),
        *_lawful_basis(contact),
        *_suppressed(contact, user),
        *_synced(contact),
        *_queued(contact),
        *_by_people(contact),
    ]
    if user.has_perm("curation_sdk.view_syncattempt"):
        found += _attempts(contact)
    if user.has_perm("webhooks.view_platformevent"):
        found += _told(contact)
    if user.has_perm("n8n_sync.view_enrichment"):
        found += _enrichments(contact)
    if user.has_perm("curation_sdk.view_bulkoperation"):
        found += _operations(contact, now=now)
    return sorted(found, key=lambda event: event.when, reverse=True)


def _found(contact: Contact) -> Iterator[Event]:
    # An import makes the id from what the row says, and nobody else makes ids of this version.
    what = "Imported from a CSV file" if contact.pk.version == 5 else "Found"
    where = [contact.source_url or (contact.page.url if contact.page else "")]
    if contact.source_job_id:
        where.append(f"by the job {contact.source_job_id}")
    yield Event(contact.created_at, what, detail=" ".join(filter(None, where)))


def _lawful_basis(contact: Contact) -> Iterator[Event]:
    if contact.lawful_basis and contact.lawful_basis_date:
        when = timezone.make_aware(datetime.combine(contact.lawful_basis_date, time()))
        what = f"Lawful basis: {contact.get_lawful_basis_display()}"
        yield Event(when, what, detail=contact.lawful_basis_source or "")
        yield from _basis_recorded(contact, contact.lawful_basis_date)


def _basis_recorded(contact: Contact, day: date) -> Iterator[Event]:
    """By whom, where it was recorded with many contacts: the last that recorded what this one has."""
    same = BasisChange.objects.filter(
        lawful_basis=contact.lawful_basis, source=contact.lawful_basis_source or "", date=day
    )
    one = same.filter(changed_at__gte=contact.created_at).order_by("-id").first()
    if one is not None:
        number = count_of(one.contacts, "contact")
        what = f"Lawful basis recorded with {number}: {one.get_lawful_basis_display()}"
        detail = "This one may have been among them: it has this basis, source and date." if one.contacts > 1 else ""
        yield Event(one.changed_at, what, by=one.changed_by, detail=detail)


def _suppressed(contact: Contact, user: Any) -> Iterator[Event]:
    if not contact.email_key:
        return
    for one in of_person(contact.email_key):
        url = _page("contacts_suppression", one.pk) if user.has_perm("contacts.view_suppression") else ""
        what = f"Suppressed: {one.get_reason_display()}"
        yield Event(one.since, what, by=one.source, detail=one.note, status="skipped", url=url)
        if one.lifted_at:
            yield Event(one.lifted_at, "Suppression lifted", by=one.lifted_by, detail=one.lift_reason, url=url)


def _synced(contact: Contact) -> Iterator[Event]:
    for job in QUEUES:
        if when := getattr(contact, job.synced_at):
            known = getattr(contact, job.contact_id) if job.contact_id else None
            yield Event(
                when,
                f"{job.done.capitalize()} last",
                by=job.label,
                detail=f"{job.label} calls it {known}." if known else "",
                status="complete",
            )


def _queued(contact: Contact) -> Iterator[Event]:
    """When it was queued, while it waits for its first try: the time is kept until then."""
    for job in QUEUES:
        when, status = getattr(contact, job.next_attempt_at), getattr(contact, job.sync_status)
        if when and status == SyncStatus.QUEUED and not getattr(contact, job.retry_count):
            yield Event(when, f"Queued for {job.name}", status="queued")


def _by_people(contact: Contact) -> Iterator[Event]:
    kind = ContentType.objects.get_for_model(Contact)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(contact.pk)).select_related("user")
    for entry in entries.order_by("-action_time")[:MOST]:
        yield Event(entry.action_time, entry.get_change_message() or "Changed", by=entry.user.get_username())


def _attempts(contact: Contact) -> Iterator[Event]:
    labels = {job.platform: job.label for job in QUEUES}
    for attempt in contact.sync_attempts.order_by("-created_at", "-id")[:MOST]:
        facts = [
            attempt.reason,
            f"HTTP {attempt.http_status}" if attempt.http_status else "",
            attempt.code,
            attempt.message if attempt.message not in attempt.reason else "",
        ]
        yield Event(
            attempt.created_at,
            attempt.get_outcome_display(),
            by=labels.get(attempt.platform, attempt.platform),
            detail=" · ".join(filter(None, facts)),
            status=_COLOURS.get(attempt.outcome, "error"),
            url=_page("curation_sdk_syncattempt", attempt.pk),
        )


_COLOURS: dict[str, str] = {
    SyncAttempt.Outcome.SYNCED: "complete",
    SyncAttempt.Outcome.SKIPPED: "skipped",
    SyncAttempt.Outcome.RETRY: "queued",
    SyncAttempt.Outcome.THROTTLED: "queued",
    SyncAttempt.Outcome.LATE: "skipped",
}


def _told(contact: Contact) -> Iterator[Event]:
    """What platforms said of the address by themselves."""
    if not contact.email_key:
        return
    labels = {job.platform: job.label for job in QUEUES}
    for one in PlatformEvent.objects.filter(email_key=contact.email_key).order_by("-id")[:MOST]:
        yield Event(
            one.received_at,
            f"Event: {one.event or 'without a name'}",
            by=labels.get(one.platform, one.platform),
            detail=one.problem or one.result or one.get_state_display(),
            status={"failed": "error", "received": "queued"}.get(one.state, ""),
            url=_page("webhooks_platformevent", one.pk),
        )


def _enrichments(contact: Contact) -> Iterator[Event]:
    for one in Enrichment.objects.filter(contact=contact).order_by("-received_at", "-id")[:MOST]:
        facts = [one.phone, one.company_name, one.company_website, one.city, one.country, one.error]
        yield Event(
            one.received_at,
            f"Enrichment: {one.get_status_display().lower()}",
            by="n8n",
            detail=" · ".join(filter(None, facts)),
            status={"complete": "complete", "failed": "error"}.get(one.status, "queued"),
            url=_page("n8n_sync_enrichment", one.pk),
        )


def _operations(contact: Contact, *, now: datetime) -> Iterator[Event]:
    """What was done with many contacts: those for which this one was kept, and those that looked for theirs."""
    jobs = {job.platform: job for job in QUEUES}
    confirmed = BulkOperation.objects.filter(confirmed=True, platform__in=jobs)
    confirmed = confirmed.select_related("requested_by").order_by("-requested_at")
    kept = ChosenContact.objects.filter(contact_id=contact.pk).values("operation")
    known = list(confirmed.filter(Q(pk__in=kept) | Q(undoes__in=kept))[:MOST_OPERATIONS])
    by_filter = Q(selection__has_key="list") | Q(selection__has_key="filters")
    forgotten = Q(chosen__isnull=True) | Q(requested_at__lt=now - UNDO_LASTS, selection__ticked__isnull=True)
    since = confirmed.filter(by_filter, forgotten, requested_at__gte=contact.created_at)
    possible = since.exclude(pk__in=[one.pk for one in known])[:MOST_OPERATIONS]
    for one, among in (*((one, "was") for one in known), *((one, "may be") for one in possible)):
        job = jobs[one.platform]
        yield Event(
            one.requested_at,
            f"{one.what}: asked for many contacts",
            by=one.requested_by.get_username() if one.requested_by else one.get_trigger_display(),
            detail=f"{operations.sentence(job, one)} This one {among} among them.",
            url=_page("curation_sdk_bulkoperation", one.pk),
        )


def _page(name: str, key: Any) -> str:
    return reverse(f"admin:{name}_change", args=[key])


def same_address(contact: Contact) -> int:
    """How many other rows have the address: to the platforms they are one person."""
    if not contact.email_key:
        return 0
    return Contact.objects.filter(email_key=contact.email_key).exclude(pk=contact.pk).order_by().count()
