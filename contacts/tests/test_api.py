"""The contacts API, as the design's section 5 promises it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from contacts.models import Contact, Domain, Page
from contacts.serializers import ContactSerializer
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
URL = "/api/v3/contacts"

FIELDS = {
    *("id", "email", "email_type", "has_gmail", "name", "phone_number", "context", "source_url", "source_job_id"),
    *("domain_id", "page_id", "created_at", "updated_at"),
    *("lawful_basis", "lawful_basis_source", "lawful_basis_date"),
    *("contact_curation_status", "contact_processing_status", "contact_processing_error"),
    *("contact_retry_count", "contact_next_attempt_at", "contact_curated_at"),
    *(
        f"{platform}_{column}"
        for platform in ("brevo", "hubspot", "mautic", "n8n")
        for column in (
            *("sync_status", "processing_status", "processing_error", "contact_id"),
            *("retry_count", "next_attempt_at", "synced_at"),
        )
    ),
}


class Api:
    """JSON in, JSON out."""

    def __init__(self, **headers: str) -> None:
        self.client = Client(headers=headers)

    def __call__(self, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        data = "" if body is None else json.dumps(body)
        return self.client.generic(method, path, data, content_type="application/json", **extra)


def make_user(*permissions: str, **columns: Any) -> User:
    user: User = get_user_model().objects.create(username=f"user-{uuid.uuid4()}", **columns)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


@pytest.fixture
def api() -> Api:
    token = AccessToken.for_user(make_user(is_superuser=True))
    return Api(authorization=f"Bearer {token}")


# --- The list ---------------------------------------------------------------------------------------


def test_the_list_is_plain_with_every_field(api: Api, make_contact: Make) -> None:
    domain = Domain.objects.create(domain="acme.example")
    page = Page.objects.create(url="https://acme.example/team")
    contact = make_contact(domain=domain, page=page, source_job_id=uuid.uuid4())

    answer = api("GET", URL)

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer["X-Total-Count"] == "1"
    [row] = answer.json()
    assert set(row) == FIELDS
    assert row["id"] == str(contact.pk)
    assert (row["domain_id"], row["page_id"]) == (str(domain.pk), str(page.pk))
    assert row["source_job_id"] == str(contact.source_job_id)


def test_an_empty_list(api: Api) -> None:
    answer = api("GET", URL)

    assert (answer.status_code, answer.json(), answer["X-Total-Count"]) == (200, [], "0")
    assert "Link" not in answer


@pytest.mark.parametrize("path", [URL, f"{URL}/"])
def test_a_slash_at_the_end_is_tolerated(api: Api, path: str) -> None:
    assert api("GET", path).status_code == 200


def test_pages_neither_repeat_nor_miss_a_contact(api: Api) -> None:
    # All made in one moment, as by a bulk insert: only the id tells them apart.
    Contact.objects.bulk_create(Contact(email=f"{number}@x.example") for number in range(23))
    Contact.objects.update(created_at=NOON)

    pages = [api("GET", f"{URL}?limit=5&offset={offset}") for offset in range(0, 30, 5)]

    assert [len(page.json()) for page in pages] == [5, 5, 5, 5, 3, 0]
    assert len({row["id"] for page in pages for row in page.json()}) == 23
    assert {page["X-Total-Count"] for page in pages} == {"23"}


def test_the_links_lead_from_page_to_page(api: Api) -> None:
    Contact.objects.bulk_create(Contact(email=f"{number}@x.example") for number in range(3))

    link = api("GET", f"{URL}?limit=1&offset=1&email_contains=x.example")["Link"]

    assert "offset=2" in link
    assert 'rel="next"' in link
    assert 'rel="prev"' in link
    assert link.count("email_contains=x.example") == 2


def test_limit_has_a_default_and_a_maximum(api: Api) -> None:
    Contact.objects.bulk_create(Contact(email=f"{number}@x.example") for number in range(101))

    assert len(api("GET", URL).json()) == 100
    assert len(api("GET", f"{URL}?limit=1000").json()) == 101
    assert len(api("GET", f"{URL}?limit=1").json()) == 1


def test_the_newest_comes_first(api: Api, make_contact: Make) -> None:
    with time_machine.travel(NOON, tick=False):
        make_contact("old@x.example")
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        make_contact("new@x.example")

    assert [row["email"] for row in api("GET", URL).json()] == ["new@x.example", "old@x.example"]


def test_the_list_takes_the_filters_and_a_blank_one_is_none(api: Api, make_contact: Make) -> None:
    make_contact("a@x.example", has_gmail=True)
    make_contact("b@x.example")

    assert [row["email"] for row in api("GET", f"{URL}?has_gmail=true&name_contains=").json()] == ["a@x.example"]


def test_the_number_of_queries_does_not_grow_with_the_rows(
    api: Api, make_contact: Make, django_assert_num_queries: Any
) -> None:
    for number in range(3):
        domain = Domain.objects.create(domain=f"{number}.example")
        make_contact(f"a@{number}.example", domain=domain, page=Page.objects.create(url=f"https://{number}.example"))

    with django_assert_num_queries(3):  # the user, the rows, the count
        api("GET", f"{URL}?limit=2")
    with django_assert_num_queries(2):  # a first page that holds all needs no count
        api("GET", URL)


# --- One contact --------------------------------------------------------------------------------------


def test_create_read_change_delete(api: Api) -> None:
    domain = Domain.objects.create(domain="acme.example")
    sent = {
        "email": "Ann@acme.example",
        "email_type": "CORPORATE",
        "has_gmail": False,
        "name": "Ann",
        "phone_number": "+49 30 1",
        "context": "Ask <b>Ann</b>",
        "source_url": "https://acme.example/team",
        "source_job_id": str(uuid.uuid4()),
        "domain_id": str(domain.pk),
        "page_id": None,
    }

    created = api("POST", URL, sent)
    assert created.status_code == 201
    assert set(created.json()) == FIELDS
    assert created.json() == created.json() | sent
    one = f"{URL}/{created.json()['id']}"
    assert api("GET", one).json() == created.json()
    assert api("GET", f"{one}/").status_code == 200
    assert api("PATCH", one, {"name": "Anna"}).json()["name"] == "Anna"
    assert api("PUT", one, {**sent, "name": None}).json()["name"] is None
    assert api("DELETE", one).status_code == 204
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        assert api(method, one, {}).status_code == 404


def test_what_was_read_can_be_written_back(api: Api, make_contact: Make) -> None:
    # A scraper's row need not hold what we would accept: an untouched value must not stop an edit.
    contact = make_contact("not an address", source_url="javascript:alert(1)", brevo_sync_status="Queued")
    row = api("GET", f"{URL}/{contact.pk}").json()

    answer = api("PUT", f"{URL}/{contact.pk}", {**row, "name": "Ann", "brevo_sync_status": "Complete"})

    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["brevo_sync_status"]) == ("Ann", "Queued")


def test_sync_columns_cannot_be_written(api: Api) -> None:
    answer = api("POST", URL, {"email": "a@x.example", "brevo_sync_status": "Complete", "brevo_contact_id": "7"})

    assert answer.status_code == 201
    contact = Contact.objects.get()
    assert (contact.brevo_sync_status, contact.brevo_contact_id) == ("New", None)


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_new_data_moves_updated_at(api: Api, make_contact: Make, method: str) -> None:
    contact = make_contact()

    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False):
        answer = api(method, f"{URL}/{contact.pk}", {"name": "Ann"})

    before = contact.updated_at
    contact.refresh_from_db()
    assert contact.updated_at > before
    assert answer.json()["updated_at"] == contact.updated_at.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("body", [{}, {"contact_curation_status": "Queued"}, {"contact_curation_status": "Skipped"}])
def test_a_status_does_not_move_updated_at(api: Api, make_contact: Make, body: dict[str, str]) -> None:
    contact = make_contact()
    Contact.objects.update(updated_at=NOON)

    assert api("PATCH", f"{URL}/{contact.pk}", body).status_code == 200
    assert api("PUT", f"{URL}/status", {"contact_ids": [str(contact.pk)], "status": "Error"}).status_code == 200
    assert api("PUT", f"{URL}/status/filtered", {"all": True, "status": "Queued"}).status_code == 200
    assert api("POST", f"{URL}/brevo/sync/batch", {"contact_ids": [str(contact.pk)]}).status_code == 200
    assert api("POST", f"{URL}/brevo/sync/cancel", {"contact_ids": [str(contact.pk)]}).status_code == 200

    contact.refresh_from_db()
    assert contact.updated_at == NOON


def test_a_change_leaves_what_a_worker_wrote_meanwhile(make_contact: Make) -> None:
    stale = make_contact(name="Ann")
    Contact.objects.update(brevo_sync_status="Complete", brevo_contact_id="42", phone_number="+1")

    ContactSerializer().update(stale, {"name": "Anna", "contact_curation_status": "Complete"})

    stale.refresh_from_db()
    assert (stale.name, stale.contact_curation_status) == ("Anna", "Complete")
    assert (stale.brevo_sync_status, stale.brevo_contact_id, stale.phone_number) == ("Complete", "42", "+1")


@pytest.mark.parametrize("body", [{}, {"name": "Anna"}, {"contact_curation_status": "Queued"}])
def test_a_change_to_a_contact_that_is_deleted_meanwhile_is_404(
    api: Api, make_contact: Make, monkeypatch: pytest.MonkeyPatch, body: dict[str, str]
) -> None:
    contact = make_contact()

    def delete_then_update(*args: Any) -> Contact:
        Contact.objects.all().delete()
        return update(*args)

    update = ContactSerializer.update
    monkeypatch.setattr(ContactSerializer, "update", delete_then_update)

    assert api("PATCH", f"{URL}/{contact.pk}", body).status_code == 404
    assert not Contact.objects.exists()


# --- Curation -------------------------------------------------------------------------------------------


def test_choosing_queued_is_the_same_one_by_one_and_in_bulk(api: Api, make_contact: Make) -> None:
    failed = {"contact_processing_status": "Error", "contact_processing_error": "no"}
    made = api("POST", URL, {"email": "a@x.example", "contact_curation_status": "Queued"}).json()
    changed, bulk, filtered = (make_contact(f"{n}@x.example", **failed) for n in range(3))

    patched = api("PATCH", f"{URL}/{changed.pk}", {"contact_curation_status": "Queued"}).json()
    api("PUT", f"{URL}/status", {"contact_ids": [str(bulk.pk)], "status": "Queued"})
    api("PUT", f"{URL}/status/filtered", {"email_contains": filtered.email, "status": "Queued"})

    rows = [made, patched, *(api("GET", f"{URL}/{contact.pk}").json() for contact in (changed, bulk, filtered))]
    names = ("contact_curation_status", "contact_processing_status", "contact_processing_error")
    assert [tuple(row[name] for name in names) for row in rows] == [("Queued", "Queued", None)] * 5


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("status", ["New", "Queued", "Processing", "Complete", "Error", "Skipped"])
def test_curation_in_bulk(api: Api, make_contact: Make, status: str, slash: str) -> None:
    first, second, other = (make_contact(f"{number}@x.example") for number in range(3))
    ids = [str(first.pk), str(second.pk), str(first.pk), str(uuid.uuid4())]

    answer = api("PUT", f"{URL}/status{slash}", {"contact_ids": ids, "status": status})

    assert answer.status_code == 200
    assert answer.json() == {"updated_count": 2, "queued_count": 2 if status == "Queued" else 0}
    other.refresh_from_db()
    assert other.contact_curation_status == "New"
    assert Contact.objects.filter(contact_curation_status=status, pk__in=[first.pk, second.pk]).count() == 2


def test_curation_of_nobody(api: Api, make_contact: Make) -> None:
    make_contact()
    url = f"{URL}/status"

    assert api("PUT", url, {"contact_ids": [], "status": "New"}).json() == {"updated_count": 0, "queued_count": 0}
    assert api("PUT", url, {"contact_ids": [str(uuid.uuid4())], "status": "New"}).status_code == 404
    none = api("PUT", f"{url}/filtered", {"email_contains": "nobody", "status": "Queued"})
    assert (none.status_code, none.json()) == (200, {"updated_count": 0, "queued_count": 0})


def test_curation_of_more_contacts_than_one_statement_takes(api: Api, make_contact: Make) -> None:
    contact = make_contact()
    ids = [str(uuid.UUID(int=number)) for number in range(40_000)] + [str(contact.pk)]

    answer = api("PUT", f"{URL}/status", {"contact_ids": ids, "status": "Queued"})

    assert (answer.status_code, answer.json()) == (200, {"updated_count": 1, "queued_count": 1})


@pytest.mark.parametrize("slash", ["", "/"])
def test_curation_by_filter_changes_those_that_match_only(api: Api, make_contact: Make, slash: str) -> None:
    wanted, other = make_contact("a@x.example", email_type="FREE"), make_contact("b@x.example")

    answer = api("PUT", f"{URL}/status/filtered{slash}", {"email_type": "FREE", "status": "Queued"})

    assert answer.json() == {"updated_count": 1, "queued_count": 1}
    for contact, status in ((wanted, "Queued"), (other, "New")):
        contact.refresh_from_db()
        assert contact.contact_curation_status == status


def test_curation_without_a_filter_needs_the_word(api: Api, make_contact: Make) -> None:
    make_contact()

    refused = api("PUT", f"{URL}/status/filtered", {"status": "Skipped"})
    assert (refused.status_code, set(refused.json())) == (400, {"all"})
    assert Contact.objects.get().contact_curation_status == "New"

    assert api("PUT", f"{URL}/status/filtered", {"status": "Skipped", "all": True}).json()["updated_count"] == 1


# --- Who may ----------------------------------------------------------------------------------------------


def test_a_token_by_name_and_password(api: Api) -> None:
    get_user_model().objects.create_superuser("ann", password="a long password")

    for slash in ("", "/"):
        tokens = Api()("POST", f"/api/token{slash}", {"username": "ann", "password": "a long password"})
        assert tokens.status_code == 200
        assert set(tokens.json()) == {"access", "refresh"}
        fresh = Api()("POST", f"/api/token/refresh{slash}", {"refresh": tokens.json()["refresh"]})
        assert set(fresh.json()) == {"access"}
        for access in (tokens.json()["access"], fresh.json()["access"]):
            assert Api(authorization=f"Bearer {access}")("GET", URL).status_code == 200


def test_wrong_password() -> None:
    answer = Api()("POST", "/api/token", {"username": "ann", "password": "wrong"})

    assert answer.status_code == 401
    assert "detail" in answer.json()


def test_tokens_that_are_refused() -> None:
    user, gone = make_user(is_superuser=True), make_user(is_superuser=True)
    expired = AccessToken.for_user(user)
    expired.set_exp(from_time=timezone.now() - timedelta(days=1))
    deleted, deleted_refresh = AccessToken.for_user(gone), RefreshToken.for_user(gone)
    gone.delete()
    inactive = make_user(is_superuser=True)
    off, off_refresh = AccessToken.for_user(inactive), RefreshToken.for_user(inactive)
    type(inactive).objects.filter(pk=inactive.pk).update(is_active=False)
    fine = str(AccessToken.for_user(user))

    for token in (
        expired,
        deleted,
        off,
        RefreshToken.for_user(user),
        fine[:-3] + "abc",
        "x",
        "a b",
        "\xff",
        "x" * 5000,
    ):
        answer = Api(authorization=f"Bearer {token}")("GET", URL)
        assert answer.status_code == 401
        assert answer.json()["detail"]
    for refresh in (deleted_refresh, off_refresh, fine, "x"):
        answer = Api()("POST", "/api/token/refresh", {"refresh": str(refresh)})
        assert answer.status_code == 401
        assert answer.json()["detail"]


ANY = "/00000000-0000-0000-0000-000000000001"
EVERY_CALL = [
    *(("GET", "", "view"), ("POST", "", "add")),
    *(("GET", ANY, "view"), ("PUT", ANY, "change"), ("PATCH", ANY, "change"), ("DELETE", ANY, "delete")),
    *(("PUT", "/status", "curate"), ("PUT", "/status/filtered", "curate")),
    *(("GET", "/brevo", "view"), ("GET", "/brevo/status/summary", "view")),
    *(("POST", f"/brevo/sync/{name}", "push") for name in ("batch", "filtered", "cancel")),
]


@pytest.mark.parametrize(("method", "path", "permission"), EVERY_CALL)
def test_every_call_asks_who_and_whether_they_may(method: str, path: str, permission: str) -> None:
    nobody = Api()(method, URL + path)
    assert nobody.status_code == 401
    assert nobody.json()["detail"]
    assert nobody["WWW-Authenticate"].startswith("Bearer")

    others = {"view", "add", "change", "delete", "curate", "push"} - {permission}
    almost = make_user(*(f"{other}_contact" for other in others))
    refused = Api(authorization=f"Bearer {AccessToken.for_user(almost)}")(method, URL + path)
    assert refused.status_code == 403
    assert f"contacts.{permission}_contact" in refused.json()["detail"]

    allowed = make_user(f"{permission}_contact")
    assert Api(authorization=f"Bearer {AccessToken.for_user(allowed)}")(method, URL + path).status_code not in (
        401,
        403,
    )


def test_an_admin_session_works_and_needs_the_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(is_superuser=True))

    assert client.get(URL).status_code == 200
    refused = client.post(URL, "{}", content_type="application/json")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]


# --- Pages for people -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("path", sorted({path for _, path, _ in EVERY_CALL}))
def test_every_page_of_the_browsable_api_renders(api: Api, make_contact: Make, method: str, path: str) -> None:
    contact = make_contact(name="<script>alert(1)</script>", source_url="javascript:alert(1)")

    answer = api(method, (URL + path).replace(ANY[1:], str(contact.pk)), headers={"accept": "text/html"})

    assert answer.status_code in (200, 405)
    assert answer["Content-Type"].startswith("text/html")
    assert "<script>alert" not in answer.content.decode()
    assert 'href="javascript:' not in answer.content.decode()


def test_options_answer_in_json_too(api: Api) -> None:
    for _, path, _ in EVERY_CALL:
        assert api("OPTIONS", URL + path, headers={"accept": "application/json"}).status_code == 200


def test_somebody_unknown_gets_a_page_too() -> None:
    for path in (URL, "/api/token"):
        answer = Client().get(path, headers={"accept": "text/html"})
        assert answer.status_code in (401, 405)
        assert answer["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("body", "kind", "gmail"),
    [
        ({"email": "info@acme.example"}, "SERVICE", False),
        ({"email": "ada.example@gmail.com"}, "FREE", True),
        ({"name": "Ada"}, "UNKNOWN", False),
        ({"email": "info@acme.example", "email_type": "CORPORATE", "has_gmail": True}, "CORPORATE", True),
    ],
    ids=str,
)
@pytest.mark.django_db
def test_a_new_contacts_mailbox_is_worked_out_where_the_request_is_silent(
    api: Api, body: dict[str, Any], kind: str, gmail: bool
) -> None:
    made = api("POST", URL, body).json()
    assert (made["email_type"], made["has_gmail"]) == (kind, gmail)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "remote_id"), [("new@acme.example", None), (" ADA@acme.example", "42")], ids=["another", "the same"]
)
def test_another_address_is_another_person_on_the_platforms(
    api: Api, make_contact: Make, address: str, remote_id: str | None
) -> None:
    contact = make_contact("ada@acme.example", brevo_contact_id="42")
    assert api("PATCH", f"{URL}/{contact.pk}", {"email": address}).status_code == 200
    contact.refresh_from_db()
    assert contact.brevo_contact_id == remote_id
