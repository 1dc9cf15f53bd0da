"""Real processes against a real sandbox: killed, stopped, two at once."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.server import Sandbox, running_sandbox
from scrapersky.tests.processes import (
    QUEUE_ALL,
    ScratchDatabase,
    processes_of,
    pushed,
    read_and_kill,
    scratch_database,
    settings,
    statuses,
    wait_until,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None, latency_ms=20) as running:
        yield running


@pytest.fixture
def database(demo_database: ScratchDatabase, tmp_path: Path) -> Iterator[ScratchDatabase]:
    with scratch_database(tmp_path, like=demo_database) as copy:
        yield copy


def test_the_contacts_of_a_killed_worker_are_pushed_by_the_next_one(
    database: ScratchDatabase, sandbox: Sandbox
) -> None:
    process = database.start("brevo_sync", "--queue-all-new", **settings(sandbox))
    wait_until(lambda: len(sandbox.brevo.contacts) > 50, "some contacts to arrive")
    read_and_kill(process)
    stuck = statuses(database)
    assert stuck["Processing"] > 0
    assert stuck["Queued"] > 0

    # The next worker finds the slot taken by a run that is silent, and contacts whose lease has not passed.
    database.query("UPDATE sync_runs SET heartbeat_at = '2020-01-01 00:00:00+00:00' WHERE state = 'running'")
    database.query(
        "UPDATE contacts SET brevo_next_attempt_at = '2020-01-01 00:00:00+00:00' "
        "WHERE brevo_processing_status = 'Processing'"
    )
    done = database.manage("brevo_sync", **settings(sandbox))
    assert "synced" in done.stdout
    assert set(statuses(database)) == {"Complete", "Skipped"}
    states = Counter(state for (state,) in database.query("SELECT state FROM sync_runs"))
    assert states == {"lost": 1, "finished": 1}
    # Only what was under way when the worker died may have been sent twice.
    repeated = [address for address, times in pushed(sandbox).items() if times > 1]
    assert len(repeated) <= 8 + 10


def test_two_runs_at_once_push_everybody_once(database: ScratchDatabase, sandbox: Sandbox) -> None:
    # Slow enough for the second to find work when it comes.
    both = settings(sandbox, BREVO_SYNC_SCHEDULER_MAX_INSTANCES="2", BREVO_RATE_LIMIT_PER_SECOND="25")
    first = database.start("brevo_sync", "--queue-all-new", **both)
    wait_until(lambda: len(sandbox.brevo.contacts) > 10, "the first to begin")
    second = database.start("brevo_sync", **both)
    outputs = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    shares = [int(match[1]) for output in outputs if (match := re.search(r"(\d+) synced", output))]
    assert len(shares) == 2, outputs
    assert set(statuses(database)) == {"Complete", "Skipped"}
    assert sum(shares) == statuses(database)["Complete"]
    # Rows of one person that the two took at the same moment are the one thing that may be sent by both.
    assert sum(times - 1 for times in pushed(sandbox).values()) <= 3


@pytest.mark.parametrize("whom", ["the main process", "the whole group"])
def test_a_worker_that_is_told_to_stop_ends_soon_and_leaves_nothing_processing(
    database: ScratchDatabase, sandbox: Sandbox, whom: str
) -> None:
    worker = database.start("qcluster", **settings(sandbox))
    try:
        database.manage("shell", "-v0", "-c", QUEUE_ALL, **settings(sandbox))
        wait_until(lambda: len(sandbox.brevo.contacts) > 20, "the worker to begin")
        # An orchestrator may tell the main process only (Docker) or all of them (systemd).
        (os.kill if whom == "the main process" else os.killpg)(worker.pid, signal.SIGTERM)
        begun = time.monotonic()
        worker.wait(15)
        wait_until(lambda: not processes_of(worker.pid), "every process to end", 10)
        assert time.monotonic() - begun < 10
    finally:
        output = read_and_kill(worker)
    counts = statuses(database)
    assert counts["Processing"] == 0, output
    assert counts["Queued"] > 0
    assert counts["Complete"] > 0
    assert database.query("SELECT state, reason FROM sync_runs") == [("finished", "The worker was asked to stop.")]


def test_no_process_outlives_a_worker_that_is_killed(database: ScratchDatabase, sandbox: Sandbox) -> None:
    worker = database.start("qcluster", **settings(sandbox))
    try:
        wait_until(lambda: len(processes_of(worker.pid)) >= 6, "the worker's processes to start")
        worker.kill()
        wait_until(lambda: not processes_of(worker.pid), "every process to end", 10)
    finally:
        read_and_kill(worker)


def test_a_push_that_hangs_does_not_hold_up_the_stop(database: ScratchDatabase, sandbox: Sandbox) -> None:
    process = database.start("brevo_sync", "--queue-all-new", **settings(sandbox))
    wait_until(lambda: len(sandbox.brevo.contacts) > 20, "some contacts to arrive")
    sandbox.add_fault("hang", seconds=60)
    asked = len(sandbox.brevo.requests)
    wait_until(lambda: len(sandbox.brevo.requests) > asked, "a push to hang")
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    output = process.communicate(timeout=20)[0]
    assert time.monotonic() - begun < 10
    assert process.returncode == 130, output


def test_ctrl_c_settles_what_is_under_way(database: ScratchDatabase, sandbox: Sandbox) -> None:
    process = database.start("brevo_sync", "--queue-all-new", **settings(sandbox))
    wait_until(lambda: len(sandbox.brevo.contacts) > 20, "some contacts to arrive")
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=20)[0]
    assert process.returncode == 130, output
    counts = statuses(database)
    assert counts["Processing"] == 0
    assert counts["Complete"] >= len(sandbox.brevo.contacts)
