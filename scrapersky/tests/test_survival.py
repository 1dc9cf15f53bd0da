"""Real worker processes, killed one by one; servers that go away and come back."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sandbox.server import Sandbox, running_sandbox
from scrapersky.tests.processes import (
    ROOT,
    ScratchDatabase,
    processes_of,
    pushed,
    read_and_kill,
    scratch_database,
    settings,
    statuses,
    wait_until,
)
from scrapersky.tests.servers import free_port, postgres_programs, private_postgres, private_redis

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

QUEUE_NEW = """
UPDATE contacts SET brevo_sync_status = 'Queued', brevo_processing_status = 'Queued', brevo_retry_count = 0,
brevo_next_attempt_at = '2020-01-01 00:00:00+00:00' WHERE brevo_sync_status = 'New' AND email IS NOT NULL
"""

#: What django-q2 says when a process begins, and who that is.
ROLES = {"a worker": "ready for work at", "the monitor": "monitoring at", "the pusher": "pushing tasks at"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None, latency_ms=20) as running:
        yield running


@pytest.fixture
def database(demo_database: ScratchDatabase, tmp_path: Path) -> Iterator[ScratchDatabase]:
    with scratch_database(tmp_path, like=demo_database) as copy:
        yield copy


def ready(database: ScratchDatabase) -> bool:
    return bool(database.query("SELECT 1 FROM worker_heartbeats"))


def pids(log: Path, role: str) -> list[int]:
    """The processes with this role, in the order of their start."""
    return [int(found) for found in re.findall(rf"{ROLES[role]} (\d+)", log.read_text())]


def reads_the_queue(pid: int) -> bool:
    """Does this idle worker wait inside `read`, with the queue's lock in its hand? The others wait for the lock."""
    return Path(f"/proc/{pid}/syscall").read_text().split()[0] == "0"


@pytest.mark.skipif(not Path("/proc/self/syscall").exists(), reason="finds the processes in /proc")
@pytest.mark.parametrize("whom", ["the idle worker with the lock", "the monitor", "the pusher", "the sentinel"])
def test_work_goes_on_when_a_process_is_killed(
    database: ScratchDatabase, sandbox: Sandbox, tmp_path: Path, whom: str
) -> None:
    log = tmp_path / "log"
    worker = database.start("qcluster", log=log, Q_WORKERS="2", **settings(sandbox))
    try:
        wait_until(lambda: ready(database) and len(pids(log, "a worker")) == 2, "the worker to start", 60)
        wait_until(lambda: "Processed" in log.read_text(), "the schedule's first task, which finds nothing")
        wait_until(lambda: any(reads_the_queue(pid) for pid in pids(log, "a worker")), "a worker to wait")
        family = processes_of(worker.pid)
        if whom == "the idle worker with the lock":
            (victim,) = [pid for pid in pids(log, "a worker") if reads_the_queue(pid)]
        elif whom == "the sentinel":
            (victim,) = family - {worker.pid} - {pid for role in ROLES for pid in pids(log, role)}
        else:
            (victim,) = pids(log, whom)
        database.query(QUEUE_NEW)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: statuses(database)["Complete"] > 350, "the contacts to be pushed", 60)
        # At once, and not because tasks were seen to wait.
        assert whom == "the sentinel" or f"process {victim} was ended by SIGKILL" in log.read_text()
        # Nobody of the old family is left, and the new one is as large.
        wait_until(lambda: len(processes_of(worker.pid)) == len(family), "the family to be whole")
        assert processes_of(worker.pid) & family == {worker.pid}
    finally:
        read_and_kill(worker)


def test_the_run_of_a_killed_worker_is_followed_by_the_next_within_seconds(
    database: ScratchDatabase, sandbox: Sandbox, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    database.query(QUEUE_NEW)
    worker = database.start("qcluster", log=log, Q_WORKERS="2", **settings(sandbox, BREVO_RATE_LIMIT_PER_SECOND="30"))
    try:
        wait_until(lambda: len(sandbox.brevo.contacts) > 20, "the run to begin", 60)
        ((name,),) = database.query("SELECT worker FROM sync_runs WHERE state = 'running'")
        os.kill(int(name.rpartition(":")[2]), signal.SIGKILL)
        killed = time.monotonic()
        held = database.query("SELECT id FROM contacts WHERE brevo_processing_status = 'Processing'")
        sent = len(sandbox.brevo.requests)
        wait_until(lambda: len(sandbox.brevo.requests) > sent + 20, "the next run to push", 25)
        took = time.monotonic() - killed
        runs = database.query("SELECT state, trigger FROM sync_runs ORDER BY started_at")
        assert [state for state, _ in runs][:2] == ["lost", "running"], (took, runs)
        # Its contacts are due when the lease passes, and are taken up without the schedule.
        database.query(
            "UPDATE contacts SET brevo_next_attempt_at = '2020-01-01 00:00:00+00:00' "
            f"WHERE brevo_processing_status = 'Processing' AND id IN ({', '.join(repr(str(key)) for (key,) in held)})"
        )
        wait_until(lambda: set(statuses(database)) <= {"Complete", "Skipped", "New"}, "everybody to be settled", 60)
        assert sum(times - 1 for times in pushed(sandbox).values()) <= 8 + 10
    finally:
        read_and_kill(worker)


class Web:
    """The web server, asked over HTTP."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.token = ""

    def ask(self, path: str, body: dict[str, Any] | None = None, timeout: float = 30) -> tuple[int, str, float]:
        """Status, body, and the seconds it took. Status 0: nobody answered."""
        request = urllib.request.Request(self.url + path, json.dumps(body).encode() if body is not None else None)
        request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        begun = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read().decode(), time.monotonic() - begun
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), time.monotonic() - begun
        except OSError:
            return 0, "", time.monotonic() - begun

    def log_in(self) -> None:
        self.token = json.loads(self.ask("/api/token", {"username": "admin", "password": "admin"})[1])["access"]


def test_the_web_server_stops_in_time_whatever_is_under_way(
    database: ScratchDatabase, sandbox: Sandbox, tmp_path: Path
) -> None:
    import threading

    port = free_port()
    web = Web(port)
    server = database.start_web(port, log=tmp_path / "log", **settings(sandbox))
    lock = psycopg.connect(database.url) if database.url.startswith("postgres") else _sqlite(database.url)
    try:
        wait_until(lambda: web.ask("/health")[0] != 0, "the web server", 60)
        web.log_in()
        lock.execute("LOCK TABLE contacts" if database.url.startswith("postgres") else "BEGIN IMMEDIATE")
        path = "/api/v3/contacts/brevo/sync/filtered"
        threading.Thread(target=web.ask, args=(path, {"all": True}), daemon=True).start()
        time.sleep(1)  # the request is under way, and waits for the lock
        begun = time.monotonic()
        server.send_signal(signal.SIGTERM)
        server.wait(20)
        assert time.monotonic() - begun < 10
        wait_until(lambda: not processes_of(server.pid), "every process to end", 5)
    finally:
        lock.close()
        read_and_kill(server)


def _sqlite(url: str) -> Any:
    import sqlite3

    return sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)


@pytest.mark.skipif(postgres_programs() is None, reason="needs PostgreSQL's server programs")
def test_postgresql_goes_away_and_comes_back(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder, logs = tmp_path_factory.mktemp("postgres"), tmp_path_factory.mktemp("logs")
    with private_postgres(folder) as postgres:
        database = ScratchDatabase(postgres.url)
        database.manage("migrate", "--verbosity", "0")
        database.manage("load_demo_contacts", "--count", "400")
        login = {"DJANGO_SUPERUSER_USERNAME": "admin", "DJANGO_SUPERUSER_PASSWORD": "admin"}
        database.manage("createsuperuser", "--noinput", "--email", "admin@example.com", **login)
        port = free_port()
        web = Web(port)
        server = database.start_web(port, log=logs / "web", **settings(sandbox))
        worker = database.start("qcluster", log=logs / "worker", **settings(sandbox, BREVO_RATE_LIMIT_PER_SECOND="15"))
        try:
            wait_until(lambda: web.ask("/health")[0] == 200, "web server and worker", 60)
            web.log_in()
            assert web.ask("/api/v3/contacts/brevo/sync/filtered", {"all": True})[0] == 200
            wait_until(lambda: len(sandbox.brevo.contacts) > 20, "the run to begin", 60)

            postgres.stop()
            status, text, took = web.ask("/api/v3/contacts/brevo/status/summary")
            assert (status, took < 8) == (503, True), text
            assert "Try again" in json.loads(text)["detail"]
            status, text, took = web.ask("/admin/login/")
            assert status in (200, 503)  # the page itself asks nothing of the database
            status, text, took = web.ask("/admin/", None)
            status, text, took = web.ask("/health")
            assert (status, json.loads(text)["database"]) == (503, "unreachable")
            time.sleep(3)  # an outage lasts

            postgres.start()
            postgres.wait()
            wait_until(lambda: web.ask("/api/v3/contacts/brevo/status/summary")[0] == 200, "the web server", 15)
            sent = len(sandbox.brevo.requests)
            wait_until(lambda: len(sandbox.brevo.requests) > sent + 20, "pushing to go on", 90)
            wait_until(lambda: web.ask("/health")[0] == 200, "the worker", 40)
            assert "Traceback" not in web.ask("/health")[1]
        finally:
            read_and_kill(worker)
            read_and_kill(server)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")
def test_redis_goes_away_and_comes_back(database: ScratchDatabase, sandbox: Sandbox, tmp_path: Path) -> None:
    with private_redis(tmp_path) as redis:
        port = free_port()
        web = Web(port)
        both = settings(sandbox, REDIS_URL=redis.url)
        server = database.start_web(port, log=tmp_path / "web", **both)
        worker = database.start("qcluster", log=tmp_path / "worker", **both)
        try:
            wait_until(lambda: web.ask("/health")[0] == 200, "web server and worker", 60)
            web.log_in()

            redis.stop()
            status, text, took = web.ask("/api/v3/contacts/brevo/sync/filtered", {"all": True})
            assert (status, json.loads(text)["queued_count"] > 300) == (200, True)
            assert took < 5
            status, text, took = web.ask("/health")
            assert (status, json.loads(text)["queue"], json.loads(text)["database"]) == (503, "unreachable", "ok")
            assert took < 5
            time.sleep(3)  # an outage lasts
            assert not sandbox.brevo.contacts

            redis.start()
            # What was queued meanwhile never reached the task queue; nobody waits for the schedule.
            wait_until(lambda: statuses(database)["Complete"] > 350, "the contacts to be pushed", 60)
            assert web.ask("/health")[0] == 200
        finally:
            read_and_kill(worker)
            read_and_kill(server)


def test_a_guard_that_stands_still_is_replaced(database: ScratchDatabase, sandbox: Sandbox, tmp_path: Path) -> None:
    log = tmp_path / "log"
    worker = database.start("qcluster", log=log, **settings(sandbox))
    try:
        wait_until(lambda: ready(database) and len(pids(log, "a worker")) == 2, "the worker to start", 60)
        wait_until(lambda: "Processed" in log.read_text(), "the schedule's first task, which finds nothing")
        family = processes_of(worker.pid)
        (sentinel,) = family - {worker.pid} - {pid for role in ROLES for pid in pids(log, role)}
        database.query(QUEUE_NEW)
        os.kill(sentinel, signal.SIGSTOP)
        # Its workers may still do what is lost in the task queue; then they are replaced together.
        wait_until(lambda: processes_of(worker.pid) & family == {worker.pid}, "all but the main process to go", 90)
        wait_until(lambda: len(pids(log, "a worker")) == 4, "new workers", 30)
        wait_until(lambda: statuses(database)["Complete"] > 350, "the contacts to be pushed", 60)
    finally:
        read_and_kill(worker)


def test_a_short_chaos_leaves_nobody_behind() -> None:
    """The short form of `python -m bench.chaos`, on the kind of database that the suite runs on."""
    command = [
        sys.executable,
        "-m",
        "bench.chaos",
        "--contacts",
        "600",
        "--kills",
        "4",
        "--every",
        "2",
        "--rate",
        "40",
    ]
    done = subprocess.run([*command, "--whom", "any"], cwd=ROOT, capture_output=True, text=True, timeout=220)
    assert done.returncode == 0, done.stdout + done.stderr
