"""The short form of each measurement in bench/: that it runs and counts right, not how fast the machine is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from django.db import connection

from scrapersky.tests.processes import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="measures PostgreSQL")
with_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")

FAULTS = "500 502_html 503 425 truncated_json empty_200 reset redirect lost_answer"


@pytest.mark.parametrize(
    ("command", "shows"),
    [
        pytest.param("pace --contacts 24 --quick", "of the allowed", id="pace"),
        pytest.param("cost --contacts 200", "a whole cycle", id="cost"),
        pytest.param("memory --few 40 --many 80", "contacts pushed", id="memory"),
        pytest.param("importing --rows 300", "its import", id="importing"),
        pytest.param("events --events 200 --seconds 2", "ratio of the medians", id="events"),
        pytest.param(f"faults --contacts 20 --only {FAULTS}", "lost_answer", id="faults"),
        pytest.param("retention --contacts 300 --resyncs 2", "dead", id="retention", marks=on_postgresql),
        pytest.param("queueing 12000 1", "ratio", id="queueing", marks=on_postgresql),
        pytest.param("growth --large 12000 --runs 1 --seconds 2", "claim", id="growth", marks=on_postgresql),
        pytest.param("pages --large 12000 --runs 1", "dashboard, first", id="pages", marks=on_postgresql),
        pytest.param(
            "machines --seconds 4 --limits 10 --runs 2", "429", id="machines", marks=[on_postgresql, with_redis]
        ),
    ],
)
def test_a_measurement_in_short(command: str, shows: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BREVO_", "Q_"))}
    done = subprocess.run(
        [sys.executable, "-m", *f"bench.{command}".split()],
        cwd=ROOT,
        env={**environment, "REDIS_URL": ""},
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert shows in done.stdout
