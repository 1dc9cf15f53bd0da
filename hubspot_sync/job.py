"""HubSpot as the shared job loop sees it."""

from __future__ import annotations

from functools import partial

from contacts.deliverable import skip_reason
from contacts.models import Contact
from contacts.people import merge
from contacts.selection import in_words, select_contacts
from contacts.skip_rules import skip_rules
from contacts.suppression import lost_key, suppress_blocked
from curation_sdk import platform_settings
from curation_sdk.job import SyncJob
from hubspot_sync import conf
from hubspot_sync.payload import MOST_AT_ONCE
from hubspot_sync.services import destination, hubspot_service, preview

HUBSPOT = SyncJob(
    platform="hubspot",
    label="HubSpot",
    model=Contact,
    sync_status="hubspot_sync_status",
    processing_status="hubspot_processing_status",
    processing_error="hubspot_processing_error",
    error_cause="hubspot_error_cause",
    contact_id="hubspot_contact_id",
    retry_count="hubspot_retry_count",
    next_attempt_at="hubspot_next_attempt_at",
    synced_at="hubspot_synced_at",
    identity="email_key",
    related=("domain",),
    merge=merge,
    select=select_contacts,
    in_words=in_words,
    skip_rules=skip_rules,
    suppress=suppress_blocked,
    unsafe=lost_key,
    task="hubspot_sync.tasks.process_hubspot_sync_queue",
    schedule="hubspot_contact_sync_processor",
    interval=partial(platform_settings.interval, "HUBSPOT"),
    off_reason=conf.off_reason,
    policy=partial(platform_settings.policy, "HUBSPOT"),
    open=hubspot_service,
    preview=preview,
    destination=destination,
    unusable=skip_reason,
    push_size=MOST_AT_ONCE,
)
