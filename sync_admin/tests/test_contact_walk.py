"""From the list to one contact, and from there to Brevo, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from scrapersky.tests.browser import follow, look, serious_findings
from scrapersky.tests.processes import wait_until
from scrapersky.tests.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def test_push_one_contact_now_and_read_its_time_line(browser: Any, site: Site) -> None:
    from selenium.webdriver.common.by import By

    def find(selector: str) -> Any:
        return browser.find_element(By.CSS_SELECTOR, selector)

    site.log_in(browser)
    browser.get(f"{site.url}/admin/contacts/contact/")
    follow(browser.find_element(By.PARTIAL_LINK_TEXT, "Corporate ("))
    listed = find("#result_list tbody")
    number = int(find('[data-filter-title="e-mail type"] .selected a').text.partition("(")[2].strip(")"))
    assert 0 < len(listed.find_elements(By.TAG_NAME, "tr")) == min(number, 100)
    follow(find(".object-tools [action$='/contacts/view/'] button"))
    browser.get(f"{site.url}/admin/contacts/contact/")
    assert "email_type__exact=CORPORATE" in browser.current_url

    follow(find("#result_list .field-address a"))
    look(browser, phone=True)
    browser.refresh()
    follow(find('[aria-label="Push now to Brevo"]'))
    assert "Queued for Brevo." in find(".messagelist").text
    assert "No worker is running" in find(".messagelist").text
    contact = browser.current_url.split("/")[-3]
    done = f"from contacts.models import Contact; print(Contact.objects.get(pk='{contact}').brevo_sync_status)"
    with site.worker():
        wait_until(lambda: site.run(done).split()[-1] == "Complete", "the contact in Brevo")
    browser.refresh()
    line = find(".sync-timeline").text
    assert line.index("Synced last") < line.index("Queued for Brevo.")
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def test_a_page_without_domain_and_page_has_names_for_both(browser: Any, site: Site) -> None:
    key = site.run(
        "from contacts.models import Contact; "
        "print(Contact.objects.create(email='bare@walk.example', domain=None, page=None).pk)"
    ).strip()
    site.log_in(browser)
    for dark in (False, True):
        look(browser, dark=dark)
        browser.get(f"{site.url}/admin/contacts/contact/{key}/change/")
        assert len(browser.find_elements("css selector", ".select2-selection__placeholder")) == 2
        assert serious_findings(browser) == []
    look(browser)
