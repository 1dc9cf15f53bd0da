"""n8n fetches contacts of any platform's queue and reports on each."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from brevo_sync.job import BREVO
from contacts.models import Contact, Domain, Suppression
from curation_sdk.models import SyncAttempt
from curation_sdk.queueing import cancel_queued, queue_contacts
from curation_sdk.testing import NOON, FakeClock
from hubspot_sync.job import HUBSPOT
from n8n_sync.job import N8N
from n8n_sync.models import Enrichment
from n8n_sync.tests.support import BEARER, COMPLETE, QUEUE, RESULTS, queue, report

pytestmark = pytest.mark.django_db

NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(autouse=True)
def time() -> Any:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def people(make_contact: Callable[..., Contact], clock: FakeClock) -> list[Contact]:
    """Three who are queued for n8n."""
    made = [make_contact(f"p{number}@acme.example", name=f"P {number}") for number in range(3)]
    queue(clock)
    return made


def fetch(query: str = "", headers: dict[str, str] = BEARER) -> list[dict[str, Any]]:
    answer = Client().get(f"{QUEUE}{query}", headers=headers)
    assert answer.status_code == 200, answer.json()
    items: list[dict[str, Any]] = answer.json()["contacts"]
    return items


def say(body: Any, headers: dict[str, str] = BEARER) -> Any:
    return Client().post(RESULTS, json.dumps(body), content_type="application/json", headers=headers)


def result(item: dict[str, Any], status: str = "complete", **more: Any) -> dict[str, Any]:
    return {"contact_id": item["contact_id"], "delivery_id": item["delivery_id"], "status": status, **more}


def statuses(platform: str = "n8n") -> dict[str, str]:
    return dict(Contact.objects.values_list("email", f"{platform}_sync_status"))


def test_fetch_report_done(people: list[Contact]) -> None:
    items = fetch()
    assert {item["email"] for item in items} == {person.email for person in people}
    assert {item["report_until"] for item in items} == {"2026-11-24T12:30:00+00:00"}
    assert set(statuses().values()) == {"Processing"}
    assert fetch() == [], "nobody is handed out twice"
    answer = say([result(item, remote_id=f"crm-{place}") for place, item in enumerate(items)])
    assert answer.json() == {
        "applied_count": 3,
        "late_count": 0,
        "unknown_count": 0,
        "message": "3 results taken.",
    }
    assert set(statuses().values()) == {"Complete"}
    assert set(Contact.objects.values_list("n8n_contact_id", flat=True)) == {"crm-0", "crm-1", "crm-2"}


@pytest.mark.parametrize(
    ("status", "error", "expected", "reason"),
    [
        ("complete", "", ("Complete", "Complete", 0), None),
        ("failed", "No such list", ("Error", "Error", 0), "n8n: No such list"),
        ("failed", None, ("Error", "Error", 0), "n8n reported a failure and gave no reason."),
        ("skipped", "A competitor", ("Skipped", None, 0), "A competitor"),
        ("retry", "CRM is down", ("Queued", "Queued", 1), "CRM is down"),
    ],
)
def test_what_n8n_may_say(
    make_contact: Any, clock: FakeClock, status: str, error: str | None, expected: Any, reason: str | None
) -> None:
    ada = make_contact("ada@acme.example")
    queue(clock)
    assert say(result(fetch()[0], status, error=error)).status_code == 200
    ada.refresh_from_db()
    assert (ada.n8n_sync_status, ada.n8n_processing_status, ada.n8n_retry_count) == expected
    assert ada.n8n_processing_error == reason


def test_an_empty_queue_is_an_empty_list() -> None:
    assert fetch() == []


def test_of_another_platform_also_one_that_is_off(people: list[Contact], clock: FakeClock, settings: Any) -> None:
    settings.BREVO_API_KEY = ""
    queue(clock, BREVO)
    items = fetch("?platform=brevo&limit=2")
    assert [item["platform"] for item in items] == ["brevo", "brevo"]
    say({"results": [result(item, remote_id="b", platform="brevo") for item in items]})
    assert sorted(statuses("brevo").values()) == ["Complete", "Complete", "Queued"]
    assert set(statuses().values()) == {"Queued"}, "its own queue is another one"


def test_a_result_for_the_wrong_platform_is_late(people: list[Contact], clock: FakeClock) -> None:
    queue(clock, BREVO)
    (item, *_), _ = fetch("?platform=brevo"), fetch()
    assert say(result(item)).json()["late_count"] == 1
    assert set(statuses().values()) == {"Processing"}


def test_a_lease_that_ends_is_due_again_and_its_report_late(people: list[Contact], time: Any) -> None:
    first = fetch()
    time.shift(timedelta(minutes=29))
    assert fetch() == []
    time.shift(timedelta(minutes=1))
    again = fetch()
    assert len(again) == 3
    answer = say([result(item, "failed") for item in first])
    assert (answer.status_code, answer.json()["late_count"]) == (200, 3)
    assert set(statuses().values()) == {"Processing"}
    assert set(SyncAttempt.objects.values_list("outcome", flat=True)) == {"late"}
    assert say([result(item) for item in again]).json()["applied_count"] == 3


def test_after_the_last_try_it_is_an_error(people: list[Contact], time: Any) -> None:
    for _ in range(4):
        assert len(fetch()) == 3
        time.shift(timedelta(minutes=30))
    assert fetch() == []
    assert set(statuses().values()) == {"Error"}
    reason = Contact.objects.values_list("n8n_processing_error", flat=True)[0] or ""
    assert "n8n fetched it and never reported back, at the last of 4 tries." in reason


def test_who_was_taken_out_meanwhile_keeps_his_status(people: list[Contact]) -> None:
    items = fetch()
    cancel_queued(N8N, Contact.objects.all())
    assert say([result(item) for item in items]).json()["message"] == (
        "0 results taken. 3 came too late and changed nothing."
    )
    assert set(statuses().values()) == {"New"}


@pytest.mark.parametrize("platform", ["n8n", "hubspot"])
def test_a_result_on_the_former_address_is_late(
    people: list[Contact], clock: FakeClock, admin_client: Client, platform: str
) -> None:
    """What n8n calls the former person is not the id of the one who has the contact now."""
    queue(clock, HUBSPOT)
    item = fetch(f"?platform={platform}&limit=1")[0]
    change = json.dumps({"email": "grace@acme.example"})
    path = f"/api/v3/contacts/{item['contact_id']}"
    assert admin_client.patch(path, change, content_type="application/json").status_code == 200
    assert say(result(item, remote_id="501", platform=platform)).json()["late_count"] == 1
    grace = Contact.objects.get(email="grace@acme.example")
    assert (statuses(platform)[grace.email], getattr(grace, f"{platform}_contact_id")) == ("Processing", None)


def test_one_answer_each_and_nobody(people: list[Contact]) -> None:
    items = fetch()
    body = [result(items[0]), result(items[0], "failed"), {**result(items[1]), "contact_id": NOBODY}]
    assert say(body).json() == {
        "applied_count": 1,
        "late_count": 1,
        "unknown_count": 1,
        "message": "1 result taken. 1 came too late and changed nothing. 1 named no contact.",
    }
    assert statuses()[items[0]["email"]] == "Complete"


def test_rows_of_one_person_are_one_item(make_contact: Any, clock: FakeClock) -> None:
    make_contact("ada@acme.example", name="Ada Lovelace")
    make_contact("ADA@acme.example", phone_number="+1 555 0100")
    queue(clock)
    (item,) = fetch()
    assert (item["name"], item["phone"]) == ("Ada Lovelace", "+1 555 0100")
    say(result(item, remote_id="7"))
    assert set(Contact.objects.values_list("n8n_sync_status", "n8n_contact_id")) == {("Complete", "7")}


def test_who_must_not_be_pushed_is_skipped_and_not_handed_out(make_contact: Any, clock: FakeClock) -> None:
    for address in ("good@acme.example", "blocked@acme.example", "not an address@@"):
        make_contact(address)
    queue(clock)
    Suppression.objects.create(email_key="blocked@acme.example")
    assert [item["email"] for item in fetch()] == ["good@acme.example"]
    assert sorted(statuses().values()) == ["Processing", "Skipped", "Skipped"]


def test_filters_and_limit(make_contact: Any, clock: FakeClock) -> None:
    domain = Domain.objects.create(domain="acme.example")
    for number in range(6):
        make_contact(f"p{number}@acme.example", domain=domain if number < 4 else None)
    queue(clock)
    assert len(fetch(f"?domain_id={domain.pk}&limit=3")) == 3
    assert len(fetch(f"?domain_id={domain.pk}")) == 1
    assert len(fetch("?limit=&domain_id=")) == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?platform=x", "platform"),
        ("?limit=0", "limit"),
        ("?limit=501", "limit"),
        ("?limit=x", "limit"),
        ("?email_typ=FREE", "email_typ"),
        ("?domain_id=7", "domain_id"),
    ],
)
def test_a_bad_question_is_400_with_the_field(people: list[Contact], query: str, field: str) -> None:
    answer = Client().get(f"{QUEUE}{query}", headers=BEARER)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert set(statuses().values()) == {"Queued"}


@pytest.mark.parametrize(
    "change",
    [
        {"contact_id": "7"},
        {"delivery_id": ""},
        {"status": "done"},
        {"platform": "x"},
        {"remote_id": "x" * 256},
        {"enriched_data": "x"},
        {"error": {}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_bad_result_is_400_and_none_is_taken(people: list[Contact], change: dict[str, Any]) -> None:
    items = fetch()
    answer = say([result(items[0]), {**result(items[1]), **change}])
    assert answer.status_code == 400
    assert next(iter(change)) in json.dumps(answer.json())
    assert set(statuses().values()) == {"Processing"}


@pytest.mark.parametrize("body", ["x", 7, None, {"results": 7}, [7]])
def test_a_body_that_is_no_list(body: Any) -> None:
    assert say(body).status_code == 400


def test_what_was_found_out_is_kept(people: list[Contact]) -> None:
    items = fetch()
    data = {"company": {"name": "Acme"}}
    say(result(items[0], enriched_data=data, enrichment_id=5))
    say(result(items[0], enriched_data=data, enrichment_id=5))
    say(result(items[1], "retry", enriched_data=data))
    found = Enrichment.objects.get()
    assert (str(found.contact_id), found.company_name, found.enrichment_id) == (items[0]["contact_id"], "Acme", "5")
    assert found.answered


def test_what_is_said_twice_in_one_list_is_kept_once_with_what_it_answered(people: list[Contact]) -> None:
    first, second, _ = fetch()
    found = {"enriched_data": {"phone": "+1-555-0100"}}
    again = [
        result(first, **found),
        result(second, enrichment_id="b", **found),
        result(first, enrichment_id="c", **found),
    ]
    say([result(first, **found), *again])
    kept = Enrichment.objects.values_list("contact_id", "enrichment_id", "answered")
    assert {(str(key), number, answered) for key, number, answered in kept} == {
        (first["contact_id"], first["delivery_id"], True),
        (first["contact_id"], "c", False),
        (second["contact_id"], "b", True),
    }
    assert kept.count() == 3


def test_many_results_take_no_more_queries_than_few(
    make_contact: Any, clock: FakeClock, django_assert_max_num_queries: Any
) -> None:
    """All writers of many contacts wait meanwhile."""
    for number in range(55):
        make_contact(f"p{number}@acme.example")
    queue(clock)
    items = [result(item, enriched_data={"phone": "+1-555-0100"}) for item in fetch("?limit=55")]
    with CaptureQueriesContext(connection) as few:
        assert say(items[:5]).json()["applied_count"] == 5
    with django_assert_max_num_queries(len(few) + 3):  # SQLite takes large inserts in parts
        assert say(items[5:]).json()["applied_count"] == 50
    assert Enrichment.objects.count() == 55


@pytest.mark.parametrize("expected", [False, True], ids=["no report expected", "one expected"])
def test_who_was_fetched_may_be_reported_on_as_if_pushed(people: list[Contact], settings: Any, expected: bool) -> None:
    settings.N8N_EXPECT_CALLBACK = expected
    item = fetch("?limit=1")[0]
    contact = Contact.objects.get(pk=item["contact_id"])
    body = report(contact, delivery_id=item["delivery_id"])
    answer = Client().post(COMPLETE, json.dumps(body), content_type="application/json", headers=BEARER)
    assert answer.json()["message"] == "The enrichment was stored."
    assert statuses()[item["email"]] == "Complete"


def test_whole_items_may_be_sent_back(people: list[Contact]) -> None:
    assert say({**fetch()[0], "status": "complete"}).json()["applied_count"] == 1


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [(["view_contact", "change_contact"], False), (["view_contact", "push_contact"], True)],
)
def test_people_need_the_permission_to_queue_contacts(
    people: list[Contact], permissions: list[str], allowed: bool
) -> None:
    from django.contrib.auth.models import Permission
    from rest_framework_simplejwt.tokens import AccessToken

    user = get_user_model().objects.create_user("op")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    token = {"Authorization": f"Bearer {AccessToken.for_user(user)}"}
    assert Client().get(QUEUE, headers=token).status_code == (200 if allowed else 403)
    assert say([], token).status_code == (200 if allowed else 403)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}], ids=["none", "wrong"])
def test_strangers_get_nothing(people: list[Contact], headers: dict[str, str]) -> None:
    assert Client().get(QUEUE, headers=headers).status_code == 401
    assert say([], headers).status_code == 401
    assert set(statuses().values()) == {"Queued"}


def test_a_session_fetches_nobody_and_may_report(people: list[Contact], admin_client: Client) -> None:
    """Whoever is logged in and opens the address, or is sent there by a foreign page, must not drain the queue."""
    for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"):
        answer = admin_client.get(QUEUE, headers={"Accept": accept})
        assert (answer.status_code, answer["Content-Type"]) == (401, "application/json")
    assert admin_client.head(QUEUE).status_code == 401
    assert set(statuses().values()) == {"Queued"}
    body = json.dumps([result(item) for item in fetch()])
    assert admin_client.post(RESULTS, body, content_type="application/json").json()["applied_count"] == 3


def test_a_session_reports_only_with_a_csrf_token(people: list[Contact], admin_user: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.post(RESULTS, "[]", content_type="application/json").status_code == 403


def test_head_fetches_nobody(people: list[Contact]) -> None:
    answer = Client().head(QUEUE, headers=BEARER)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert set(statuses().values()) == {"Queued"}


def test_the_queue_is_json_also_for_who_would_rather_have_a_page(people: list[Contact]) -> None:
    answer = Client().get(QUEUE, headers={**BEARER, "Accept": "text/html,*/*;q=0.8"})
    assert (answer["Content-Type"], len(answer.json()["contacts"])) == ("application/json", 3)


def test_the_secret_opens_nothing_else(people: list[Contact]) -> None:
    for path in ("/api/v3/contacts", "/api/v3/contacts/n8n", "/api/v3/contacts/brevo/status/summary"):
        assert Client().get(path, headers=BEARER).status_code == 401


def test_a_platform_that_n8n_pushes_for_us_can_be_queued_without_its_credentials(
    people: list[Contact], settings: Any, admin_client: Client
) -> None:
    settings.BREVO_API_KEY = ""
    path, body = "/api/v3/contacts/brevo/sync/filtered", json.dumps({"all": True})
    assert admin_client.post(path, body, content_type="application/json").status_code == 409
    settings.SYNC_PULLED_PLATFORMS = ["brevo"]
    assert admin_client.post(path, body, content_type="application/json").json()["queued_count"] == 3
    state = admin_client.get("/api/v3/contacts/brevo").json()
    assert (state["on"], state["problem"]) == (True, "")
    assert len(fetch("?platform=brevo")) == 3


def test_no_queueing_gets_lost_between_us_and_n8n(people: list[Contact], clock: FakeClock) -> None:
    """Both at the same queue: what one has the other does not get."""
    from curation_sdk.testing import ScriptedPusher, run, scripted_job

    items = fetch("?limit=1")
    pusher = ScriptedPusher()
    run(scripted_job(N8N, pusher), clock)
    assert len(pusher.pushed) == 2
    assert items[0]["email"] not in pusher.pushed
    queue_contacts(N8N, Contact.objects.all(), now=clock.now())
    assert say(result(items[0])).json()["applied_count"] == 1
