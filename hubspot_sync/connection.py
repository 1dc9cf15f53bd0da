"""HubSpot's account as the operator's page sees it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from django.utils import timezone

from contacts.deliverable import skip_reason
from curation_sdk.connection import Connection, Renaming, Seen, Webhook, budget_sentence
from curation_sdk.ratelimit import RateLimiter
from hubspot_sync import conf
from hubspot_sync.client import HubSpotClient, upsert_path
from hubspot_sync.job import HUBSPOT
from hubspot_sync.payload import parcel, upsert_body
from hubspot_sync.properties import PROPERTIES, names_in_use
from hubspot_sync.setup_check import check_account


def look(seen: Seen, limiter: RateLimiter, *, create: bool, within: float) -> None:
    """Token and properties, as `manage.py hubspot_setup` sees them."""
    config = conf.load()
    with closing(HubSpotClient(config, limiter, within=within)) as client:
        try:
            for finding in check_account(client, config, create=create):
                seen.findings.append(finding)
        finally:
            left, limit, daily_left, daily = client.budget
            seen.budget = " ".join(
                filter(
                    None,
                    (
                        budget_sentence(left, limit, "in these ten seconds"),
                        budget_sentence(daily_left, daily, "today"),
                    ),
                )
            )


def request(contact: Any, config: conf.HubSpotConfig) -> dict[str, Any] | str:
    """What a push of this contact alone sends; the reason when it would be skipped."""
    if reason := skip_reason(contact.email):
        return reason
    one = parcel(contact, config, today=timezone.now().date(), mark="dry-run")
    return {"method": "POST", "path": upsert_path(config.version), "body": upsert_body([one])}


def request_with(contact: Any, chosen: Mapping[str, Any]) -> dict[str, Any] | str:
    """The same with settings that may not be saved yet."""
    return request(contact, conf.load(chosen))


def webhook() -> Webhook:
    """There is none yet."""
    return Webhook(True, "HubSpot sends us nothing by itself yet.", exists=False)


CONNECTION = Connection(
    job=HUBSPOT,
    address="HUBSPOT_API_BASE_URL",
    secrets=("HUBSPOT_API_KEY",),
    look=look,
    settings_fault=conf.settings_fault,
    request=request_with,
    webhook=webhook,
    mapping=Renaming(
        "HUBSPOT_PROPERTIES",
        "property",
        "properties",
        {name: " or ".join(sent.types) for name, sent in PROPERTIES.items()},
        names_in_use,
    ),
)
