"""An operator repairs what failed, in a real browser: a wrong key, an unknown list, and contacts that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from scrapersky.tests.browser import follow, look, serious_findings
from scrapersky.tests.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

RUN = (
    "from {0}_sync.job import {1} as job; from curation_sdk.tasks import process_queue; process_queue(job, 'command')"
)
QUEUE = """
from django.utils import timezone
from contacts.models import Contact
from curation_sdk.queueing import queue_contacts
from {0}_sync.job import {1} as job
for address in {2}:
    Contact.objects.create(email=address)
queue_contacts(job, Contact.objects.filter(email__in={2}), now=timezone.now())
"""


@pytest.fixture
def operator(browser: Any, site: Site) -> Any:
    """A browser in which the demo's administrator has just logged in."""
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    site.log_in(browser)
    return browser


def queue(site: Site, platform: str, *addresses: str) -> None:
    site.run(QUEUE.format(platform, platform.upper(), list(addresses)))


def push(site: Site, platform: str, **settings: str) -> None:
    """One run, in a worker with these settings."""
    code = RUN.format(platform, platform.upper())
    site.database.manage("shell", "--verbosity", "0", "-c", code, **{**site.environment, **settings})


def text(browser: Any, css: str) -> str:
    return " ".join(element.text for element in browser.find_elements("css selector", css))


def findings(browser: Any) -> dict[str, list[str]]:
    """Of the page that is open: light, dark and on a phone."""
    found = {}
    for name, view in {"light": {}, "dark": {"dark": True}, "phone": {"phone": True}}.items():
        look(browser, **view)
        browser.refresh()
        if serious := serious_findings(browser):
            found[name] = serious
    look(browser)
    return found


def test_a_wrong_key_and_then_an_unknown_list_are_on_every_page_until_they_are_put_right(
    operator: Any, site: Site
) -> None:
    queue(site, "brevo", "ada@walk.example", "eve@walk.example")
    push(site, "brevo", BREVO_API_KEY="xkeysib-wrong")
    operator.get(f"{site.url}/admin/")
    assert "Brevo is stopped, and 2 contacts wait. Brevo rejected the key (401)" in text(
        operator, ".sync-stopped-line"
    )
    assert "Check BREVO_API_KEY" in text(operator, ".sync-stopped-line")
    follow(operator.find_element("link text", "Errors of Brevo"))
    assert operator.current_url == f"{site.url}/admin/sync/brevo/errors/"
    assert findings(operator) == {}
    push(site, "brevo", BREVO_LIST_ID="4711")
    operator.get(f"{site.url}/admin/contacts/contact/")
    assert "Brevo has no list 4711. Correct BREVO_LIST_ID" in text(operator, ".sync-stopped-line")
    push(site, "brevo")
    operator.get(f"{site.url}/admin/")
    operator.implicitly_wait(0)
    assert text(operator, ".sync-stopped-line") == ""
    operator.implicitly_wait(10)


def test_contacts_that_are_refused_for_one_cause_are_retried_together(operator: Any, site: Site) -> None:
    local = [letter * (50 + place) for place, letter in enumerate("abc")]
    queue(site, "mautic", *(f"{name}@quite.long.example" for name in local))
    push(site, "mautic")
    operator.get(f"{site.url}/admin/sync/mautic/errors/")
    assert "email has … characters" in text(operator, "#content .sync-cause")
    operator.find_element("css selector", "#content details summary").click()
    assert "max. character length" in text(operator, "#content details")
    assert "400" in text(operator, "#content details")
    assert findings(operator) == {}
    site.sandbox.mautic.set(mautic_core_length=191)
    button = operator.find_element("css selector", "#content form .button")
    assert button.text == "Retry these 3"
    follow(button)
    assert "Queued 3 contacts for Mautic." in text(operator, ".messagelist")
    push(site, "mautic")
    operator.refresh()
    assert "No contact is in Error." in text(operator, "#content")
