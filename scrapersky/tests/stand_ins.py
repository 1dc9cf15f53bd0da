"""The sandbox in the platforms' place, for tests that want all of them."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.utils.module_loading import import_string

from curation_sdk.job import SyncJob
from sandbox.demo import demo_settings
from sandbox.server import Sandbox

#: The platforms, by name: whoever has names of its own for our contacts.
JOBS: dict[str, SyncJob] = {
    job.platform: job for job in map(import_string, django_settings.SYNC_JOBS) if job.contact_id
}

FAST = 1000.0  # requests a second


def use_sandbox(settings: Any, sandbox: Sandbox) -> None:
    """Switch every platform on as the demo does, without waiting for rates or for n8n's call-back."""
    port = int(sandbox.url.rpartition(":")[2])
    for name, value in demo_settings(port).items():
        if name.partition("_")[0].lower() in JOBS:
            setattr(settings, name, value.split(",") if isinstance(getattr(settings, name), list) else value)
    settings.N8N_EXPECT_CALLBACK = False
    for platform in JOBS:
        setattr(settings, f"{platform.upper()}_RATE_LIMIT_PER_SECOND", FAST)
