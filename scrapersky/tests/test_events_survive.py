"""Real processes: events that were answered are applied, whoever is killed and whatever is away."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from sandbox.server import Sandbox, running_sandbox
from scrapersky.tests.processes import ScratchDatabase, processes_of, read_and_kill, scratch_database, wait_until
from scrapersky.tests.processes import settings as sandbox_settings
from scrapersky.tests.servers import free_port, postgres_programs, private_postgres, private_redis

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PATH = "/api/v3/contacts/brevo/webhook"
TOKEN = "webhook-token-0123456789"


@pytest.fixture
def database(demo_database: ScratchDatabase, tmp_path: Path) -> Iterator[ScratchDatabase]:
    with scratch_database(tmp_path, like=demo_database) as copy:
        yield copy


@contextmanager
def web(database: ScratchDatabase, log: Path, port: int = 0, **environment: str) -> Iterator[tuple[int, Any]]:
    port = port or free_port()
    process = database.start_web(port, log=log, **{"BREVO_WEBHOOK_TOKENS": TOKEN, **environment})
    try:
        wait_until(lambda: send(port, []) == 200, "the web server to answer", 60)
        yield port, process
    finally:
        read_and_kill(process)


def send(port: int, body: Any) -> int:
    """The status of the answer; 0 for none."""
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        server.request("POST", PATH, json.dumps(body).encode(), headers)
        return server.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        server.close()


def unsubscribed(number: int) -> dict[str, Any]:
    return {"id": 5, "event": "unsubscribe", "email": f"p{number}@x.example", "ts_event": 1795169700, "camp_id": 8}


def count(database: ScratchDatabase, table: str, where: str = "1 = 1") -> int:
    return int(database.query(f"SELECT count(*) FROM {table} WHERE {where}")[0][0])


def all_applied(database: ScratchDatabase, events: int) -> bool:
    return count(database, "platform_events", "state = 'applied'") == events


def test_the_web_server_is_killed_right_after_its_answer(database: ScratchDatabase, tmp_path: Path) -> None:
    """Before it could call a worker. Nothing is lost, and nothing doubled when they are sent again."""
    with web(database, tmp_path / "web") as (port, process):
        assert [send(port, unsubscribed(number)) for number in range(20)] == [200] * 20
        os.killpg(process.pid, signal.SIGKILL)
    database.query("DELETE FROM django_q_ormq")
    with web(database, tmp_path / "web") as (port, process):
        assert [send(port, unsubscribed(number)) for number in range(10)] == [200] * 10
        os.killpg(process.pid, signal.SIGKILL)
    assert count(database, "platform_events", "state = 'received'") == 20
    database.query("DELETE FROM django_q_ormq")
    database.query("DELETE FROM django_q_schedule")
    worker = database.start("qcluster", log=tmp_path / "worker")
    try:
        wait_until(lambda: all_applied(database, 20), "the worker to find them by itself", 60)
    finally:
        read_and_kill(worker)
    assert count(database, "suppressions") == 20


def test_workers_are_killed_again_and_again(database: ScratchDatabase, tmp_path: Path) -> None:
    """While events come. Each is applied once in the end."""
    total = 1_500
    worker: subprocess.Popen[str] | None = None
    try:
        with web(database, tmp_path / "web") as (port, _):
            for start in range(0, total, 300):
                worker = database.start("qcluster", log=tmp_path / "worker")
                assert send(port, [unsubscribed(number) for number in range(start, start + 300)]) == 200
                done = count(database, "platform_events", "state = 'applied'")
                wait_until(
                    lambda done=done: count(database, "platform_events", "state = 'applied'") > done,
                    "the worker to begin",
                    60,
                )
                read_and_kill(worker)
                wait_until(lambda pid=worker.pid: not processes_of(pid), "its processes to be gone")
            worker = database.start("qcluster", log=tmp_path / "worker")
            wait_until(lambda: all_applied(database, total), "all to be applied", 60)
    finally:
        if worker:
            read_and_kill(worker)
    assert count(database, "suppressions") == total
    assert count(database, "platform_events", "tries > 1") == 0


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")
def test_without_the_task_queue_events_are_taken_and_applied(database: ScratchDatabase, tmp_path: Path) -> None:
    with private_redis(tmp_path) as redis:
        url = {"REDIS_URL": redis.url}
        worker = database.start("qcluster", log=tmp_path / "worker", **url)
        try:
            with web(database, tmp_path / "web", **url) as (port, _):
                wait_until(lambda: count(database, "worker_heartbeats") > 0, "the worker to start", 60)
                redis.stop()
                begun = time.monotonic()
                assert [send(port, unsubscribed(number)) for number in range(20)] == [200] * 20
                assert time.monotonic() - begun < 20, "nobody waits for a queue that is away"
                wait_until(lambda: all_applied(database, 20), "the worker to find them by itself", 60)
        finally:
            read_and_kill(worker)
    assert count(database, "suppressions") == 20


@pytest.mark.skipif(postgres_programs() is None, reason="needs PostgreSQL's server")
@pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL")
def test_while_the_database_is_away_brevo_is_asked_to_come_again(tmp_path: Path) -> None:
    """An answer of 500 or 503 would lose the event for good."""
    folder = tmp_path / "server"
    folder.mkdir()
    with private_postgres(folder) as server:
        database = ScratchDatabase(server.url)
        database.manage("migrate", "--verbosity", "0")
        with web(database, tmp_path / "web") as (port, _):
            assert send(port, unsubscribed(1)) == 200
            for mode in ("fast", "immediate"):
                server.stop(mode)
                assert [send(port, unsubscribed(2)) for _ in range(3)] == [429] * 3
                server.start()
                server.wait()
                assert send(port, unsubscribed(2)) == 200
        assert count(database, "platform_events") == 2


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as running:
        yield running


def test_somebody_unsubscribes_in_the_sandbox(database: ScratchDatabase, sandbox: Sandbox, tmp_path: Path) -> None:
    """From a click over there to the next bulk action here, which skips the person on all platforms."""
    port = free_port()
    settings = {
        **sandbox_settings(sandbox),
        "BREVO_WEBHOOK_TOKENS": TOKEN,
        "BREVO_WEBHOOK_URL": f"http://127.0.0.1:{port}{PATH}",
    }
    worker = database.start("qcluster", log=tmp_path / "worker", **settings)
    try:
        with web(database, tmp_path / "web", port, **settings):
            database.manage("brevo_setup", "--create", **settings)
            wait_until(lambda: count(database, "worker_heartbeats") > 0, "the worker to start", 60)
            database.manage("brevo_sync", "--queue-all-new", "--limit", "5", **settings)
            address = next(iter(sandbox.brevo.contacts))
            sandbox.brevo.unsubscribe(address)
            told = f"email_key = '{address}' AND reason = 'unsubscribed' AND source = 'Brevo'"
            # The worker's first sweep may have seen the block before.
            wait_until(lambda: count(database, "suppressions", told) == 1, "the opt-out", 30)
    finally:
        read_and_kill(worker)
    database.query(
        "UPDATE contacts SET brevo_sync_status = 'New', brevo_processing_status = NULL,"
        f" brevo_next_attempt_at = NULL WHERE email_key = '{address}'"
    )
    key = database.query(f"SELECT id FROM contacts WHERE email_key = '{address}'")[0][0]
    said = database.manage("brevo_sync", "--ids", str(key), **settings).stdout
    assert "1 skipped: 1 suppressed." in said
