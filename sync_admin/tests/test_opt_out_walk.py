"""Who opts out in the sandbox's page: the contact's page says so, previews say why, and no platform gets him again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest

from sandbox.demo import MAUTIC_SIGNS_WITH
from scrapersky.tests.browser import follow
from scrapersky.tests.processes import wait_until
from scrapersky.tests.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

#: Platform, button of the sandbox's page, what we call it.
WAYS = (
    ("brevo", "Unsubscribe", "Unsubscribed"),
    ("brevo", "Bounce", "Hard bounce"),
    ("brevo", "Complain", "Spam complaint"),
    ("mautic", "Unsubscribe", "Unsubscribed"),
)
LABELS = {"brevo": "Brevo", "hubspot": "HubSpot", "mautic": "Mautic", "n8n": "n8n"}
DOMAIN = "opt-out.example"
STAYS = f"stays@{DOMAIN}"

#: The part of a request's path by which it is a push.
PUSHES = {"brevo": "/contacts", "hubspot": "/batch/upsert", "mautic": "/batch/new", "n8n": "/webhook/"}

MAKE = f"""
from contacts.models import Contact
from django.utils import timezone
from curation_sdk.queueing import queue_contacts
from curation_sdk.models import SyncRun
from curation_sdk.tasks import start_soon
from scrapersky.platforms import QUEUES
Contact.objects.bulk_create(Contact(email=f"{{name}}@{DOMAIN}") for name in (0, 1, 2, 3, "stays"))
for job in QUEUES:
    if job.contact_id:
        queue_contacts(job, Contact.objects.filter(email__endswith="{DOMAIN}"), now=timezone.now())
        start_soon(job, SyncRun.Trigger.ADMIN)
"""

SWEPT = "SELECT count(*) FROM opt_out_sweeps WHERE finished_at IS NOT NULL"


@pytest.fixture(scope="module")
def site(site: Site) -> Iterator[Site]:
    """With a worker, five contacts on every platform, and platforms that send their webhooks."""
    for platform in ("brevo", "hubspot", "mautic"):
        site.database.manage(f"{platform}_setup", "--create", **site.environment)
    hook = {
        "mautic_webhook_url": f"{site.url}/api/v3/contacts/mautic/webhook",
        "mautic_webhook_secret": MAUTIC_SIGNS_WITH,
        "n8n_callback_url": f"{site.url}/api/v3/webhooks/n8n/enrichment-complete",
    }
    request = Request(
        f"{site.sandbox.url}/_sandbox/settings", json.dumps(hook).encode(), {"Content-Type": "application/json"}
    )
    urlopen(request, timeout=10).close()
    with site.worker():
        # The worker's first sweep would now and then find somebody's block before the event comes.
        wait_until(lambda: site.database.query(SWEPT) == [(1,)], "the first sweep", 60)
        site.run(MAKE)
        wait_until(lambda: _in_the_queue(site) == 0, "the contacts to be pushed", 60)
        assert {platform: _pushes(site, platform, STAYS) for platform in LABELS} == dict.fromkeys(LABELS, 1)
        yield site


def _in_the_queue(site: Site) -> int:
    """Contacts that wait for a push or for an answer."""
    waits = " OR ".join(f"{platform}_sync_status IN ('Queued', 'Processing')" for platform in LABELS)
    ((count,),) = site.database.query(f"SELECT count(*) FROM contacts WHERE {waits}")
    return int(count)


def _pushes(site: Site, platform: str, address: str) -> int:
    """How often the platform was sent the address, other than to block it."""
    return sum(
        PUSHES[platform] in record.path and address in (text := str(record.body)) and "emailBlacklisted" not in text
        for record in getattr(site.sandbox, platform).requests
        if record.method == "POST"
    )


def _standing(site: Site, address: str) -> dict[str, tuple[str, str]]:
    """The contact's status and reason on each platform."""
    columns = ", ".join(f"{platform}_sync_status, {platform}_processing_error" for platform in LABELS)
    ((*values,),) = site.database.query(f"SELECT {columns} FROM contacts WHERE email = '{address}'")
    return dict(zip(LABELS, zip(values[::2], values[1::2], strict=True), strict=True))


def _key(site: Site, address: str) -> str:
    return site.run(f"from contacts.models import Contact; print(Contact.objects.get(email='{address}').pk)").strip()


def test_an_opt_out_reaches_everything(browser: Any, site: Site) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    def find(selector: str) -> Any:
        return browser.find_element(By.CSS_SELECTOR, selector)

    def says(address: str, text: str) -> bool:
        browser.get(address)
        return text in find("#content").text

    site.log_in(browser)
    reasons = {}
    for number, (platform, button, reason) in enumerate(WAYS):
        address = f"{number}@{DOMAIN}"
        page = f"{site.url}/admin/contacts/contact/{_key(site, address)}/change/"
        assert not says(page, "Suppressed since")
        browser.get(f"{site.sandbox.url}/?platform={platform}&q={address}")
        follow(find(f"[aria-label='{button} {address}']"))
        wait_until(lambda page=page: says(page, "Suppressed since"), "the contact's page to say so", 15)
        text = find(".sync-problem").text
        assert re.match(rf"Suppressed since \d{{4}}-\d\d-\d\d: {reason} \({LABELS[platform]}\)\.", text), text
        assert "No platform gets this person." in find("#content").text
        reasons[address] = f"{text.partition(' (')[0]}."

    for platform, label in LABELS.items():
        browser.get(f"{site.url}/admin/contacts/contact/?q={DOMAIN}")
        find("#action-toggle").click()
        Select(find(".actions select[name=action]")).select_by_visible_text(f"Queue for {label}")
        follow(find(".actions [type=submit]"))
        rows = [row.text for row in browser.find_elements(By.CSS_SELECTOR, "[aria-labelledby=left-out] tbody tr")]
        assert sorted(rows) == sorted(f"{address} {reason}" for address, reason in reasons.items()), platform
        assert f"Queue 1 contact for {label}" in find("#content").text
        follow(find(".sync-buttons button.default"))
        assert f"Queued 1 contact for {label}. 4 skipped: 4 suppressed." in find(".messagelist").text

    wait_until(lambda: all(_pushes(site, platform, STAYS) == 2 for platform in LABELS), "the other one's second push")
    for address, reason in reasons.items():
        assert _standing(site, address) == dict.fromkeys(LABELS, ("Skipped", reason))
        assert {platform: _pushes(site, platform, address) for platform in LABELS} == dict.fromkeys(LABELS, 1)
