"""How far the list of contacts is looked through for a page, and that nothing is left out unsaid."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, Domain
from contacts.tests.actions import choose
from curation_sdk import looking
from curation_sdk.models import ChosenContact
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db

LIST = "/admin/contacts/contact/"
THREE = "?brevo_sync_status__exact=Complete&hubspot_sync_status__exact=New&mautic_sync_status__exact=Error"

postgresql_only = pytest.mark.skipif(connection.vendor != "postgresql", reason="elsewhere lists are read to their end")


@pytest.fixture
def crowd() -> None:
    """Twelve contacts, number 11 the newest. Of three common values only the two oldest have all."""
    acme = Domain.objects.create(domain="acme.test")
    for number in range(12):
        contact = Contact.objects.create(
            email=f"person{number}@x.example",
            name=f"{'Ann' if number < 3 else 'Bob'} {'zyxwvutsrqpo'[number]}",
            domain=acme if number % 2 else None,
            email_type="FREE" if number % 3 else "SERVICE",
            brevo_sync_status="Complete" if number < 10 else "Error",
            hubspot_sync_status="New" if number < 2 or number % 2 else "Complete",
            mautic_sync_status="Error" if number < 2 or number % 2 == 0 else "New",
        )
        Contact.objects.filter(pk=contact.pk).update(created_at=NOON + timedelta(minutes=number))


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four rows are many, and nothing is cheap."""
    for name, value in {"FAR": 4, "CHEAP": -1, "DENSE": 2, "MANY": 100}.items():
        monkeypatch.setattr(looking, name, value)
    monkeypatch.setattr("contacts.admin.ContactAdmin.list_per_page", 2)


def listed(client: Client, query: str) -> tuple[list[int], str, str]:
    """The numbers of the contacts on the page, their total, and what it says of how far it looked."""
    answer = client.get(LIST + query)
    assert answer.status_code == 200
    said = re.search(r'<p class="sync-note" role="status">(.*?)</p>', answer.content.decode())
    shown = [int(contact.email[6:-10]) for contact in answer.context["cl"].result_list]
    return shown, str(answer.context["cl"].result_count), re.sub(r"<[^>]+>", "", said[1]) if said else ""


def whole(client: Client, query: str) -> tuple[list[int], str]:
    shown, total, _ = listed(client, f"{query}&whole=1")
    return shown, total


@pytest.mark.parametrize("cheap", [looking.CHEAP, -1])
@pytest.mark.parametrize(
    "query",
    [
        *(
            THREE,
            f"{THREE}&o=2",
            f"{THREE}&q=ann",
            "?q=ann",
            "?q=acme",
            "?q=acme+bob",
            "?q=zz",
            "?q=o",
            "?o=2",
            "?o=-1",
        ),
        *("?o=3.-2", "?email_type__exact=FREE", "?email_type__exact=FREE&p=2", "?email_type__exact=FREE&p=2&o=2"),
        *("?email_type__exact=FREE&all=", "?brevo_sync_status__exact=Complete&mautic_sync_status__exact=Error&p=2"),
        *(
            "?brevo_sync_status__exact=Error",
            "?brevo_sync_status__in=Error,New",
            "?has_gmail__exact=1",
            "?q=",
            "?p=3&q=",
        ),
        *("?q=ann&p=7", "?created_at__gte=2020-01-01+00:00:00%2B00:00&q=x", "?domain__isnull=True", "?q='"),
    ],
)
def test_a_page_shows_what_the_whole_list_has_there(
    admin_client: Client, crowd: None, monkeypatch: pytest.MonkeyPatch, cheap: int, query: str
) -> None:
    monkeypatch.setattr(looking, "CHEAP", cheap)
    monkeypatch.setattr("contacts.admin.ContactAdmin.list_per_page", 3)

    shown, total, said = listed(admin_client, query)

    assert (shown, total) == whole(admin_client, query)
    assert said == ""


@postgresql_only
def test_a_page_that_has_not_seen_all_says_so_and_leads_to_one_that_has(
    admin_client: Client, crowd: None, near: None
) -> None:
    assert listed(admin_client, THREE) == (
        [],
        "0 or more",
        "Only the newest 4 contacts with the HubSpot status New were looked at. None of them fits. Narrow the "
        "list, or look through all contacts, which may take some seconds.",
    )
    page = admin_client.get(LIST + THREE).content.decode()
    [link] = re.findall(r'href="([^"]+)">look through all contacts', page)
    assert listed(admin_client, link.replace("&amp;", "&")) == (
        [1, 0],
        "2",
        "All contacts were looked through, which may take some seconds for each page. Look at the newest only",
    )


@postgresql_only
def test_of_several_statuses_the_rarest_is_looked_through(admin_client: Client, crowd: None, near: None) -> None:
    query = "?brevo_sync_status__exact=Error&mautic_sync_status__exact=Error"
    assert listed(admin_client, query) == ([10], "1", "")


@postgresql_only
def test_what_the_pages_show_is_counted_at_least(admin_client: Client, crowd: None, near: None) -> None:
    """One of the four newest is found, and a page has room for two."""
    shown, total, said = listed(admin_client, "?q=%22bob+r%22")
    assert (shown, total) == ([8], "1 or more")
    assert said.startswith("Only the newest 4 contacts were looked at. Narrow the list")
    page = admin_client.get(f"{LIST}?q=%22bob+r%22").content.decode()
    assert "1 or more contacts" in page
    assert "1 or more results" in page
    assert "Select all 1 or more contacts" in page
    assert "Export all that fit as CSV" in page


@postgresql_only
def test_a_full_page_is_complete_and_the_next_looks_farther(admin_client: Client, crowd: None, near: None) -> None:
    query = "?email_type__exact=FREE"
    assert listed(admin_client, query) == ([11, 10], "3 or more", "")
    assert listed(admin_client, f"{query}&p=2") == ([8, 7], "6 or more", "")


@postgresql_only
def test_in_another_order_the_newest_are_put_in_order(admin_client: Client, crowd: None, near: None) -> None:
    shown, total, said = listed(admin_client, "?o=2")
    assert (shown, total) == ([11, 10], "4 or more")
    assert said.startswith("Only the newest 4 contacts were looked at.")
    assert whole(admin_client, "?o=2") == ([2, 1], "12")


@postgresql_only
def test_all_that_match_are_chosen_though_the_page_has_not_seen_them(
    admin_client: Client, crowd: None, near: None, settings: Any
) -> None:
    for query in (THREE, f"{THREE}&whole=1"):
        ChosenContact.objects.all().delete()
        choose(admin_client, "queue_for_brevo", Contact.objects.all()[0], query=query, select_across="1")
        kept = ChosenContact.objects.values_list("contact_id", flat=True)
        names = Contact.objects.filter(pk__in=list(kept)).order_by("email").values_list("email", flat=True)
        assert list(names) == ["person0@x.example", "person1@x.example"]


@postgresql_only
def test_the_export_has_all(admin_client: Client, crowd: None, near: None) -> None:
    answer: Any = admin_client.get(f"/admin/sync/contacts/export/{THREE}")
    lines = b"".join(answer.streaming_content).decode()
    assert "person0@" in lines
    assert "person1@" in lines
    assert "person2@" not in lines


@postgresql_only
def test_filters_have_no_numbers_of_a_part_of_the_list(admin_client: Client, crowd: None, near: None) -> None:
    page = admin_client.get(f"{LIST}{THREE}").content.decode()
    choices = page.partition('data-filter-title="e-mail type"')[2].partition("</details>")[0]
    assert "Service" in choices
    assert not re.search(r"\(\d+\)", choices)


@postgresql_only
@pytest.mark.parametrize("query", [THREE, f"{THREE}&o=2", "?q=zz", "?q=zz&o=2", "?email_type__exact=UNKNOWN", "?o=2"])
def test_no_more_rows_are_read_than_may_be_looked_at(
    admin_client: Client, crowd: None, near: None, query: str
) -> None:
    with CaptureQueriesContext(connection) as asked:
        admin_client.get(LIST + query)
    [sql] = [one["sql"] for one in asked if one["sql"].startswith("WITH")]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        [plan] = json.loads(json.dumps(cursor.fetchone()[0]))
    assert max(rows_of(plan["Plan"])) == 4


def rows_of(plan: dict[str, Any]) -> list[int]:
    own = [plan["Actual Rows"]] if plan.get("Relation Name") == "contacts" else [0]
    return own + [rows for part in plan.get("Plans", ()) for rows in rows_of(part)]


def test_how_far_the_list_is_looked_through_is_not_part_of_a_view(admin_client: Client, crowd: None) -> None:
    page = admin_client.get(f"{LIST}?q=ann&whole=1").content.decode()
    assert '<input type="hidden" name="query" value="q=ann">' in page


def test_a_number_that_is_at_least_so_large_equals_none() -> None:
    assert all(looking.OrMore(number) != 1 for number in range(3))
    assert looking.OrMore(1234) > 1233
    assert str(looking.OrMore(1234)) == "1,234 or more"
