"""A paused platform and 100,000 contacts: choose all, preview, confirm, undo, in a real browser with a real worker."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from scrapersky.tests.browser import follow
from scrapersky.tests.processes import wait_until
from scrapersky.tests.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MANY = 100_000

#: As a scraper inserts: an id and an address.
SQLITE = f"""
INSERT INTO contacts (id, email)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY})
SELECT lower(hex(randomblob(16))), 'many' || n || '@crowd.example' FROM numbers
"""
POSTGRESQL = f"""
INSERT INTO contacts (id, email)
SELECT gen_random_uuid(), 'many' || n || '@crowd.example' FROM generate_series(1, {MANY}) n
"""


def test_all_of_very_many_are_queued_and_taken_back(browser: Any, site: Site) -> None:
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    def find(selector: str) -> Any:
        return browser.find_element(By.CSS_SELECTOR, selector)

    def shown(selector: str) -> str:
        """Its text; "" while the page, which looks again by itself, is being replaced."""
        with suppress(WebDriverException):
            return str(find(selector).text)
        return ""

    def queued() -> int:
        return int(site.database.query("SELECT count(*) FROM contacts WHERE brevo_sync_status = 'Queued'")[0][0])

    site.database.query(SQLITE if site.database.url.startswith("sqlite") else POSTGRESQL)
    site.log_in(browser)
    with site.worker():
        browser.get(f"{site.url}/admin/sync/")
        follow(find("form[action$='/brevo/pause/'] button"))
        assert "Paused by admin" in find("#content").text

        browser.get(f"{site.url}/admin/contacts/contact/?q=crowd.example")
        find("#action-toggle").click()
        find(".actions .question a").click()
        Select(find(".actions select[name=action]")).select_by_visible_text("Queue for Brevo")
        follow(find(".actions button[type=submit]"))
        assert "/admin/sync/brevo/preview/" in browser.current_url
        wait_until(lambda: f"Queue {MANY:,} contacts" in shown("#content"), "a worker to count them", 120)
        assert "Paused by admin" in find("#content").text

        follow(find(".sync-buttons button.default"))
        wait_until(lambda: queued() == MANY, "a worker to queue them", 120)
        browser.get(f"{site.url}/admin/sync/")
        wait_until(lambda: f"Queued {MANY:,}" in shown("[aria-labelledby=queue-brevo]"), "the dashboard's count", 60)

        browser.get(f"{site.url}/admin/curation_sdk/bulkoperation/")
        follow(find("#result_list tbody th a"))
        follow(find("form.sync-buttons button"))
        wait_until(lambda: queued() == 0, "a worker to take them back", 120)
    assert site.database.query("SELECT count(*) FROM contacts WHERE brevo_sync_status = 'New'")[0][0] >= MANY
