"""Mautic as the shared job loop sees it."""

from __future__ import annotations

from functools import partial

from contacts.models import Contact
from contacts.people import merge
from contacts.selection import in_words, select_contacts
from contacts.skip_rules import skip_rules
from contacts.suppression import lost_key, suppress_blocked
from curation_sdk import platform_settings
from curation_sdk.job import SyncJob
from mautic_sync import conf
from mautic_sync.services import destination, mautic_service, preview, unusable

MAUTIC = SyncJob(
    platform="mautic",
    label="Mautic",
    model=Contact,
    sync_status="mautic_sync_status",
    processing_status="mautic_processing_status",
    processing_error="mautic_processing_error",
    error_cause="mautic_error_cause",
    contact_id="mautic_contact_id",
    retry_count="mautic_retry_count",
    next_attempt_at="mautic_next_attempt_at",
    synced_at="mautic_synced_at",
    identity="email_key",
    related=("domain",),
    merge=merge,
    select=select_contacts,
    in_words=in_words,
    skip_rules=skip_rules,
    suppress=suppress_blocked,
    unsafe=lost_key,
    task="mautic_sync.tasks.process_mautic_sync_queue",
    schedule="mautic_contact_sync_processor",
    interval=partial(platform_settings.interval, "MAUTIC"),
    off_reason=conf.off_reason,
    policy=conf.policy,
    open=mautic_service,
    preview=preview,
    destination=destination,
    unusable=unusable,
    push_size=conf.MOST_AT_ONCE,
    page_of=conf.page_of,
)
