"""The pictures of the admin in `docs/images/`: `python -m bench.pictures`. Made from the demo's data, never by hand.

With `--all FOLDER`, every page as on a desk in light, in the dark, and on a phone, to look at.
"""

from __future__ import annotations

import argparse
import base64
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from bench.scratch import scratch

if TYPE_CHECKING:
    from scrapersky.tests.processes import ScratchDatabase

IMAGES = Path(__file__).resolve().parents[1] / "docs/images"

#: Pages by the name of their picture. {contact} was pushed, {suppressed} has unsubscribed, {draft} is a choice that
#: waits for its word.
PAGES = {
    "contacts": "/admin/contacts/contact/",
    "contact": "/admin/contacts/contact/{contact}/change/",
    "suppressed": "/admin/contacts/contact/{suppressed}/change/",
    "preview": "/admin/sync/brevo/preview/{draft}/",
    "dashboard": "/admin/sync/",
    "comparison": "/admin/sync/brevo/comparison/",
    "errors": "/admin/sync/brevo/errors/",
    "connection": "/admin/sync/brevo/connection/",
    "import": "/admin/sync/import/",
}
VIEWS: dict[str, dict[str, bool]] = {"light": {}, "dark": {"dark": True}, "phone": {"phone": True}}

#: What stands in the documentation: name of the picture -> page and view.
KEPT = {
    "admin-contacts": ("contacts", "light"),
    "admin-preview": ("preview", "light"),
    "admin-dashboard": ("dashboard", "light"),
    "admin-dashboard-dark": ("dashboard", "dark"),
    "admin-dashboard-phone": ("dashboard", "phone"),
    "admin-suppressed": ("suppressed", "light"),
    "admin-comparison": ("comparison", "light"),
    "admin-errors": ("errors", "light"),
    "admin-connection": ("connection", "light"),
}

#: Some contacts are queued everywhere; others were refused by Brevo; a choice is made and not confirmed.
QUEUE = """
from django.utils import timezone
from contacts.models import Contact
from curation_sdk.causes import cause_of
from curation_sdk.queueing import queue_contacts
from brevo_sync.job import BREVO
from scrapersky.platforms import QUEUES
keys = list(Contact.objects.order_by("pk").values_list("pk", flat=True)[:300])
for job in QUEUES:
    queue_contacts(job, Contact.objects.filter(pk__in=keys[:250]), now=timezone.now())
for places, reason in (
    (range(250, 281), 'Brevo refused it (400): "email is not valid in the field email".'),
    (range(281, 293), "Brevo refused it (400): attribute BIRTHDAY must be a date."),
):
    Contact.objects.filter(pk__in=[keys[place] for place in places]).update(
        brevo_sync_status="Error", brevo_processing_status="Error", brevo_processing_error=reason,
        brevo_error_cause=cause_of(reason),
    )
"""
PICK = """
from contacts.models import Contact
print(Contact.objects.filter(brevo_sync_status="Complete", mautic_sync_status="Complete").first().pk)
"""
#: Somebody unsubscribes in Brevo, somebody else is deleted there.
OPT_OUT = """
from django.utils import timezone
from contacts.models import Contact, Suppression
from contacts.suppression import OptOut, suppress
from curation_sdk.queueing import queue_contacts
from scrapersky.platforms import QUEUES
ada, *deleted = Contact.objects.filter(
    brevo_sync_status="Complete", mautic_sync_status="Complete", email_type="CORPORATE").order_by("-pk")[:6]
note = 'Unsubscribed in Brevo, campaign "May" (88), list 2.'
suppress([OptOut(ada.email, Suppression.Reason.UNSUBSCRIBED, note)], "Brevo", now=timezone.now())
for job in QUEUES:
    queue_contacts(job, Contact.objects.filter(pk=ada.pk), now=timezone.now())
print(ada.pk, *[one.email for one in deleted])
"""
DRAFT = """
from django.contrib.auth import get_user_model
from django.utils import timezone
from brevo_sync.job import BREVO
from contacts.models import Contact
from curation_sdk import drafts
from curation_sdk.models import BulkOperation
print(drafts.draft(
    BREVO, BulkOperation.Action.QUEUE, Contact.objects.filter(email_type="CORPORATE"),
    {"list": "email_type__exact=CORPORATE"}, user=get_user_model().objects.get(), now=timezone.now(),
).pk)
"""
WAITING = """
SELECT count(*) FROM contacts
WHERE brevo_sync_status IN ('Queued', 'Processing') OR n8n_sync_status IN ('Queued', 'Processing')
"""


def pictures(database: ScratchDatabase, folder: Path, everything: Path | None) -> None:
    from scrapersky.tests.browser import open_browser
    from scrapersky.tests.processes import wait_until
    from scrapersky.tests.site import running_site

    database.manage("load_demo_contacts", "--count", "400")
    login = {"DJANGO_SUPERUSER_USERNAME": "admin", "DJANGO_SUPERUSER_PASSWORD": "admin"}
    database.manage("createsuperuser", "--noinput", "--email", "admin@example.com", **login)
    with running_site(folder, database, N8N_EXPECT_CALLBACK="false") as site, open_browser(folder) as browser:
        for platform in ("brevo", "hubspot", "mautic"):
            site.database.manage(f"{platform}_setup", "--create", **site.environment)
        site.run(QUEUE)
        with site.worker():
            wait_until(lambda: site.database.query(WAITING) == [(0,)], "the contacts to be pushed", 90)
            suppressed, *deleted = site.run(OPT_OUT).split()
            for address in deleted:
                url = f"{site.sandbox.brevo_url}/contacts/{quote(address)}"
                headers = {"api-key": site.environment["BREVO_API_KEY"]}
                urlopen(Request(url, headers=headers, method="DELETE"), timeout=10).close()
            site.database.manage("reconcile", "brevo", **site.environment)
            names = {"contact": site.run(PICK).strip(), "draft": site.run(DRAFT).strip(), "suppressed": suppressed}
            site.log_in(browser)
            browser.get(f"{site.url}/admin/sync/brevo/connection/")
            browser.find_element("xpath", "//button[contains(., 'Check now')]").click()
            if everything:
                everything.mkdir(parents=True, exist_ok=True)
                wanted = {f"{page}-{view}": (page, view) for page in PAGES for view in VIEWS}
            else:
                wanted = KEPT
            for name, (page, view) in wanted.items():
                picture = take(browser, site.url + PAGES[page].format(**names), view)
                ((everything or IMAGES) / f"{name}.webp").write_bytes(picture)


def take(browser: Any, address: str, view: str) -> bytes:
    """A picture of what is seen without scrolling, small enough for a repository."""
    from scrapersky.tests.browser import look

    look(browser, **VIEWS[view])
    browser.get(address)
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": 60})
    return base64.b64decode(shot["data"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page in every view, to look at")
    options = parser.parse_args()
    with scratch() as database, tempfile.TemporaryDirectory() as folder:
        pictures(database, Path(folder), options.all)


if __name__ == "__main__":
    main()
