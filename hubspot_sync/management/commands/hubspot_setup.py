"""`manage.py hubspot_setup`: is the HubSpot account ready for us?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from curation_sdk.clock import SystemClock
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.setup import Finding, SetupCommand
from hubspot_sync import conf
from hubspot_sync.client import HubSpotClient
from hubspot_sync.job import HUBSPOT
from hubspot_sync.setup_check import check_account


class Command(SetupCommand):
    help = "Check HubSpot's token, properties and portal, and say what to do. --create makes missing properties."
    create_help = "make missing properties"
    job = HUBSPOT

    def findings(self, *, create: bool) -> Iterator[Finding]:
        config = conf.load()
        with closing(HubSpotClient(config, RateLimiter(config.rate_per_second, SystemClock()))) as client:
            yield from check_account(client, config, create=create)
