"""How near a run comes to the rate that the account allows, from its first request to its last answer.

    python -m bench.pace [--contacts 600] [--quick]

Beside it a plain loop with the vendor's own SDK, one contact at a time. The sandbox answers after 300 ms and counts as
Brevo does: so many calls in any second.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.report import show
from bench.scratch import scratch
from sandbox.brevo.account import DEFAULT_KEY
from sandbox.server import Sandbox, running_sandbox

LATENCY_MS = 300.0


@dataclass(frozen=True)
class Case:
    """One row of the table: the account's limit a second, and what another program takes of it."""

    limit: int
    other_program: int = 0

    @property
    def ours(self) -> int:
        return self.limit - self.other_program

    @property
    def name(self) -> str:
        return f"{self.limit} a second" + (f", {self.other_program} used by others" if self.other_program else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=600, help="pushed in each case (%(default)s)", metavar="N")
    parser.add_argument("--quick", action="store_true", help="without the SDK's loop")
    options = parser.parse_args()
    rows: list[tuple[object, ...]] = []
    with scratch(BREVO_API_KEY=DEFAULT_KEY, BREVO_LIST_ID="2"):
        from contacts.models import Contact

        for case in (Case(10), Case(60), Case(10, other_program=5)):
            _make_contacts(options.contacts)
            rows.append(("a run", *_measure(case, _run)))
            done = Contact.objects.filter(brevo_sync_status="Complete").count()
            assert done == options.contacts, f"{done} of {options.contacts} contacts are Complete"
            if not options.quick:
                few = min(options.contacts, 60)  # it takes 300 ms for each, whatever the limit
                rows.append(("the SDK in a loop", *_measure(case, partial(_sdk_loop, count=few))))
    columns = ("what", "the account allows", "contacts", "seconds", "a second", "of the allowed", "refused (429)")
    show("Pace: from the first request to the last answer", columns, rows)


def _measure(case: Case, push: Callable[[Sandbox], None]) -> tuple[object, ...]:
    with running_sandbox(rate_limit=case.limit, latency_ms=LATENCY_MS) as sandbox:
        sandbox.brevo.set(brevo_other_program=case.other_program)
        push(sandbox)
        requests = sandbox.brevo.requests
        arrived = sum(one.method == "POST" and one.status in (201, 204) for one in requests)
        refused = sum(one.status == 429 for one in requests)
        seconds = requests[-1].time + LATENCY_MS / 1000 - requests[0].time
    rate = arrived / seconds
    return case.name, arrived, seconds, rate, f"{rate / case.ours:.1%}", refused


def _make_contacts(count: int) -> None:
    from contacts.models import Contact

    Contact.objects.all().delete()
    Contact.objects.bulk_create([Contact(email=f"p{number}@acme.example", name="Ada L") for number in range(count)])


def _run(sandbox: Sandbox) -> None:
    from django.conf import settings
    from django.utils import timezone

    from brevo_sync.job import BREVO
    from contacts.models import Contact
    from curation_sdk.cycle import run_cycle
    from curation_sdk.models import SyncRun
    from curation_sdk.queueing import queue_contacts

    settings.BREVO_API_BASE_URL = sandbox.brevo_url
    settings.BREVO_RATE_LIMIT_PER_SECOND = float(sandbox.brevo.account.switches.rate_limit or 10)
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    while True:
        report = run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
        assert not report.stopped, report.sentence()
        if not report.later:
            return
        time.sleep(0.2)


def _sdk_loop(sandbox: Sandbox, count: int) -> None:
    from brevo import Brevo
    from brevo.core.api_error import ApiError

    client: Any = Brevo(api_key=DEFAULT_KEY, base_url=sandbox.brevo_url)
    for number in range(count):
        while True:
            with suppress(ApiError):
                client.contacts.create_contact(
                    email=f"p{number}@acme.example",
                    attributes={"FIRSTNAME": "Ada", "LASTNAME": "L"},
                    list_ids=[2],
                    update_enabled=True,
                )
                break


if __name__ == "__main__":
    main()
