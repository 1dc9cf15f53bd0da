"""Processor time per contact: a whole cycle against a bare loop of `requests.Session.post` with the same bodies.

    DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres python -m bench.cost [--contacts 20000] [--batch 10]

The sandbox answers at once and runs in a process of its own; the database server's time is not counted either. The two
take turns, so that a machine whose speed drifts is no excuse.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import requests

from bench.report import show
from bench.sandbox_process import SandboxProcess, sandbox_process
from bench.scratch import scratch

TURNS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=20_000, help="in all (%(default)s)", metavar="N")
    parser.add_argument("--batch", default="10", help="BREVO_SYNC_SCHEDULER_BATCH_SIZE (%(default)s)")
    options = parser.parse_args()
    with sandbox_process("--rate-limit", "0") as sandbox:
        settings = sandbox.settings(
            BREVO_RATE_LIMIT_PER_SECOND="100000", BREVO_CONCURRENCY="8", BREVO_SYNC_SCHEDULER_BATCH_SIZE=options.batch
        )
        with scratch(**settings):
            _measure(sandbox, options.contacts // TURNS)


def _measure(sandbox: SandboxProcess, count: int) -> None:
    from django.db import connection

    from contacts.models import Contact

    bare, cycle = [], []
    for turn in range(TURNS):
        _make_contacts(turn, count)
        bare.append(_processor_seconds(partial(_bare_loop, sandbox, _bodies())) / count)
        sandbox.control("POST", "reset")
        cycle.append(_processor_seconds(_cycle) / count)
        done = Contact.objects.filter(brevo_sync_status="Complete").count()
        assert done == count, f"{done} of {count} contacts are Complete"
        sandbox.control("POST", "reset")
        Contact.objects.all().delete()
        if connection.vendor == "postgresql":
            # What autovacuum does in a while: each turn is to begin with a clean table.
            connection.cursor().execute("VACUUM ANALYZE contacts")
    ratios = [ours / theirs for ours, theirs in zip(cycle, bare, strict=True)]
    rows = [
        ("requests.Session.post in a loop", statistics.median(bare) * 1e6, 1.0),
        ("a whole cycle", statistics.median(cycle) * 1e6, statistics.median(ratios)),
    ]
    show(f"Processor time per contact, {TURNS} x {count:,} contacts", ("what", "microseconds", "ratio"), rows)
    print(f"\nRatios of the turns: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")


def _make_contacts(turn: int, count: int) -> None:
    from django.utils import timezone

    from brevo_sync.job import BREVO
    from contacts.models import Contact, Domain
    from curation_sdk.queueing import queue_contacts

    domain, _ = Domain.objects.get_or_create(domain="acme.example", defaults={"company_name": "Acme"})
    Contact.objects.bulk_create(
        [
            Contact(
                email=f"p{number}@acme{turn}.example",
                name=f"Person {number}",
                phone_number=f"+1212{5550000 + number:07}",
                domain=domain,
                source_url="https://acme.example/team",
            )
            for number in range(count)
        ],
        batch_size=2000,
    )
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())


def _bodies() -> list[dict[str, Any]]:
    from brevo_sync import conf
    from brevo_sync.payload import contact_payload
    from contacts.models import Contact

    config = conf.load()
    return [contact_payload(contact, config).body for contact in Contact.objects.select_related("domain", "page")]


def _bare_loop(sandbox: SandboxProcess, bodies: list[dict[str, Any]]) -> None:
    with requests.Session() as session:
        session.headers["api-key"] = sandbox.settings()["BREVO_API_KEY"]
        for body in bodies:
            session.post(f"{sandbox.brevo_url}/contacts", json=body, timeout=30).raise_for_status()


def _cycle() -> None:
    from brevo_sync.job import BREVO
    from curation_sdk.cycle import run_cycle
    from curation_sdk.models import SyncRun

    report = run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
    assert not report.stopped, report.sentence()


def _processor_seconds(work: Callable[[], None]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
