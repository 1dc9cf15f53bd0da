"""What the task queue calls."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from curation_sdk.retention import delete_in_parts
from curation_sdk.shutdown import stop_requested
from curation_sdk.tasks import process_queue
from curation_sdk.wording import count_of
from n8n_sync.job import N8N
from n8n_sync.models import EnrichmentEvent


def process_n8n_sync_queue(trigger: str = "schedule") -> str:
    """Push what is due for n8n. Returns what happened, as a sentence for the task list in the admin."""
    return process_queue(N8N, trigger)


def prune_enrichment_events() -> str:
    """Delete raw reports of n8n that are older than `SYNC_HISTORY_DAYS`; 0 keeps them. Enrichments stay."""
    days: int = settings.SYNC_HISTORY_DAYS
    if not days:
        return "SYNC_HISTORY_DAYS is 0: reports are kept for ever."
    old = EnrichmentEvent.objects.filter(received_at__lt=timezone.now() - timedelta(days=days))
    deleted = delete_in_parts(old.order_by("received_at", "pk"), stop_requested)
    return f"Deleted {count_of(deleted, 'report')}."
