"""Servers of one's own, to be stopped and started again: PostgreSQL and Redis, on free ports, gone afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import redis


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def postgres_programs() -> Path | None:
    """Where `initdb` and `pg_ctl` are; None when PostgreSQL's server is not installed."""
    if found := shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda folder: float(folder.parent.name))


class Postgres:
    """A PostgreSQL server in a folder."""

    def __init__(self, folder: Path) -> None:
        programs = postgres_programs()
        assert programs, "PostgreSQL's server is not installed"
        self.programs, self.folder, self.port = programs, folder, free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        # PostgreSQL does not run as root.
        self.user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self.user:
            shutil.chown(folder, "postgres")
            for parent in folder.parents[:-1]:
                with suppress(PermissionError):
                    parent.chmod(parent.stat().st_mode | 0o011)
        self._run("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "--no-sync")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._control("-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """fast: connections are cut. immediate: like a crash."""
        self._control("-m", mode, "stop")

    def wait(self, seconds: float = 30) -> None:
        """Until it takes connections."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                psycopg.connect(self.url).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.1)

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self.user, str(self.programs / program), *arguments]
        # Not by a pipe: the server inherits it, and would keep it open.
        quiet = subprocess.DEVNULL
        done = subprocess.run(command, cwd=self.folder, timeout=60, stdin=quiet, stdout=quiet)
        assert done.returncode == 0, f"{program} failed"


@contextmanager
def private_postgres(folder: Path) -> Iterator[Postgres]:
    """A server that is up, on a port of its own."""
    server = Postgres(folder)
    server.start()
    try:
        server.wait()
        yield server
    finally:
        with suppress(AssertionError):
            server.stop("immediate")


class Redis:
    """A Redis server that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )
        client = redis.from_url(self.url)
        deadline = time.monotonic() + 20
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.1)

    def stop(self) -> None:
        """Like a crash: what it held is gone."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def private_redis(folder: Path) -> Iterator[Redis]:
    """A server that is up, on a port of its own."""
    server = Redis(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
