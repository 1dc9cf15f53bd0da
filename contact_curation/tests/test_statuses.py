"""Setting the curation status: what the machine then has to do, and that it begins soon."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from django_q.models import OrmQ
from rest_framework_simplejwt.tokens import AccessToken

from contact_curation.job import CURATION
from contacts.curation import set_curation_status
from contacts.models import Contact, CurationStatus
from contacts.tests.test_api import Api
from curation_sdk import operations
from curation_sdk.cycle import run_cycle
from curation_sdk.models import BulkOperation, SyncRun

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Contact]
URL = "/api/v3/contacts"


@pytest.fixture
def api(db: None) -> Api:
    user = get_user_model().objects.create(username="ann", is_superuser=True)
    return Api(authorization=f"Bearer {AccessToken.for_user(user)}")


def started() -> list[tuple[str, Any]]:
    """The cycles that wait for a worker."""
    return [(task.task["func"], task.task["args"]) for task in OrmQ.objects.all()]


CYCLE = ("contact_curation.tasks.process_curation_queue", ("api",))


def test_queued_in_bulk_sets_both_columns_and_starts_a_cycle(api: Api, make_contact: Make) -> None:
    failed = {"contact_processing_status": "Error", "contact_processing_error": "no", "contact_retry_count": 3}
    by_id = make_contact("a@x.example", contact_curation_status="Error", **failed)
    by_filter = make_contact("b@x.example", email_type="FREE")
    before = timezone.now()

    answer = api("PUT", f"{URL}/status", {"contact_ids": [str(by_id.pk), str(uuid.UUID(int=1))], "status": "Queued"})
    assert (answer.status_code, answer.json()) == (200, {"updated_count": 1, "queued_count": 1})
    assert started() == [CYCLE]
    answer = api("PUT", f"{URL}/status/filtered", {"email_type": "FREE", "status": "Queued"})
    assert answer.json() == {"updated_count": 1, "queued_count": 1}
    assert started() == [CYCLE] * 2

    for contact in (by_id, by_filter):
        contact.refresh_from_db()
        assert (contact.contact_curation_status, contact.contact_processing_status) == ("Queued", "Queued")
        assert (contact.contact_processing_error, contact.contact_retry_count) == (None, 0)
        assert before <= contact.contact_next_attempt_at <= timezone.now()  # type: ignore[operator]


def test_queued_one_by_one_starts_a_cycle_as_well(api: Api) -> None:
    made = api("POST", URL, {"email": "a@x.example", "contact_curation_status": "Queued"}).json()
    assert started() == [CYCLE]
    api("PATCH", f"{URL}/{made['id']}", {"contact_curation_status": "Queued"})
    assert started() == [CYCLE] * 2
    api("POST", URL, {"email": "b@x.example"})
    api("PATCH", f"{URL}/{made['id']}", {"name": "Ada"})
    assert started() == [CYCLE] * 2
    assert run_cycle(CURATION, trigger=SyncRun.Trigger.API).sentence() == "1 curated."
    got = api("GET", f"{URL}/{made['id']}").json()
    assert (got["contact_curation_status"], got["contact_processing_status"]) == ("Complete", "Complete")
    assert (got["email_type"], got["name"]) == ("CORPORATE", "Ada")


@pytest.mark.parametrize("status", ["New", "Processing", "Complete", "Error", "Skipped"])
def test_any_other_status_takes_the_contact_out_of_the_queue(api: Api, make_contact: Make, status: str) -> None:
    contact = make_contact()
    set_curation_status(Contact.objects.all(), CurationStatus.QUEUED, trigger=SyncRun.Trigger.API)
    OrmQ.objects.all().delete()
    answer = api("PUT", f"{URL}/status", {"contact_ids": [str(contact.pk)], "status": status})
    assert answer.json() == {"updated_count": 1, "queued_count": 0}
    assert started() == []
    assert run_cycle(CURATION, trigger=SyncRun.Trigger.API).sentence() == "Nothing is due."
    contact.refresh_from_db()
    assert (contact.contact_curation_status, contact.contact_processing_status) == (status, None)


def test_a_status_that_is_sent_back_as_it_was_read_is_no_decision(api: Api, make_contact: Make) -> None:
    curated = {"contact_curation_status": "Error", "contact_processing_status": "Error"}
    contact = make_contact(**curated, contact_processing_error="The address is a placeholder.")
    answer = api("PATCH", f"{URL}/{contact.pk}", {"name": "Ada", "contact_curation_status": "Error"})
    assert answer.status_code == 200
    contact.refresh_from_db()
    assert (contact.name, contact.contact_processing_status) == ("Ada", "Error")
    assert contact.contact_processing_error == "The address is a placeholder."


def test_a_task_queue_that_is_away_undoes_nothing(
    api: Api, make_contact: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise OSError("no broker")

    monkeypatch.setattr("curation_sdk.tasks.async_task", away)
    contact = make_contact()
    answer = api("PUT", f"{URL}/status", {"contact_ids": [str(contact.pk)], "status": "Queued"})
    assert answer.json() == {"updated_count": 1, "queued_count": 1}


def test_a_later_word_stands_before_an_operation_on_many(make_contact: Make) -> None:
    skipped, other = make_contact("a@x.example"), make_contact("b@x.example")
    operations.request(
        CURATION,
        BulkOperation.Action.QUEUE,
        {"filters": {}},
        trigger=SyncRun.Trigger.ADMIN,
        user=None,
        now=timezone.now(),
    )
    chosen = Contact.objects.filter(pk=skipped.pk)
    set_curation_status(chosen, CurationStatus.SKIPPED, trigger=SyncRun.Trigger.API)
    operations.work_off(CURATION, seconds=None, stop=lambda: False, on_queued=lambda operation: None)
    skipped.refresh_from_db()
    other.refresh_from_db()
    assert (skipped.contact_curation_status, other.contact_curation_status) == ("Skipped", "Queued")


# --- the family's endpoints -----------------------------------------------------------------------------------


def test_the_state_and_the_summary(api: Api, make_contact: Make) -> None:
    make_contact("a@x.example")
    make_contact("b@x.example", contact_curation_status="Complete")
    state = api("GET", f"{URL}/curation").json()
    assert (state["platform"], state["label"], state["on"], state["problem"]) == ("curation", "Curation", True, "")
    counts = {"new": 1, "queued": 0, "processing": 0, "complete": 1, "error": 0, "skipped": 0, "total_contacts": 2}
    assert state["summary"] == counts
    assert api("GET", f"{URL}/curation/status/summary").json() == counts
    assert set(state["endpoints"]) >= {"sync-batch", "sync-filtered", "sync-cancel"}


def test_very_many_are_queued_by_a_worker(api: Api, make_contact: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "IMMEDIATELY", 2)
    for number in range(3):
        make_contact(f"p{number}@x.example")
    answer = api("POST", f"{URL}/curation/sync/filtered", {"all": True})
    assert answer.status_code == 202
    assert started() == [CYCLE]
    operations.work_off(CURATION, seconds=None, stop=lambda: False, on_queued=lambda operation: None)
    assert run_cycle(CURATION, trigger=SyncRun.Trigger.API).sentence() == "3 curated."


def test_batch_and_cancel(api: Api, make_contact: Make) -> None:
    ids = {"contact_ids": [str(make_contact("a@x.example").pk), str(make_contact(None).pk)]}
    said = api("POST", f"{URL}/curation/sync/batch", ids).json()
    assert said["message"] == "Queued 1 contact for curation. 1 skipped: 1 without an e-mail address."
    assert api("POST", f"{URL}/curation/sync/cancel", ids).json()["cancelled_count"] == 1


def test_numbers_that_make_no_sense_switch_it_off_and_are_named(api: Api, make_contact: Make, settings: Any) -> None:
    settings.CURATION_SCHEDULER_BATCH_SIZE = 0
    answer = api("POST", f"{URL}/curation/sync/batch", {"contact_ids": [str(make_contact().pk)]})
    text = "Curation is switched off: CURATION_SCHEDULER_BATCH_SIZE must lie between 1 and 1,000."
    assert (answer.status_code, answer.json()) == (409, {"detail": text})
