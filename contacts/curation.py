"""What people change about contacts: the person's data, and the curation status, one by one and in bulk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from contacts.address_key import email_key
from contacts.models import Contact, CurationStatus
from curation_sdk.database import atomic_with_retry, one_bulk_writer
from curation_sdk.statuses import ProcessingStatus

#: What the platforms call a contact.
REMOTE_IDS = ("brevo_contact_id", "hubspot_contact_id", "mautic_contact_id", "n8n_contact_id")


def save_columns(contact: Contact, changes: Mapping[str, Any]) -> bool:
    """Write these columns of a contact and no other. False: it has been deleted meanwhile.

    `updated_at` moves when the person's data is among them. "Queued" for curation means the same as in bulk.
    """
    columns = dict(changes)
    if columns.keys() - {"contact_curation_status"}:
        columns["updated_at"] = timezone.now()
    columns = with_curation(columns)
    mine = Contact.objects.filter(pk=contact.pk)
    if "email" in columns and not mine.filter(email_key=email_key(columns["email"]) or "").exists():
        # Another address is another person on the platforms: their ids are not this one's.
        columns |= dict.fromkeys(REMOTE_IDS)
    for name, value in columns.items():
        setattr(contact, name, value)
    return mine.exists() if not columns else bool(mine.update(**columns))


def set_curation_status(contacts: QuerySet[Contact], status: CurationStatus) -> tuple[int, int]:
    """Give the contacts a curation status. Returns how many got it, and how many of them wait for curation now."""
    chosen = Contact.objects.filter(pk__in=contacts.order_by().values("pk"))

    def curate() -> int:
        one_bulk_writer()
        return chosen.update(**with_curation({"contact_curation_status": status}))

    updated = atomic_with_retry(curate)
    return updated, updated if status == CurationStatus.QUEUED else 0


def with_curation(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns to write: a contact that gets the curation status Queued waits for curation, without an error."""
    if columns.get("contact_curation_status") != CurationStatus.QUEUED:
        return dict(columns)
    return {**columns, "contact_processing_status": ProcessingStatus.QUEUED, "contact_processing_error": None}
