"""Brevo as the shared job loop sees it."""

from __future__ import annotations

from functools import partial

from brevo_sync import conf
from brevo_sync.services import brevo_service, destination, preview
from contacts.deliverable import skip_reason
from contacts.models import Contact
from contacts.people import merge
from contacts.selection import in_words, select_contacts
from contacts.skip_rules import skip_rules
from contacts.suppression import lost_key, suppress_blocked
from curation_sdk import platform_settings
from curation_sdk.job import SyncJob

BREVO = SyncJob(
    platform="brevo",
    label="Brevo",
    model=Contact,
    sync_status="brevo_sync_status",
    processing_status="brevo_processing_status",
    processing_error="brevo_processing_error",
    error_cause="brevo_error_cause",
    contact_id="brevo_contact_id",
    retry_count="brevo_retry_count",
    next_attempt_at="brevo_next_attempt_at",
    synced_at="brevo_synced_at",
    identity="email_key",
    related=("domain",),
    merge=merge,
    select=select_contacts,
    in_words=in_words,
    skip_rules=skip_rules,
    suppress=suppress_blocked,
    unsafe=lost_key,
    task="brevo_sync.tasks.process_brevo_sync_queue",
    schedule="brevo_contact_sync_processor",
    interval=partial(platform_settings.interval, "BREVO"),
    off_reason=conf.off_reason,
    policy=partial(platform_settings.policy, "BREVO"),
    open=brevo_service,
    preview=preview,
    destination=destination,
    unusable=skip_reason,
    page_of=conf.page_of,
)
