"""Two workers and two web servers on one database, with the task queue in Redis: do they keep to one account's rules?

    DATABASE_URL=postgres://postgres@127.0.0.1:5432 python -m bench.machines

Both web servers are asked to queue everybody at the same moment. Printed for the account's limits of 10 and of 60
requests a second, with one run at a time and with two: how many runs were at work at once, who pushed how many, the
pace, and the requests that were refused (429). Exit code 1 when more runs were at work than allowed, when somebody was
left or counted twice, or when one of two took no part.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.report import show
from bench.scratch import scratch
from sandbox.server import Sandbox, running_sandbox

if TYPE_CHECKING:
    from scrapersky.tests.processes import ScratchDatabase

_WAITING = "brevo_processing_status IN ('Queued', 'Processing')"


@dataclass
class Seen:
    """What one trial showed."""

    limit: int
    allowed: int
    most_at_once: int = 0
    shares: Counter[int] = field(default_factory=Counter)  # of each qcluster
    queued: int = 0
    expected: int = 0
    left: int = 0
    refused: int = 0
    pace: float = 0.0
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.machines", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=25, help="so much work for each trial, at the full pace")
    parser.add_argument("--latency", type=float, default=300.0, help="milliseconds that the sandbox takes")
    parser.add_argument("--workers", type=int, default=2, help="of each qcluster")
    parser.add_argument("--broker", choices=["redis", "orm"], default="redis")
    parser.add_argument("--limits", type=int, nargs="+", default=[10, 60], help="requests a second of the account")
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 2], help="runs allowed at the same time")
    options = parser.parse_args()
    trials: list[Seen] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(scratch())
        from django.core.management import call_command

        login = {"DJANGO_SUPERUSER_USERNAME": "admin", "DJANGO_SUPERUSER_PASSWORD": "admin"}
        os.environ.update(login)
        call_command("createsuperuser", interactive=False, email="admin@example.com", verbosity=0)
        redis_url = ""
        if options.broker == "redis":
            from scrapersky.tests.servers import private_redis

            redis_url = stack.enter_context(private_redis(folder)).url
        for limit in options.limits:
            for allowed in options.runs:
                trials.append(_trial(database, folder, redis_url, options, limit, allowed))
    _show(trials, options)
    wrong = [f"{seen.limit} a second, {seen.allowed} at once: {text}" for seen in trials for text in seen.wrong]
    print("\n".join(["", "Not as it should be:", *wrong]) if wrong else "")
    return 1 if wrong else 0


def _trial(
    database: ScratchDatabase, folder: Path, redis_url: str, options: argparse.Namespace, limit: int, allowed: int
) -> Seen:
    seen = Seen(limit, allowed)
    _fresh_contacts(database, limit * options.seconds)
    seen.expected = database.query("SELECT count(*) FROM contacts WHERE email IS NOT NULL")[0][0]
    with running_sandbox(rate_limit=limit, latency_ms=options.latency) as sandbox:
        more = {
            "DEBUG": "false",
            "LOG_LEVEL": "WARNING",
            "REDIS_URL": redis_url,
            "Q_WORKERS": str(options.workers),
            "BREVO_RATE_LIMIT_PER_SECOND": str(limit),
            "BREVO_SYNC_SCHEDULER_MAX_INSTANCES": str(allowed),
        }
        with _machines(database, folder, sandbox, more) as (ports, mains):
            answers = _both_queue(ports)
            seen.queued = sum(answer["queued_count"] for answer in answers)
            _watch(database, mains, seen, seconds=options.seconds * 4 + 60)
            _count(sandbox, database, seen)
    return seen


@contextmanager
def _machines(
    database: ScratchDatabase, folder: Path, sandbox: Sandbox, more: dict[str, str]
) -> Iterator[tuple[list[int], list[int]]]:
    """Two of each. The web servers' ports, and the main processes of the workers."""
    from scrapersky.tests.processes import read_and_kill, settings
    from scrapersky.tests.servers import free_port

    environment = settings(sandbox, **more)
    del environment["BREVO_CONCURRENCY"]  # as in production: worked out from the rate
    ports = [free_port(), free_port()]
    started = [database.start("qcluster", log=folder / f"worker{number}", **environment) for number in range(2)]
    web_environment = {name: value for name, value in environment.items() if name != "DEBUG"}
    started += [database.start_web(port, log=folder / f"web{port}", **web_environment) for port in ports]
    try:
        deadline = time.monotonic() + 90
        while not all(_healthy(port) for port in ports) or _count_workers(database) < 2:
            if time.monotonic() > deadline:
                raise SystemExit("The processes did not start:\n" + (folder / "worker0").read_text()[-2000:])
            time.sleep(0.2)
        yield ports, [process.pid for process in started[:2]]
    finally:
        for process in started:
            read_and_kill(process)


def _fresh_contacts(database: ScratchDatabase, count: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    for table in ("sync_attempts", "sync_runs", "contacts", "worker_heartbeats", "django_q_ormq"):
        database.query(f"DELETE FROM {table}")
    connection.close()
    call_command("load_demo_contacts", count=count, verbosity=0)


def _count_workers(database: ScratchDatabase) -> int:
    return int(database.query("SELECT count(*) FROM worker_heartbeats")[0][0])


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _both_queue(ports: list[int]) -> list[dict[str, Any]]:
    """Both web servers are asked to queue everybody, at the same moment."""
    login = {"username": "admin", "password": "admin"}
    tokens = [_post(port, "/api/token", login)["access"] for port in ports]
    answers: list[dict[str, Any]] = []

    def queue(port: int, token: str) -> None:
        answers.append(_post(port, "/api/v3/contacts/brevo/sync/filtered", {"all": True}, token))

    threads = [threading.Thread(target=queue, args=pair) for pair in zip(ports, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _post(port: int, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer))


def _watch(database: ScratchDatabase, mains: list[int], seen: Seen, *, seconds: float) -> None:
    """Until nobody waits: how many runs are at work, and whose they are."""
    from scrapersky.tests.processes import processes_of

    owner: dict[str, int] = {}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        running = database.query("SELECT worker FROM sync_runs WHERE state = 'running'")
        seen.most_at_once = max(seen.most_at_once, len(running))
        for (worker,) in running:
            if worker not in owner:
                pid = int(worker.rpartition(":")[2])
                owner[worker] = next((n for n, main in enumerate(mains) if pid in processes_of(main)), -1)
        if not database.query(f"SELECT 1 FROM contacts WHERE {_WAITING} LIMIT 1"):
            break
        time.sleep(0.1)
    time.sleep(1)
    for worker, pushed in database.query("SELECT worker, sum(synced + retried + failed) FROM sync_runs GROUP BY 1"):
        seen.shares[owner.get(worker, -1)] += int(pushed)


def _count(sandbox: Sandbox, database: ScratchDatabase, seen: Seen) -> None:
    seen.left = int(database.query(f"SELECT count(*) FROM contacts WHERE {_WAITING}")[0][0])
    calls = [record for record in sandbox.brevo.requests if record.method == "POST" and record.path == "/contacts"]
    seen.refused = sum(record.status == 429 for record in sandbox.brevo.requests)
    if len(calls) > 1:
        seen.pace = (len(calls) - seen.refused) / max(calls[-1].time - calls[0].time, 0.001)
    if seen.most_at_once > seen.allowed:
        seen.wrong.append(f"{seen.most_at_once} runs at once")
    if seen.queued != seen.expected:
        seen.wrong.append(f"the web servers queued {seen.queued} together, not {seen.expected}")
    if seen.left:
        seen.wrong.append(f"{seen.left} contacts left")
    total = sum(seen.shares.values())
    if seen.allowed == 2 and min(seen.shares[0], seen.shares[1]) < total / 10:
        seen.wrong.append(f"one took hardly any part: {dict(seen.shares)}")


def _show(trials: list[Seen], options: argparse.Namespace) -> None:
    show(
        f"Two qcluster with {options.workers} workers each (tasks in {options.broker}), two web servers, "
        f"answers after {options.latency:.0f} ms",
        ["Limit a second", "Runs allowed", "At once", "Queued", "By the first", "By the second", "Pace", "429s"],
        [
            (
                seen.limit,
                seen.allowed,
                seen.most_at_once,
                seen.queued,
                seen.shares[0],
                seen.shares[1],
                f"{seen.pace:.1f} ({seen.pace / seen.limit:.0%})",
                seen.refused,
            )
            for seen in trials
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
