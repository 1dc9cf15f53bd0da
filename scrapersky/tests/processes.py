"""For tests with real processes: a database of their own, and the commands on it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class ScratchDatabase:
    """A database outside the test's transaction, of the kind that the suite runs on."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a process on this database, without what a developer has set."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("BREVO_", "DJANGO_", "Q_"))}
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

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a manage.py command in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


@contextmanager
def scratch_database(folder: Path) -> Iterator[ScratchDatabase]:
    """An empty database that is gone afterwards."""
    default = settings.DATABASES["default"]
    if "sqlite" in default["ENGINE"]:
        yield ScratchDatabase(f"sqlite:///{folder}/scratch.sqlite3")
        return
    name = f"scrapersky_scratch_{os.getpid()}"
    login = quote(default["USER"]) + (f":{quote(default['PASSWORD'])}" if default["PASSWORD"] else "")
    server = f"postgres://{login}@{default['HOST']}:{default['PORT'] or 5432}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield ScratchDatabase(f"{server}/{name}")
    finally:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
