"""What becomes of a report: stored as it came, read, kept with its contact, and taken as the answer it may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from rest_framework.exceptions import ParseError

from contacts.models import Contact
from curation_sdk.causes import without_particulars
from curation_sdk.database import atomic_with_retry, one_bulk_writer
from curation_sdk.handed_over import in_hand, take_back
from curation_sdk.handed_over import report as store_report
from curation_sdk.outcomes import Outcome, Rejected, Synced
from curation_sdk.wording import storable
from n8n_sync import conf
from n8n_sync.deliveries import delivery_id, fetched_id
from n8n_sync.inbound import Report, Unreadable, read_report
from n8n_sync.job import N8N
from n8n_sync.models import Enrichment, EnrichmentEvent
from n8n_sync.services import WAITING

State = EnrichmentEvent.State

NO_REASON = "n8n reported a failure and gave no reason."
NO_ADDRESS = "The contact has no e-mail address any more, so nothing of the report was kept."
PARTIAL = "n8n reports that it could find out a part only."


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a report: its HTTP status and body."""

    status: int
    body: dict[str, Any]


def receive(raw: bytes, parse: Callable[[bytes], Any], *, now: datetime) -> Receipt:
    """Deal with one report. `parse` reads JSON and raises ParseError.

    The raw text is stored before anything else, in a transaction of its own: should the rest fail, it is not lost.
    """
    text = raw.decode("utf-8", "replace").replace("\x00", "\ufffd")
    event = EnrichmentEvent.objects.create(received_at=now, body=text)
    body: Any = None
    try:
        body = parse(raw)
        report = read_report(body)
    except ParseError as error:
        return _refused(event, {"body": str(error.detail)})
    except Unreadable as error:
        return _refused(event, error.problems, about=_contact_of(body))
    return atomic_with_retry(lambda: _apply(event, report, now))


def _apply(event: EnrichmentEvent, report: Report, now: datetime) -> Receipt:
    one_bulk_writer()
    contact = Contact.objects.filter(pk=report.contact_id).first()
    if contact is None:
        _mark(event, State.UNKNOWN, report)
        detail = f"There is no contact {report.contact_id}."
        return Receipt(404, {"success": False, "contact_id": str(report.contact_id), "detail": detail})
    if not contact.email_key:
        # Nobody without an address is sent to n8n: it has been taken away since, perhaps with the person.
        EnrichmentEvent.objects.filter(pk=event.pk).update(body="", problem=NO_ADDRESS)
        _mark(event, State.UNKNOWN, report)
        return _accepted(report, NO_ADDRESS, [])
    if earlier := seen_before(contact, report):
        _mark(event, State.DUPLICATE, report)
        if _may_answer(contact, report, earlier) and _answer_delivery(contact, report, now):
            Enrichment.objects.filter(pk=earlier.pk).update(answered=True)
            return _accepted(report, "This enrichment was received before; it answers the delivery that waited.", [])
        return _accepted(report, "This enrichment was received before; nothing was changed.", [])
    answered = _answer_delivery(contact, report, now)
    found(report, event=event, answered=answered, now=now).save(force_insert=True)
    _mark(event, State.APPLIED, report)
    message = "The enrichment was stored." if answered else "The enrichment was stored; no delivery waits for it."
    return _accepted(report, message, report.updated_fields)


def seen_before(contact: Contact, report: Report) -> Enrichment | None:
    """As what this very report has been kept already. What is repeated, in whatever order, is kept once."""
    same = {"enrichment_id": report.enrichment_id, "delivery_id": report.delivery_id}
    return Enrichment.objects.filter(contact=contact, **same).first()


def _may_answer(contact: Contact, report: Report, earlier: Enrichment) -> bool:
    """Can a report that came before be an answer now? Each answers once.

    Without the delivery's id, one that came before this delivery began may be of another run with the same number:
    n8n counts from 1 again with a new database.
    """
    if not earlier.answered:
        return True
    begun = contact.n8n_begun_at
    return not report.delivery_id and begun is not None and earlier.received_at < begun


def found(report: Report, *, event: EnrichmentEvent | None = None, answered: bool, now: datetime) -> Enrichment:
    """What was found out, to be stored with its contact."""
    return Enrichment(
        contact_id=report.contact_id,
        event=event,
        enrichment_id=report.enrichment_id,
        delivery_id=report.delivery_id,
        status=report.status,
        error=report.error,
        answered=answered,
        sent_at=report.sent_at,
        received_at=now,
        **report.columns,
    )


def is_meant(contact: Contact, lease: datetime, given: str) -> bool:
    """Is `given` the id under which n8n has the contact now, pushed or fetched?"""
    return given in (delivery_id(contact), fetched_id(N8N.platform, contact, lease))


def _answer_delivery(contact: Contact, report: Report, now: datetime) -> bool:
    """Take the report as the answer to the delivery that waits for it. False when none does."""
    if report.delivery_id and report.delivery_id == delivery_id(contact) and settings.N8N_EXPECT_CALLBACK:
        # A push that timed out may have reached n8n all the same.
        take_back(N8N, contact, until=now + conf.deadline())
    person = in_hand(N8N, [report.contact_id]).get(report.contact_id)
    if person is None:
        return False
    given = report.delivery_id
    if given != fetched_id(N8N.platform, person.contact, person.lease):
        # A quick workflow reports before we have stored that it accepted the contact; then the setting tells.
        if person.contact.n8n_processing_error != WAITING and not settings.N8N_EXPECT_CALLBACK:
            return False
        if given and given != delivery_id(person.contact):
            return False
    counts = store_report(N8N, [(person, _outcome(report))], now=now)
    return not counts["late"]


def _outcome(report: Report) -> Outcome:
    if report.status == Enrichment.Status.FAILED:
        if not report.error:
            return Rejected(NO_REASON)
        failed = "n8n could not enrich the contact: "
        return Rejected(failed + report.error, cause=failed + without_particulars(report.error))
    return Synced(report.enrichment_id, PARTIAL if report.status == Enrichment.Status.PARTIAL else "")


def _accepted(report: Report, message: str, updated_fields: list[str]) -> Receipt:
    body = {"contact_id": str(report.contact_id), "enrichment_id": report.enrichment_id}
    return Receipt(200, {"success": True, **body, "message": message, "updated_fields": updated_fields})


def _contact_of(body: Any) -> UUID | None:
    """Whom a report names that says nothing else that we could use."""
    try:
        return UUID(str(body["contact_id"]))
    except (KeyError, TypeError, ValueError):
        return None


def _refused(event: EnrichmentEvent, problems: dict[str, str], about: UUID | None = None) -> Receipt:
    """`about`: kept with it, so that it is found when the person is erased. Of one who is, nothing is kept."""
    mine = EnrichmentEvent.objects.filter(pk=event.pk)
    problem = storable("; ".join(f"{name}: {text}" for name, text in problems.items()))

    def store() -> None:
        one_bulk_writer()
        mine.update(state=State.REFUSED, contact_id=about, problem=problem)
        if about and Contact.objects.filter(pk=about).filter(Q(email_key=None) | Q(email_key="")).exists():
            mine.update(body="", problem=NO_ADDRESS)

    atomic_with_retry(store)
    return Receipt(422, {"success": False, "detail": {name: [text] for name, text in problems.items()}})


def _mark(event: EnrichmentEvent, state: EnrichmentEvent.State, report: Report) -> None:
    EnrichmentEvent.objects.filter(pk=event.pk).update(state=state, contact_id=report.contact_id)
