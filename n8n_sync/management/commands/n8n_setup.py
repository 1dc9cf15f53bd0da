"""`manage.py n8n_setup`: is the workflow ready for us?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from curation_sdk.clock import SystemClock
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.setup import Finding, SetupCommand
from n8n_sync import conf
from n8n_sync.client import N8nClient
from n8n_sync.job import N8N
from n8n_sync.setup_check import check_workflow


class Command(SetupCommand):
    help = "Check n8n's address, the secret and whether the workflow is active, and say what to do."
    create_help = "nothing is made in n8n: import a workflow from docs/n8n/ there"
    job = N8N

    def findings(self, *, create: bool) -> Iterator[Finding]:
        config = conf.load()
        with closing(N8nClient(config, RateLimiter(config.rate_per_second, SystemClock()))) as client:
            yield from check_workflow(client, config)
