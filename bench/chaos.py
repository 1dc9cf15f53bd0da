"""Real workers, killed again and again: is every contact settled, and does the platform hold each address once?

    python -m bench.chaos --contacts 5000 --kills 30 --every 4
    DATABASE_URL=postgres://postgres@127.0.0.1:5432 python -m bench.chaos --broker redis --restarts 2

Two `qcluster` with `--workers` processes each push into a sandbox; every few seconds a random process of theirs gets
`kill -9`. Contacts that a killed process had in hand wait for their lease, six minutes; here it passes once nobody is
at work any more, with `--leases wait` we wait for it. Exit code 0 when all is as it should be, else 1.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.report import show
from bench.scratch import scratch
from sandbox.server import Sandbox, running_sandbox

if TYPE_CHECKING:
    from scrapersky.tests.processes import ScratchDatabase
    from scrapersky.tests.servers import Postgres, Redis

_PASSED = "'2020-01-01 00:00:00+00:00'"
_WAITING = "brevo_processing_status IN ('Queued', 'Processing')"


def main() -> int:
    options = _options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        postgres, redis = _servers(stack, folder, options)
        sandbox = stack.enter_context(running_sandbox(rate_limit=None, latency_ms=options.latency))
        database = stack.enter_context(
            scratch(BREVO_API_KEY="sandbox-brevo-key", BREVO_API_BASE_URL=sandbox.brevo_url)
        )
        from django.core.management import call_command
        from django.utils import timezone

        from brevo_sync.job import BREVO
        from contacts.models import Contact
        from curation_sdk.queueing import queue_contacts

        call_command("load_demo_contacts", count=options.contacts, verbosity=0)
        result = queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
        print(result.sentence("Brevo"), flush=True)
        chaos = Chaos(database, sandbox, folder, options, postgres, redis)
        with chaos.workers():
            chaos.make()
            chaos.settle()
        return chaos.report()


class Chaos:
    """One trial."""

    def __init__(
        self,
        database: ScratchDatabase,
        sandbox: Sandbox,
        folder: Path,
        options: argparse.Namespace,
        postgres: Postgres | None,
        redis: Redis | None,
    ) -> None:
        self.database, self.sandbox, self.folder, self.options = database, sandbox, folder, options
        self.postgres, self.redis = postgres, redis
        self.dice = random.Random(options.seed)
        self.mains: list[subprocess.Popen[str]] = []
        self.killed: Counter[str] = Counter()
        self.faults: list[float] = []
        self.gaps: list[float] = []
        self.begun = time.monotonic()
        self.left = 0

    @contextmanager
    def workers(self) -> Iterator[None]:
        from scrapersky.tests.processes import read_and_kill

        try:
            self.mains = [self._start(number) for number in range(2)]
            self._until(lambda: len(self.sandbox.brevo.contacts) > 20, 120)
            yield
        finally:
            for main in self.mains:
                read_and_kill(main)

    def _start(self, number: int) -> subprocess.Popen[str]:
        from scrapersky.tests.processes import settings

        more = {
            "DEBUG": "false",
            "LOG_LEVEL": "INFO",  # the log says who is who
            "Q_WORKERS": str(self.options.workers),
            "BREVO_RATE_LIMIT_PER_SECOND": str(self.options.rate),
            "BREVO_SYNC_SCHEDULER_MAX_INSTANCES": str(self.options.instances),
            "REDIS_URL": self.redis.url if self.redis else "",
        }
        return self.database.start("qcluster", log=self.folder / f"log{number}", **settings(self.sandbox, **more))

    # --- the trial ----------------------------------------------------------------------------------------

    def make(self) -> None:
        """All the harm that was asked for, while there is work."""
        faults = ["kill"] * self.options.kills + ["restart"] * self.options.restarts + ["stop"] * self.options.stops
        self.dice.shuffle(faults)
        for done, fault in enumerate(faults, start=1):
            if not self._count(_WAITING):
                print(f"Everything was settled after {done - 1} of {len(faults)} faults: take more contacts.")
                self.left = len(faults) - done + 1
                return
            {"kill": self._kill, "restart": self._restart, "stop": self._stop}[fault]()
            asked = len(self.sandbox.brevo.requests)
            begun = time.monotonic()
            if self._until(lambda asked=asked: len(self.sandbox.brevo.requests) > asked + 10, 120):
                self.gaps.append(time.monotonic() - begun)
            time.sleep(max(0.0, self.options.every - (time.monotonic() - begun)))

    def _kill(self) -> None:
        from scrapersky.tests.processes import processes_of

        number = self.dice.randrange(2)
        main = self.mains[number]
        family = sorted(processes_of(main.pid))
        named = self._roles(number)
        if self.options.whom == "worker":
            family = [pid for pid in family if named.get(pid) == "worker"]
        elif self.options.whom == "child":
            family = [pid for pid in family if pid != main.pid]
        if not family:
            return
        victim = self.dice.choice(family)
        os.kill(victim, signal.SIGKILL)
        self.killed["main process" if victim == main.pid else named.get(victim, "sentinel")] += 1
        if victim == main.pid:
            main.wait()
            self.mains[number] = self._start(number)

    def _roles(self, number: int) -> dict[int, str]:
        log = (self.folder / f"log{number}").read_text()
        words = {"worker": "ready for work at", "monitor": "monitoring at", "pusher": "pushing tasks at"}
        return {int(pid): role for role, text in words.items() for pid in re.findall(rf"{text} (\d+)", log)}

    def _restart(self) -> None:
        """PostgreSQL and Redis, three seconds away."""
        self.killed["PostgreSQL and Redis" if self.redis else "PostgreSQL"] += 1
        if self.redis:
            self.redis.stop()
        if self.postgres:
            self.postgres.stop()
        time.sleep(3)
        if self.postgres:
            self.postgres.start()
            self.postgres.wait()
        if self.redis:
            self.redis.start()

    def _stop(self) -> None:
        """SIGTERM to a main process, as for a deployment, and the next one."""
        number = self.dice.randrange(2)
        self.killed["SIGTERM"] += 1
        self.mains[number].send_signal(signal.SIGTERM)
        self.mains[number].wait(10)
        self.mains[number] = self._start(number)

    def settle(self) -> None:
        """Wait until nobody waits. Leases pass when no run is at work, so that none is taken from a living one."""
        deadline = time.monotonic() + self.options.patience
        while self._count(_WAITING) and time.monotonic() < deadline:
            time.sleep(1)
            if self.options.leases == "pass" and not self._running() and not self._due():
                time.sleep(2)
                if not self._running():
                    self.database.query(f"UPDATE contacts SET brevo_next_attempt_at = {_PASSED} WHERE {_WAITING}")
                    self._until(lambda: self._running() > 0 or not self._count(_WAITING), 60)

    def _running(self) -> int:
        return int(self.database.query("SELECT count(*) FROM sync_runs WHERE state = 'running'")[0][0])

    def _due(self) -> int:
        from django.utils import timezone

        now = timezone.now().strftime("%Y-%m-%d %H:%M:%S+00:00")
        return self._count(f"{_WAITING} AND brevo_next_attempt_at <= '{now}'")

    def _count(self, condition: str) -> int:
        return int(self.database.query(f"SELECT count(*) FROM contacts WHERE {condition}")[0][0])

    def _until(self, holds: object, seconds: float) -> bool:
        assert callable(holds)
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    # --- what came of it ------------------------------------------------------------------------------------

    def report(self) -> int:
        """Print it. 0 when all is as it should be."""
        from scrapersky.tests.processes import pushed, statuses

        sent = pushed(self.sandbox)
        there = self.sandbox.brevo.contacts
        complete = self.database.query(
            "SELECT lower(trim(email)), brevo_contact_id FROM contacts WHERE brevo_sync_status = 'Complete'"
        )
        addresses = {address for address, _ in complete}
        held = [contact.email for contact in there.values()]
        wrong_id = sum(
            1 for address, key in complete if key and address in there and str(there[address].id) != str(key)
        )
        found = {
            "not settled": self._count(_WAITING),
            "in Error": self._count("brevo_sync_status = 'Error'"),
            "lost: Complete, not in the sandbox": len(addresses - set(held)),
            "in the sandbox, not Complete": len(set(held) - addresses),
            "twice in the sandbox": len(held) - len(set(held)),
            "with another one's number": wrong_id,
            "faults that were not made": self.left,
        }
        runs = Counter(dict(self.database.query("SELECT state, count(*) FROM sync_runs GROUP BY 1")))
        gaps = sorted(self.gaps) or [0.0]
        show(
            f"{self.options.contacts:,} contacts, two qcluster with {self.options.workers} workers each, "
            f"{self.database.url.partition(':')[0]}, tasks in {'Redis' if self.redis else 'the database'}",
            ["What", "How many"],
            [
                *((f"ended: {who}", times) for who, times in sorted(self.killed.items())),
                ("pushed: addresses", len(sent)),
                ("repeated: sent once more", sum(times - 1 for times in sent.values())),
                *found.items(),
                (
                    "statuses",
                    ", ".join(f"{count:,} {name}" for name, count in sorted(statuses(self.database).items())),
                ),
                ("runs", ", ".join(f"{count} {name}" for name, count in sorted(runs.items()))),
                ("seconds until pushing went on, median", gaps[len(gaps) // 2]),
                ("seconds until pushing went on, longest", gaps[-1]),
                ("seconds in all", time.monotonic() - self.begun),
            ],
        )
        bad = {name: count for name, count in found.items() if count}
        if bad:
            print("\nNot as it should be:", ", ".join(f"{count} {name}" for name, count in bad.items()))
            for number in range(2):
                log = (self.folder / f"log{number}").read_text().splitlines()
                print(f"\nThe last lines of worker {number}:", *log[-15:], sep="\n")
        return 1 if bad else 0


def _servers(stack: ExitStack, folder: Path, options: argparse.Namespace) -> tuple[Postgres | None, Redis | None]:
    """Servers of our own where they are to be restarted."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scrapersky.settings")
    from scrapersky.tests.servers import private_postgres, private_redis

    postgres = redis = None
    if options.restarts:
        (folder / "postgres").mkdir()
        postgres = stack.enter_context(private_postgres(folder / "postgres"))
        os.environ["DATABASE_URL"] = postgres.url
    if options.broker == "redis":
        redis = stack.enter_context(private_redis(folder))
    return postgres, redis


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--contacts", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=30, help="kill -9, so often")
    parser.add_argument(
        "--restarts", type=int, default=0, help="PostgreSQL (and Redis) of our own, restarted so often"
    )
    parser.add_argument("--stops", type=int, default=0, help="SIGTERM to a main process, and a new one, so often")
    parser.add_argument("--every", type=float, default=4.0, help="seconds between them")
    parser.add_argument("--whom", choices=["worker", "child", "any"], default="child", help="who is killed")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--instances", type=int, default=1, help="runs at the same time")
    parser.add_argument("--broker", choices=["orm", "redis"], default="orm")
    parser.add_argument("--rate", type=float, default=40.0, help="requests a second that the worker allows itself")
    parser.add_argument("--latency", type=float, default=100.0, help="milliseconds that the sandbox takes")
    parser.add_argument("--leases", choices=["pass", "wait"], default="pass")
    parser.add_argument("--patience", type=float, default=1800.0, help="seconds to wait for the end")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
