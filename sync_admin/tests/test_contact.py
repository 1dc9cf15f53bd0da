"""A contact's page: how it stands, what happened to it, and what a person can do with it at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from contacts.timeline import events
from curation_sdk import drafts, workers
from curation_sdk.models import BulkOperation, ChosenContact, SyncAttempt
from curation_sdk.testing import NOON
from hubspot_sync.portal import Portal, remember
from n8n_sync.models import Enrichment

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Contact]


@pytest.fixture(autouse=True)
def worker(db: None) -> None:
    """A worker that lives."""
    workers.beat(now=timezone.now())


@pytest.fixture
def staff(client: Client) -> Callable[..., Client]:
    def log_in(group: str) -> Client:
        user = User.objects.create_user(group, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        client.force_login(user)
        return client

    return log_in


def page_of(client: Client, contact: Contact) -> str:
    answer = client.get(reverse("admin:contacts_contact_change", args=[contact.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def do(client: Client, what: str, contact: Contact, platform: str = "brevo") -> str:
    """Press a button; the page that follows."""
    answer = client.post(reverse(f"sync-contact-{what}", args=[contact.pk, platform]), follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def row_of(page: str, label: str) -> str:
    """The queue's row in the table "How it stands"."""
    found = re.search(rf'<th scope="row">{label}</th>.*?</tr>', page, re.DOTALL)
    assert found
    return found.group()


# --- Push now, skip, take out ---------------------------------------------------------------------------------


def test_push_now_queues_it_and_begins_a_run(admin_client: Client, make_contact: Make) -> None:
    contact = make_contact()
    page = do(admin_client, "push", contact)
    assert "Queued for Brevo, and a run begins." in page
    contact.refresh_from_db()
    assert contact.brevo_sync_status == "Queued"
    assert [task.task["args"] for task in OrmQ.objects.all()] == [("admin",)]
    assert re.search(r"Queued for Brevo, and a run begins\.</span>\s*<span>admin</span>", page)  # in the time line


def test_push_now_ends_the_wait_for_the_next_try(admin_client: Client, make_contact: Make) -> None:
    later = timezone.now() + timedelta(hours=1)
    contact = make_contact(
        brevo_sync_status="Queued",
        brevo_processing_status="Queued",
        brevo_retry_count=2,
        brevo_next_attempt_at=later,
    )
    assert "Waits for its next try at" in row_of(page_of(admin_client, contact), "Brevo")
    page = do(admin_client, "push", contact)
    assert "The next try for Brevo is due at once" in page
    contact.refresh_from_db()
    assert contact.brevo_next_attempt_at < timezone.now()
    assert contact.brevo_retry_count == 2
    assert OrmQ.objects.exists()


@pytest.mark.parametrize(
    ("columns", "said", "begins"),
    [
        ({"email": None, "name": "Ann"}, "Skipped for Brevo: There is no e-mail address.", False),
        ({"brevo_sync_status": "Processing", "brevo_processing_status": "Processing"}, "at this moment", False),
        ({"brevo_sync_status": "Queued", "brevo_processing_status": "Queued"}, "queued for Brevo already", True),
        ({"brevo_sync_status": "Complete", "brevo_processing_status": "Complete"}, "Queued for Brevo, and", True),
    ],
)
def test_push_now_says_what_happened(
    admin_client: Client, make_contact: Make, columns: dict[str, Any], said: str, begins: bool
) -> None:
    assert said in do(admin_client, "push", make_contact(**columns))
    assert OrmQ.objects.exists() == begins


def test_push_now_says_why_nothing_will_happen(admin_client: Client, make_contact: Make, settings: Any) -> None:
    contact = make_contact()
    workers.WorkerHeartbeat.objects.all().delete()
    page = do(admin_client, "push", contact)
    assert "No worker is running" in page
    assert "Queued for Brevo." in page
    assert "a run begins" not in page
    settings.BREVO_API_KEY = ""
    assert "Brevo is switched off: BREVO_API_KEY is not set. Nothing was queued." in do(admin_client, "push", contact)


def test_skip_and_take_out(admin_client: Client, make_contact: Make) -> None:
    contact = make_contact(brevo_sync_status="Queued", brevo_processing_status="Queued")
    assert "Took 1 contact out of the queue for Brevo." in do(admin_client, "take-out", contact)
    contact.refresh_from_db()
    assert (contact.brevo_sync_status, contact.brevo_processing_status) == ("New", None)
    assert "not in the queue for Brevo any more" in do(admin_client, "take-out", contact)
    assert "It will not be pushed to Brevo." in do(admin_client, "skip", contact)
    contact.refresh_from_db()
    assert contact.brevo_sync_status == "Skipped"
    assert contact.brevo_processing_error.startswith("Skipped by admin on ")


def test_who_skips_one_row_of_a_person_hears_of_the_others(admin_client: Client, make_contact: Make) -> None:
    queued = {"brevo_sync_status": "Queued", "brevo_processing_status": "Queued"}
    one, other = make_contact("ada@x.example", **queued), make_contact("Ada@X.example", **queued)
    said = "Another contact with the same address is in the queue for Brevo"
    assert said in do(admin_client, "skip", one)
    assert said not in do(admin_client, "skip", other)


def test_what_was_under_way_may_have_arrived(admin_client: Client, make_contact: Make) -> None:
    for what in ("skip", "take-out"):
        contact = make_contact(brevo_sync_status="Processing", brevo_processing_status="Processing")
        assert "being pushed at that moment" in do(admin_client, what, contact)


@pytest.mark.parametrize("what", ["push", "skip", "take-out"])
def test_who_may_and_how(client: Client, staff: Callable[..., Client], make_contact: Make, what: str) -> None:
    contact = make_contact()
    url = reverse(f"sync-contact-{what}", args=[contact.pk, "brevo"])
    assert client.post(url)["Location"].startswith("/admin/login/")
    viewer = staff("Viewers")
    assert viewer.post(url).status_code == 403
    assert "<button" not in row_of(page_of(viewer, contact), "Brevo")
    operator = staff("Operators")
    assert 'aria-label="Push now to Brevo"' in row_of(page_of(operator, contact), "Brevo")
    assert operator.get(url).status_code == 405
    assert operator.post(reverse(f"sync-contact-{what}", args=[contact.pk, "curation"])).status_code == 404
    assert operator.post(reverse(f"sync-contact-{what}", args=[contact.pk, "nonsense"])).status_code == 404
    missing = "00000000-0000-0000-0000-000000000001"
    assert operator.post(reverse(f"sync-contact-{what}", args=[missing, "brevo"])).status_code == 404
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(User.objects.get(username="Operators"))
    assert careful.post(url).status_code == 403
    contact.refresh_from_db()
    assert contact.brevo_sync_status == "New"


# --- How it stands --------------------------------------------------------------------------------------------


def test_links_lead_to_the_contact_in_the_platforms_own_site(
    admin_client: Client, make_contact: Make, settings: Any
) -> None:
    settings.BREVO_API_BASE_URL = "https://api.brevo.com/v3"
    contact = make_contact(
        brevo_contact_id="47",
        mautic_contact_id="8",
        hubspot_contact_id="9",
        brevo_synced_at=NOON,
        mautic_synced_at=NOON,
        hubspot_synced_at=NOON,
    )
    page = page_of(admin_client, contact)
    assert 'href="https://app.brevo.com/contact/index/47"' in page
    assert 'href="https://mautic.test/s/contacts/view/8"' in page
    assert "/record/0-1/9" not in page  # no check has told the portal's number yet
    remember(Portal("139", "app-eu1.hubspot.com"), base_url="https://hubspot.test", api_key="test-token")
    assert 'href="https://app-eu1.hubspot.com/contacts/139/record/0-1/9"' in page_of(admin_client, contact)
    settings.BREVO_API_BASE_URL = "http://127.0.0.1:8025/v3"
    settings.MAUTIC_API_BASE_URL = "javascript:alert(1)"
    page = page_of(admin_client, contact)
    assert "app.brevo.com" not in page
    assert "javascript:" not in page


def test_platforms_that_are_not_in_use_are_left_out(admin_client: Client, make_contact: Make, settings: Any) -> None:
    settings.MAUTIC_USERNAME = ""
    page = page_of(admin_client, make_contact())
    assert '<th scope="row">HubSpot</th>' in page
    assert '<th scope="row">Mautic</th>' not in page


def test_other_rows_of_the_person_are_named(admin_client: Client, make_contact: Make) -> None:
    contact = make_contact("Ada@x.example")
    make_contact("ada@X.example")
    page = page_of(admin_client, contact)
    assert 'href="/admin/contacts/contact/?email_key=ada%40x.example">1 other contact</a>' in page
    listed = admin_client.get("/admin/contacts/contact/?email_key=ada%40x.example").context["cl"]
    assert listed.result_count == 2


# --- The time line --------------------------------------------------------------------------------------------


def test_the_time_line_has_everything_newest_first(admin_client: Client, admin_user: User, make_contact: Make) -> None:
    contact = make_contact(
        source_url="https://x.example/team",
        contact_curated_at=NOON - timedelta(days=3),
        brevo_synced_at=NOON - timedelta(days=1),
        brevo_contact_id="47",
        hubspot_sync_status="Queued",
        hubspot_processing_status="Queued",
        hubspot_next_attempt_at=NOON,
    )
    Contact.objects.update(created_at=NOON - timedelta(days=4))
    contact.refresh_from_db()
    SyncAttempt.objects.create(
        contact=contact,
        platform="brevo",
        created_at=NOON - timedelta(days=2),
        outcome="retry",
        reason="Too slow",
        http_status=503,
    )
    Suppression.objects.create(
        email_key=contact.email_key, reason="complaint", since=NOON + timedelta(hours=1), source="Brevo"
    )
    Enrichment.objects.create(
        contact=contact,
        enrichment_id="1",
        status="complete",
        sent_at=NOON,
        received_at=NOON + timedelta(hours=2),
        phone="+1",
    )
    BulkOperation.objects.create(
        platform="brevo",
        action="queue",
        selection={"list": "q=x"},
        trigger="admin",
        requested_by=admin_user,
        requested_at=NOON - timedelta(days=2, hours=1),
        state="finished",
        queued=7,
    )

    found = [(event.what, event.by) for event in events(contact, admin_user, now=timezone.now())]

    assert found == [
        ("Enrichment: complete", "n8n"),
        ("Suppressed: Spam complaint", "Brevo"),
        ("Queued for HubSpot", ""),
        ("Synced last", "Brevo"),
        ("To be tried again", "Brevo"),
        ("Queue for Brevo: asked for many contacts", "admin"),
        ("Curated last", "Curation"),
        ("Found", ""),
    ]
    page = page_of(admin_client, contact)
    places = [page.index(what) for what, _ in found]
    assert places == sorted(places)
    for text in (
        "Too slow · HTTP 503",
        "Brevo calls it 47.",
        "Queued 7 contacts for Brevo. This one may be among them.",
    ):
        assert text in page


def test_what_one_may_not_see_is_not_in_it(staff: Callable[..., Client], make_contact: Make) -> None:
    contact = make_contact()
    SyncAttempt.objects.create(contact=contact, platform="brevo", created_at=NOON, outcome="rejected", reason="Secret")
    client = staff("Viewers")
    assert "Secret" in page_of(client, contact)
    Group.objects.get(name="Viewers").permissions.filter(codename="view_syncattempt").delete()
    assert "Secret" not in page_of(client, contact)


def test_operations_from_before_the_contact_are_not_in_it(admin_user: User, make_contact: Make) -> None:
    BulkOperation.objects.create(
        platform="brevo",
        action="queue",
        selection={"list": ""},
        trigger="admin",
        requested_at=NOON - timedelta(days=9999),
    )
    assert [event.what for event in events(make_contact(), admin_user, now=timezone.now())] == ["Found"]


def test_whom_an_operation_was_about_is_said_as_far_as_it_is_known(admin_user: User, make_contact: Make) -> None:
    contact, other = make_contact(), make_contact()
    now = timezone.now()

    def queue(chosen: Contact) -> BulkOperation:
        just_this = Contact.objects.filter(pk=chosen.pk)
        return drafts.draft(BREVO, BulkOperation.Action.QUEUE, just_this, {"list": ""}, user=admin_user, now=now)

    def said(about: Contact, now: datetime = now) -> list[tuple[str, str]]:
        about.refresh_from_db()
        found = [event for event in events(about, admin_user, now=now) if "many contacts" in event.what]
        return [(event.what.partition(" for ")[0], event.detail.rpartition("contact")[2]) for event in found]

    operation = queue(contact)
    queue(other)  # its preview is looked at, no more
    assert said(contact) == []  # nobody has confirmed it
    drafts.confirm(BREVO, operation, now=now)
    assert said(contact) == [("Queue", " for Brevo. This one was among them.")]
    assert said(other) == []

    drafts.undo(BREVO, operation, user=admin_user, now=now + timedelta(seconds=1))
    assert [what for what, _ in said(contact)] == ["Undo", "Queue"]
    ChosenContact.objects.all().delete()  # after a week
    later = said(other, now + drafts.UNDO_LASTS + timedelta(minutes=1))
    assert [(what, "may be" in text) for what, text in later] == [("Undo", True), ("Queue", True)]


def test_the_page_needs_at_most_30_queries_however_much_happened(
    admin_client: Client, admin_user: User, make_contact: Make, django_assert_max_num_queries: Any
) -> None:
    contact = make_contact()
    for number in range(60):
        SyncAttempt.objects.create(contact=contact, platform="brevo", created_at=NOON, outcome="retry", reason="x")
        Enrichment.objects.create(
            contact=contact, enrichment_id=str(number), status="failed", sent_at=NOON, received_at=NOON
        )
        BulkOperation.objects.create(
            platform="n8n",
            action="skip",
            selection={"filters": {}},
            trigger="api",
            requested_by=admin_user,
            requested_at=timezone.now(),
        )
    for _ in range(3):
        do(admin_client, "push", contact)
        do(admin_client, "take-out", contact)
    page_of(admin_client, contact)
    with django_assert_max_num_queries(30):
        page = page_of(admin_client, contact)
    assert page.count("<li>\n      <time") <= 3 * 50 + 10


def test_nothing_from_outside_is_markup(admin_client: Client, make_contact: Make) -> None:
    evil = '<script>alert(1)</script>"'
    contact = make_contact(source_url=evil, brevo_processing_error=evil, brevo_contact_id=evil, brevo_synced_at=NOON)
    Suppression.objects.create(email_key=contact.email_key, source=evil, note=evil)
    SyncAttempt.objects.create(
        contact=contact, platform=evil[:20], created_at=NOON, outcome="rejected", reason=evil, message=evil, code=evil
    )
    page = page_of(admin_client, contact)
    assert "<script>alert(1)" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 6
