"""What the tests of comparisons need: a sandbox with the platforms switched on, and contacts pushed into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from contacts.models import Contact
from curation_sdk.cycle import run_cycle
from curation_sdk.job import SyncJob
from curation_sdk.models import SyncRun
from curation_sdk.queueing import queue_contacts
from sandbox.brevo.account import DEFAULT_KEY as BREVO_KEY
from sandbox.brevo.values import Attribute
from sandbox.hubspot.account import DEFAULT_KEY as HUBSPOT_KEY
from sandbox.hubspot.store import Property
from sandbox.mautic.account import DEFAULT_PASSWORD, DEFAULT_USERNAME
from sandbox.server import Sandbox, running_sandbox


@pytest.fixture(scope="session")
def one_sandbox() -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as running:
        yield running


@pytest.fixture
def sandbox(one_sandbox: Sandbox, settings: Any) -> Sandbox:
    """Emptied, with the fields of ours that the set-up commands make."""
    one_sandbox.reset()
    settings.BREVO_API_BASE_URL, settings.BREVO_API_KEY = one_sandbox.brevo_url, BREVO_KEY
    settings.BREVO_LIST_ID, settings.BREVO_RATE_LIMIT_PER_SECOND = "2", 5000.0
    settings.HUBSPOT_API_BASE_URL, settings.HUBSPOT_API_KEY = one_sandbox.hubspot_url, HUBSPOT_KEY
    settings.HUBSPOT_RATE_LIMIT_PER_SECOND = 5000.0
    settings.MAUTIC_API_BASE_URL = one_sandbox.mautic_url
    settings.MAUTIC_USERNAME, settings.MAUTIC_PASSWORD = DEFAULT_USERNAME, DEFAULT_PASSWORD
    settings.MAUTIC_RATE_LIMIT_PER_SECOND = 5000.0
    for job in ("BREVO", "HUBSPOT", "MAUTIC"):
        setattr(settings, f"{job}_SYNC_SCHEDULER_BATCH_SIZE", 100)
    with one_sandbox.lock:
        attributes = one_sandbox.brevo.account.store.attributes
        for name in ("PHONE", "COMPANY", "WEBSITE", "DOMAIN_ID", "PAGE_ID", "EMAIL_TYPE", "SOURCE_URL"):
            attributes[name] = Attribute(name)
        attributes["HAS_GMAIL"] = Attribute("HAS_GMAIL", type="boolean")
        for name in ("domain_id", "page_id", "email_type", "source_url", "has_gmail", "sync_date"):
            made = Property(f"scrapersky_{name}", ours=True)
            one_sandbox.hubspot.account.store.properties[made.name] = made
        for name in ("domain_id", "page_id", "email_type", "source_url", "has_gmail"):
            kind = "boolean" if name == "has_gmail" else "text"
            one_sandbox.mautic.account.store.add_field(f"scrapersky_{name}", name, kind)
    return one_sandbox


@pytest.fixture
def pushed(db: None, sandbox: Sandbox) -> Callable[..., list[Contact]]:
    """Push people with these addresses: `pushed(BREVO, "ada@acme.example", …)`."""

    def push(job: SyncJob, *addresses: str, **columns: Any) -> list[Contact]:
        made = [Contact.objects.create(email=one, **{"name": "Ada Lovelace", **columns}) for one in addresses]
        queue_contacts(job, Contact.objects.filter(pk__in=[one.pk for one in made]), now=timezone.now())
        run_cycle(job, trigger=SyncRun.Trigger.COMMAND)
        for one in made:
            one.refresh_from_db()
            assert getattr(one, job.sync_status) == "Complete", getattr(one, job.processing_error)
        return made

    return push
