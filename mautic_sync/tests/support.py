"""What several tests here need: an installation's configuration, a client in frozen time, an unsaved contact."""

from __future__ import annotations

from typing import Any

from contacts.models import Contact, Domain
from curation_sdk.platform_settings import renamed
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.testing import FakeClock
from mautic_sync import conf
from mautic_sync.client import MauticClient

SITE = "https://mautic.test"
API = f"{SITE}/api"
BATCH = f"{API}/contacts/batch/new"
FIELDS = f"{API}/contacts/list/fields"
TOKEN_URL = f"{SITE}/oauth/v2/token"
PASSWORD = "s3cret pässword"
CLIENT_SECRET = "0123456789abcdef-client-secret"
ALL_FIELDS = {str(place): {"alias": alias, "type": "text"} for place, alias in enumerate(conf.FIELD_TYPES)}


def config(**changes: Any) -> conf.MauticConfig:
    """One installation; `renamed_fields` changes aliases as MAUTIC_FIELDS does."""
    values: dict[str, Any] = {
        "site_url": SITE,
        "username": "sync",
        "password": PASSWORD,
        "client_id": "",
        "client_secret": "",
        "segment_id": None,
        "fields": renamed(conf.FIELD_TYPES, changes.pop("renamed_fields", {})),
        "alone_from": 2,
        "rate_per_second": 5.0,
        "concurrency": 2,
    }
    return conf.MauticConfig(**{**values, **changes})


def by_client() -> dict[str, str]:
    """The changes to `config` that make it log in as a client."""
    return {"username": "", "password": "", "client_id": "1_abc", "client_secret": CLIENT_SECRET}


def client(clock: FakeClock | None = None, **changes: Any) -> MauticClient:
    """A client whose turns cost no time."""
    return MauticClient(config(**changes), RateLimiter(1000.0, clock or FakeClock()))


def contact(email: str | None = "ada@acme.example", *, domain: Domain | None = None, **columns: Any) -> Contact:
    """A contact that is in no database."""
    made = Contact(email=email, **columns)
    if domain is not None:
        made.domain = domain
    return made


def error(code: int, message: str, *, kind: str | None = None, **details: str) -> dict[str, Any]:
    """One of Mautic's error bodies."""
    item = {"code": code, "message": message, "details": {alias: [text] for alias, text in details.items()} or []}
    return {"errors": [{**item, "type": kind}]}
