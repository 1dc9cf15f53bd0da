"""The walk of a new user: the demo, a real browser, a real worker, the sandbox. Ends with Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sandbox.demo import PASSWORD, USER
from scrapersky.tests.browser import follow, open_browser
from scrapersky.tests.processes import ScratchDatabase

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@dataclass
class Demo:
    """A running demo."""

    process: subprocess.Popen[str]
    url: str
    sandbox: str

    def processes(self) -> set[int]:
        """The demo's process and all that descend from it."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(stat.parent.name)] = int(fields[1])
        family = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return family & set(parents)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def demo(scratch_database: ScratchDatabase) -> Iterator[Demo]:
    port, sandbox_port = _free_port(), _free_port()
    environment = {
        **scratch_database.environment,
        "PORT": str(port),
        "SANDBOX_PORT": str(sandbox_port),
        "BREVO_RATE_LIMIT_PER_SECOND": "100",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.demo"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    running = Demo(process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}")
    try:
        lines = []
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C ends everything" in line:
                break
        else:
            pytest.fail("The demo did not start:\n" + "".join(lines))
        # The sandbox starts at Brevo's usual ten a second; the walk need not take that long.
        _post(f"{running.sandbox}/_sandbox/settings", {"rate_limit": None})
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    with open_browser(tmp_path) as browser:
        yield browser


def _post(url: str, body: Any) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


def _get(url: str, **headers: str) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return json.load(answer)


def _healthy(demo: Demo) -> bool:
    try:
        return bool(_get(f"{demo.url}/health")["status"] == "ok")
    except urllib.error.HTTPError:
        return False


def _wait_until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"Waited {seconds:.0f} seconds in vain: {what}"
        time.sleep(0.2)


def test_pick_contacts_in_the_admin_and_find_them_in_brevo(demo: Demo, browser: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    def find(selector: str) -> Any:
        return browser.find_element(By.CSS_SELECTOR, selector)

    def counted(name: str) -> int:
        return int(find(f'[aria-label="Brevo"] [data-count="{name}"]').text.replace(",", ""))

    # Log in.
    browser.get(f"{demo.url}/")
    find("[name=username]").send_keys(USER)
    find("[name=password]").send_keys(PASSWORD)
    follow(find("[type=submit]"))
    everyone = counted("total_contacts")
    assert counted("new") == everyone == 300

    # Filter; choose all, also those on the pages that are not shown; queue.
    browser.get(f"{demo.url}/admin/contacts/contact/?email_type=CORPORATE")
    shown = re.search(r"([\d,]+) contacts", find(".paginator").text)
    assert shown
    matching = int(shown[1].replace(",", ""))
    assert 100 < matching < everyone
    find("#action-toggle").click()
    find(".actions .question a").click()
    Select(find(".actions select[name=action]")).select_by_visible_text("Queue for Brevo")
    follow(find(".actions button[type=submit]"))
    assert f"{matching} contacts, chosen by admin" in find("#content").text
    follow(find(".sync-buttons button.default"))
    message = find(".messagelist").text
    assert message.startswith("Queued ")
    assert "for Brevo." in message

    # Watch, without reloading the page.
    _wait_until(lambda: counted("queued") == counted("processing") == 0, "the queue to empty")
    _wait_until(lambda: counted("complete") > 0, "contacts to be Complete")
    settled = counted("complete") + counted("skipped") + counted("error")
    assert settled == matching
    assert counted("new") == everyone - matching
    assert counted("error") == 0
    _wait_until(lambda: not find('[aria-label="Brevo"] [data-running]').is_displayed(), "the run to end")

    # Open one, and read its Brevo id.
    browser.get(f"{demo.url}/admin/contacts/contact/?brevo_sync_status=Complete")
    link = find("#result_list .field-address a")
    email = link.text
    browser.get(link.get_attribute("href"))
    known = re.search(r"as (\d+) in Brevo", find("[aria-labelledby=standings]").text)
    assert known
    found = _get(f"{demo.sandbox}/brevo/v3/contacts/{quote(email, safe='')}", **{"api-key": "sandbox-brevo-key"})
    assert known[1] == str(found["id"])
    assert found["listIds"] == [2]

    # The sandbox's page shows them.
    browser.get(demo.sandbox)
    assert email.lower() in browser.page_source


def test_ctrl_c_leaves_no_process_behind(demo: Demo) -> None:
    _wait_until(lambda: _healthy(demo), "the worker to be there")
    family = demo.processes()
    assert len(family) > 6  # sandbox, web server and its worker, qcluster and its processes
    begun = time.monotonic()
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(20) == 0
    assert time.monotonic() - begun < 12
    left = {pid for pid in family if Path(f"/proc/{pid}").exists()}
    assert not left


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "sandbox.demo"],
            cwd=ROOT,
            env={**os.environ, "PORT": str(port), "SANDBOX_PORT": str(_free_port())},
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr
