"""What people change about contacts: the person's data, and the curation status, one by one and in bulk.

What they decide about curation stands: it takes the contact out of the hands of a run that has it at this moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from contact_curation.job import CURATION
from contacts.address_key import email_key
from contacts.lawful_basis import COLUMNS as BASIS
from contacts.models import Contact, CurationStatus
from curation_sdk.database import atomic_with_retry, one_bulk_writer
from curation_sdk.models import SyncRun
from curation_sdk.sparing import spare
from curation_sdk.status_counts import statuses_changed
from curation_sdk.statuses import ProcessingStatus
from curation_sdk.tasks import start_soon

#: What the platforms call a contact.
REMOTE_IDS = ("brevo_contact_id", "hubspot_contact_id", "mautic_contact_id", "n8n_contact_id")


def save_columns(contact: Contact, changes: Mapping[str, Any], *, trigger: SyncRun.Trigger) -> bool:
    """Write these columns of a contact and no other. False: it has been deleted meanwhile.

    `updated_at` moves when the person's data is among them; the lawful basis is none of it. "Queued" for curation
    means the same as in bulk.
    """
    columns = dict(changes)
    if columns.keys() - {"contact_curation_status", *BASIS}:
        columns["updated_at"] = timezone.now()
    columns = with_curation(columns)
    mine = Contact.objects.filter(pk=contact.pk)
    if "email" in columns and not mine.filter(email_key=email_key(columns["email"]) or "").exists():
        # Another address is another person on the platforms: their ids are not this one's.
        columns |= dict.fromkeys(REMOTE_IDS)
    for name, value in columns.items():
        setattr(contact, name, value)

    def save() -> bool:
        announce(mine, columns, trigger)
        return bool(mine.update(**columns))

    return atomic_with_retry(save) if columns else mine.exists()


def set_curation_status(
    contacts: QuerySet[Contact], status: CurationStatus, *, trigger: SyncRun.Trigger
) -> tuple[int, int]:
    """Give the contacts a curation status. Returns how many got it, and how many of them wait for curation now."""
    chosen = Contact.objects.filter(pk__in=contacts.order_by().values("pk"))
    columns = with_curation({"contact_curation_status": status})

    def curate() -> int:
        one_bulk_writer()
        announce(chosen, columns, trigger)
        return chosen.update(**columns)

    updated = atomic_with_retry(curate)
    return updated, updated if status == CurationStatus.QUEUED else 0


def with_curation(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns to write: with a curation status go those that say what the machine has to do with the contact.

    Queued: it waits for curation, afresh and due now. Any other, Processing too, is a word of people's: it does not
    wait, and a run that has it keeps its answer.
    """
    if "contact_curation_status" not in columns:
        return dict(columns)
    queued = columns["contact_curation_status"] == CurationStatus.QUEUED
    return {
        **columns,
        "contact_processing_status": ProcessingStatus.QUEUED if queued else None,
        "contact_processing_error": None,
        "contact_error_cause": None,
        "contact_retry_count": 0,
        "contact_next_attempt_at": timezone.now() if queued else None,
    }


def announce(contacts: QuerySet[Contact], columns: Mapping[str, Any], trigger: SyncRun.Trigger) -> None:
    """Tell the queue what is decided about the contacts, if that is among the columns that are written.

    In the transaction that writes it, and before it does: the later word stands before an operation on many contacts,
    and a cycle begins once this is committed. `trigger`: through what they said so.
    """
    if status := columns.get("contact_curation_status"):
        spare(CURATION, contacts)
        statuses_changed(CURATION)
        if status == CurationStatus.QUEUED:
            start_soon(CURATION, trigger)
