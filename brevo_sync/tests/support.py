"""What several tests here need: an account's configuration, a client in frozen time, an unsaved contact."""

from __future__ import annotations

from typing import Any

from brevo_sync import conf
from brevo_sync.client import BrevoClient
from contacts.models import Contact, Domain
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.testing import FakeClock

KEY = "xkeysib-0123456789abcdef-secret"
BASE = "https://brevo.test/v3"
CONTACTS = f"{BASE}/contacts"


def config(**changes: Any) -> conf.BrevoConfig:
    """One account; `renamed` changes attribute names as BREVO_ATTRIBUTES does."""
    values: dict[str, Any] = {
        "api_key": KEY,
        "base_url": BASE,
        "list_id": None,
        "phone_region": "US",
        "attributes": conf.attribute_names(changes.pop("renamed", {})),
        "rate_per_second": 10.0,
        "concurrency": 2,
    }
    return conf.BrevoConfig(**{**values, **changes})


def client(clock: FakeClock | None = None, **changes: Any) -> BrevoClient:
    """A client whose turns cost no time."""
    return BrevoClient(config(**changes), RateLimiter(1000.0, clock or FakeClock()))


def contact(email: str | None = "ada@acme.example", *, domain: Domain | None = None, **columns: Any) -> Contact:
    """A contact that is in no database."""
    made = Contact(email=email, **columns)
    if domain is not None:
        made.domain = domain
    return made
