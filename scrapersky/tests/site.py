"""The project as its users meet it, for tests with a browser: database, web server, stand-ins, a worker on demand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from sandbox.demo import PASSWORD, USER, demo_settings
from sandbox.server import Sandbox, running_sandbox
from scrapersky.tests.browser import follow
from scrapersky.tests.processes import ScratchDatabase, read_and_kill, scratch_database, wait_until
from scrapersky.tests.servers import free_port

PREFIXES = ("BREVO_", "HUBSPOT_", "MAUTIC_", "N8N_")


@dataclass
class Site:
    """A running project."""

    database: ScratchDatabase
    sandbox: Sandbox
    url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, code: str) -> str:
        """Run Python code with the project's models at hand; what it printed."""
        return self.database.manage("shell", "--verbosity", "0", "-c", code, **self.environment).stdout

    @contextmanager
    def worker(self) -> Iterator[None]:
        """With a worker."""
        process = self.database.start("qcluster", log=self.folder / "worker.log", **self.environment)
        try:
            yield
        finally:
            read_and_kill(process)

    def log_in(self, browser: Any, user: str = USER, password: str = PASSWORD) -> None:
        """Through the admin's own page."""
        from selenium.webdriver.common.by import By

        browser.get(f"{self.url}/admin/login/?next=/admin/password_change/")
        for name, text in (("username", user), ("password", password)):
            browser.find_element(By.NAME, name).send_keys(text)
        follow(browser.find_element(By.CSS_SELECTOR, "[type=submit]"))

    def answers(self) -> bool:
        """Is the web server up? Without a worker its health is 503."""
        try:
            urlopen(f"{self.url}/health", timeout=5).close()
        except HTTPError:
            return True
        except OSError:
            return False
        return True


@contextmanager
def running_site(folder: Path, like: ScratchDatabase, **settings: str) -> Iterator[Site]:
    """A project with a copy of a database and all four platforms switched on. settings: further environment."""
    with scratch_database(folder, like=like) as database, running_sandbox(rate_limit=None) as sandbox:
        port = free_port()
        demo = demo_settings(urlsplit(sandbox.url).port or 0, port)
        platforms = {name: value for name, value in demo.items() if name.startswith(PREFIXES)}
        environment = {**platforms, "BREVO_RATE_LIMIT_PER_SECOND": "100", **settings}
        site = Site(database, sandbox, f"http://127.0.0.1:{port}", folder, environment)
        web = database.start_web(port, log=folder / "web.log", **environment)
        try:
            wait_until(site.answers, "the web server")
            yield site
        finally:
            with suppress(ProcessLookupError):
                read_and_kill(web)
