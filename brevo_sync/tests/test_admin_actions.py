"""The bulk actions: exactly the chosen contacts, and a sentence about each outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from contacts.models import Contact, Domain, Suppression
from contacts.tests.actions import act
from curation_sdk import workers
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create(username="ann", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def worker(db: None) -> None:
    """A worker that lives."""
    workers.beat(now=timezone.now())


def statuses() -> dict[str | None, str]:
    return dict(Contact.objects.values_list("email", "brevo_sync_status"))


def test_queue_tells_what_became_of_each(client: Client, make_contact: Make, worker: None) -> None:
    Suppression.objects.create(email_key="out@x.example", reason="complaint", since=NOON)
    failed = make_contact(
        "a@x.example",
        brevo_sync_status="Error",
        brevo_processing_status="Error",
        brevo_processing_error="no",
        brevo_retry_count=3,
        updated_at=NOON,
    )
    Contact.objects.update(updated_at=NOON)
    waiting = make_contact("b@x.example", brevo_sync_status="Queued", brevo_processing_status="Queued")
    out, nobody = make_contact("Out@X.example"), make_contact(None)
    make_contact("z@x.example")

    said = act(client, "queue_for_brevo", failed, waiting, out, nobody)

    text = "Queued 1 contact for Brevo. 1 was queued already. 2 skipped: 1 without an e-mail address, 1 suppressed."
    assert said == [("success", text)]
    assert statuses() == {
        "a@x.example": "Queued",
        "b@x.example": "Queued",
        "Out@X.example": "Skipped",
        None: "Skipped",
        "z@x.example": "New",
    }
    failed.refresh_from_db()
    assert (failed.brevo_processing_error, failed.brevo_retry_count, failed.updated_at) == (None, 0, NOON)
    out.refresh_from_db()
    assert out.brevo_processing_error == "Suppressed since 2026-11-24: Spam complaint."


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"a0@x.example", "a1@x.example", "b0@x.example", "b1@acme.test", "c0@x.example"}),
        ("?q=a", {"a0@x.example", "a1@x.example", "b0@x.example", "b1@acme.test", "c0@x.example"}),
        ("?q=b", {"b0@x.example", "b1@acme.test"}),
        ("?email_type__exact=FREE", {"a1@x.example", "b1@acme.test"}),
        ("?q=a1&email_type__exact=FREE", {"a1@x.example"}),
        ("?q=acme&email_type__exact=FREE", {"b1@acme.test", "a1@x.example"}),
        ("?brevo_sync_status__exact=New&o=2.-1", {"a0@x.example", "a1@x.example", "b0@x.example", "b1@acme.test"}),
        ("?q=nobody", set()),
        ("?q=" + "a+" * 300, set()),
        ("?has_gmail__exact=banana", set()),
        ("?email__regex=.", set()),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else str(len(value)),
)
def test_all_across_pages_is_exactly_what_is_filtered_and_searched(
    client: Client, make_contact: Make, worker: None, monkeypatch: pytest.MonkeyPatch, query: str, expected: set[str]
) -> None:
    monkeypatch.setattr("contacts.admin.ContactAdmin.list_per_page", 1)
    make_contact("a0@x.example")
    first = make_contact("a1@x.example", email_type="FREE", domain=Domain.objects.create(domain="acme.example"))
    make_contact("b0@x.example")
    make_contact("b1@acme.test", email_type="FREE")
    make_contact("c0@x.example", brevo_sync_status="Error")

    act(client, "queue_for_brevo", first, query=query, select_across="1")

    assert {email for email, status in statuses().items() if status == "Queued"} == expected


def test_what_is_ticked_outside_the_filter_is_not_queued(client: Client, make_contact: Make, worker: None) -> None:
    inside, outside = make_contact("a@x.example", email_type="FREE"), make_contact("b@x.example")

    act(client, "queue_for_brevo", inside, outside, query="?email_type__exact=FREE")

    assert statuses() == {"a@x.example": "Queued", "b@x.example": "New"}


def test_nothing_chosen_and_rows_without_an_id(client: Client, make_contact: Make) -> None:
    contact = make_contact()

    assert [level for level, _ in act(client, "queue_for_brevo")] == ["warning"]
    wrong = act(client, "queue_for_brevo", _selected_action=["abc", "\x00", str(contact.pk)])
    assert wrong == [("error", "Some of the chosen rows have no valid id. Nothing was done.")]
    act(client, "nonsense", contact)
    assert statuses() == {"ada@acme.example": "New"}


@pytest.mark.parametrize("action", ["queue_for_brevo", "retry_failed_for_brevo"])
def test_without_a_key_nothing_is_queued(client: Client, make_contact: Make, settings: Any, action: str) -> None:
    settings.BREVO_API_KEY = ""
    contact = make_contact(brevo_sync_status="Error")

    said = act(client, action, contact)

    assert said == [("error", "Brevo is switched off: BREVO_API_KEY is not set. Nothing was queued.")]
    assert statuses() == {"ada@acme.example": "Error"}
    assert not OrmQ.objects.exists()


def test_without_a_worker_the_person_is_told(client: Client, make_contact: Make) -> None:
    said = act(client, "queue_for_brevo", make_contact())

    assert [level for level, _ in said] == ["success", "warning"]
    assert "qcluster" in said[1][1]


def test_retry_takes_the_failed_only(client: Client, make_contact: Make, worker: None) -> None:
    failed, done = make_contact("a@x.example", brevo_sync_status="Error"), make_contact("b@x.example")

    assert act(client, "retry_failed_for_brevo", failed, done) == [("success", "Queued 1 contact for Brevo.")]
    assert statuses() == {"a@x.example": "Queued", "b@x.example": "New"}
    none = act(client, "retry_failed_for_brevo", failed, done)
    assert none == [("warning", "None of the chosen contacts has the Brevo status Error.")]


def test_retry_of_everyone_who_failed(client: Client, make_contact: Make, worker: None) -> None:
    failed = make_contact("a@x.example", brevo_sync_status="Error")
    make_contact("b@x.example", brevo_sync_status="Error")
    make_contact("c@x.example", brevo_sync_status="Complete")

    act(client, "retry_failed_for_brevo", failed, select_across="1")

    assert statuses() == {"a@x.example": "Queued", "b@x.example": "Queued", "c@x.example": "Complete"}


def test_skip(client: Client, make_contact: Make) -> None:
    waiting = make_contact("a@x.example", brevo_sync_status="Queued", brevo_processing_status="Queued")
    make_contact("b@x.example")

    assert act(client, "skip_for_brevo", waiting) == [("success", "1 contact will not be pushed to Brevo.")]

    waiting.refresh_from_db()
    assert statuses() == {"a@x.example": "Skipped", "b@x.example": "New"}
    assert (waiting.brevo_processing_status, waiting.brevo_next_attempt_at) == (None, None)
    assert f"Skipped by ann on {timezone.now():%Y-%m-%d}." == waiting.brevo_processing_error


def test_skip_says_who_may_have_arrived(client: Client, make_contact: Make) -> None:
    pushed = make_contact("a@x.example", brevo_sync_status="Processing", brevo_processing_status="Processing")

    assert act(client, "skip_for_brevo", pushed) == [
        ("success", "1 contact will not be pushed to Brevo."),
        ("warning", "1 of them was being pushed at that moment and may have reached Brevo."),
    ]


@pytest.mark.parametrize("everything", [False, True], ids=["ticked", "all of the list"])
def test_skip_says_which_of_the_same_people_still_wait(client: Client, make_contact: Make, everything: bool) -> None:
    queued = {"brevo_sync_status": "Queued", "brevo_processing_status": "Queued"}
    chosen = {"email_type": "FREE", **queued}
    first = make_contact("ada@x.example", **chosen)
    rest = [make_contact("ADA@x.example", **chosen), make_contact("bob@x.example", **chosen)]
    for address in (None, "alone@x.example"):
        rest.append(make_contact(address, **chosen))
    make_contact(None, **queued)
    make_contact("stranger@x.example", **queued)
    make_contact("Bob@x.example", brevo_sync_status="Complete", brevo_processing_status="Complete")

    def skip() -> list[tuple[str, str]]:
        Contact.objects.filter(email_type="FREE").update(**queued)
        # A filter that nobody comes under afterwards.
        query = "?email_type__exact=FREE&brevo_sync_status__exact=Queued"
        if everything:
            return act(client, "skip_for_brevo", first, query=query, select_across="1")
        return act(client, "skip_for_brevo", first, *rest, query=query)

    done = ("success", "5 contacts will not be pushed to Brevo.")
    assert skip() == [done]
    make_contact("Ada@X.example", **queued)
    text = "Another contact with the same address is in the queue for Brevo, so the person will be pushed."
    assert skip() == [done, ("warning", f"{text} Skip that one, too.")]
    make_contact("bob@X.example", brevo_sync_status="Processing", brevo_processing_status="Processing")
    text = "2 other contacts with the same addresses are in the queue for Brevo, so these people will be pushed."
    assert skip() == [done, ("warning", f"{text} Skip those, too.")]


def test_a_contact_deleted_between_choosing_and_queueing(client: Client, make_contact: Make, worker: None) -> None:
    kept, gone = make_contact("a@x.example"), make_contact("b@x.example")
    key = gone.pk
    gone.delete()
    gone.pk = key

    assert act(client, "queue_for_brevo", kept, gone) == [("success", "Queued 1 contact for Brevo.")]
    assert act(client, "queue_for_brevo", gone) == [("warning", "Queued 0 contacts for Brevo.")]


@pytest.mark.django_db(transaction=True)
def test_queueing_starts_a_run(client: Client, make_contact: Make) -> None:
    act(client, "queue_for_brevo", make_contact())

    assert [task.task["args"] for task in OrmQ.objects.all()] == [("admin",)]


def test_take_out_of_the_queue(client: Client, make_contact: Make) -> None:
    waiting = make_contact("a@x.example", brevo_sync_status="Queued", brevo_processing_status="Queued")
    done = make_contact("b@x.example", brevo_sync_status="Complete", brevo_processing_status="Complete")
    pushed = make_contact("c@x.example", brevo_sync_status="Processing", brevo_processing_status="Processing")

    assert act(client, "take_out_of_brevo", waiting, done, pushed) == [
        ("success", "Took 2 contacts out of the queue for Brevo."),
        ("warning", "1 of them was being pushed at that moment and may have reached Brevo."),
    ]
    assert statuses() == {"a@x.example": "New", "b@x.example": "Complete", "c@x.example": "New"}
    assert act(client, "take_out_of_brevo", done) == [("warning", "Took 0 contacts out of the queue for Brevo.")]
