"""n8n as the shared job loop sees it."""

from __future__ import annotations

from functools import partial

from contacts.deliverable import skip_reason
from contacts.models import Contact
from contacts.people import merge
from contacts.selection import in_words, select_contacts
from contacts.skip_rules import skip_rules
from contacts.suppression import lost_key, suppress_blocked
from curation_sdk.job import SyncJob
from curation_sdk.platform_settings import interval
from n8n_sync import conf
from n8n_sync.services import destination, lapsed, n8n_service, preview

N8N = SyncJob(
    platform="n8n",
    label="n8n",
    model=Contact,
    sync_status="n8n_sync_status",
    processing_status="n8n_processing_status",
    processing_error="n8n_processing_error",
    error_cause="n8n_error_cause",
    contact_id="n8n_contact_id",
    retry_count="n8n_retry_count",
    next_attempt_at="n8n_next_attempt_at",
    synced_at="n8n_synced_at",
    begun_at="n8n_begun_at",
    identity="email_key",
    related=("domain",),
    merge=merge,
    select=select_contacts,
    in_words=in_words,
    skip_rules=skip_rules,
    suppress=suppress_blocked,
    unsafe=lost_key,
    task="n8n_sync.tasks.process_n8n_sync_queue",
    schedule="n8n_contact_sync_processor",
    interval=partial(interval, "N8N"),
    off_reason=conf.off_reason,
    policy=conf.policy,
    open=n8n_service,
    preview=preview,
    destination=destination,
    unusable=skip_reason,
    lapsed=lapsed,
)
