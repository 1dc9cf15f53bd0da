"""The Mautic installation as the operator's page sees it."""

from __future__ import annotations

from contextlib import closing

from django.conf import settings

from curation_sdk.connection import Choice, Connection, Renaming, Seen, Webhook
from curation_sdk.outcomes import StopRun
from curation_sdk.ratelimit import RateLimiter
from mautic_sync import conf
from mautic_sync.client import MauticClient
from mautic_sync.job import MAUTIC
from mautic_sync.refusals import about_the_role
from mautic_sync.services import preview
from mautic_sync.setup_check import check_installation
from webhooks.state import standing


def look(seen: Seen, limiter: RateLimiter, *, create: bool, within: float) -> None:
    """Log-in, segment and fields, as `manage.py mautic_setup` sees them; then the segments, if we may see them."""
    config = conf.load()
    with closing(MauticClient(config, limiter, within=within)) as client:
        for finding in check_installation(client, config, create=create):
            seen.findings.append(finding)
        try:
            seen.choices = [(str(one.get("id", "")), str(one.get("name", ""))) for one in client.get_segments()]
        except StopRun as error:
            if not about_the_role(error):
                raise


def webhook() -> Webhook:
    """Is it taken, and when did it last bring something?"""
    if not settings.MAUTIC_WEBHOOK_SECRET:
        text = "MAUTIC_WEBHOOK_SECRET is not set, so no webhook is taken: opt-outs in Mautic do not reach us."
        return Webhook(False, text)
    text = "The secret is set. Mautic's webhook for opt-outs is taken at /api/v3/contacts/mautic/webhook of this site."
    stands = standing(MAUTIC.platform)
    return Webhook(not stands.failed, " ".join(filter(None, (text, stands.sentences()))), stands.last)


CONNECTION = Connection(
    job=MAUTIC,
    address="MAUTIC_API_BASE_URL",
    secrets=(
        "MAUTIC_USERNAME",
        "MAUTIC_PASSWORD",
        "MAUTIC_CLIENT_ID",
        "MAUTIC_CLIENT_SECRET",
        "MAUTIC_WEBHOOK_SECRET",
    ),
    look=look,
    settings_fault=conf.settings_fault,
    request=preview,
    webhook=webhook,
    choice=Choice(conf.SEGMENT_ID, "segment"),
    mapping=Renaming(
        conf.FIELDS,
        "field",
        "fields",
        {name: kind or "Mautic's own" for name, kind in conf.FIELD_TYPES.items()},
        conf.field_names,
    ),
)
