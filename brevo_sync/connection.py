"""Brevo's account as the operator's page sees it."""

from __future__ import annotations

from contextlib import closing

from brevo_sync import conf
from brevo_sync.client import BrevoClient
from brevo_sync.job import BREVO
from brevo_sync.services import preview
from brevo_sync.setup_check import check_account
from curation_sdk.connection import Choice, Connection, Renaming, Seen, Webhook, budget_sentence
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.wording import count_of


def look(seen: Seen, limiter: RateLimiter, *, create: bool, within: float) -> None:
    """Key, list and attributes, as `manage.py brevo_setup` sees them; then the lists."""
    config = conf.load()
    with closing(BrevoClient(config, limiter, within=within)) as client:
        try:
            for finding in check_account(client, config, create=create, create_list=False):
                seen.findings.append(finding)
            seen.choices = [(str(one.get("id", "")), str(one.get("name", ""))) for one in client.get_lists()]
        finally:
            limit, left, seconds = client.budget
            window = f"until the count begins again in {count_of(seconds, 'second')}" if seconds else "at that moment"
            seen.budget = budget_sentence(left, limit, window)


def webhook() -> Webhook:
    """There is none yet."""
    text = "Brevo sends us nothing by itself yet: that a person is blocked there we learn when we push."
    return Webhook(True, text, exists=False)


CONNECTION = Connection(
    job=BREVO,
    address="BREVO_API_BASE_URL",
    secrets=("BREVO_API_KEY",),
    look=look,
    settings_fault=conf.settings_fault,
    request=preview,
    webhook=webhook,
    choice=Choice(conf.LIST_ID, "list"),
    mapping=Renaming(conf.ATTRIBUTES, "attribute", "attributes", conf.ATTRIBUTE_TYPES, conf.attribute_names),
)
