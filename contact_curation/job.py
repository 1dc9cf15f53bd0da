"""Curation as the shared job loop sees it: a user of it like the platforms, with nobody at the other end."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from contact_curation import conf
from contact_curation.services import curation_service, destination, preview
from contacts.models import Contact
from contacts.permissions import CURATE
from contacts.selection import in_words, select_contacts
from contacts.skip_rules import SKIP_RULES
from contacts.suppression import lost_key, suppress_blocked
from curation_sdk.job import SyncJob


def the_row(rows: Sequence[Contact], remote_id: str) -> Contact:
    """Each row is judged for itself, also where several share an address."""
    (row,) = rows
    return row


CURATION = SyncJob(
    platform="curation",
    label="Curation",
    model=Contact,
    sync_status="contact_curation_status",
    processing_status="contact_processing_status",
    processing_error="contact_processing_error",
    error_cause="contact_error_cause",
    contact_id="",
    retry_count="contact_retry_count",
    next_attempt_at="contact_next_attempt_at",
    synced_at="contact_curated_at",
    identity="",
    related=(),
    merge=the_row,
    select=select_contacts,
    in_words=in_words,
    skip_rules=lambda: SKIP_RULES,  # not for want of a lawful basis: curation pushes nobody
    suppress=suppress_blocked,
    unsafe=lost_key,
    task="contact_curation.tasks.process_curation_queue",
    schedule="contact_curation_processor",
    interval=lambda: int(settings.CURATION_SCHEDULER_INTERVAL_MINUTES),
    off_reason=conf.off_reason,
    policy=conf.policy,
    open=curation_service,
    preview=preview,
    destination=destination,
    push_size=250,
    # `updated_at` is not among them: the same number or address, written properly, is no news about the person, and
    # must not make an old row the latest one when rows of one person are merged.
    learned=("email", "email_type", "has_gmail", "name", "phone_number"),
    judged=("email", "email_type", "name", "phone_number"),
    done="curated",
    permission=CURATE,
)
