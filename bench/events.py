"""10,000 events in a minute over HTTP: how quickly they are answered, against a bare view that stores a row.

    python -m bench.events [--events 10000] [--seconds 60]

The web server as in production (gunicorn, one process, eight threads) with the same middleware for both views, and a
worker that works through the events meanwhile. Requests go to the two views in turn, at an even pace, so both meet the
same machine; the bare view is called for one event in BARE. In the end every event must have been applied, and once:
every tenth is a repeat. On SQLite, or on the server that DATABASE_URL names.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.report import show
from bench.scratch import scratch

if TYPE_CHECKING:
    from scrapersky.tests.processes import ScratchDatabase

TOKEN = "bench-webhook-token"
PATH = "/api/v3/contacts/brevo/webhook"
THREADS = 8

#: One request in so many goes to the bare view, beside the events.
BARE = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, metavar="N", help="events (%(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="in this time (%(default)s)")
    options = parser.parse_args()
    with scratch(BREVO_WEBHOOK_TOKENS=TOKEN, DEBUG="false") as database, TemporaryDirectory() as folder:
        with _processes(database, Path(folder)) as port:
            _send(port, 200, 2.0, offset=1_000_000)  # both views are warm then
            times, took = _send(port, options.events, options.seconds)
            behind = _wait_for_all()
        _check(options.events)
    rows: list[tuple[object, ...]] = []
    for name in ("bare view", "webhook"):
        found = times[name]
        rows.append((name, len(found), median(found) * 1000, quantiles(found, n=100)[98] * 1000, max(found) * 1000))
    ratio = median(times["webhook"]) / median(times["bare view"])
    show(
        f"{options.events:,} events in {took:.0f} seconds, every tenth a repeat",
        ("answer", "requests", "median, ms", "99 %, ms", "longest, ms"),
        rows,
    )
    show("", ("ratio of the medians", "last event applied, seconds after the last answer"), [(ratio, behind)])


@contextmanager
def _processes(database: ScratchDatabase, folder: Path) -> Iterator[int]:
    from scrapersky.tests.processes import read_and_kill, wait_until
    from scrapersky.tests.servers import free_port

    port = free_port()
    settings = {"BREVO_WEBHOOK_TOKENS": TOKEN, "DJANGO_SETTINGS_MODULE": "bench.bare_settings"}
    started = [
        database.start_web(port, log=folder / "web", **settings),
        database.start("qcluster", log=folder / "worker", BREVO_WEBHOOK_TOKENS=TOKEN),
    ]
    try:
        wait_until(lambda: _answers(port), "the web server to answer", 60)
        yield port
    finally:
        for process in started:
            read_and_kill(process)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _event(number: int) -> bytes:
    """Every tenth is a repeat of the one before."""
    number -= number % 10 == 9
    return json.dumps(
        {
            "id": 501,
            "event": "unsubscribe",
            "email": f"person{number}@acme{number % 97}.example",
            "camp_id": 88,
            "campaign name": "May",
            "list_id": [12],
            "date_event": "2026-11-20 10:15:00",
            "ts_event": 1795169700 + number,
            "ts": 1795169700 + number,
            "ts_sent": 1795169600,
        }
    ).encode()


def _send(port: int, events: int, seconds: float, *, offset: int = 0) -> tuple[dict[str, list[float]], float]:
    """Send them at an even pace. Returns how long each answer took, and all of it."""
    times: dict[str, list[float]] = {"webhook": [], "bare view": []}
    lock = threading.Lock()
    begun = time.monotonic()

    def work(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        for number in range(first, events, THREADS):
            time.sleep(max(begun + seconds * number / events - time.monotonic(), 0))
            calls = [("webhook", PATH), ("bare view", "/bare")][: 1 + (number // THREADS % BARE == 0)]
            for name, path in calls if number // THREADS % (2 * BARE) else calls[::-1]:
                sent = time.perf_counter()
                connection.request("POST", path, _event(offset + number), headers)
                answer = connection.getresponse()
                answer.read()
                passed = time.perf_counter() - sent
                assert answer.status == 200, f"{path} answered {answer.status}"
                with lock:
                    times[name].append(passed)
        connection.close()

    threads = [threading.Thread(target=work, args=(first,)) for first in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, time.monotonic() - begun


def _wait_for_all() -> float:
    """Seconds until nothing waits."""
    from scrapersky.tests.processes import wait_until
    from webhooks.working import waiting

    begun = time.monotonic()
    wait_until(lambda: not waiting().exists(), "the events to be applied", 60)
    return time.monotonic() - begun


def _check(events: int) -> None:
    """Nothing was lost, nothing was taken twice."""
    from contacts.suppression import in_force
    from webhooks.models import PlatformEvent

    wanted = len({_event(number) for number in range(events)})
    theirs = PlatformEvent.objects.filter(platform="brevo", state="applied")
    extra = len({_event(1_000_000 + number) for number in range(200)})
    assert theirs.count() == wanted + extra, f"{theirs.count():,} of {wanted + extra:,} events were applied"
    assert in_force().count() == wanted + extra, f"{in_force().count():,} of {wanted + extra:,} people are suppressed"


if __name__ == "__main__":
    main()
