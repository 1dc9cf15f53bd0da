"""Every page of the operator in a real browser: without serious findings of axe-core, light, dark and on a phone."""

from __future__ import annotations

from typing import Any

import pytest

from scrapersky.tests.browser import look, serious_findings
from scrapersky.tests.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PAGES = (
    "/admin/sync/",
    "/admin/sync/errors/",
    "/admin/sync/brevo/errors/",
    "/admin/sync/connections/",
    "/admin/sync/brevo/connection/",
    "/admin/sync/n8n/connection/",
    "/admin/sync/brevo/comparison/",
    "/admin/sync/mautic/comparison/?kind=changed",
    "/admin/sync/import/",
    "/admin/contacts/contact/",
    "/admin/contacts/contact/{contact}/change/",
)


def test_pages_are_accessible(browser: Any, site: Site) -> None:
    contact = site.run("from contacts.models import Contact; print(Contact.objects.first().pk)").split()[-1]
    site.log_in(browser)
    found = {}
    for view in ({}, {"dark": True}, {"phone": True}):
        look(browser, **view)
        for page in PAGES:
            browser.get(site.url + page.format(contact=contact))
            if findings := serious_findings(browser):
                found[page, *view] = findings
    assert found == {}
