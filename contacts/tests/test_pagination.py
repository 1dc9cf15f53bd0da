"""From page to page by the links: nothing twice, nothing missed, and an end, whatever the total says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from contacts.models import Contact
from curation_sdk import totals
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db

URL = "/api/v3/contacts"
KEY = "5d0c2f6e-0d6a-4f3b-9b1e-8f4c1a2b3c4d"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create(username="root", is_staff=True, is_superuser=True))
    return client


def make(number: int, **columns: Any) -> None:
    """Contacts in pairs that were made in the same moment, as a bulk insert makes them."""
    Contact.objects.bulk_create(Contact(email=f"{n}@x.example", **columns) for n in range(number))
    for place, key in enumerate(Contact.objects.order_by("email").values_list("pk", flat=True)):
        Contact.objects.filter(pk=key).update(created_at=NOON.replace(microsecond=place // 2))


def link(answer: Any, name: str) -> str | None:
    found = re.search(rf'<([^>]+)>; rel="{name}"', answer.get("Link", ""))
    return found.group(1) if found else None


def walk(client: Client, url: str) -> list[list[str]]:
    pages = []
    following: str | None = url
    while following:
        answer = client.get(following)
        assert answer.status_code == 200, answer.content
        pages.append([row["id"] for row in answer.json()])
        following = link(answer, "next")
        assert len(pages) < 30
    return pages


@pytest.mark.parametrize("start", ["?limit=3", "?limit=3&offset=0"])
@pytest.mark.parametrize(("number", "sizes"), [(0, [0]), (1, [1]), (3, [3]), (4, [3, 1]), (6, [3, 3]), (7, [3, 3, 1])])
def test_the_links_lead_through_all_once_and_end(client: Client, start: str, number: int, sizes: list[int]) -> None:
    make(number)

    pages = walk(client, URL + start)

    assert [len(page) for page in pages] == sizes
    expected = [str(key) for key in Contact.objects.values_list("pk", flat=True)]
    assert [key for page in pages for key in page] == expected


def test_the_links_go_by_position_unless_an_offset_was_named(client: Client) -> None:
    make(5)

    assert "after=" in str(link(client.get(f"{URL}?limit=2"), "next"))
    assert "offset=2" in str(link(client.get(f"{URL}?limit=2&offset=0"), "next"))
    assert link(client.get(f"{URL}?limit=2"), "prev") is None


def test_a_filter_stays_in_force_from_page_to_page(client: Client) -> None:
    make(7, brevo_sync_status="Error")
    Contact.objects.bulk_create(Contact(email=f"other{n}@x.example") for n in range(3))

    pages = walk(client, f"{URL}?limit=3&brevo_sync_status=Error&email_contains=x.example")

    assert [len(page) for page in pages] == [3, 3, 1]


def test_what_comes_and_goes_meanwhile_moves_no_page(client: Client) -> None:
    make(6)
    first = client.get(f"{URL}?limit=3")
    seen = [row["id"] for row in first.json()]
    Contact.objects.create(email="new@x.example")
    Contact.objects.filter(pk=seen[-1]).delete()  # the one after which the next page begins

    second = [row["id"] for row in client.get(str(link(first, "next"))).json()]

    assert len(second) == 3
    assert not set(second) & set(seen)


@pytest.mark.parametrize("said", [0, 3, 1_000_000])
def test_the_links_do_not_depend_on_an_estimate(client: Client, monkeypatch: pytest.MonkeyPatch, said: int) -> None:
    monkeypatch.setattr("contacts.pagination.total", lambda rows, **_: totals.Total(said, exact=False))
    make(7)

    for start in ("?limit=3", "?limit=3&offset=0"):
        assert [len(page) for page in walk(client, URL + start)] == [3, 3, 1]


def test_an_estimate_says_that_it_is_one(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make(3)
    exact = client.get(f"{URL}?limit=2")
    monkeypatch.setattr("contacts.pagination.total", lambda rows, **_: totals.Total(998_000, exact=False))
    about = client.get(f"{URL}?limit=2")

    assert (exact["X-Total-Count"], "X-Total-Count-Estimated" in exact) == ("3", False)
    assert (about["X-Total-Count"], about["X-Total-Count-Estimated"]) == ("998000", "true")


@pytest.mark.parametrize(("query", "bound"), [("", 10_000), ("&email_contains=x", 1_000), ("&name_contains=x", 1_000)])
def test_how_far_a_total_is_exact(client: Client, monkeypatch: pytest.MonkeyPatch, query: str, bound: int) -> None:
    asked: list[int] = []
    monkeypatch.setattr(
        "contacts.pagination.total",
        lambda rows, *, exact_up_to: asked.append(exact_up_to) or totals.Total(2, exact=True),
    )
    make(2, name="x")

    client.get(f"{URL}?limit=1{query}")

    assert asked == [bound]


@pytest.mark.parametrize(
    "after",
    [
        *("", "abc", "_", "2026-11-24T12:00:00.000000_", "2026-11-24T12:00:00.000000_x", KEY, "%00"),
        *(f"2026-13-24T12:00:00.000000_{KEY}", f"9999999-01-01T12:00:00.0_{KEY}", "9" * 5000),
    ],
)
def test_a_place_that_makes_no_sense_is_refused(client: Client, after: str) -> None:
    answer = client.get(f"{URL}?after={after}")

    assert answer.status_code == 400
    assert set(answer.json()) == {"after"}


def test_either_a_place_or_an_offset(client: Client) -> None:
    make(3)
    following = str(link(client.get(f"{URL}?limit=1"), "next"))

    answer = client.get(f"{following}&offset=1")

    assert (answer.status_code, set(answer.json())) == (400, {"offset"})


def test_the_page_for_people_leads_on_as_well(client: Client) -> None:
    make(5)
    following = str(link(client.get(f"{URL}?limit=2"), "next"))

    html = client.get(following, headers={"Accept": "text/html"})

    assert html.status_code == 200
    assert "after=" in html.content.decode()
