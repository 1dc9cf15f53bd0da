"""The demo: sandbox, web server and worker in one terminal. `bin/demo` runs it.

It has a database of its own, `demo.sqlite3`, made anew at each start because the sandbox forgets its contacts, too. A
DATABASE_URL in the environment is used as it is and kept.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from sandbox.brevo import account as brevo_account
from sandbox.hubspot import account as hubspot_account
from sandbox.mautic import account as mautic_account
from sandbox.n8n import workflow

ROOT = Path(__file__).resolve().parent.parent
DATABASE = ROOT / "demo.sqlite3"
USER, PASSWORD = "admin", "admin"
MAUTIC_SIGNS_WITH = "sandbox-mautic-webhook"
STOP_WITHIN = 10.0  # seconds


class Ended(Exception):
    """The demo is over: Ctrl-C, a signal, or (`code` 1) a part of it ended by itself."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


def main(arguments: list[str]) -> int:
    """Run the demo, or with `manage …` one command on its data. Returns the exit code."""
    port, sandbox_port = _port("PORT", 8000), _port("SANDBOX_PORT", 8025)
    environment = {**os.environ, **demo_settings(sandbox_port, port)}
    if arguments[:1] == ["manage"]:
        return subprocess.call([sys.executable, "manage.py", *arguments[1:]], cwd=ROOT, env=environment)
    if arguments:
        print("Usage: bin/demo   or   bin/demo manage COMMAND …", file=sys.stderr)
        return 2
    for name, number in (("PORT", port), ("SANDBOX_PORT", sandbox_port)):
        if not _free(number):
            print(f"Port {number} is in use. Choose another one: {name}={number + 1} bin/demo", file=sys.stderr)
            return 1
    return _run(port, sandbox_port, environment)


def _run(port: int, sandbox_port: int, environment: Mapping[str, str]) -> int:
    parts: dict[str, subprocess.Popen[bytes]] = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        if "DATABASE_URL" not in os.environ:
            for file in DATABASE.parent.glob(f"{DATABASE.name}*"):
                file.unlink()
        callback = f"http://127.0.0.1:{port}/api/v3/webhooks/n8n/enrichment-complete"
        parts["sandbox"] = _start(
            environment, "-m", "sandbox", "--port", str(sandbox_port), "--n8n-callback-url", callback
        )
        _prepare(environment)
        _have_mautic_tell(port, sandbox_port)
        parts["web server"] = _start(
            environment,
            *("-m", "gunicorn", "scrapersky.wsgi", "--bind", f"127.0.0.1:{port}"),
            *("--threads", "8", "--log-level", "warning", "--graceful-timeout", "5"),
        )
        parts["worker"] = _start(environment, "manage.py", "qcluster")
        _wait_for(port, parts)
        print(_welcome(port, sandbox_port), flush=True)
        while True:
            _check(parts)
            time.sleep(0.5)
    except Ended as error:
        print(f"\n{error}", flush=True)
        return error.code
    finally:
        _stop(parts)


def _prepare(environment: Mapping[str, str]) -> None:
    """Tables, contacts, an account to log in with, and what our contacts need in the sandbox."""
    print("Preparing the database and 300 made-up contacts …", flush=True)
    _manage(environment, "migrate", "--verbosity", "0")
    _manage(environment, "load_demo_contacts")
    account = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    _manage(
        {**environment, **account},
        *("createsuperuser", "--noinput", "--username", USER, "--email", "admin@scrapersky.example"),
        may_fail=True,  # the account is there already when the database was kept
    )
    for platform in ("brevo", "hubspot", "mautic"):
        _manage(environment, f"{platform}_setup", "--create")


def _have_mautic_tell(port: int, sandbox_port: int) -> None:
    """Mautic's webhook is set up in Mautic; the others register theirs."""
    url = f"http://127.0.0.1:{port}/api/v3/contacts/mautic/webhook"
    body = json.dumps({"mautic_webhook_url": url, "mautic_webhook_secret": MAUTIC_SIGNS_WITH}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", sandbox_port, timeout=10)
    try:
        connection.request("POST", "/_sandbox/settings", body, {"Content-Type": "application/json"})
        connection.getresponse().read()
    finally:
        connection.close()


def _manage(environment: Mapping[str, str], *arguments: str, may_fail: bool = False) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if done.returncode and not may_fail:
        raise Ended(f"`manage.py {arguments[0]}` failed:\n{done.stdout}{done.stderr}", 1)


def _start(environment: Mapping[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    # In a session of its own: Ctrl-C reaches this process only, which then ends the parts in order.
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, start_new_session=True)


def _wait_for(port: int, parts: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for _ in range(300):
        _check(parts)
        if not _free(port):
            return
        time.sleep(0.1)
    raise Ended("The web server did not start within 30 seconds.", 1)


def _check(parts: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for name, process in parts.items():
        if process.poll() is not None:
            raise Ended(f"The {name} ended by itself (exit code {process.returncode}).", 1)


def _stop(parts: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """End every part and whatever it started; those that take too long are killed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for process in parts.values():
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + STOP_WITHIN
    for process in parts.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(deadline - time.monotonic(), 0.1))
        # A worker killed from outside leaves its children: end the whole session.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end(signum: int, frame: FrameType | None) -> None:
    raise Ended("Ending the demo …")


def demo_settings(sandbox_port: int, port: int = 8000) -> dict[str, str]:
    """The settings of the project that the demo gives it, with every platform switched on."""
    sandbox = f"http://127.0.0.1:{sandbox_port}"
    site = f"http://127.0.0.1:{port}"
    return {
        "DATABASE_URL": os.environ.get("DATABASE_URL", f"sqlite:///{DATABASE}"),
        "REDIS_URL": "",
        "DEBUG": "true",
        "HTTPS_ONLY": "false",
        "LOG_LEVEL": "WARNING",
        "BREVO_API_KEY": brevo_account.DEFAULT_KEY,
        "BREVO_API_BASE_URL": f"{sandbox}/brevo/v3",
        "BREVO_LIST_ID": "2",
        "BREVO_PHONE_REGION": "US",
        "BREVO_WEBHOOK_TOKENS": "sandbox-brevo-webhook-token",
        "BREVO_WEBHOOK_URL": f"{site}/api/v3/contacts/brevo/webhook",
        "HUBSPOT_API_KEY": hubspot_account.DEFAULT_KEY,
        "HUBSPOT_API_BASE_URL": f"{sandbox}/hubspot",
        "MAUTIC_API_BASE_URL": f"{sandbox}/mautic",
        "MAUTIC_USERNAME": mautic_account.DEFAULT_USERNAME,
        "MAUTIC_PASSWORD": mautic_account.DEFAULT_PASSWORD,
        "MAUTIC_SEGMENT_ID": "1",
        "MAUTIC_WEBHOOK_SECRET": MAUTIC_SIGNS_WITH,
        "N8N_WEBHOOK_URL": f"{sandbox}/n8n/webhook/scrapersky-contact",
        "N8N_WEBHOOK_SECRET": workflow.DEFAULT_SECRET,
        "N8N_EXPECT_CALLBACK": "true",
    }


def _welcome(port: int, sandbox_port: int) -> str:
    return f"""
  ScraperSky contact sync is running.

    Contacts   http://127.0.0.1:{port}/admin/   log in as {USER} with the password {PASSWORD}
    API        http://127.0.0.1:{port}/api/docs   once logged in
    Sandbox    http://127.0.0.1:{sandbox_port}/   what "Brevo", "HubSpot", "Mautic" and "n8n" hold

  Pick contacts, choose "Queue for Brevo", or another platform, and watch the counts. Ctrl-C ends everything.
"""


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        print(f"{name} must be a port number from 1 to 65535, not {text!r}.", file=sys.stderr)
        raise SystemExit(2)
    return int(text)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
