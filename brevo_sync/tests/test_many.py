"""Very many contacts at once: the API and the admin answer at once, a worker does it, people see and stop it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from rest_framework_simplejwt.tokens import AccessToken

from brevo_sync.job import BREVO
from contacts.models import Contact
from contacts.tests.actions import LIST, act, choose, confirm
from contacts.tests.test_api import Api
from curation_sdk import operations, workers
from curation_sdk.models import BulkOperation

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
URL = "/api/v3/contacts/brevo"
OPERATIONS = "/admin/curation_sdk/bulkoperation/"


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "IMMEDIATELY", 2)


@pytest.fixture
def three(make_contact: Make) -> list[Contact]:
    return [make_contact(f"p{number}@x.example", email_type="FREE") for number in range(3)]


@pytest.fixture
def user(db: None) -> Any:
    return get_user_model().objects.create(username="ann", is_staff=True, is_superuser=True)


@pytest.fixture
def api(user: Any) -> Api:
    return Api(authorization=f"Bearer {AccessToken.for_user(user)}")


@pytest.fixture
def client(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def work() -> None:
    operations.work_off(BREVO, seconds=None, stop=lambda: False, on_queued=lambda operation: None)


def statuses() -> set[str]:
    return set(Contact.objects.values_list("brevo_sync_status", flat=True))


@pytest.mark.django_db(transaction=True)
def test_the_api_answers_at_once_and_says_where_to_look(api: Api, three: list[Contact], make_contact: Make) -> None:
    make_contact("other@x.example")
    answer = api("POST", f"{URL}/sync/filtered", {"email_type": "FREE"})
    said = answer.json()
    assert answer.status_code == 202
    assert (said["queued_count"], said["already_queued_count"], said["skipped_count"]) == (0, 0, 0)
    assert statuses() == {"New"}
    url = said["operation"]["url"]
    assert url.endswith(f"{URL}/sync/operations/{said['operation']['id']}")
    assert url in said["message"]
    assert [task.task["args"] for task in OrmQ.objects.all()] == [("api",)]
    assert api("GET", url).json()["state"] == "waiting"
    work()
    done = api("GET", url).json()
    assert (done["state"], done["queued_count"], done["skipped"]) == ("finished", 3, {})
    assert [one["id"] for one in api("GET", f"{URL}/sync/operations").json()] == [done["id"]]
    assert Contact.objects.get(email="other@x.example").brevo_sync_status == "New"


def test_as_many_as_the_threshold_are_queued_while_one_waits(api: Api, three: list[Contact]) -> None:
    three[0].delete()
    answer = api("POST", f"{URL}/sync/filtered", {"email_type": "FREE"})
    assert answer.status_code == 200
    assert answer.json() == {
        "queued_count": 2,
        "already_queued_count": 0,
        "skipped_count": 0,
        "message": "Queued 2 contacts for Brevo.",
    }
    assert not BulkOperation.objects.exists()


def test_the_api_stops_one(api: Api, three: list[Contact]) -> None:
    url = api("POST", f"{URL}/sync/filtered", {"all": True}).json()["operation"]["url"]
    answer = api("POST", f"{url}/cancel", {})
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert api("POST", f"{url}/cancel", {}).json()["state"] == "cancelled"
    work()
    assert statuses() == {"New"}


@pytest.mark.parametrize("name", ["nonsense", "00000000-0000-0000-0000-000000000000", "%00", "1"])
def test_one_that_does_not_exist(api: Api, three: list[Contact], name: str) -> None:
    for answer in (
        api("GET", f"{URL}/sync/operations/{name}"),
        api("POST", f"{URL}/sync/operations/{name}/cancel", {}),
    ):
        assert (answer.status_code, answer.json()) == (404, {"detail": "There is no such operation."})


def test_who_may_only_look_cannot_stop(three: list[Contact]) -> None:
    viewer = get_user_model().objects.create(username="eve")
    viewer.user_permissions.set(Permission.objects.filter(codename="view_contact"))
    theirs = Api(authorization=f"Bearer {AccessToken.for_user(viewer)}")
    assert theirs("GET", f"{URL}/sync/operations").status_code == 200
    key = "00000000-0000-0000-0000-000000000000"
    assert theirs("POST", f"{URL}/sync/operations/{key}/cancel", {}).status_code == 403
    assert Api()("GET", f"{URL}/sync/operations").status_code == 401


def test_while_the_platform_is_off_nothing_is_written_down(api: Api, three: list[Contact], settings: Any) -> None:
    settings.BREVO_API_KEY = ""
    assert api("POST", f"{URL}/sync/filtered", {"all": True}).status_code == 409
    assert not BulkOperation.objects.exists()


@pytest.mark.parametrize(
    ("action", "before", "after", "words"),
    [
        ("queue_for_brevo", "New", "Queued", "A worker queues them for Brevo"),
        ("retry_failed_for_brevo", "Error", "Queued", "A worker queues them for Brevo"),
        (
            "skip_for_brevo",
            "New",
            "Skipped",
            "a worker skips them for Brevo. Other contacts with the same addresses stay as they are.",
        ),
        ("take_out_of_brevo", "Queued", "New", "a worker takes them out of the queue for Brevo"),
    ],
)
def test_all_that_is_listed_goes_to_a_worker(
    client: Client, three: list[Contact], make_contact: Make, action: str, before: str, after: str, words: str
) -> None:
    Contact.objects.update(
        brevo_sync_status=before, brevo_processing_status=before if before in ("Queued", "Error") else None
    )
    make_contact("other@x.example", email_type="SERVICE", brevo_sync_status=before)
    workers.beat(now=timezone.now())
    answer = choose(client, action, three[0], query="?email_type__exact=FREE&p=1&o=1", select_across="1")
    if after == "Queued":
        work()  # counts
        answer = confirm(client, answer)
    operation = BulkOperation.objects.get()
    assert operation.selection == {"list": "email_type__exact=FREE"}  # no page: there may be fewer later
    [message] = get_messages(answer.wsgi_request)
    assert message.level_tag == "success"
    assert words in str(message)
    assert f'href="{OPERATIONS}{operation.pk}/change/"' in str(message)
    assert statuses() == {before}
    work()
    assert set(Contact.objects.filter(email_type="FREE").values_list("brevo_sync_status", flat=True)) == {after}
    assert Contact.objects.get(email_type="SERVICE").brevo_sync_status == before
    if after == "Skipped":
        reasons = set(Contact.objects.filter(email_type="FREE").values_list("brevo_processing_error", flat=True))
        assert reasons == {f"Skipped by ann on {timezone.now():%Y-%m-%d}."}


def test_ticked_rows_are_those_and_no_others(client: Client, three: list[Contact], make_contact: Make) -> None:
    other = make_contact("other@x.example")
    act(client, "queue_for_brevo", *three)
    work()
    assert set(Contact.objects.exclude(pk=other.pk).values_list("brevo_sync_status", flat=True)) == {"Queued"}
    assert Contact.objects.get(pk=other.pk).brevo_sync_status == "New"


def test_without_a_worker_the_person_is_told(client: Client, three: list[Contact]) -> None:
    said = act(client, "skip_for_brevo", three[0], select_across="1")
    assert [level for level, _ in said] == ["success", "warning"]
    assert "qcluster" in said[1][1]


def test_the_list_shows_it_and_a_person_stops_it(client: Client, three: list[Contact], user: Any) -> None:
    act(client, "queue_for_brevo", three[0], select_across="1")
    operation = BulkOperation.objects.get()
    assert operation.requested_by == user
    page = client.get(LIST).content.decode()
    assert "Queue, waiting: Queued 0 contacts for Brevo." in page
    assert "waiting" in client.get(OPERATIONS).content.decode()
    assert client.get(f"{OPERATIONS}{operation.pk}/change/").status_code == 200
    form = {"action": "stop_operations", "_selected_action": [str(operation.pk)], "index": "0"}
    assert "Stopped 1 operation." in client.post(OPERATIONS, form, follow=True).content.decode()
    assert "They had ended already." in client.post(OPERATIONS, form, follow=True).content.decode()
    work()
    assert statuses() == {"New"}
    assert "Queue, waiting" not in client.get(LIST).content.decode()


def test_whoever_may_push_contacts_may_look_and_stop_and_nobody_else(three: list[Contact], user: Any) -> None:
    def browser(permission: str) -> Client:
        staff = get_user_model().objects.create(username=permission, is_staff=True)
        staff.user_permissions.set(Permission.objects.filter(codename__in=[permission, "view_contact"]))
        client = Client()
        client.force_login(staff)
        return client

    operator, reader, curator = map(browser, ("push_contact", "view_bulkoperation", "curate_contact"))
    act(operator, "queue_for_brevo", three[0], select_across="1")
    form = {"action": "stop_operations", "_selected_action": [str(BulkOperation.objects.get().pk)], "index": "0"}
    reader.post(OPERATIONS, form)
    assert "You may not stop 1 operation" in curator.post(OPERATIONS, form, follow=True).content.decode()
    assert BulkOperation.objects.get().state == "waiting"
    assert operator.get(OPERATIONS).status_code == 200
    operator.post(OPERATIONS, form)
    assert BulkOperation.objects.get().state == "cancelled"
