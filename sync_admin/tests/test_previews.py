"""The preview of an operation, its confirmation and its undoing, as their users see them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from contacts.suppression import OptOut, suppress
from contacts.tests.actions import LIST, choose
from curation_sdk import operations, workers
from curation_sdk.forecast import Forecast
from curation_sdk.models import BulkOperation, SyncRun
from scrapersky.platforms import QUEUES
from sync_admin.previews import in_time

pytestmark = pytest.mark.django_db
Make = Callable[..., Contact]
OPERATIONS = "/admin/curation_sdk/bulkoperation/"


@pytest.fixture
def worker(db: None) -> None:
    workers.beat(now=timezone.now())


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "IMMEDIATELY", 2)


def staff(name: str, *permissions: str) -> Client:
    user = get_user_model().objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_contact", *permissions]))
    client = Client()
    client.force_login(user)
    return client


def preview_of(client: Client, *contacts: Contact, action: str = "queue_for_brevo", **form: Any) -> str:
    """The address of the preview."""
    address: str = choose(client, action, *contacts, **form).headers["Location"]
    assert "/preview/" in address
    return address


def text_of(answer: Any) -> str:
    """The words of a page."""
    content = answer.content.decode().partition('id="content"')[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", content)).split())


def said(answer: Any) -> str:
    found = re.search(r'<ul class="messagelist">(.*?)</ul>', answer.content.decode(), re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[1])).split()) if found else ""


def statuses() -> set[str]:
    return set(Contact.objects.values_list("brevo_sync_status", flat=True))


def test_the_page_says_what_would_happen(
    admin_client: Client, make_contact: Make, worker: None, settings: Any, django_assert_max_num_queries: Any
) -> None:
    settings.BREVO_LIST_ID = "12"
    Suppression.objects.create(email_key="out@x.example")
    yesterday = timezone.now() - timedelta(days=1)
    made = [
        *(make_contact("ada@x.example", name="Ada Lovelace"), make_contact("Ada@X.example"), make_contact(None)),
        *(make_contact("out@x.example"), make_contact("none"), make_contact("c@x.example", brevo_synced_at=yesterday)),
        make_contact("q@x.example", brevo_sync_status="Queued", brevo_processing_status="Queued"),
    ]
    page = preview_of(admin_client, *made, query="?q=x")  # without "none" and the one without an address
    with django_assert_max_num_queries(30):
        answer = admin_client.get(page)
    text = text_of(answer)
    for words in (
        "5 contacts, chosen by admin",
        "ticked in the list: search “x”",
        "Will be queued 3",
        "same person as another row 1 Rows with one address are one person: 2 people in all.",
        "synced before 1 They are sent again: what Brevo has is updated, and nothing there is blanked.",
        "1 changed since.",
        "Queued already 1 Left as they are.",
        "Skipped: suppressed 1",
        "To list 12 in Brevo.",
        "At least a few seconds, at 10 calls a second, after the 1 contact in the queue now (at least a few seconds).",
        "Queue 3 contacts for Brevo",
        "POST /contacts",
    ):
        assert words in text, words
    assert "No worker" not in text
    bodies = [
        json.loads(unescape(body)) for body in re.findall(r"<pre[^>]*>(.*?)</pre>", answer.content.decode(), re.S)
    ]
    assert {body["email"].lower() for body in bodies} == {"ada@x.example", "c@x.example"}
    # As a run would send it: the rows of one person merged.
    assert "Ada" in {body["attributes"].get("FIRSTNAME") for body in bodies}
    assert settings.BREVO_API_KEY not in answer.content.decode()
    assert statuses() == {"New", "Queued"}


@pytest.mark.parametrize("job", QUEUES, ids=lambda job: job.platform)
def test_every_queue_has_one(admin_client: Client, make_contact: Make, worker: None, job: Any) -> None:
    contact = make_contact(name="Ada Lovelace")
    page = preview_of(admin_client, contact, action=f"queue_for_{job.platform}")
    text = text_of(admin_client.get(page))
    assert f"Queue 1 contact for {job.name}" in text
    assert job.destination() in text
    assert contact.email in text
    assert "ada@acme.example" in text
    answer = admin_client.post(f"{page}confirm/", follow=True)
    assert said(answer).startswith(f"Queued 1 contact for {job.name}.")
    assert getattr(Contact.objects.get(), job.sync_status) == "Queued"


def test_it_says_who_is_skipped_and_why(
    admin_client: Client, make_contact: Make, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curation_sdk.forecast.LEFT_OUT", 3)
    reason, day = Suppression.Reason, datetime(2026, 11, 24, 12, tzinfo=UTC)
    out = [("ada@x.example", reason.UNSUBSCRIBED), *((f"p{n}@x.example", reason.COMPLAINT) for n in range(3))]
    suppress([OptOut(address, why, since=day) for address, why in out], "Brevo", now=day)
    made = [*(make_contact(address) for address, _ in out), make_contact(None), make_contact("free@x.example")]
    page = preview_of(admin_client, *made)
    text = text_of(admin_client.get(page))
    assert "Skipped: suppressed 4 They get the status Skipped." in text
    assert "of these, Suppressed since …: Spam complaint. 3 of these, Suppressed since …: Unsubscribed. 1" in text
    shown = text.partition("3 of those who are skipped, and why")[2].partition("requests")[0]
    assert shown.count("Suppressed since 2026-11-24: ") == 3
    assert "free@x.example" not in shown

    Suppression.objects.update(lifted_at=timezone.now())
    assert "who are skipped, and why" not in text_of(admin_client.get(page)), "the reason is that of the moment"


def test_the_causes_of_many_chunks_are_added_up() -> None:
    one = Forecast(skipped={"suppressed": 3}, causes={"suppressed": {"a": 2, "b": 1}}, left_out=["1", "2"])
    found = one + Forecast() + Forecast(skipped={"suppressed": 2}, causes={"suppressed": {"b": 2}}, left_out=["3"])
    assert found.causes == {"suppressed": {"a": 2, "b": 3}}
    assert (found.skipped, found.left_out) == ({"suppressed": 5}, ["1", "2", "3"])


def test_an_address_that_cannot_be_pushed_is_named(admin_client: Client, make_contact: Make, worker: None) -> None:
    page = preview_of(admin_client, make_contact("none"))
    assert "with an address that cannot be pushed 1 They end Skipped" in text_of(admin_client.get(page))


def test_confirm_undo_and_history(admin_client: Client, make_contact: Make, worker: None) -> None:
    for number in range(3):
        make_contact(f"p{number}@x.example", email_type="FREE")
    other = make_contact("other@x.example")
    first = Contact.objects.filter(email_type="FREE")[0]
    page = preview_of(admin_client, first, query="?email_type__exact=FREE&o=1", select_across="1")
    late = make_contact("late@x.example", email_type="FREE")
    answer = admin_client.post(f"{page}confirm/", follow=True)
    assert answer.redirect_chain == [(f"{LIST}?email_type__exact=FREE", 302)]
    assert said(answer) == "Queued 3 contacts for Brevo. See it, or undo it."
    assert {Contact.objects.get(pk=one.pk).brevo_sync_status for one in (other, late)} == {"New"}

    operation = BulkOperation.objects.get()
    history = text_of(admin_client.get(OPERATIONS))
    for words in ("Queue for Brevo", "admin", "e-mail type is FREE", "Queued 3 contacts for Brevo.", "Undo …"):
        assert words in history
    detail = admin_client.get(f"{OPERATIONS}{operation.pk}/change/")
    assert "Undo: take out of the queue who still waits" in text_of(detail)
    assert f"Queue for Brevo, {operation.requested_at:%Y-%m-%d %H:%M}" in text_of(detail)
    breadcrumbs = detail.content.decode().partition('class="breadcrumbs"')[2].partition("</div>")[0]
    assert "Queue for Brevo, " in breadcrumbs

    undo = reverse("sync-undo", args=["brevo", operation.pk])
    assert undo in detail.content.decode()
    answer = admin_client.post(undo, follow=True)
    assert said(answer) == "Took 3 contacts out of the queue for Brevo again."
    assert statuses() == {"New"}
    assert "Undo: take out" not in text_of(answer)
    assert said(admin_client.post(undo, follow=True)) == "This operation has been undone already."
    assert "Took 3 contacts out" in text_of(admin_client.get(OPERATIONS))


def test_two_clicks_and_a_second_tab_are_harmless(admin_client: Client, make_contact: Make, worker: None) -> None:
    page = preview_of(admin_client, make_contact())
    admin_client.post(f"{page}confirm/", follow=True)
    Contact.objects.update(brevo_sync_status="Complete", brevo_processing_status="Complete")
    answer = admin_client.post(f"{page}confirm/", follow=True)
    assert said(answer) == "This was confirmed already, and is done once."
    assert statuses() == {"Complete"}
    detail = f"{OPERATIONS}{BulkOperation.objects.get().pk}/change/"
    assert admin_client.get(page, follow=True).redirect_chain == [(detail, 302)]
    assert "confirmed already" in said(admin_client.post(f"{page}discard/", follow=True))


def test_an_action_does_not_count_for_a_strip_that_nobody_sees(
    admin_client: Client, make_contact: Make, django_assert_max_num_queries: Any
) -> None:
    contact = make_contact()
    with django_assert_max_num_queries(20):
        preview_of(admin_client, contact, query="?q=x", select_across="1")


def test_a_preview_whose_operation_was_stopped_leads_to_it(
    admin_client: Client, make_contact: Make, worker: None
) -> None:
    page = preview_of(admin_client, make_contact())
    admin_client.post(f"{page}confirm/", follow=True)
    operation = BulkOperation.objects.get()
    BulkOperation.objects.update(state="cancelled")
    answer = admin_client.get(page, follow=True)
    assert answer.redirect_chain == [(f"{OPERATIONS}{operation.pk}/change/", 302)]
    assert "no such preview" not in said(answer)


def test_a_discarded_one_is_gone(admin_client: Client, make_contact: Make, worker: None) -> None:
    page = preview_of(admin_client, make_contact(), query="?q=ada")
    answer = admin_client.post(f"{page}discard/", follow=True)
    assert answer.redirect_chain == [(f"{LIST}?q=ada", 302)]
    assert said(answer) == "Nothing was queued."
    for answer in (admin_client.get(page, follow=True), admin_client.post(f"{page}confirm/", follow=True)):
        assert "no such preview any more" in said(answer)
    assert statuses() == {"New"}
    assert "No bulk operation" in text_of(admin_client.get(OPERATIONS)) or "0 bulk operations" in text_of(
        admin_client.get(OPERATIONS)
    )


def test_one_that_never_was(admin_client: Client) -> None:
    key = "00000000-0000-0000-0000-000000000000"
    assert "no such preview" in said(admin_client.get(reverse("sync-preview", args=["brevo", key]), follow=True))
    for name in ("sync-preview-confirm", "sync-preview-discard", "sync-undo"):
        assert "no such" in said(admin_client.post(reverse(name, args=["brevo", key]), follow=True))
    assert admin_client.get(reverse("sync-preview", args=["nobody", key])).status_code == 404


def test_an_old_one_is_not_confirmed(admin_client: Client, make_contact: Make, worker: None) -> None:
    page = preview_of(admin_client, make_contact())
    BulkOperation.objects.update(requested_at=timezone.now() - timedelta(days=1, minutes=1))
    answer = admin_client.post(f"{page}confirm/", follow=True)
    assert "older than a day" in said(answer)
    assert "Queue 1 contact for Brevo" not in text_of(answer)
    assert statuses() == {"New"}


def test_somebody_elses(admin_client: Client, make_contact: Make, worker: None) -> None:
    page = preview_of(admin_client, make_contact())
    other = staff("eve", "push_contact")
    text = text_of(other.get(page))
    assert "Only admin, who made this preview, can confirm it." in text
    assert "Queue 1 contact" not in text
    for what in ("confirm", "discard"):
        assert "Only admin" in said(other.post(f"{page}{what}/", follow=True))
    assert (statuses(), BulkOperation.objects.get().state) == ({"New"}, "draft")


def test_who_may(admin_client: Client, make_contact: Make, worker: None) -> None:
    page = preview_of(admin_client, make_contact())
    curation = preview_of(admin_client, Contact.objects.get(), action="queue_for_curation")
    for client, may in (
        (staff("vi"), ()),
        (staff("pu", "push_contact"), (page,)),
        (staff("cu", "curate_contact"), (curation,)),
    ):
        for address in (page, curation):
            expected = 200 if address in may else 403
            assert client.get(address).status_code == expected
            for what in ("confirm", "discard", "count"):
                assert client.post(f"{address}{what}/").status_code == (302 if address in may else 403)
            undo = address.replace("/preview/", "/operation/") + "undo/"
            assert client.post(undo).status_code == (302 if address in may else 403)
            assert client.get(f"{address}confirm/").status_code == 405
    assert Client().get(page).headers["Location"].startswith("/admin/login/")
    assert statuses() == {"New"}


def test_what_stands_in_the_way_is_said(admin_client: Client, make_contact: Make, settings: Any) -> None:
    page = preview_of(admin_client, make_contact())
    assert "No worker is running" in text_of(admin_client.get(page))
    now = timezone.now()
    SyncRun.objects.create(
        platform="brevo",
        trigger="admin",
        state="stopped",
        slot=1,
        started_at=now,
        heartbeat_at=now,
        reason="Wrong key.",
    )
    assert "The last run stopped: Wrong key." in text_of(admin_client.get(page))
    settings.BREVO_API_KEY = ""
    text = text_of(admin_client.get(page))
    assert "BREVO_API_KEY is not set" in text
    assert "Queue 1 contact" not in text
    assert "BREVO_API_KEY is not set. Nothing was queued." in said(admin_client.post(f"{page}confirm/", follow=True))
    assert statuses() == {"New"}


def test_many_are_counted_by_a_worker_and_confirmed_in_the_background(
    admin_client: Client, make_contact: Make, worker: None, few_are_many: None
) -> None:
    contacts = [make_contact(f"p{number}@x.example") for number in range(3)]
    page = preview_of(admin_client, contacts[0], select_across="1")
    answer = admin_client.get(page)
    assert "Counting…" in text_of(answer)
    assert "sync_admin/counting.js" in answer.content.decode()
    assert "still being counted" in said(admin_client.post(f"{page}confirm/", follow=True))
    operations.work_off(BREVO, seconds=None, stop=lambda: False, on_queued=lambda operation: None)
    assert "Queue 3 contacts for Brevo" in text_of(admin_client.get(page))
    assert "A worker queues them for Brevo." in said(admin_client.post(f"{page}confirm/", follow=True))
    assert statuses() == {"New"}
    operations.work_off(BREVO, seconds=None, stop=lambda: False, on_queued=lambda operation: None)
    assert statuses() == {"Queued"}
    operation = BulkOperation.objects.get()
    answer = admin_client.post(reverse("sync-undo", args=["brevo", operation.pk]), follow=True)
    assert "a worker takes them out" in said(answer)
    assert "This operation is being undone." in said(
        admin_client.post(reverse("sync-undo", args=["brevo", operation.pk]), follow=True)
    )
    operations.work_off(BREVO, seconds=None, stop=lambda: False, on_queued=lambda operation: None)
    assert statuses() == {"New"}


def test_without_a_worker_it_is_counted_at_once_or_on_a_click(
    admin_client: Client, make_contact: Make, few_are_many: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts = [make_contact(f"p{number}@x.example") for number in range(3)]
    assert "Queue 3 contacts" in text_of(admin_client.get(preview_of(admin_client, contacts[0], select_across="1")))
    monkeypatch.setattr("curation_sdk.admin_actions.COUNT_FOR", 0.0)
    page = preview_of(admin_client, contacts[0], select_across="1")
    text = text_of(admin_client.get(page))
    assert "No worker is running, so nobody counts on." in text
    answer = admin_client.post(f"{page}count/", follow=True)
    assert "Queue 3 contacts for Brevo" in text_of(answer)


def test_a_word_since_is_shown(admin_client: Client, make_contact: Make, worker: None) -> None:
    contact = make_contact()
    page = preview_of(admin_client, contact, make_contact("b@x.example"))
    choose(admin_client, "skip_for_brevo", contact)
    assert "Decided about since 1 Left alone" in text_of(admin_client.get(page))
    answer = admin_client.post(f"{page}confirm/", follow=True)
    assert "Queued 1 contact for Brevo. 1 was left alone: somebody decided about them meanwhile." in said(answer)


def test_text_from_outside_is_text(admin_client: Client, make_contact: Make, worker: None) -> None:
    contact = make_contact(name="<script>alert(1)</script>")
    page = preview_of(admin_client, contact, query="?q=%3Cscript%3Ealert(1)")
    page = preview_of(admin_client, contact)
    html = admin_client.get(page).content.decode()
    assert "<script>alert(1)" not in html


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds"),
        (30, "about 30 seconds"),
        (119, "about 119 seconds"),
        (180, "about 3 minutes"),
        (9_000, "about 2 hours"),
        (400_000, "about 5 days"),
    ],
)
def test_lengths_of_time(seconds: int, words: str) -> None:
    assert in_time(timedelta(seconds=seconds)) == words


def test_the_history_costs_the_same_for_many(
    admin_client: Client, make_contact: Make, worker: None, django_assert_max_num_queries: Any
) -> None:
    contact = make_contact()
    for _ in range(10):
        page = preview_of(admin_client, contact)
        admin_client.post(f"{page}confirm/")
        admin_client.post(page.replace("/preview/", "/operation/") + "undo/")
    with django_assert_max_num_queries(30):
        assert "20 bulk operations" in text_of(admin_client.get(OPERATIONS))
    for operation in BulkOperation.objects.all()[:2]:
        with django_assert_max_num_queries(30):
            assert admin_client.get(f"{OPERATIONS}{operation.pk}/change/").status_code == 200


def test_the_way_back_is_shown_to_whoever_may_take_it(make_contact: Make, worker: None) -> None:
    pusher = staff("pusher", "push_contact")
    pusher.post(f"{preview_of(pusher, make_contact())}confirm/")
    assert "Undo …" in text_of(pusher.get(OPERATIONS))
    for name, *permissions in (("curator", "curate_contact"), ("reader", "view_bulkoperation")):
        history = text_of(staff(name, *permissions).get(OPERATIONS))
        assert "Queued 1 contact for Brevo." in history
        assert "Undo …" not in history
