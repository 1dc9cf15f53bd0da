"""The numbers beside the filters of the list: exact where they are given, and given only where they are cheap."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from contacts import list_filters
from contacts.models import Contact

pytestmark = pytest.mark.django_db

LIST = "/admin/contacts/contact/"


@pytest.fixture
def crowd(make_contact: Callable[..., Contact]) -> None:
    for number in range(4):
        make_contact(f"free{number}@x.example", email_type="FREE", brevo_sync_status="Error" if number else "New")
    make_contact("info@x.example", email_type="SERVICE", brevo_sync_status="Error", has_gmail=True)
    make_contact("sales@acme.example", email_type="SERVICE", brevo_sync_status="Complete")


def shown(client: Client, title: str, query: str = "") -> dict[str, int]:
    """The choices of a filter that have a number."""
    page = client.get(LIST + query).content.decode()
    choices = page.partition(f'data-filter-title="{title}"')[2].partition("</details>")[0]
    found = re.findall(r'<a href="[^"]*">([^<]+) \(([\d,]+)\)</a>', choices)
    return {name: int(number.replace(",", "")) for name, number in found if number != "0"}


@pytest.mark.parametrize(
    ("query", "brevo", "kind"),
    [
        ("", {"New": 1, "Error": 4, "Complete": 1}, {"Free-mail provider": 4, "Service (info@, sales@ …)": 2}),
        (
            "?brevo_sync_status__exact=Error",
            {"New": 1, "Error": 4, "Complete": 1},
            {"Free-mail provider": 3, "Service (info@, sales@ …)": 1},
        ),
        ("?email_type__exact=FREE", {"New": 1, "Error": 3}, {"Free-mail provider": 4, "Service (info@, sales@ …)": 2}),
        (
            "?email_type__exact=SERVICE&brevo_sync_status__exact=Error",
            {"Error": 1, "Complete": 1},
            {"Free-mail provider": 3, "Service (info@, sales@ …)": 1},
        ),
        ("?q=acme", {"Complete": 1}, {"Service (info@, sales@ …)": 1}),
        ("?q=info&email_type__exact=SERVICE", {"Error": 1}, {}),
    ],
)
def test_a_choice_says_how_many_contacts_it_would_show(
    admin_client: Client, crowd: None, query: str, brevo: dict[str, int], kind: dict[str, int]
) -> None:
    assert shown(admin_client, "Brevo status", query) == brevo
    assert shown(admin_client, "e-mail type", query) == kind


def test_what_is_shown_is_what_the_choice_leads_to(admin_client: Client, crowd: None) -> None:
    page = admin_client.get(f"{LIST}?email_type__exact=FREE").content.decode()
    links = re.findall(r'<a href="(\?[^"]+)">[^<]+ \((\d+)\)</a>', page)
    assert len(links) > 30
    for address, number in links:
        listed = admin_client.get(LIST + address.replace("&amp;", "&")).context["cl"]
        assert listed.result_count == int(number), address


def test_in_a_long_list_only_statuses_of_all_contacts_have_numbers(
    admin_client: Client, crowd: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_filters, "SHORT", 2)
    monkeypatch.setattr("contacts.admin.ContactAdmin.list_per_page", 1)
    assert shown(admin_client, "Brevo status") == {"New": 1, "Error": 4, "Complete": 1}
    assert shown(admin_client, "e-mail type") == {}
    assert shown(admin_client, "Brevo status", "?email_type__exact=FREE") == {}
    assert shown(admin_client, "Brevo status", "?email_type__exact=SERVICE") == {"Error": 1, "Complete": 1}
    assert shown(admin_client, "Brevo status", "?q=acme") == {"Complete": 1}
    assert shown(admin_client, "Brevo status", "?q=free") == {}


def test_with_every_filter_and_a_search_the_list_needs_at_most_30_queries(
    admin_client: Client, crowd: None, django_assert_max_num_queries: Any
) -> None:
    statuses = "&".join(f"{name}_sync_status__exact=New" for name in ("brevo", "hubspot", "mautic", "n8n"))
    rest = "contact_curation_status__exact=New&email_type__exact=FREE&has_gmail__exact=0"
    for query in ("", f"?{rest}", f"?{statuses}&{rest}", f"?{statuses}&{rest}&q=free", "?q=a+b+c+free"):
        admin_client.get(LIST + query)
        with django_assert_max_num_queries(30):
            assert admin_client.get(LIST + query).status_code == 200


def test_all_leads_to_an_empty_search_so_that_it_is_not_taken_for_the_bare_list(
    admin_client: Client, crowd: None
) -> None:
    page = admin_client.get(f"{LIST}?email_type__exact=FREE").content.decode()
    assert '<a href="?q=">All</a>' in page
    assert '<a href="?">' not in page


def test_platforms_that_are_not_in_use_have_no_filter_column_or_action(
    admin_client: Client, crowd: None, settings: Any
) -> None:
    settings.MAUTIC_USERNAME = ""
    page = admin_client.get(LIST).content.decode()
    assert "By HubSpot status" in page
    assert '<optgroup label="HubSpot">' in page
    for gone in ("By Mautic status", '<optgroup label="Mautic">', "column-mautic"):
        assert gone not in page
