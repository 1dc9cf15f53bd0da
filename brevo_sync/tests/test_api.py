"""The Brevo endpoints, as the design's section 5 promises them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection
from django.utils import timezone
from django_q.models import OrmQ
from rest_framework_simplejwt.tokens import AccessToken

from brevo_sync.job import BREVO
from contacts.models import Contact, Domain, Suppression
from contacts.tests.test_api import Api
from curation_sdk import runs
from curation_sdk.models import SyncRun
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
URL = "/api/v3/contacts/brevo"
FAILED = {
    "brevo_sync_status": "Error",
    "brevo_processing_status": "Error",
    "brevo_processing_error": "no",
    "brevo_retry_count": 3,
}
WAITING = {
    "brevo_sync_status": "Queued",
    "brevo_processing_status": "Queued",
    "brevo_processing_error": "later",
    "brevo_retry_count": 2,
    "brevo_next_attempt_at": NOON,
}
BEING_PUSHED = {**WAITING, "brevo_sync_status": "Processing", "brevo_processing_status": "Processing"}


@pytest.fixture
def api() -> Api:
    user = get_user_model().objects.create(username="ann", is_superuser=True)
    return Api(authorization=f"Bearer {AccessToken.for_user(user)}")


def sync_columns(contact: Contact) -> tuple[Any, ...]:
    contact.refresh_from_db()
    return (
        contact.brevo_sync_status,
        contact.brevo_processing_status,
        contact.brevo_processing_error,
        contact.brevo_retry_count,
    )


@pytest.mark.parametrize("slash", ["", "/"])
def test_batch_says_what_became_of_each(api: Api, make_contact: Make, slash: str) -> None:
    Suppression.objects.create(email_key="out@x.example", reason="unsubscribed", since=NOON)
    new, failed = make_contact("a@x.example"), make_contact("b@x.example", **FAILED)
    waiting, pushed = make_contact("c@x.example", **WAITING), make_contact("d@x.example", **BEING_PUSHED)
    out, blank, nothing = make_contact("OUT@x.example"), make_contact(" "), make_contact(None)
    bystander = make_contact("z@x.example")
    contacts = [new, failed, waiting, pushed, out, blank, nothing]
    ids = [str(contact.pk) for contact in contacts] + [str(new.pk), str(new.pk).upper(), str(uuid.uuid4())]

    answer = api("POST", f"{URL}/sync/batch{slash}", {"contact_ids": ids})

    assert answer.status_code == 200
    assert answer.json() == {
        "queued_count": 2,
        "already_queued_count": 2,
        "skipped_count": 3,
        "message": "Queued 2 contacts for Brevo. 2 were queued already. "
        "3 skipped: 2 without an e-mail address, 1 suppressed.",
    }
    for contact in (new, failed):
        assert sync_columns(contact) == ("Queued", "Queued", None, 0)
        assert contact.brevo_next_attempt_at is not None
        assert abs(contact.brevo_next_attempt_at - timezone.now()) < timedelta(minutes=1)
    assert sync_columns(waiting) == ("Queued", "Queued", "later", 2)
    assert sync_columns(pushed) == ("Processing", "Processing", "later", 2)
    assert (waiting.brevo_next_attempt_at, pushed.brevo_next_attempt_at) == (NOON, NOON)
    assert sync_columns(out) == ("Skipped", None, "Suppressed since 2026-11-24: Unsubscribed.", 0)
    for contact in (blank, nothing):
        assert sync_columns(contact)[:2] == ("Skipped", None)
        assert "no e-mail address" in sync_columns(contact)[2]
    assert sync_columns(bystander) == ("New", None, None, 0)


def test_other_platforms_are_left_alone(api: Api, make_contact: Make) -> None:
    contact = make_contact(hubspot_sync_status="Error", hubspot_processing_error="no")

    api("POST", f"{URL}/sync/batch", {"contact_ids": [str(contact.pk)]})

    contact.refresh_from_db()
    assert (contact.hubspot_sync_status, contact.hubspot_processing_error) == ("Error", "no")
    assert (contact.mautic_sync_status, contact.n8n_sync_status) == ("New", "New")


@pytest.mark.parametrize(("call", "count"), [("batch", "queued_count"), ("cancel", "cancelled_count")])
def test_no_ids_and_unknown_ids(api: Api, call: str, count: str) -> None:
    none = api("POST", f"{URL}/sync/{call}", {"contact_ids": []})
    assert none.status_code == 200
    assert (none.json()[count], none.json()["message"]) == (0, "No contact IDs provided")

    unknown = api("POST", f"{URL}/sync/{call}", {"contact_ids": [str(uuid.uuid4())]})
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "None of these contacts exists."})


def test_no_ids_have_every_count(api: Api) -> None:
    assert api("POST", f"{URL}/sync/batch", {"contact_ids": []}).json() == {
        "queued_count": 0,
        "already_queued_count": 0,
        "skipped_count": 0,
        "message": "No contact IDs provided",
    }


def test_more_ids_than_one_statement_takes(api: Api, make_contact: Make) -> None:
    contact = make_contact()
    body = {"contact_ids": [*(f"{number:032x}" for number in range(40_000)), str(contact.pk)]}

    assert api("POST", f"{URL}/sync/batch", body).json()["queued_count"] == 1
    assert api("POST", f"{URL}/sync/cancel", body).json()["cancelled_count"] == 1


@pytest.mark.parametrize("slash", ["", "/"])
def test_filtered_queues_exactly_those_that_match(api: Api, make_contact: Make, slash: str) -> None:
    domain = Domain.objects.create(domain="x.example")
    wanted = make_contact("a@x.example", domain=domain, **FAILED)
    others = [make_contact("b@x.example", **FAILED), make_contact("c@x.example", domain=domain)]
    before = [sync_columns(contact) for contact in others]

    answer = api("POST", f"{URL}/sync/filtered{slash}", {"brevo_sync_status": "Error", "domain_id": str(domain.pk)})

    assert answer.status_code == 200
    assert answer.json() == {
        "queued_count": 1,
        "already_queued_count": 0,
        "skipped_count": 0,
        "message": "Queued 1 contact for Brevo.",
    }
    assert sync_columns(wanted) == ("Queued", "Queued", None, 0)
    assert [sync_columns(contact) for contact in others] == before


def test_counts_add_up_when_the_filter_is_what_queueing_changes(api: Api, make_contact: Make) -> None:
    Suppression.objects.create(email_key="b@x.example")
    for address in ("a@x.example", "B@x.example", None):
        make_contact(address, brevo_sync_status="Skipped")

    answer = api("POST", f"{URL}/sync/filtered", {"brevo_sync_status": "Skipped"}).json()

    assert (answer["queued_count"], answer["already_queued_count"], answer["skipped_count"]) == (1, 0, 2)


def test_filtered_without_a_match_and_for_everyone(api: Api, make_contact: Make) -> None:
    make_contact()

    none = api("POST", f"{URL}/sync/filtered", {"email_contains": "nobody"})
    assert (none.status_code, none.json()["queued_count"]) == (200, 0)
    assert none.json()["message"] == "Queued 0 contacts for Brevo."
    assert api("POST", f"{URL}/sync/filtered", {}).status_code == 400
    assert api("POST", f"{URL}/sync/filtered", {"all": True}).json()["queued_count"] == 1


@pytest.mark.parametrize("slash", ["", "/"])
def test_cancel_brings_back_to_new(api: Api, make_contact: Make, slash: str) -> None:
    waiting, pushed = make_contact("a@x.example", **WAITING), make_contact("b@x.example", **BEING_PUSHED)
    failed = make_contact("c@x.example", **FAILED)
    ids = [str(contact.pk) for contact in (waiting, pushed, failed)] * 2

    answer = api("POST", f"{URL}/sync/cancel{slash}", {"contact_ids": ids})

    assert answer.status_code == 200
    assert answer.json() == {
        "cancelled_count": 2,
        "message": "Took 2 contacts out of the queue for Brevo. "
        "1 of them was being pushed at that moment and may have reached Brevo.",
    }
    for contact in (waiting, pushed):
        assert sync_columns(contact) == ("New", None, None, 0)
        assert contact.brevo_next_attempt_at is None
    assert sync_columns(failed) == ("Error", "Error", "no", 3)


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_summary(api: Api, make_contact: Make, slash: str) -> None:
    url = f"{URL}/status/summary{slash}"
    names = ("new", "queued", "processing", "complete", "error", "skipped", "total_contacts")
    assert api("GET", url).json() == dict.fromkeys(names, 0)

    for columns in ({}, {}, WAITING, BEING_PUSHED, FAILED):
        make_contact(**columns)

    assert api("GET", url).json() == {
        "new": 2,
        "queued": 1,
        "processing": 1,
        "complete": 0,
        "error": 1,
        "skipped": 0,
        "total_contacts": 5,
    }


@pytest.mark.parametrize(("call", "body"), [("batch", {"contact_ids": ["1" * 32]}), ("filtered", {"all": True})])
def test_without_a_key_nothing_is_queued(
    api: Api, make_contact: Make, settings: Any, call: str, body: dict[str, Any]
) -> None:
    settings.BREVO_API_KEY = ""
    contact = make_contact(pk="1" * 32)

    answer = api("POST", f"{URL}/sync/{call}", body)

    assert answer.status_code == 409
    assert "BREVO_API_KEY" in answer.json()["detail"]
    assert sync_columns(contact) == ("New", None, None, 0)
    assert not OrmQ.objects.exists()


def test_without_a_key_contacts_can_still_be_taken_out_and_counted(
    api: Api, make_contact: Make, settings: Any
) -> None:
    settings.BREVO_API_KEY = ""
    contact = make_contact(**WAITING)

    assert api("POST", f"{URL}/sync/cancel", {"contact_ids": [str(contact.pk)]}).json()["cancelled_count"] == 1
    assert api("GET", f"{URL}/status/summary").json()["new"] == 1
    state = api("GET", URL).json()
    assert (state["on"], "BREVO_API_KEY" in state["problem"]) == (False, True)


def test_the_key_is_shown_nowhere(api: Api, settings: Any, make_contact: Make) -> None:
    settings.BREVO_API_KEY = "xkeysib-very-secret"
    make_contact()

    for path in (URL, f"{URL}/status/summary", "/api/v3/contacts", "/health", "/api/schema"):
        assert "very-secret" not in api("GET", path).content.decode()


@pytest.mark.django_db(transaction=True)
def test_queueing_starts_a_run_once_it_is_committed(api: Api, make_contact: Make) -> None:
    contact = make_contact()

    api("POST", f"{URL}/sync/batch", {"contact_ids": [str(contact.pk)]})
    api("POST", f"{URL}/sync/filtered", {"brevo_sync_status": "Queued"})

    tasks = [queued.task for queued in OrmQ.objects.all()]
    assert [(task["func"], task["args"]) for task in tasks] == [(BREVO.task, ("api",))] * 2


@pytest.mark.django_db(transaction=True)
def test_a_task_queue_out_of_reach_does_not_undo_the_queueing(
    api: Api, make_contact: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **options: Any) -> None:
        raise ConnectionError("no Redis here")

    monkeypatch.setattr("curation_sdk.tasks.async_task", broken)
    contact = make_contact()

    answer = api("POST", f"{URL}/sync/batch", {"contact_ids": [str(contact.pk)]})

    assert (answer.status_code, answer.json()["queued_count"]) == (200, 1)
    assert sync_columns(contact)[0] == "Queued"


@pytest.mark.django_db(transaction=True)
def test_a_batch_is_queued_as_a_whole_or_not_at_all(
    api: Api, make_contact: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curation_sdk.viewsets.IDS_AT_ONCE", 1)
    contacts = sorted((make_contact(f"{n}@x.example") for n in range(2)), key=lambda contact: contact.pk)
    api.client.raise_request_exception = False
    updates = 0

    def second_update_fails(execute: Any, sql: str, *args: Any) -> Any:
        nonlocal updates
        # Each part makes one: no rule for skipping matches.
        updates += sql.startswith('UPDATE "contacts"')
        if updates > 1:
            raise DatabaseError("the disk is full")
        return execute(sql, *args)

    with connection.execute_wrapper(second_update_fails):
        answer = api("POST", f"{URL}/sync/batch", {"contact_ids": [str(contact.pk) for contact in contacts]})

    assert answer.status_code == 500
    assert [sync_columns(contact)[0] for contact in contacts] == ["New", "New"]
    assert not OrmQ.objects.exists()


def test_the_platforms_page_says_how_it_stands(api: Api, make_contact: Make) -> None:
    make_contact(**WAITING)

    state = api("GET", URL).json()

    assert set(state) == {
        *("platform", "label", "on", "running", "problem", "notes", "last_run", "operations", "summary", "endpoints"),
    }
    assert (state["platform"], state["label"], state["on"], state["running"]) == ("brevo", "Brevo", True, False)
    assert "qcluster" in state["problem"]
    assert state["summary"]["queued"] == 1
    for name, address in state["endpoints"].items():
        method = "GET" if name in ("status-summary", "sync-operations") else "POST"
        assert api(method, address, {"contact_ids": []}).status_code in (200, 400)
        assert not address.endswith("/")


def test_a_run_that_stopped_is_told_while_contacts_wait(api: Api, make_contact: Any) -> None:
    make_contact(brevo_sync_status="Queued", brevo_processing_status="Queued")
    run = runs.take_slot(BREVO, BREVO.policy(), trigger=SyncRun.Trigger.API, now=NOON)
    assert run is not None
    SyncRun.objects.update(state="stopped", reason="The key is wrong.", notes="Two attributes are missing.")

    state = api("GET", URL).json()

    assert state["problem"] == "The last run stopped: The key is wrong."
    assert state["notes"] == "Two attributes are missing."
    assert state["last_run"]["state"] == "stopped"
