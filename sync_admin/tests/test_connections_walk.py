"""The connection page in a real browser, against the stand-ins: check, make what is missing, choose, try, push."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sandbox.hubspot.account import PORTAL, READ_ACCOUNT
from scrapersky.tests.browser import follow, look, serious_findings
from scrapersky.tests.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def click(browser: Any, text: str) -> str:
    """Press the button with this text; what the page says then."""
    from selenium.webdriver.common.by import By

    button = browser.find_element(By.XPATH, f"//main//button[starts-with(normalize-space(), '{text}')]")
    follow(button)
    return said(browser)


def said(browser: Any) -> str:
    from selenium.webdriver.common.by import By

    return str(browser.find_element(By.TAG_NAME, "main").text)


def test_a_walk_through_brevo_and_the_others(browser: Any, site: Site) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    site.log_in(browser)
    page = f"{site.url}/admin/sync/brevo/connection/"
    browser.get(page)
    assert "Nobody has checked this account yet." in said(browser)

    # Check, and make what is missing.
    text = click(browser, "Check now")
    assert "The key works: " in text
    assert 'Contacts go to list 2, "ScraperSky demo".' in text
    assert "is missing: Brevo drops what we send for it." in text
    assert "Create 8 missing attributes" in text
    assert serious_findings(browser) == []
    look(browser, dark=True, phone=True)
    browser.get(page)
    assert serious_findings(browser) == []
    width = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0, "the page does not scroll sideways on a phone"
    look(browser)
    text = click(browser, "Create 8 missing attributes")
    assert "Checked Brevo: 1 thing to do." in text
    assert "/api/v3/contacts/brevo/webhook is not registered." in text, "that is for whoever sets up the server"
    assert "missing" not in text

    # Another list, and another name for a field; tried before it is saved.
    lists = site.sandbox.brevo.account.store.lists
    lists[9] = replace(lists[2], id=9, name="News", members={})
    click(browser, "Check now")
    Select(browser.find_element(By.ID, "choice")).select_by_visible_text("9: News")
    name = browser.find_element(By.ID, "field-COMPANY")
    name.clear()
    name.send_keys("email")
    assert "BREVO_ATTRIBUTES must not send COMPANY as EMAIL" in click(browser, "Save")
    assert serious_findings(browser) == []
    name = browser.find_element(By.ID, "field-COMPANY")
    name.clear()
    name.send_keys("COMPANY")
    address = json.loads(site.run(GOOD))
    browser.find_element(By.ID, "email").send_keys(address)
    text = click(browser, "Show the request")
    assert '"listIds":[9]' in "".join(text.split())
    assert "Save the settings to push the contact with them." in text
    text = click(browser, "Save")
    assert "Set here by admin on" in text
    assert "over the environment's BREVO_LIST_ID (2)" in text

    # The contact for real.
    browser.find_element(By.ID, "email").send_keys(address)
    assert "Push this contact now" in click(browser, "Show the request")
    text = click(browser, "Push this contact now")
    assert "Complete" in text
    (body,) = [one.body for one in site.sandbox.brevo.requests if (one.method, one.path) == ("POST", "/contacts")]
    assert body["listIds"] == [9]

    # A list that is gone, the environment's again, a wrong key.
    del lists[9]
    assert "There is no list 9." in click(browser, "Check now")
    assert "From the environment: BREVO_LIST_ID is 2." in click(browser, "Use the environment")
    site.sandbox.brevo.set(brevo_key="another-key")
    text = click(browser, "Check now")
    assert "Brevo rejected the key (401)" in text
    site.sandbox.brevo.set(brevo_key=site.environment["BREVO_API_KEY"])

    for platform, works in (("hubspot", "The token works"), ("mautic", "The log-in works"), ("n8n", "is active")):
        browser.get(f"{site.url}/admin/sync/{platform}/connection/")
        assert works in click(browser, "Check now")
        if platform != "n8n":
            assert "all is well" in click(browser, "Create ")
        if platform == "hubspot":
            host = site.sandbox.url.removeprefix("http://")
            assert f"Portal {PORTAL} (developer test account, {host})." in said(browser)
            # Without the scope all goes on, and the page says what is missing.
            site.sandbox.hubspot.set(hubspot_missing_scope=READ_ACCOUNT)
            text = click(browser, "Check now")
            assert "Checked HubSpot: all is well." in text
            assert "Contacts have no link to their page in HubSpot" in text
            site.sandbox.hubspot.set(hubspot_missing_scope="")
        assert serious_findings(browser) == []
    secrets = [value for name, value in site.environment.items() if name.endswith(("_KEY", "_PASSWORD", "_SECRET"))]
    assert len(secrets) == 5
    for platform in ("brevo", "hubspot", "mautic", "n8n"):
        browser.get(f"{site.url}/admin/sync/{platform}/connection/")
        assert not [secret for secret in secrets if secret in browser.page_source]


#: An address that may be pushed.
GOOD = """
import json
from contacts.deliverable import skip_reason
from contacts.models import Contact, Suppression
blocked = set(Suppression.objects.values_list("email_key", flat=True))
good = (c for c in Contact.objects.exclude(email=None) if not skip_reason(c.email) and c.email_key not in blocked)
print(json.dumps(next(good).email))
"""
