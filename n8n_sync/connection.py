"""The workflow in n8n as the operator's page sees it."""

from __future__ import annotations

from contextlib import closing

from django.conf import settings

from curation_sdk.connection import Connection, Seen, Webhook
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.wording import count_of
from n8n_sync import conf
from n8n_sync.client import N8nClient
from n8n_sync.job import N8N
from n8n_sync.models import EnrichmentEvent
from n8n_sync.services import preview
from n8n_sync.setup_check import REPORT_PATH, check_workflow


def look(seen: Seen, limiter: RateLimiter, *, create: bool, within: float) -> None:
    """Address, secret and workflow, as `manage.py n8n_setup` sees them. There is nothing to make."""
    config = conf.load()
    with closing(N8nClient(config, limiter, within=within)) as client:
        for finding in check_workflow(client, config):
            seen.findings.append(finding)


def webhook() -> Webhook:
    """Are reports taken and waited for, and when did the last one come?"""
    latest = EnrichmentEvent.objects.values_list("received_at", flat=True).first()
    if not settings.N8N_WEBHOOK_SECRET:
        return Webhook(False, "N8N_WEBHOOK_SECRET is not set, so reports of the workflow are refused.", latest)
    if not settings.N8N_EXPECT_CALLBACK:
        text = f"Reports are taken at {REPORT_PATH} of this site, and not waited for: N8N_EXPECT_CALLBACK is false."
        return Webhook(True, text, latest)
    minutes = count_of(round(conf.deadline().total_seconds() / 60), "minute")
    return Webhook(True, f"A report is waited for {minutes}, at {REPORT_PATH} of this site.", latest)


CONNECTION = Connection(
    job=N8N,
    address="N8N_WEBHOOK_URL",
    secrets=("N8N_WEBHOOK_SECRET",),
    look=look,
    settings_fault=lambda chosen: conf.settings_fault(),
    request=preview,
    webhook=webhook,
)
