"""`manage.py brevo_setup`: is the Brevo account ready for us?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from brevo_sync import conf
from brevo_sync.client import BrevoClient
from brevo_sync.job import BREVO
from brevo_sync.registration import check_webhook
from brevo_sync.setup_check import check_account
from curation_sdk.clock import SystemClock
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.setup import Finding, SetupCommand


class Command(SetupCommand):
    help = "Check Brevo's key, list, attributes and webhook, and say what to do. --create makes what is missing."
    create_help = "make missing attributes, a list if none is set, and our webhook"
    job = BREVO

    def findings(self, *, create: bool) -> Iterator[Finding]:
        config = conf.load()
        with closing(BrevoClient(config, RateLimiter(config.rate_per_second, SystemClock()))) as client:
            yield from check_account(client, config, create=create)
            yield from check_webhook(client, config, create=create)
