"""The ledger through the API."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from contacts.models import Suppression
from contacts.suppression import OptOut, in_force, lift, suppress, suppress_erased
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db

URL = "/api/v3/suppressions"
ADA = "ada@acme.example"


def post(client: Client, body: Any, url: str = URL) -> Any:
    return client.post(url, body, content_type="application/json")


def test_an_address_is_suppressed_once(admin_client: Client) -> None:
    answer = post(admin_client, {"email": " ADA@acme.example", "note": "by letter"})
    assert answer.status_code == 201
    row = answer.json()
    assert (row["email"], row["reason"], row["source"], row["note"]) == (ADA, "request", "API", "by letter")
    assert (row["in_force"], row["erased"], row["lifted_at"]) == (True, False, None)

    again = post(admin_client, {"email": ADA, "note": "once more"})
    assert (again.status_code, again.json()) == (200, row)
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": None}, "email"),
        ({"email": ["a@x.example"]}, "email"),
        ({"email": ADA, "reason": "erased"}, "reason"),
        ({"email": ADA, "reason": "x"}, "reason"),
        ({"email": ADA, "source": ""}, "source"),
        ({"email": ADA, "since": "2999-01-01T00:00:00Z"}, "since"),
        ({"email": ADA, "since": "soon"}, "since"),
        ({"email": ADA, "lifted_at": None}, "lifted_at"),
        ({"email": "a" * 320 + "@x.example"}, "email"),
    ],
)
def test_bad_input_names_the_field(admin_client: Client, body: Any, field: str) -> None:
    answer = post(admin_client, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not Suppression.objects.exists()


def test_the_list_and_its_filters(admin_client: Client) -> None:
    suppress([OptOut(ADA, Suppression.Reason.COMPLAINT)], "Brevo", now=NOON)
    suppress([OptOut("bob@x.example", Suppression.Reason.BLOCKED)], "Mautic", now=NOON)
    lift("bob@x.example", by="ada", why="a mistake", now=NOON)

    def found(**query: str) -> list[str]:
        answer = admin_client.get(URL, query)
        assert answer.status_code == 200
        assert answer["X-Total-Count"] == str(len(answer.json())) or "limit" in query
        return sorted(row["email"] for row in answer.json())

    assert found() == [ADA, "bob@x.example"]
    assert found(email="ADA@acme.example ") == found(source="Brevo") == found(reason="complaint") == [ADA]
    assert found(in_force="true") == [ADA]
    assert found(in_force="false") == ["bob@x.example"]
    assert len(found(limit="1")) == 1
    for query in ({"nonsense": "1"}, {"in_force": "perhaps"}, {"reason": "x"}, {"limit": "0"}, {"offset": "-1"}):
        assert admin_client.get(URL, query).status_code == 400


def test_of_an_erased_person_no_address_is_shown_and_his_is_found(admin_client: Client) -> None:
    suppress([OptOut(ADA, Suppression.Reason.COMPLAINT)], "Brevo", now=NOON)
    suppress_erased(ADA, "A person", now=NOON)

    rows = admin_client.get(URL, {"email": ADA}).json()
    assert sorted((row["email"], row["erased"], row["reason"]) for row in rows) == [
        ("", True, "complaint"),
        ("", True, "erased"),
    ]
    answer = post(admin_client, {"email": ADA})
    assert (answer.status_code, answer.json()["email"]) == (200, "")
    assert not Suppression.objects.filter(email_key=ADA).exists()


def test_lifting_needs_a_reason_and_something_to_lift(admin_client: Client, admin_user: Any) -> None:
    suppress([OptOut(ADA, Suppression.Reason.COMPLAINT)], "Brevo", now=NOON)
    url = f"{URL}/lift"
    ids = [str(Suppression.objects.get().pk)]
    assert list(post(admin_client, {"email": ADA, "ids": ids}, url).json()) == ["reason"]
    assert list(post(admin_client, {"email": ADA, "ids": ids, "reason": "  "}, url).json()) == ["reason"]
    assert list(post(admin_client, {"email": "", "ids": ids, "reason": "x"}, url).json()) == ["email"]
    for wrong in ({}, {"ids": []}, {"ids": ["x"]}, {"ids": "x"}):
        assert list(post(admin_client, {"email": ADA, "reason": "x", **wrong}, url).json()) == ["ids"]
    assert in_force().count() == 1

    body = {"email": "Ada@acme.example", "ids": ids, "reason": "He signed up again."}
    answer = post(admin_client, body, url)
    assert (answer.status_code, answer.json()) == (200, {"lifted_count": 1, "in_force_count": 0})
    row = Suppression.objects.get()
    assert (row.lifted_by, row.lift_reason) == (admin_user.get_username(), "He signed up again.")
    assert post(admin_client, {**body, "reason": "again"}, url).status_code == 404


def test_only_what_was_seen_is_lifted_and_nothing_of_others(admin_client: Client) -> None:
    suppress(
        [OptOut(ADA, Suppression.Reason.COMPLAINT), OptOut("bob@x.example", Suppression.Reason.BLOCKED)],
        "Brevo",
        now=NOON,
    )
    ids = [str(pk) for pk in Suppression.objects.values_list("pk", flat=True)]
    suppress([OptOut(ADA, Suppression.Reason.UNSUBSCRIBED)], "Brevo", now=NOON)
    answer = post(admin_client, {"email": ADA, "ids": ids, "reason": "x"}, f"{URL}/lift")
    assert answer.json() == {"lifted_count": 1, "in_force_count": 1}
    assert set(in_force().values_list("email_key", "reason")) == {(ADA, "unsubscribed"), ("bob@x.example", "blocked")}


@pytest.mark.parametrize(
    ("names", "allowed"),
    [
        ([], set()),
        (["view_suppression"], {"list"}),
        (["add_suppression"], {"add"}),
        (["view_suppression", "add_suppression", "change_suppression", "delete_suppression"], {"list", "add"}),
        (["lift_suppression"], {"lift"}),
    ],
)
def test_each_call_has_its_permission(client: Client, names: list[str], allowed: set[str]) -> None:
    user = User.objects.create_user("ann")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    answers = {
        "list": client.get(URL),
        "add": post(client, {"email": ADA}),
        "lift": post(client, {"email": ADA, "ids": [str(uuid4())], "reason": "x"}, f"{URL}/lift"),
    }
    assert {name for name, answer in answers.items() if answer.status_code != 403} == allowed


def test_nothing_is_changed_or_deleted(admin_client: Client) -> None:
    suppress([OptOut(ADA, Suppression.Reason.COMPLAINT)], "Brevo", now=NOON)
    key = Suppression.objects.get().pk
    for url in (URL, f"{URL}/{key}"):
        for method in ("put", "patch", "delete"):
            assert getattr(admin_client, method)(url, {}, content_type="application/json").status_code in (404, 405)
    assert in_force().count() == 1
