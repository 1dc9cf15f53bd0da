"""The dashboard in a real browser, with a real worker: pause, resume, watch, cancel, run now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scrapersky.tests.browser import follow, serious_findings
from scrapersky.tests.processes import QUEUE_ALL, ScratchDatabase, wait_until
from scrapersky.tests.site import Site, running_site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, demo_database: ScratchDatabase) -> Iterator[Site]:
    """With Brevo so slow that a person can step in."""
    folder = tmp_path_factory.mktemp("slow")
    with running_site(folder, demo_database, BREVO_RATE_LIMIT_PER_SECOND="25") as site:
        yield site


def test_pause_queue_resume_watch_cancel_and_run_now(browser: Any, site: Site) -> None:
    from selenium.webdriver.common.by import By

    def find(selector: str) -> Any:
        return browser.find_element(By.CSS_SELECTOR, f'[data-queue="brevo"] {selector}')

    def counted(name: str) -> int:
        return int(find(f'[data-count="{name}"]').text.replace(",", ""))

    def press(control: str) -> str:
        follow(find(f'[data-control="{control}"] button'))
        return str(browser.find_element(By.CSS_SELECTOR, ".messagelist").text)

    def live(holds: Callable[[], bool], what: str) -> None:
        """It becomes so without the page being loaded again."""
        browser.execute_script("window.kept = true")
        wait_until(holds, what)
        assert browser.execute_script("return window.kept") is True

    def rows(table: str) -> int:
        return int(site.database.query(f"SELECT count(*) FROM {table}")[0][0])

    site.log_in(browser)
    browser.get(f"{site.url}/admin/sync/")
    find("[name=reason]").send_keys("the list is being changed")
    assert press("pause").startswith("Brevo is paused.")
    with site.worker():
        # Paused: contacts can be queued, and the worker leaves them alone.
        site.run(QUEUE_ALL)
        wait_until(lambda: rows("django_q_task") > 0 and rows("django_q_ormq") == 0, "the worker to take its task")
        assert (rows("sync_runs"), find("[data-state]").text) == (0, "paused")
        paused = find("[data-problem]").text
        assert paused.startswith("Paused by admin since ")
        assert paused.endswith(" UTC: the list is being changed.")
        live(lambda: counted("queued") > 300, "the queued contacts to be counted")
        queued = counted("queued")
        assert serious_findings(browser) == []

        # Resumed: the counts move to Complete by themselves.
        press("resume")
        live(lambda: counted("complete") > 20, "contacts to be Complete")
        assert find("[data-state]").text == "running"
        assert "trigger By hand" in find('[data-fact="Run under way"]').text
        live(lambda: find('[data-fact="Estimated end"]').text.startswith("In "), "enough to be done for an estimate")

        # Cancelled: it ends soon, what is left stays queued, and no run begins by itself.
        assert press("cancel").startswith("The run for Brevo ends within seconds.")
        live(lambda: find("[data-state]").text != "running" and counted("processing") == 0, "the run to end")
        wait_until(lambda: "Cancelled by admin." in find("[data-runs]").text, "the run to be in the table")
        left = counted("queued")
        assert 0 < left < queued
        time.sleep(2)
        assert counted("queued") == left

        press("run")
        live(lambda: counted("queued") == counted("processing") == 0, "the rest to be pushed")
