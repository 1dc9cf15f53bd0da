"""Somebody deletes, blocks and changes contacts in the platform; an operator sees it and queues the missing again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from scrapersky.tests.browser import follow, look, serious_findings
from scrapersky.tests.processes import wait_until
from scrapersky.tests.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PUSHED = """
from django.utils import timezone
from brevo_sync.job import BREVO
from contacts.models import Contact
from curation_sdk.queueing import queue_contacts
from curation_sdk.tasks import process_queue
for name in ("ada", "bob", "cy", "dan", "eve"):
    Contact.objects.create(email=f"{name}@walk.example", name=name.title())
queue_contacts(BREVO, Contact.objects.filter(email__endswith="@walk.example"), now=timezone.now())
process_queue(BREVO, "command")
"""


def test_what_happened_there_is_seen_here_and_put_right(browser: Any, site: Site) -> None:
    def find(css: str) -> Any:
        return browser.find_element("css selector", css)

    def status(name: str) -> str:
        rows = site.database.query(f"SELECT brevo_sync_status FROM contacts WHERE email = '{name}@walk.example'")
        return str(rows[0][0])

    site.run(PUSHED)
    brevo = site.sandbox.brevo
    with site.sandbox.lock:
        store = brevo.account.store
        store.delete(brevo.contacts["ada@walk.example"])
        store.delete(brevo.contacts["cy@walk.example"])
    brevo.unsubscribe("bob@walk.example")
    brevo.leave_list("dan@walk.example", 2)

    site.log_in(browser)
    browser.get(f"{site.url}/admin/sync/")
    follow(find("#queue-brevo ~ .sync-controls a"))
    assert browser.current_url == f"{site.url}/admin/sync/brevo/comparison/"
    follow(find(".sync-comparison form button"))
    assert "A worker compares Brevo" in find(".messagelist").text
    with site.worker():
        # The page looks again by itself.
        wait_until(lambda: "Missing there" in browser.page_source, "the comparison", seconds=60)
    words = find("#content").text
    for part in ("Complete here", "ada@walk.example", "cy@walk.example", "Queue the missing ones again"):
        assert part in words
    assert "bob@walk.example" not in words
    found = {}
    for view in ({}, {"dark": True}, {"phone": True}):
        look(browser, **view)
        browser.refresh()
        if folder := os.environ.get("PICTURES"):
            browser.save_screenshot(str(Path(folder) / f"comparison-{'-'.join(view) or 'light'}.png"))
        if serious := serious_findings(browser):
            found[(*view,)] = serious
    look(browser)
    assert found == {}

    browser.get(f"{site.url}/admin/sync/brevo/comparison/?kind=blocked")
    words = find("#content").text
    assert "bob@walk.example" in words
    assert "Unsubscribed from list 2 in Brevo." in words
    browser.get(f"{site.url}/admin/sync/brevo/comparison/")
    # Somebody hears from Ada meanwhile: she is not to be pushed.
    site.run(
        "from django.utils import timezone; from contacts.suppression import *; "
        "suppress([OptOut('ada@walk.example', Reason.REQUEST)], 'A person', now=timezone.now())"
    )
    follow(find("form[action$='/comparison/queue/'] button"))
    words = find("#content").text
    assert "Skipped: suppressed" in words
    follow(find(".sync-buttons button.default"))
    assert (status("ada"), status("cy"), status("bob"), status("dan")) == ("Skipped", "Queued", "Complete", "Complete")
