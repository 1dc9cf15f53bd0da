"""Suppress somebody, see it on the contact's page, lift it; and the other new forms, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from scrapersky.tests.browser import follow, look, serious_findings
from scrapersky.tests.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

ADDRESS = (
    "from contacts.models import Contact; print(Contact.objects.exclude(email=None).order_by('pk').first().email)"
)
KEY = "from contacts.models import Contact; print(Contact.objects.exclude(email=None).order_by('pk').first().pk)"
VIEWS: tuple[dict[str, bool], ...] = ({}, {"dark": True}, {"phone": True})


def test_from_an_address_to_its_lifting(browser: Any, site: Site) -> None:
    from selenium.webdriver.common.by import By

    def find(selector: str) -> Any:
        return browser.find_element(By.CSS_SELECTOR, selector)

    def is_clean() -> None:
        for view in VIEWS:
            look(browser, **view)
            browser.get(browser.current_url)
            assert serious_findings(browser) == []
            assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
        look(browser)

    address, key = site.run(ADDRESS).strip(), site.run(KEY).strip()
    site.log_in(browser)
    browser.get(f"{site.url}/admin/contacts/suppression/add/")
    is_clean()
    find("#id_email_key").send_keys(f" {address.upper()}")
    find("#id_note").send_keys("Wrote a letter.")
    follow(find("[name=_save]"))
    assert "in force" in find("#result_list").text
    is_clean()

    browser.get(f"{site.url}/admin/contacts/contact/{key}/change/")
    assert "Asked not to be contacted (A person)" in find(".sync-problem").text
    is_clean()
    follow(browser.find_element(By.LINK_TEXT, "Lift …"))
    is_clean()
    find("#id_reason").send_keys("Signed up again by our form.")
    follow(find("[value=Lift]"))
    assert "Lifted 1 suppression." in find(".messagelist").text
    is_clean()

    browser.get(f"{site.url}/admin/sync/suppressions/import/")
    is_clean()
    file = site.folder / "out.csv"
    file.write_text(f"{address}\nnobody\n")
    find("#id_file").send_keys(str(file))
    follow(find("[value=Upload]"))
    assert "2 rows read: 1 suppressed, 0 in force already, 1 refused." in find("[role=status]").text
    assert serious_findings(browser) == []

    browser.get(f"{site.url}/admin/contacts/contact/?q={address}")
    assert "suppressed" in find("#result_list .field-address").text
    find("#result_list .action-select").click()
    find("select[name=action] option[value=set_lawful_basis]").click()
    follow(find("[name=index]"))
    is_clean()
    find("#id_lawful_basis option[value=consent]").click()
    find("#id_lawful_basis_source").send_keys("Form on our site")
    find("#id_lawful_basis_date").send_keys("2026-01-31")
    follow(find("[type=submit].default"))
    assert "Recorded with 1 contact: Consent." in find(".messagelist").text
