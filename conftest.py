"""Shared by all tests: fixed settings whatever `.env` says, no way out of this machine, a clock that is set."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from curation_sdk import platform_settings
from curation_sdk.testing import FakeClock
from scrapersky.tests import processes
from scrapersky.tests.processes import ScratchDatabase


@pytest.fixture(autouse=True)
def fixed_settings(settings: Any) -> None:
    """Settings that a developer's `.env` may change, as the tests expect them."""
    settings.CURATION_PHONE_REGION = "US"
    settings.CURATION_SCHEDULER_INTERVAL_MINUTES = 5
    settings.CURATION_SCHEDULER_BATCH_SIZE = 500
    settings.CURATION_SCHEDULER_MAX_INSTANCES = 1
    settings.BREVO_API_KEY = "test-key"
    settings.BREVO_LIST_ID = ""
    settings.BREVO_API_BASE_URL = "https://brevo.test/v3"
    settings.BREVO_RATE_LIMIT_PER_SECOND = 10.0
    settings.BREVO_CONCURRENCY = 2
    settings.BREVO_PHONE_REGION = "US"
    settings.BREVO_ATTRIBUTES = {}
    settings.BREVO_WEBHOOK_TOKENS = []
    settings.BREVO_WEBHOOK_URL = ""
    settings.BREVO_WEBHOOK_SILENT_DAYS = 7
    settings.BREVO_SYNC_SCHEDULER_INTERVAL_MINUTES = 5
    settings.BREVO_SYNC_SCHEDULER_BATCH_SIZE = 10
    settings.BREVO_SYNC_SCHEDULER_MAX_INSTANCES = 1
    settings.BREVO_SYNC_MAX_RETRIES = 3
    settings.BREVO_SYNC_RETRY_DELAY_MINUTES = 5
    settings.BREVO_SYNC_RETRY_EXPONENTIAL = True
    settings.HUBSPOT_API_KEY = "test-token"
    settings.HUBSPOT_API_BASE_URL = "https://hubspot.test"
    settings.HUBSPOT_API_VERSION = "2026-09"
    settings.HUBSPOT_PROPERTIES = {}
    settings.HUBSPOT_RATE_LIMIT_PER_SECOND = 9.0
    settings.HUBSPOT_CONCURRENCY = 2
    settings.HUBSPOT_SYNC_SCHEDULER_INTERVAL_MINUTES = 5
    settings.HUBSPOT_SYNC_SCHEDULER_BATCH_SIZE = 100
    settings.HUBSPOT_SYNC_SCHEDULER_MAX_INSTANCES = 1
    settings.HUBSPOT_SYNC_MAX_RETRIES = 3
    settings.HUBSPOT_SYNC_RETRY_DELAY_MINUTES = 5
    settings.HUBSPOT_SYNC_RETRY_EXPONENTIAL = True
    settings.MAUTIC_API_BASE_URL = "https://mautic.test"
    settings.MAUTIC_USERNAME = "sync"
    settings.MAUTIC_PASSWORD = "test-password"
    settings.MAUTIC_CLIENT_ID = ""
    settings.MAUTIC_CLIENT_SECRET = ""
    settings.MAUTIC_SEGMENT_ID = ""
    settings.MAUTIC_FIELDS = {}
    settings.MAUTIC_WEBHOOK_SECRET = ""
    settings.MAUTIC_RATE_LIMIT_PER_SECOND = 5.0
    settings.MAUTIC_CONCURRENCY = 2
    settings.MAUTIC_SYNC_SCHEDULER_INTERVAL_MINUTES = 5
    settings.MAUTIC_SYNC_SCHEDULER_BATCH_SIZE = 50
    settings.MAUTIC_SYNC_SCHEDULER_MAX_INSTANCES = 1
    settings.MAUTIC_SYNC_MAX_RETRIES = 3
    settings.MAUTIC_SYNC_RETRY_DELAY_MINUTES = 5
    settings.MAUTIC_SYNC_RETRY_EXPONENTIAL = True
    settings.N8N_WEBHOOK_URL = "https://n8n.test/webhook/scrapersky-contact"
    settings.N8N_WEBHOOK_SECRET = "n8n-test-secret"
    settings.N8N_EXPECT_CALLBACK = False
    settings.N8N_CALLBACK_DEADLINE_MINUTES = 30
    settings.N8N_RATE_LIMIT_PER_SECOND = 10.0
    settings.N8N_CONCURRENCY = 2
    settings.N8N_SYNC_SCHEDULER_INTERVAL_MINUTES = 5
    settings.N8N_SYNC_SCHEDULER_BATCH_SIZE = 10
    settings.N8N_SYNC_SCHEDULER_MAX_INSTANCES = 1
    settings.N8N_SYNC_MAX_RETRIES = 3
    settings.N8N_SYNC_RETRY_DELAY_MINUTES = 5
    settings.N8N_SYNC_RETRY_EXPONENTIAL = True
    settings.SYNC_PULLED_PLATFORMS = []
    settings.REQUIRE_LAWFUL_BASIS = False
    settings.SYNC_HISTORY_DAYS = 90
    settings.HTTPS_ONLY = False
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
    # WhiteNoise looks for every static file again with each test client, and warns where none were collected.
    settings.STATIC_ROOT = None
    settings.WHITENOISE_USE_FINDERS = False


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What another test chose in the admin is gone with its transaction."""
    platform_settings.forget()


@pytest.fixture(autouse=True)
def nobody_wakes_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events wait until the test works through them; the thread that would call a worker has another connection."""
    monkeypatch.setattr("webhooks.receiving.wake", lambda: None)


@pytest.fixture(autouse=True)
def this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that would reach a real platform fails instead."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and str(address[0]) not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"A test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def clock() -> FakeClock:
    """2026-11-24 12:00 UTC, until the test moves it."""
    return FakeClock()


@pytest.fixture
def make_contact(db: None) -> Callable[..., Any]:
    """Makes a contact: `make_contact(email="ada@acme.example", …)`."""
    from contacts.models import Contact

    def make(email: str | None = "ada@acme.example", **columns: Any) -> Contact:
        return Contact.objects.create(email=email, **columns)

    return make


@pytest.fixture
def scratch_database(tmp_path: Path) -> Iterator[ScratchDatabase]:
    """An empty database for processes."""
    with processes.scratch_database(tmp_path) as database:
        yield database


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchDatabase]:
    """A database with 400 contacts and the demo's log-in, to be copied, not changed: it takes long to make."""
    with processes.scratch_database(tmp_path_factory.mktemp("demo")) as database:
        database.manage("migrate", "--verbosity", "0")
        database.manage("load_demo_contacts", "--count", "400")
        login = {"DJANGO_SUPERUSER_USERNAME": "admin", "DJANGO_SUPERUSER_PASSWORD": "admin"}
        database.manage("createsuperuser", "--noinput", "--email", "admin@example.com", **login)
        yield database
