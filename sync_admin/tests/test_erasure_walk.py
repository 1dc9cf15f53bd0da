"""Export a person and erase them, from the contact's page and from the list; the certificates. In a real browser."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scrapersky.tests.browser import follow, look, serious_findings
from scrapersky.tests.processes import wait_until
from scrapersky.tests.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PEOPLE = """
from django.db.models import Count
from contacts.models import Contact
keys = Contact.objects.filter(email_key__gt="").order_by("email_key").values("email_key").annotate(rows=Count("pk"))
for contact in Contact.objects.filter(email_key__in=[one["email_key"] for one in keys.filter(rows=1)[:3]]):
    print(contact.pk, contact.email_key)
"""
LEFT = "from contacts.models import Contact; print(Contact.objects.filter(email_key__in={keys!r}).count())"
WAITING = (
    "from erasure.models import Deletion, Erasure; "
    "open_ones = Deletion.objects.exclude(status__in=('Complete', 'Skipped')); "
    "print(open_ones.count() + Erasure.objects.filter(closed_at=None).count())"
)
VIEWS: tuple[dict[str, bool], ...] = ({}, {"dark": True}, {"phone": True})

#: Send the page's own form as its button would, and give back what comes: a browser would only save the file.
SEND = """
const done = arguments[arguments.length - 1], button = arguments[0];
const to = button.getAttribute("formaction") || button.form.action, body = new FormData(button.form, button);
fetch(to, {method: "POST", body}).then((answer) => answer.text()).then(done);
"""
FETCH = "const done = arguments[1]; fetch(arguments[0]).then((answer) => answer.text()).then(done);"


def test_from_a_contact_to_the_certificate(browser: Any, site: Site) -> None:
    from selenium.webdriver.common.by import By

    def find(selector: str) -> Any:
        return browser.find_element(By.CSS_SELECTOR, selector)

    def exported(button: str) -> Any:
        return json.loads(browser.execute_async_script(SEND, find(button)))

    def is_clean() -> None:
        for view in (*VIEWS, {}):
            look(browser, **view)
            browser.get(browser.current_url)
            assert serious_findings(browser) == []
            assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")

    def confirm(why: str, typed: str = "ERASE") -> None:
        for field, text in (("#why", why), ("#typed", typed)):
            find(field).clear()
            find(field).send_keys(text)
        follow(find("[value=Erase]"))

    (first, address), *others = [line.split(" ", 1) for line in site.run(PEOPLE).strip().splitlines()]
    everybody = [address, *(key for _, key in others)]
    assert len(everybody) == 3
    site.log_in(browser)

    browser.get(f"{site.url}/admin/contacts/contact/{first}/change/")
    held = exported("form[action$='/privacy/export/'] button")
    assert (held["person"], held["held"]["contacts"][0]["id"]) == (address, first)

    follow(find("a[href*='/privacy/erase/?contact=']"))
    assert address in find("#content").text
    is_clean()
    confirm("Ticket 812", "erase")
    assert find(".errornote").text == "Type ERASE in capital letters to confirm."
    assert serious_findings(browser) == []
    assert site.run(LEFT.format(keys=[address])).strip() == "1"
    confirm("Ticket 812")
    assert "Erased here: 1 person." in find(".messagelist").text
    is_clean()
    assert address not in browser.page_source
    as_json = find("a[href$='/json/']").get_attribute("href")
    shown = json.loads(browser.execute_async_script(FETCH, as_json))
    assert (shown["why"], shown["complete"]) == ("Ticket 812", False)
    assert address not in json.dumps(shown)

    browser.get(f"{site.url}/admin/contacts/contact/{first}/change/")
    assert "this person asked to be forgotten" in find("#content").text
    is_clean()

    browser.get(f"{site.url}/admin/contacts/contact/?id__in={','.join(key for key, _ in others)}")
    for box in browser.find_elements(By.CSS_SELECTOR, "#result_list .action-select"):
        box.click()
    find("select[name=action] option[value=erase_people]").click()
    follow(find("[name=index]"))
    assert "Erase 2 people" in browser.title
    is_clean()
    confirm("Ticket 813")
    assert "Erased here: 2 people." in find(".messagelist").text
    is_clean()
    assert site.run(LEFT.format(keys=everybody)).strip() == "0"

    with site.worker():
        wait_until(lambda: site.run(WAITING).strip() == "0", "the platforms' confirmation", seconds=90)
    browser.get(f"{site.url}/admin/sync/privacy/")
    rows = [row.text for row in browser.find_elements(By.CSS_SELECTOR, "#content tbody tr")]
    assert len(rows) == 3
    assert all("Erased here and on every platform that was asked." in row for row in rows)
    assert not any(key in browser.page_source for key in everybody)
    is_clean()

    find("#address").send_keys(address)
    assert set(exported("[formaction$='/privacy/export/']")["held"]) == {"suppressions", "erasures"}
