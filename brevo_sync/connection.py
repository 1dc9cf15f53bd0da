"""Brevo's account as the operator's page sees it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from django.utils import timezone

from brevo_sync import conf
from brevo_sync.client import BrevoClient
from brevo_sync.job import BREVO
from brevo_sync.receiving import PATH
from brevo_sync.registration import check_webhook
from brevo_sync.services import preview
from brevo_sync.setup_check import check_account
from brevo_sync.silence import silence
from curation_sdk.connection import Choice, Connection, Renaming, Seen, Webhook, budget_sentence
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.wording import count_of
from webhooks.state import standing


def look(seen: Seen, limiter: RateLimiter, *, create: bool, within: float) -> None:
    """Key, list, attributes and webhook, as `manage.py brevo_setup` sees them; then the lists."""
    config = conf.load()
    with closing(BrevoClient(config, limiter, within=within)) as client:
        try:
            for finding in check_account(client, config, create=create, create_list=False):
                seen.findings.append(finding)
            for finding in check_webhook(client, config, create=False):
                # The page makes attributes; the webhook is for whoever sets up the server.
                seen.findings.append(replace(finding, can_make=False))
            seen.choices = [(str(one.get("id", "")), str(one.get("name", ""))) for one in client.get_lists()]
        finally:
            limit, left, seconds = client.budget
            window = f"until the count begins again in {count_of(seconds, 'second')}" if seconds else "at that moment"
            seen.budget = budget_sentence(left, limit, window)


def webhook() -> Webhook:
    """Is one taken, how do its events stand, and does it still come? Whether Brevo has it, a check tells."""
    if not conf.tokens():
        text = "BREVO_WEBHOOK_TOKENS is not set, so no webhook is taken: opt-outs in Brevo reach us late."
        return Webhook(True, text, exists=False)
    stands = standing(BREVO.platform)
    silent = silence(now=timezone.now())
    text = " ".join(filter(None, (silent or f"Brevo's events are taken at {PATH} of this site.", stands.sentences())))
    return Webhook(not silent and not stands.failed, text, stands.last)


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
