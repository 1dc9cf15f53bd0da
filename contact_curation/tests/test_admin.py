"""Curation in the admin: the action, the strip, the edit page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from contact_curation.job import CURATION
from contacts.models import Contact
from contacts.tests.actions import LIST, act, choose, confirm
from curation_sdk import operations, workers
from curation_sdk.cycle import run_cycle
from curation_sdk.models import BulkOperation, SyncRun

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Contact]


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create(username="ann", is_staff=True, is_superuser=True))
    workers.beat(now=timezone.now())
    return client


def tasks() -> list[tuple[str, tuple[str, ...]]]:
    return [(task.task["func"], task.task["args"]) for task in OrmQ.objects.all()]


def test_the_action_queues_the_chosen_ones_and_a_cycle_starts(client: Client, make_contact: Make) -> None:
    chosen, nobody, other = make_contact("a@x.example"), make_contact(None), make_contact("b@x.example")
    text = "Queued 1 contact for curation. 1 skipped: 1 without an e-mail address."
    assert act(client, "queue_for_curation", chosen, nobody) == [("success", text)]
    assert tasks() == [("contact_curation.tasks.process_curation_queue", ("admin",))]
    statuses = {
        contact.email: (contact.contact_curation_status, contact.contact_processing_status)
        for contact in Contact.objects.all()
    }
    assert statuses == {
        "a@x.example": ("Queued", "Queued"),
        None: ("Skipped", None),
        other.email: ("New", None),
    }


def test_all_that_is_listed_goes_to_a_worker(
    client: Client, make_contact: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "IMMEDIATELY", 2)
    contacts = [make_contact(f"p{number}@x.example", email_type="FREE") for number in range(3)]
    make_contact("other@x.example")
    answer = choose(client, "queue_for_curation", contacts[0], query="?email_type__exact=FREE", select_across="1")
    assert BulkOperation.objects.get().platform == "curation"
    operations.work_off(CURATION, seconds=None, stop=lambda: False, on_queued=lambda operation: None)
    assert not Contact.objects.exclude(contact_curation_status="New").exists()
    confirm(client, answer)
    operations.work_off(CURATION, seconds=None, stop=lambda: False, on_queued=lambda operation: None)
    assert run_cycle(CURATION, trigger=SyncRun.Trigger.ADMIN).sentence() == "3 curated."
    assert Contact.objects.get(email="other@x.example").contact_curation_status == "New"


def test_the_strip_shows_curation_beside_the_platforms(client: Client, make_contact: Make) -> None:
    make_contact("a@x.example", contact_curation_status="Complete")
    page = client.get(LIST).content.decode()
    assert 'data-platform="curation" aria-label="Curation"' in page
    assert page.index('aria-label="Curation"') < page.index('aria-label="Brevo"')
    assert client.get("/api/v3/contacts/curation").json()["summary"]["complete"] == 1


def test_the_edit_page_shows_the_queue_and_lets_only_the_status_be_changed(client: Client, make_contact: Make) -> None:
    contact = make_contact(contact_retry_count=2, contact_processing_error="Why not.")
    page = client.get(f"{LIST}{contact.pk}/change/").content.decode()
    assert "Why not." in page
    assert 'name="contact_curation_status"' in page
    for column in ("processing_status", "processing_error", "retry_count", "next_attempt_at"):
        assert f'name="contact_{column}"' not in page
    assert 'name="contact_curated_at' not in page
