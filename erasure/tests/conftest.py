"""Shared by the tests of erasure: a sandbox that all platforms point to, and a person who is everywhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command

from sandbox.brevo.account import DEFAULT_KEY as BREVO_KEY
from sandbox.hubspot.account import DEFAULT_KEY as HUBSPOT_KEY
from sandbox.mautic.account import DEFAULT_PASSWORD, DEFAULT_USERNAME
from sandbox.n8n.workflow import DEFAULT_SECRET
from sandbox.server import Sandbox, running_sandbox


@pytest.fixture
def sandbox(settings: Any, db: None) -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None, hubspot_limit=None) as running:
        settings.BREVO_API_BASE_URL, settings.BREVO_API_KEY = running.brevo_url, BREVO_KEY
        settings.HUBSPOT_API_BASE_URL, settings.HUBSPOT_API_KEY = running.hubspot_url, HUBSPOT_KEY
        settings.MAUTIC_API_BASE_URL = running.mautic_url
        settings.MAUTIC_USERNAME, settings.MAUTIC_PASSWORD = DEFAULT_USERNAME, DEFAULT_PASSWORD
        settings.N8N_WEBHOOK_URL = f"{running.n8n_url}/webhook/scrapersky-contact"
        settings.N8N_WEBHOOK_SECRET = DEFAULT_SECRET
        for name in ("BREVO", "HUBSPOT", "MAUTIC", "N8N"):
            setattr(settings, f"{name}_RATE_LIMIT_PER_SECOND", 1000.0)
        call_command("hubspot_setup", create=True, stdout=io.StringIO())
        yield running
