"""What several tests here need: a configuration, a client in frozen time, contacts, reports of a workflow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from contacts.models import Contact
from curation_sdk.queueing import queue_contacts
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.testing import FakeClock
from n8n_sync import conf
from n8n_sync.client import N8nClient
from n8n_sync.job import N8N

SECRET = "n8n-test-secret"
WEBHOOK = "https://n8n.test/webhook/scrapersky-contact"
COMPLETE = "/api/v3/webhooks/n8n/enrichment-complete"
HEALTH = "/api/v3/webhooks/n8n/health"
QUEUE = "/api/v3/contacts/n8n/queue"
RESULTS = "/api/v3/contacts/n8n/results"
BEARER = {"Authorization": f"Bearer {SECRET}"}


def config(**changes: Any) -> conf.N8nConfig:
    values: dict[str, Any] = {
        "webhook_url": WEBHOOK,
        "secret": SECRET,
        "deadline": None,
        "rate_per_second": 10.0,
        "concurrency": 2,
    }
    return conf.N8nConfig(**{**values, **changes})


def client(clock: FakeClock | None = None, **changes: Any) -> N8nClient:
    """A client whose turns cost no time."""
    return N8nClient(config(**changes), RateLimiter(1000.0, clock or FakeClock()))


def queue(clock: FakeClock, job: Any = N8N) -> None:
    """Queue everybody."""
    queue_contacts(job, Contact.objects.all(), now=clock.now())


def report(contact: Contact, **changes: Any) -> dict[str, Any]:
    """A report as the old guide shows it."""
    return {
        "contact_id": str(contact.pk),
        "enrichment_id": "run-1",
        "status": "complete",
        "timestamp": "2026-11-24T12:00:00Z",
        "enriched_data": {
            "phone": "+1-555-0100",
            "address": {"street": "1 Main St", "city": "Springfield", "state": "IL", "zip": "62701", "country": "US"},
            "social_profiles": {"linkedin": "https://linkedin.com/in/ada", "twitter": None},
            "company": {"name": "Acme", "website": "https://acme.example", "size": "11-50"},
            "additional_emails": ["a@acme.example"],
            "confidence_score": 85,
            "sources": ["clearbit"],
        },
        "metadata": {"duration_seconds": 4.2, "api_calls": 3, "cost_estimate": 0.15},
        **changes,
    }


HALF_AN_HOUR = timedelta(minutes=30)
