"""Search and lists at size: that the indexes exist and are used, and that what is found stays what Django found."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import QuerySet
from django.test import Client

from contacts import search, search_index
from contacts.filters import filter_contacts
from contacts.models import Contact, Domain
from curation_sdk import totals

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]

postgresql_only = pytest.mark.skipif(connection.vendor != "postgresql", reason="trigram indexes are PostgreSQL's")


@pytest.fixture
def people(make_contact: Make) -> None:
    acme, globex = (Domain.objects.create(domain=name) for name in ("acme.test", "globex.test"))
    make_contact("ann@x.example", name="Ann O'Neil 100%")
    make_contact("bob@acme.example", name="Bob Acme")
    make_contact("cem@x.example", name="Cem Ann", domain=acme)
    make_contact("dot@y.example", name="Dot \\ Back_slash", domain=globex)
    make_contact(None, name=None, domain=globex)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "ann",
            "ANN",
            "acme",
            "acme cem",
            "  acme   cem ",
            "acme acme",
            '"Bob Acme"',
            "'Bob Acme'",
            '"Bob',
            "O'Neil",
        ),
        *(
            "100%",
            "%",
            "_",
            "\\",
            "x.example",
            "globex",
            "globex dot",
            "nobody",
            "",
            " ",
            '""',
            "é",
            "a",
            "xx",
            "test",
        ),
        " ".join("abcdefghijklm"),
    ],
)
@pytest.mark.parametrize("most_domains", [0, 1, 500])
def test_the_search_finds_what_djangos_own_search_finds(
    people: None, rf: Any, monkeypatch: pytest.MonkeyPatch, text: str, most_domains: int
) -> None:
    monkeypatch.setattr(search, "MOST_DOMAINS", most_domains)
    ours = admin.site.get_model_admin(Contact)
    request = rf.get("/")

    expected, _ = admin.ModelAdmin.get_search_results(ours, request, Contact.objects.all(), text)
    found, may_repeat = ours.get_search_results(request, Contact.objects.all(), text)

    assert set(found) == set(expected)
    assert not may_repeat
    assert len(found) == len(set(found))


def test_so_many_words_cost_no_more_than_ten_look_ups(people: None, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(search.MOST_LOOKUPS + 1):
        list(search.search_contacts(Contact.objects.all(), " ".join(f"word{number}" for number in range(60))))


# --- PostgreSQL's indexes -------------------------------------------------------------------------------


@pytest.fixture
def no_seqscan() -> None:
    """The planner reads a whole table, or a whole index, only when it must."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")


def plan(rows: QuerySet[Any]) -> str:
    return json.dumps(json.loads(rows.explain(format="json")))


@postgresql_only
@pytest.mark.parametrize(
    ("filters", "index"),
    [({"email_contains": "ann@x"}, "contacts_email_part"), ({"name_contains": "o'neil"}, "contacts_name_part")],
)
def test_contains_is_answered_from_the_trigram_index(no_seqscan: None, filters: dict[str, str], index: str) -> None:
    assert index in plan(filter_contacts(filters))


@postgresql_only
def test_the_search_is_answered_from_indexes_alone(people: None, no_seqscan: None) -> None:
    used = plan(search.search_contacts(Contact.objects.order_by(), "acme"))

    assert "contacts_email_part" in used
    assert "contacts_name_part" in used
    assert "contacts_domain_id" in used
    assert "domains_domain_part" in plan(Domain.objects.filter(domain__icontains="acme"))


@postgresql_only
@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"brevo_sync_status": "Error"}, "contacts_brevo_status"),
        ({"hubspot_sync_status": "Error"}, "contacts_hubspot_status"),
        ({"mautic_sync_status": "Queued"}, "contacts_mautic_status"),
        ({"n8n_sync_status": "Skipped"}, "contacts_n8n_status"),
        ({"contact_curation_status": "Error"}, "contacts_curation_status"),
        ({"contact_processing_status": "Error"}, "contacts_curation_processing"),
        ({"has_gmail": "true"}, "contacts_gmail"),
    ],
)
def test_a_filtered_page_is_read_from_an_index_in_its_order(filters: dict[str, str], index: str) -> None:
    with connection.cursor() as cursor:
        for way in ("seqscan", "bitmapscan", "sort"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        # Out of the way what serves any filter, at the price of reading the whole list.
        cursor.execute("DROP INDEX contacts_newest")

    used = plan(filter_contacts(filters)[:100])

    assert index in used
    assert "Sort" not in used


@postgresql_only
def test_an_index_whose_making_was_broken_off_is_made_again() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX contacts_name_part")
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'contacts_email_part'::regclass")
    search_index.keep_search_indexes(using="default")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid IN "
            "('contacts_email_part'::regclass, 'contacts_name_part'::regclass)"
        )
        assert cursor.fetchone() == (2,)


@postgresql_only
def test_without_the_right_to_create_the_extension_it_says_what_to_do(
    caplog: pytest.LogCaptureFixture, make_contact: Make
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION pg_trgm CASCADE")
        cursor.execute("CREATE ROLE plain")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain")
        cursor.execute("SET LOCAL ROLE plain")

    search_index.keep_search_indexes(using="default")

    assert "CREATE EXTENSION pg_trgm;" in caplog.text
    assert "permission denied" in caplog.text
    make_contact("ann@x.example")
    assert filter_contacts({"email_contains": "ann"}).count() == 1


def test_on_sqlite_nothing_is_made(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")
    with django_assert_num_queries(0):
        search_index.keep_search_indexes(using="default")


# --- Totals ---------------------------------------------------------------------------------------------


@postgresql_only
@pytest.mark.parametrize(("rows", "exact"), [(5, True), (6, False), (40, False)])
def test_a_total_is_exact_up_to_the_bound_and_an_estimate_beyond(rows: int, exact: bool) -> None:
    Contact.objects.bulk_create(Contact(email=f"{number}@x.example") for number in range(rows))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE contacts")

    found = totals.total(Contact.objects.all(), exact_up_to=5)

    assert found == totals.Total(rows, exact=exact)


@postgresql_only
def test_an_estimate_is_never_below_what_was_counted() -> None:
    Contact.objects.bulk_create(Contact(email=f"{number}@x.example") for number in range(60))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE contacts")
    Contact.objects.update(email_type="FREE")  # the planner believes that there is none

    assert totals.total(Contact.objects.filter(email_type="FREE"), exact_up_to=5).number == 6


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL estimates")
def test_on_sqlite_every_total_is_exact() -> None:
    Contact.objects.bulk_create(Contact(email=f"{number}@x.example") for number in range(9))

    assert totals.total(Contact.objects.all(), exact_up_to=5) == totals.Total(9, exact=True)


def test_the_admin_says_about_where_it_estimates(monkeypatch: pytest.MonkeyPatch, make_contact: Make) -> None:
    client = Client()
    client.force_login(get_user_model().objects.create(username="root", is_staff=True, is_superuser=True))
    make_contact("ann@x.example")
    make_contact("bob@x.example")

    exact = client.get("/admin/contacts/contact/?q=ann").content.decode()
    monkeypatch.setattr(totals, "total", lambda rows, **_: totals.Total(998_000, exact=False))
    about = client.get("/admin/contacts/contact/?q=ann&whole=1").content.decode()

    assert "1 result " in exact
    assert "about 998,000 contacts" in about
    assert "about 998,000 results" in about
    assert "ann@x.example" in about


def test_the_admin_counts_a_search_less_far_than_a_list(monkeypatch: pytest.MonkeyPatch, make_contact: Make) -> None:
    client = Client()
    client.force_login(get_user_model().objects.create(username="root", is_staff=True, is_superuser=True))
    make_contact("ann@x.example")
    client.get("/admin/contacts/contact/")
    asked: list[int] = []
    monkeypatch.setattr(
        totals, "total", lambda rows, *, exact_up_to: asked.append(exact_up_to) or totals.Total(1, exact=True)
    )

    client.get("/admin/contacts/contact/")
    client.get("/admin/contacts/contact/?q=ann&whole=1")

    assert asked == [10_000, 1_000]
