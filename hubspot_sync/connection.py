"""HubSpot's account as the operator's page sees it."""

from __future__ import annotations

from contextlib import closing

from curation_sdk.connection import Connection, Renaming, Seen, Webhook, budget_sentence
from curation_sdk.ratelimit import RateLimiter
from hubspot_sync import conf
from hubspot_sync.client import HubSpotClient
from hubspot_sync.job import HUBSPOT
from hubspot_sync.properties import PROPERTIES, names_in_use
from hubspot_sync.services import preview
from hubspot_sync.setup_check import check_account


def look(seen: Seen, limiter: RateLimiter, *, create: bool, within: float) -> None:
    """Token, properties and portal, as `manage.py hubspot_setup` sees them."""
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


def webhook() -> Webhook:
    """There is none yet."""
    return Webhook(True, "HubSpot sends us nothing by itself yet.", exists=False)


CONNECTION = Connection(
    job=HUBSPOT,
    address="HUBSPOT_API_BASE_URL",
    secrets=("HUBSPOT_API_KEY",),
    look=look,
    settings_fault=conf.settings_fault,
    request=preview,
    webhook=webhook,
    mapping=Renaming(
        "HUBSPOT_PROPERTIES",
        "property",
        "properties",
        {name: " or ".join(sent.types) for name, sent in PROPERTIES.items()},
        names_in_use,
    ),
)
