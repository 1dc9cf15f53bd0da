"""For tests with real processes: a database of their own, and the commands on it."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.conf import settings as django_settings

from sandbox.server import Sandbox

_numbers = itertools.count(1)

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class ScratchDatabase:
    """A database outside the test's transaction, of the kind that the suite runs on."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a process on this database, without what a developer has set."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BREVO_", "N8N_", "SYNC_", "DJANGO_", "Q_"))
        }
        return {**kept, "DATABASE_URL": self.url, "REDIS_URL": "", "DEBUG": "true"}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement, committed at once, and return its rows."""
        if self.url.startswith("sqlite"):
            connection = sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=20)
            try:
                with connection:
                    return connection.execute(sql).fetchall()
            finally:
                connection.close()
        with psycopg.connect(self.url, autocommit=True) as server:
            cursor = server.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a manage.py command to its end. A failure is shown and raised."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def start(self, *arguments: str, log: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        """Start a manage.py command in a session of its own. What it prints goes to `log`, else into a pipe."""
        return self.start_python("manage.py", *arguments, log=log, **environment)

    def start_web(self, port: int, *, log: Path, **environment: str) -> subprocess.Popen[str]:
        """Start the web server as in production."""
        gunicorn = ("-m", "gunicorn", "scrapersky.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "8")
        return self.start_python(*gunicorn, log=log, DEBUG="false", **environment)

    def start_python(self, *arguments: str, log: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        with log.open("a") if log else nullcontext(subprocess.PIPE) as output:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env={**self.environment, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )


@contextmanager
def scratch_database(folder: Path, *, like: ScratchDatabase | None = None) -> Iterator[ScratchDatabase]:
    """A database that is gone afterwards: empty, or a copy of another one that nobody uses now."""
    default = django_settings.DATABASES["default"]
    if "sqlite" in default["ENGINE"]:
        database = ScratchDatabase(f"sqlite:///{folder}/scratch.sqlite3")
        if like:
            like.query(f"VACUUM INTO '{folder}/scratch.sqlite3'")
        yield database
        return
    template = f" TEMPLATE {like.url.rpartition('/')[2]}" if like else ""
    name = f"scrapersky_scratch_{os.getpid()}_{next(_numbers)}"
    login = quote(default["USER"]) + (f":{quote(default['PASSWORD'])}" if default["PASSWORD"] else "")
    server = f"postgres://{login}@{default['HOST']}:{default['PORT'] or 5432}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}{template}")
    try:
        yield ScratchDatabase(f"{server}/{name}")
    finally:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


QUEUE_ALL = """
from django.utils import timezone
from brevo_sync.job import BREVO
from contacts.models import Contact
from curation_sdk.models import SyncRun
from curation_sdk.queueing import queue_contacts
from curation_sdk.tasks import start_soon
queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
start_soon(BREVO, SyncRun.Trigger.ADMIN)
"""


def settings(sandbox: Sandbox, **more: str) -> dict[str, str]:
    """Environment for processes that push into the sandbox."""
    return {
        "BREVO_API_KEY": "sandbox-brevo-key",
        "BREVO_API_BASE_URL": sandbox.brevo_url,
        "BREVO_RATE_LIMIT_PER_SECOND": "100",
        "BREVO_CONCURRENCY": "8",
        **more,
    }


def statuses(database: ScratchDatabase) -> Counter[str]:
    """How many contacts are in each status."""
    return Counter(dict(database.query("SELECT brevo_sync_status, count(*) FROM contacts GROUP BY 1")))


def pushed(sandbox: Sandbox) -> Counter[str]:
    """How often each address was sent with success."""
    bodies = (
        record.body
        for record in sandbox.brevo.requests
        if record.method == "POST" and record.path == "/contacts" and record.status in (201, 204)
    )
    return Counter(str(body["email"]).lower() for body in bodies if isinstance(body, dict))


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Look again and again until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"Waited {seconds:.0f} seconds in vain: {what}"
        time.sleep(0.05)


def read_and_kill(process: subprocess.Popen[str]) -> str:
    """End a process and all of its session; what it printed."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()[0]


def processes_of(session: int) -> set[int]:
    """The living processes of a session."""
    alive = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                alive.add(int(stat.parent.name))
    return alive
