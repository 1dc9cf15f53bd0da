"""`manage.py mautic_setup`: is the Mautic installation ready for us?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from curation_sdk.clock import SystemClock
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.setup import Finding, SetupCommand
from mautic_sync import conf
from mautic_sync.client import MauticClient
from mautic_sync.job import MAUTIC
from mautic_sync.setup_check import check_installation


class Command(SetupCommand):
    help = "Check Mautic's log-in, segment and fields, and say what to do. --create makes missing fields."
    job = MAUTIC
    create_help = "make missing contact fields of ours"

    def findings(self, *, create: bool) -> Iterator[Finding]:
        config = conf.load()
        with closing(MauticClient(config, RateLimiter(config.rate_per_second, SystemClock()))) as client:
            yield from check_installation(client, config, create=create)
