"""A real n8n in a folder of its own: the shipped workflows, imported and active. Needs N8N_BIN, an installed n8n."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scrapersky.tests.servers import free_port

WORKFLOWS = Path(__file__).resolve().parents[2] / "docs/n8n"
SECRET = "shared-between-us"

#: n8n must not call home, ask for an account, or open its task runner.
QUIET = {
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "EXTERNAL_FRONTEND_HOOKS_URLS": "",
    "N8N_DIAGNOSTICS_CONFIG_FRONTEND": "",
    "N8N_DIAGNOSTICS_CONFIG_BACKEND": "",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_HIRING_BANNER_ENABLED": "false",
    "N8N_COMMUNITY_PACKAGES_ENABLED": "false",
    "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
    "N8N_ENCRYPTION_KEY": "any-fixed-test-string",
    "DB_SQLITE_POOL_SIZE": "2",
    "GENERIC_TIMEZONE": "UTC",
    "NODE_ENV": "production",
}


def workflow(name: str, site: str, change: Callable[[dict[str, Any]], None] = lambda nodes: None) -> dict[str, Any]:
    """A shipped workflow as a user sets it up: with the site's address. `change` gets its nodes by name."""
    found: dict[str, Any] = json.loads((WORKFLOWS / f"{name}.json").read_text())
    nodes = {node["name"]: node for node in found["nodes"]}
    nodes["Settings"]["parameters"]["assignments"]["assignments"][0]["value"] = site
    change(nodes)
    return found


@contextmanager
def running_n8n(program: str, folder: Path, workflows: list[dict[str, Any]]) -> Iterator[str]:
    """n8n with these workflows active; yields its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    own = {"N8N_USER_FOLDER": str(folder), "N8N_LISTEN_ADDRESS": "127.0.0.1", "N8N_HOST": "127.0.0.1"}
    address = {"N8N_PORT": str(port), "N8N_PROTOCOL": "http", "WEBHOOK_URL": f"{url}/"}
    environment = {**os.environ, **QUIET, **own, **address}
    version = _run(program, environment, "--version").strip().splitlines()[-1]
    first = version.startswith("1.")
    environment["N8N_RUNNERS_ENABLED"] = str(not first).lower()
    credential = {
        "id": "scraperskyHdr01",
        "name": "ScraperSky header",
        "type": "httpHeaderAuth",
        "data": {"name": "Authorization", "value": f"Bearer {SECRET}"},
    }
    for command, items in (("import:credentials", [credential]), ("import:workflow", workflows)):
        file = folder / "import.json"
        file.write_text(json.dumps(items))
        _run(program, environment, command, f"--input={file}")
    for one in workflows:
        activate = ("update:workflow", "--active=true") if first else ("publish:workflow",)
        _run(program, environment, activate[0], f"--id={one['id']}", *activate[1:])
    log = folder / "n8n.log"
    with log.open("w") as output:
        process = subprocess.Popen([program, "start"], env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        for one in workflows:
            _wait(lambda name=one["name"]: f'ctivated workflow "{name}"' in log.read_text(), process, log)
        _wait(lambda: _ready(url), process, log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _run(program: str, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz/readiness", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _wait(holds: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert process.poll() is None, f"n8n ended:\n{log.read_text()[-3000:]}"
        assert time.monotonic() < deadline, f"n8n was not ready after 90 seconds:\n{log.read_text()[-3000:]}"
        time.sleep(0.2)
