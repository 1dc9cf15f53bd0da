"""The sandbox in a process of its own, so that its work does not count as ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from sandbox.brevo.account import DEFAULT_KEY


@dataclass(frozen=True)
class SandboxProcess:
    """A sandbox that runs elsewhere, seen over HTTP."""

    url: str

    @property
    def brevo_url(self) -> str:
        return f"{self.url}/brevo/v3"

    def settings(self, **more: str) -> dict[str, str]:
        """The settings that point the project at this sandbox."""
        return {"BREVO_API_KEY": DEFAULT_KEY, "BREVO_API_BASE_URL": self.brevo_url, "BREVO_LIST_ID": "2", **more}

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call to `/_sandbox/…`; its JSON."""
        answer = requests.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return json.loads(answer.content) if answer.content else None


@contextmanager
def sandbox_process(*options: str) -> Iterator[SandboxProcess]:
    """Start `python -m sandbox` on a free port and end it afterwards. `options` are its own."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield SandboxProcess(line.split()[2].rstrip("/"))
    finally:
        process.terminate()
        process.wait(10)
