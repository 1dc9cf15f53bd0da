"""The list of contacts in a real browser: all its columns fit on a desk and on a phone."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from scrapersky.tests.browser import look
from scrapersky.tests.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

#: One contact with something to say about each queue, the longest statuses, and an address that is long.
TROUBLE = """
from contacts.models import Contact
reason = 'Brevo refused it (400): "Invalid phone number". Correct it, then retry the contact in the list of errors.'
one = Contact.objects.order_by("-created_at").first()
longest = {f"{name}_sync_status": "Processing" for name in ("brevo", "hubspot", "mautic", "n8n")}
said = {f"{name}_processing_error": reason for name in ("brevo", "hubspot", "mautic", "n8n", "contact")}
Contact.objects.filter(pk=one.pk).update(
    email="somebody.with.a.long.name@department-of-something.example", contact_curation_status="Processing",
    **longest, **said,
)
"""

#: The parts of the table that stand out of what is seen without scrolling sideways, and by how much they do.
OUTSIDE = """
const seen = document.documentElement.clientWidth;
return [...document.querySelectorAll("#result_list td, #result_list tbody th, #result_list .sync-badge, .results")]
  .filter((one) => one.getBoundingClientRect().right > seen
    || (one.clientWidth && one.scrollWidth > one.clientWidth + 1))
  .map((one) => `${one.className} ${one.textContent.trim().slice(0, 40)}: ${one.getBoundingClientRect().right}`);
"""


def test_all_columns_fit(browser: Any, site: Site) -> None:
    site.run(TROUBLE)
    site.log_in(browser)
    outside = {}
    for phone, dark in product((False, True), repeat=2):
        look(browser, phone=phone, dark=dark)
        browser.get(f"{site.url}/admin/contacts/contact/")
        if found := browser.execute_script(OUTSIDE):
            outside[phone, dark] = found
    assert outside == {}
