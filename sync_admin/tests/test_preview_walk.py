"""Choose everything that matches, look at the preview, confirm, undo: in a real browser, with real processes."""

from __future__ import annotations

from typing import Any

import pytest

from scrapersky.tests.browser import follow, look, serious_findings
from scrapersky.tests.processes import wait_until
from scrapersky.tests.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def test_choose_all_look_confirm_undo(browser: Any, site: Site) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    def find(selector: str) -> Any:
        return browser.find_element(By.CSS_SELECTOR, selector)

    def queued() -> int:
        return int(site.database.query("SELECT count(*) FROM contacts WHERE brevo_sync_status = 'Queued'")[0][0])

    site.log_in(browser)
    browser.get(f"{site.url}/admin/contacts/contact/?email_type=CORPORATE")
    find("#action-toggle").click()
    find(".actions .question a").click()
    Select(find(".actions select[name=action]")).select_by_visible_text("Queue for Brevo")
    follow(find(".actions button[type=submit]"))

    assert "/admin/sync/brevo/preview/" in browser.current_url
    page = browser.current_url
    words = find("#content").text
    for part in ("e-mail type is CORPORATE", "Will be queued", "Where they go", "No worker is running", "/contacts"):
        assert part in words
    assert queued() == 0
    found = {}
    for view in ({}, {"dark": True}, {"phone": True}):
        look(browser, **view)
        browser.get(page)
        if findings := serious_findings(browser):
            found[(*view,)] = findings
    look(browser)
    assert found == {}
    browser.get(page)

    # By the keyboard alone.
    button = find(".sync-buttons button.default")
    promised = int("".join(letter for letter in button.text if letter.isdigit()))
    button.send_keys("\n")
    wait_until(lambda: "/contacts/contact/" in browser.current_url, "the list")
    assert f"Queued {promised} contacts for Brevo." in find(".messagelist").text
    assert queued() == promised > 100

    follow(find(".messagelist a"))
    assert "e-mail type is CORPORATE" in find("#content").text
    assert serious_findings(browser) == []
    follow(find("form.sync-buttons button"))
    assert f"Took {promised} contacts out of the queue for Brevo again." in find(".messagelist").text
    assert queued() == 0

    # The old tab of the preview leads to what became of it.
    browser.get(page)
    assert "/bulkoperation/" in browser.current_url
