"""The pages with the causes of failures, "retry these", and the line of a queue that is stopped."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from brevo_sync.job import BREVO
from contact_curation.job import CURATION
from contacts.models import Contact, Suppression
from curation_sdk import cause_groups, drafts, operations, workers
from curation_sdk.causes import cause_of
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, QueuePause, StatusCounts, SyncAttempt, SyncRun
from curation_sdk.outcomes import Evidence, Rejected, Retry
from curation_sdk.queueing import queue_contacts, skip_contacts
from curation_sdk.statuses import SyncStatus
from curation_sdk.testing import ScriptedPusher, run, scripted_job
from curation_sdk.tests.test_causes import AS_THEY_ARE, ONE
from hubspot_sync.job import HUBSPOT
from mautic_sync.job import MAUTIC
from n8n_sync.job import N8N
from scrapersky.platforms import QUEUES
from sync_admin.advice import OTHERWISE, advice

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
PHONE = 'Brevo refused it (400): "Invalid phone …".'


def failed(make: Make, number: int, reason: str = "", job: SyncJob = BREVO, **columns: Any) -> Contact:
    """A contact whose last push was refused, by default for its phone."""
    reason = reason or f'Brevo refused it (400): "Invalid phone +1 212 555 {number:04}".'
    columns |= {job.sync_status: "Error", job.processing_status: "Error", job.processing_error: reason}
    return make(f"p{number}@acme.example", **columns, **{job.error_cause: cause_of(reason)})


def stopped(platform: str = "brevo", reason: str = "Brevo rejected the key (401).", **columns: Any) -> SyncRun:
    now = timezone.now()
    columns = {"state": "stopped", "started_at": now, "heartbeat_at": now, "finished_at": now, **columns}
    return SyncRun.objects.create(platform=platform, trigger="schedule", slot=1, reason=reason, **columns)


def page(client: Client, name: str = "brevo") -> str:
    answer = client.get(reverse("sync-errors", args=[name]))
    assert answer.status_code == 200
    return answer.content.decode()


def retry(client: Client, cause: str, name: str = "brevo") -> Any:
    return client.post(reverse("sync-errors-retry", args=[name]), {"cause": cause}, follow=True)


def person(client: Client, users: Any, *permissions: str) -> Client:
    """Somebody with these permissions on contacts, logged in."""
    ada = users.objects.create_user(f"ada-{len(permissions)}", is_staff=True)
    ada.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(ada)
    return client


# --- groups ----------------------------------------------------------------------------------------------------


def test_what_failed_is_grouped_by_cause_the_largest_group_first(make_contact: Make) -> None:
    for number in range(3):
        failed(make_contact, number)
    failed(make_contact, 4, "Unexpected KeyError in our program.")
    failed(make_contact, 5, "Another platform's.", HUBSPOT)
    assert [(one.cause, one.count) for one in cause_groups.failed(BREVO)] == [
        (PHONE, 3),
        ("Unexpected KeyError in our program.", 1),
    ]


def test_who_waits_for_another_try_is_grouped_with_the_first_next_try(queued_for_brevo: Any) -> None:
    contacts, clock = queued_for_brevo(2)
    script = {contact.email: [Retry(f"Down for {n} seconds.")] for n, contact in enumerate(contacts, 1)}
    run(scripted_job(BREVO, ScriptedPusher(script)), clock)
    queued_for_brevo(1)  # one that has not been tried
    [group] = cause_groups.waiting(BREVO)
    assert (group.cause, group.count) == ("Down for … seconds.", 2)
    assert group.next_try == clock.now() + timedelta(minutes=5)


def test_skips_are_grouped_by_their_reason(make_contact: Make, clock: Any) -> None:
    make_contact(None)
    make_contact("")
    make_contact("no@acme.example")
    Suppression.objects.create(email_key="no@acme.example", reason="complaint")
    queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
    found = {one.cause: one.count for one in cause_groups.skipped(BREVO)}
    assert found == {
        "There is no e-mail address. Add one, then queue the contact again.": 2,
        "Suppressed since …: Spam complaint.": 1,
    }


def test_the_last_answer_is_the_latest_with_that_cause(make_contact: Make, clock: Any) -> None:
    old, new = failed(make_contact, 1), failed(make_contact, 2)
    for contact, hours in ((new, 1), (old, 2)):
        when = clock.now() - timedelta(hours=hours)
        SyncAttempt.objects.create(
            contact=contact, platform="brevo", cause=PHONE, created_at=when, outcome="rejected", reason="No."
        )
    SyncAttempt.objects.create(
        contact=old, platform="hubspot", cause=PHONE, created_at=clock.now(), outcome="rejected", reason="No."
    )
    found = cause_groups.last_answers(BREVO, [PHONE, "Nobody said that."])
    assert {cause: attempt.contact for cause, attempt in found.items()} == {PHONE: new}


@pytest.fixture
def queued_for_brevo(make_contact: Make, clock: Any) -> Callable[[int], Any]:
    def queued(number: int) -> Any:
        contacts = [make_contact(f"q{Contact.objects.count()}@acme.example") for _ in range(number)]
        queue_contacts(BREVO, Contact.objects.filter(pk__in=[one.pk for one in contacts]), now=clock.now())
        return contacts, clock

    return queued


# --- pages -----------------------------------------------------------------------------------------------------


def test_the_page_says_what_failed_what_to_do_and_what_the_platform_answered(
    admin_client: Client, queued_for_brevo: Any
) -> None:
    contacts, clock = queued_for_brevo(2)
    seen = Evidence(
        http_status=400, code="invalid_parameter", message="Invalid phone 7", request_id="r-1", duration_ms=31
    )
    refused = Rejected('Brevo refused it (400): "Invalid phone 7".', seen)
    run(scripted_job(BREVO, ScriptedPusher({one.email: [refused] for one in contacts})), clock)
    shown = page(admin_client)
    for text in ("2 contacts", "Invalid phone …", "Correct it in these contacts", "invalid_parameter", "r-1", "31 ms"):
        assert text in shown
    assert "Retry these 2" in shown
    assert "No contact waits for another try." in shown
    assert "No contact was skipped." in shown


def test_a_queue_in_which_all_is_well_says_so(admin_client: Client) -> None:
    assert "No contact is in Error." in page(admin_client)


def test_who_has_no_known_cause_is_not_forgotten(admin_client: Client, make_contact: Make) -> None:
    make_contact(brevo_sync_status="Error", brevo_processing_status="Error")
    assert "1 contact</a> in Error without a known cause" in page(admin_client)
    failed(make_contact, 1)
    assert "Besides, <a" in page(admin_client)


def test_the_page_of_all_queues_shows_each_ones_causes(admin_client: Client, make_contact: Make) -> None:
    failed(make_contact, 1)
    failed(make_contact, 2, "Mautic refused it.", MAUTIC)
    shown = admin_client.get(reverse("sync-errors")).content.decode()
    assert "Invalid phone …" in shown
    assert "Mautic refused it." in shown
    for job in QUEUES:
        assert f'href="{reverse("sync-errors", args=[job.platform])}"' in shown


def test_what_a_platform_said_is_shown_as_text(admin_client: Client, make_contact: Make) -> None:
    failed(make_contact, 1, "Brevo refused <script>alert()</script> it.")
    shown = page(admin_client)
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert" in shown


def test_the_link_of_a_group_leads_to_its_contacts_and_no_others(admin_client: Client, make_contact: Make) -> None:
    mine = {failed(make_contact, number).pk for number in range(3)}
    failed(make_contact, 4, "Another cause & more.")
    skip_contacts(BREVO, Contact.objects.filter(pk=failed(make_contact, 5).pk), reason=PHONE)
    address = next(
        line.contacts
        for line in admin_client.get(reverse("sync-errors", args=["brevo"])).context["failed"]
        if line.group.cause == PHONE
    )
    answer = admin_client.get(address)
    assert {contact.pk for contact in answer.context["cl"].result_list} == mine
    assert "Invalid phone …" in answer.content.decode()
    assert parse_qs(urlsplit(address).query)["cause"] == [f"brevo:{PHONE}"]


def test_the_list_offers_no_causes_of_its_own(admin_client: Client, make_contact: Make) -> None:
    failed(make_contact, 1)
    answer = admin_client.get(reverse("admin:contacts_contact_changelist"))
    assert "By cause" not in answer.content.decode()


@pytest.mark.parametrize("value", ["nobody:No.", "brevo", "brevo:a\x00b"])
def test_a_cause_in_an_address_that_makes_no_sense_is_no_server_error(admin_client: Client, value: str) -> None:
    answer = admin_client.get(reverse("admin:contacts_contact_changelist"), {"cause": value}, follow=True)
    assert answer.status_code == 200


def test_there_is_no_page_of_a_queue_that_does_not_exist(admin_client: Client) -> None:
    assert admin_client.get(reverse("sync-errors", args=["nobody"])).status_code == 404


@pytest.mark.parametrize("number", [1, 60])
def test_the_number_of_questions_does_not_grow(
    admin_client: Client, make_contact: Make, django_assert_max_num_queries: Any, number: int
) -> None:
    for place in range(number):
        letters = chr(65 + place % 26) + chr(65 + place // 26)
        for job in (BREVO, CURATION):
            contact = failed(make_contact, place, f"Brevo refused {letters}.", job)
            cause = getattr(contact, job.error_cause)
            SyncAttempt.objects.create(
                contact=contact, platform=job.platform, cause=cause, created_at=timezone.now(), outcome="rejected"
            )
    stopped()
    queue_contacts(BREVO, Contact.objects.filter(pk=make_contact().pk), now=timezone.now())
    with django_assert_max_num_queries(30):
        assert ("Last answer" in page(admin_client)) is True
    with django_assert_max_num_queries(30):
        admin_client.get(reverse("sync-errors"))


# --- what to do ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [*(reasons[0] for reasons in ONE.values()), *AS_THEY_ARE])
def test_there_is_advice_for_every_cause_that_we_know(reason: str) -> None:
    allowed = {'In Mautic, under Configuration, API Settings, set "API enabled" to yes.'}
    assert reason in allowed or advice(BREVO, cause_of(reason)).text != OTHERWISE.text


@pytest.mark.parametrize(
    ("job", "cause", "part", "set_up"),
    [
        (BREVO, "Brevo has no list …. Correct BREVO_LIST_ID;", "Put this right first", True),
        (HUBSPOT, "HubSpot does not take the value of email (INVALID_EMAIL).", "Correct it in these contacts", True),
        (MAUTIC, 'Mautic is in trouble (503): "x". Given up after … tries.', "See that Mautic works", False),
        (MAUTIC, 'Mautic is in trouble (503): "x".', "tried again by themselves", False),
        (N8N, "n8n could not enrich the contact: no website", "executions in n8n", False),
        (BREVO, "Nobody has seen this before.", "Read the last answer", False),
    ],
)
def test_what_to_do(job: SyncJob, cause: str, part: str, set_up: bool) -> None:
    found = advice(job, cause)
    assert part in found.text
    assert found.set_up == set_up


# --- retry these -------------------------------------------------------------------------------------------------


def test_a_retry_queues_the_group_and_nobody_else(admin_client: Client, make_contact: Make) -> None:
    group = {failed(make_contact, number).pk for number in range(3)}
    others = [
        failed(make_contact, 4, "Another cause."),
        failed(make_contact, 5, 'HubSpot refused it (400): "Invalid phone 1".', HUBSPOT, brevo_error_cause=PHONE),
        make_contact("skipped@acme.example", brevo_sync_status="Skipped", brevo_error_cause=PHONE),
    ]
    answer = retry(admin_client, PHONE)
    assert "Queued 3 contacts for Brevo." in answer.content.decode()
    queued = Contact.objects.filter(brevo_sync_status="Queued")
    assert {contact.pk for contact in queued} == group
    assert not queued.exclude(brevo_error_cause=None, brevo_processing_error=None).exists()
    for contact in others:
        before = contact.brevo_sync_status
        contact.refresh_from_db()
        assert contact.brevo_sync_status == before


def test_a_retry_is_in_the_history_and_can_be_undone(admin_client: Client, make_contact: Make) -> None:
    group = [failed(make_contact, number) for number in range(3)]
    before = list(Contact.objects.order_by("pk").values())
    assert "See it, or undo it." in retry(admin_client, PHONE).content.decode()
    operation = BulkOperation.objects.get()
    assert (operation.action, operation.state, operation.queued) == ("retry", "finished", len(group))
    assert (operation.requested_by.get_username(), operation.confirmed) == ("admin", True)
    assert PHONE in BREVO.in_words(operation.selection)
    admin_client.post(reverse("sync-undo", args=["brevo", operation.pk]))
    assert list(Contact.objects.order_by("pk").values()) == before


def test_a_group_that_somebody_retried_before_is_said_to_be_empty(admin_client: Client, make_contact: Make) -> None:
    failed(make_contact, 1)
    assert "they wait" in retry(admin_client, PHONE).content.decode()
    shown = retry(admin_client, PHONE).content.decode()
    assert "No contact has this error any more. Nothing was queued." in shown
    assert "they wait" not in shown


def test_a_group_that_is_gone_when_it_is_its_turn_is_said_to_be_empty(
    admin_client: Client, make_contact: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = failed(make_contact, 1)
    keep = drafts.draft_of_few

    def somebody_is_quicker(*arguments: Any, **options: Any) -> BulkOperation:
        draft = keep(*arguments, **options)
        skip_contacts(BREVO, Contact.objects.filter(pk=contact.pk), reason="Not him.")
        return draft

    monkeypatch.setattr(drafts, "draft_of_few", somebody_is_quicker)
    shown = retry(admin_client, PHONE).content.decode()
    assert "No contact has this error any more. Nothing was queued." in shown
    assert "they wait" not in shown
    assert "undo it" not in shown


def test_a_group_that_may_not_be_pushed_any_more_is_said_to_be_skipped(
    admin_client: Client, make_contact: Make
) -> None:
    Suppression.objects.create(email_key=failed(make_contact, 1).email_key, reason="complaint")
    shown = retry(admin_client, PHONE).content.decode()
    assert "Queued 0 contacts for Brevo. 1 skipped: 1 suppressed." in shown
    assert "they wait" not in shown
    assert "undo it" not in shown


def test_a_large_group_is_previewed_queued_by_a_worker_and_can_be_undone(
    admin_client: Client, make_contact: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "IMMEDIATELY", 2)
    for name in ("FIRST_CHUNK", "SMALLEST", "LARGEST"):
        monkeypatch.setattr(operations, name, 2)
    workers.beat(now=timezone.now())
    group = {failed(make_contact, number).pk for number in range(5)}
    failed(make_contact, 6, "Another cause, with = & and #.")
    before = list(Contact.objects.order_by("pk").values())
    assert "Retry these 5 …" in page(admin_client)

    def work() -> None:
        assert not operations.work_off(BREVO, seconds=None, stop=lambda: False, on_queued=lambda _: None)

    answer = retry(admin_client, PHONE)
    operation = BulkOperation.objects.get()
    preview = reverse("sync-preview", args=["brevo", operation.pk])
    assert answer.redirect_chain == [(preview, 302)]
    assert (operation.action, operation.state, operation.confirmed) == ("retry", "waiting", False)
    work()
    assert "Queue 5 contacts for Brevo" in admin_client.get(preview).content.decode()
    assert list(Contact.objects.order_by("pk").values()) == before

    admin_client.post(f"{preview}confirm/")
    work()
    assert {contact.pk for contact in Contact.objects.filter(brevo_sync_status="Queued")} == group
    admin_client.post(reverse("sync-undo", args=["brevo", operation.pk]))
    work()
    assert list(Contact.objects.order_by("pk").values()) == before


def test_a_platform_that_is_off_queues_nobody(admin_client: Client, make_contact: Make, settings: Any) -> None:
    failed(make_contact, 1)
    settings.BREVO_API_KEY = ""
    assert "Nothing was queued." in retry(admin_client, PHONE).content.decode()
    assert not Contact.objects.filter(brevo_sync_status="Queued").exists()
    assert "Retry" not in page(admin_client)


def test_looking_is_not_retrying(client: Client, django_user_model: Any, make_contact: Make) -> None:
    failed(make_contact, 1)
    failed(make_contact, 2, "Invalid e-mail address: 7.", CURATION)
    ada = person(client, django_user_model, "view_contact")
    assert "Retry" not in page(ada)
    assert retry(ada, PHONE).status_code == 403
    pusher = person(client, django_user_model, "view_contact", "push_contact")
    assert "Retry this one" in page(pusher)
    assert "Retry" not in page(pusher, "curation")
    assert retry(pusher, "Invalid e-mail address: ….", "curation").status_code == 403
    curator = person(client, django_user_model, "view_contact", "curate_contact", "add_contact")
    assert retry(curator, PHONE).status_code == 403
    assert retry(curator, "Invalid e-mail address: ….", "curation").status_code == 200
    assert list(Contact.objects.values_list("brevo_sync_status", "contact_curation_status").order_by("email")) == [
        ("Error", "New"),
        ("New", "Queued"),
    ]


def test_nobody_else_gets_in(client: Client, django_user_model: Any) -> None:
    addresses = [
        reverse("sync-errors"),
        reverse("sync-errors", args=["brevo"]),
        reverse("sync-errors-retry", args=["brevo"]),
    ]
    for address in addresses:
        send = client.post if address.endswith("retry/") else client.get
        assert send(address).headers["Location"].startswith("/admin/login/")
    stranger = person(client, django_user_model)
    for address in addresses:
        send = stranger.post if address.endswith("retry/") else stranger.get
        assert send(address).status_code == 403


def test_a_retry_is_a_post(admin_client: Client) -> None:
    assert admin_client.get(reverse("sync-errors-retry", args=["brevo"])).status_code == 405


# --- the line of a queue that is stopped ---------------------------------------------------------------------------

LINE = "Brevo is stopped, and 1 contact waits."


def start_page(client: Client) -> str:
    return client.get(reverse("admin:index")).content.decode()


@pytest.fixture
def waits(make_contact: Make) -> Contact:
    contact = make_contact()
    queue_contacts(BREVO, Contact.objects.filter(pk=contact.pk), now=timezone.now())
    return contact


def test_a_queue_that_is_stopped_is_on_every_page(admin_client: Client, waits: Contact) -> None:
    assert LINE not in start_page(admin_client)
    stopped()
    for name in ("admin:index", "admin:contacts_contact_changelist", "sync-connections", "sync-errors"):
        shown = admin_client.get(reverse(name)).content.decode()
        assert LINE in shown
        assert "Brevo rejected the key (401)." in shown
        assert reverse("sync-errors", args=["brevo"]) in shown
    dashboard = admin_client.get(reverse("sync-dashboard")).content.decode()
    assert LINE not in dashboard, "it stands with the queue there"
    assert "The last run stopped: Brevo rejected the key (401)." in dashboard


def test_it_counts_who_waits_now_whatever_was_counted_minutes_ago(
    admin_client: Client, make_contact: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker queued them, in another process, after this one had counted a large table."""
    monkeypatch.setattr("curation_sdk.status_counts.LARGE", 1)
    monkeypatch.setattr("sync_admin.stopped.COUNTED", 2)
    contacts = [make_contact(f"{number}@x.example") for number in range(3)]
    stopped()
    StatusCounts.objects.create(
        platform="brevo", counts=dict.fromkeys(SyncStatus.values, 0), counted_at=timezone.now()
    )
    queued = {"brevo_sync_status": "Queued", "brevo_processing_status": "Queued"}
    Contact.objects.filter(pk=contacts[0].pk).update(**queued)
    assert LINE in start_page(admin_client)
    Contact.objects.update(**queued)
    assert "Brevo is stopped, and more than 2 contacts wait." in start_page(admin_client)


@pytest.mark.parametrize(
    "case", ["nobody waits", "a run is at it", "a later run went well", "it is off", "it is paused"]
)
def test_it_is_silent_when_nobody_has_to_act(
    admin_client: Client, waits: Contact, make_contact: Make, settings: Any, case: str
) -> None:
    stopped()
    now = timezone.now()
    match case:
        case "nobody waits":
            skip_contacts(BREVO, Contact.objects.all(), reason="No.")
        case "a run is at it":
            stopped(state="running", finished_at=None)
        case "a later run went well":
            stopped(state="finished", started_at=now + timedelta(seconds=1))
        case "it is off":
            settings.BREVO_API_KEY = ""
        case "it is paused":
            QueuePause.objects.create(platform="brevo", paused_by="ada", paused_at=now)
    assert LINE not in start_page(admin_client)


def test_who_may_not_see_contacts_is_told_nothing(client: Client, django_user_model: Any, waits: Contact) -> None:
    stopped()
    assert LINE not in start_page(person(client, django_user_model))
    assert LINE not in client.get("/admin/login/").content.decode()
    assert LINE in start_page(person(client, django_user_model, "view_contact"))


def test_it_costs_one_question_while_all_goes_well(
    admin_client: Client, waits: Contact, django_assert_num_queries: Any
) -> None:
    from sync_admin.stopped import stopped_queues

    stopped(state="finished")
    with django_assert_num_queries(1):
        assert stopped_queues(now=timezone.now()) == []


def test_a_paused_queue_is_nowhere_said_to_be_stopped(
    admin_client: Client, waits: Contact, make_contact: Make
) -> None:
    failed(make_contact, 1)
    stopped()
    pages = (
        *("/admin/", reverse("sync-dashboard"), reverse("sync-errors"), reverse("sync-errors", args=["brevo"])),
        *(reverse("sync-connections"), reverse("sync-connection", args=["brevo"])),
        reverse("admin:contacts_contact_changelist"),
        reverse("admin:contacts_contact_change", args=[waits.pk]),
    )

    def saying(words: str) -> list[str]:
        shown = {address: admin_client.get(address).content.decode() for address in pages}
        return [address for address, text in shown.items() if words in text]

    assert saying("is stopped") + saying("The last run stopped")
    QueuePause.objects.create(platform="brevo", paused_by="ada", paused_at=timezone.now())
    assert saying("is stopped") == saying("The last run stopped") == []
    assert reverse("sync-dashboard") in saying("Paused by ada")


def test_the_way_to_the_page(admin_client: Client) -> None:
    shown = re.sub(r"<[^>]+>", " ", page(admin_client).partition('class="breadcrumbs"')[2].partition("</div>")[0])
    assert " ".join(unescape(shown).split()) == "> Home › Sync › Errors › Brevo"  # noqa: RUF001
