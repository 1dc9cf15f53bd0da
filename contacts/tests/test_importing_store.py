"""Batches into the database."""

from __future__ import annotations

import threading
import uuid

import pytest
from django.db import DataError, connection
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from contacts.importing import run, store
from contacts.importing.problems import Refusal
from contacts.importing.rows import Row
from contacts.importing.run import Importer, NumberedRow, Tally
from contacts.importing.store import store_rows
from contacts.models import Contact, CurationStatus, Domain, EmailType, Page
from curation_sdk.statuses import SyncStatus

FULL = Row(
    email="Anna@Acme.example",
    name="Anna Bérg",
    phone_number="+49 30 23125 000",
    email_type=EmailType.FREE,
    has_gmail=True,
    domain="acme.example",
    page_url="https://acme.example/team",
    source_url="https://maps.example/1",
    context="Anna, 100 % of {sales}",
)


def import_all(rows: list[Row], *, dry_run: bool = False) -> tuple[Tally, list[Refusal]]:
    refusals: list[Refusal] = []
    importer = Importer(on_refused=refusals.append, dry_run=dry_run)
    importer.run(NumberedRow(line, row) for line, row in enumerate(rows, start=2))
    return importer.tally, refusals


@pytest.mark.django_db
def test_every_column_arrives() -> None:
    assert store_rows([FULL]) == 1
    contact = Contact.objects.select_related("domain", "page__domain").get()
    assert contact.pk == FULL.contact_id()
    assert contact.email == "Anna@Acme.example"
    assert contact.email_key == "anna@acme.example"
    assert contact.name == "Anna Bérg"
    assert contact.phone_number == "+49 30 23125 000"
    assert contact.email_type == "FREE"
    assert contact.has_gmail is True
    assert contact.domain is not None
    assert contact.domain.domain == "acme.example"
    assert contact.page is not None
    assert contact.page.url == "https://acme.example/team"
    assert contact.page.domain == contact.domain
    assert contact.source_url == "https://maps.example/1"
    assert contact.context == "Anna, 100 % of {sales}"


@pytest.mark.django_db
def test_the_rest_has_the_databases_defaults() -> None:
    store_rows([Row(email="a@acme.example")])
    contact = Contact.objects.get()
    assert contact.contact_curation_status == CurationStatus.NEW
    assert contact.brevo_sync_status == SyncStatus.NEW
    assert contact.brevo_processing_status is None
    assert contact.brevo_retry_count == 0
    assert contact.n8n_sync_status == SyncStatus.NEW
    assert (contact.name, contact.phone_number, contact.domain, contact.page) == (None, None, None, None)
    assert (contact.context, contact.source_url, contact.source_job_id) == (None, None, None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("row", "email_type", "has_gmail"),
    [
        (Row(email="info@acme.example"), "SERVICE", False),
        (Row(email="jane@gmail.com"), "FREE", True),
        (Row(email="jane@acme.example"), "CORPORATE", False),
        (Row(name="Jane"), "UNKNOWN", False),
        (Row(email="jane@gmail.com", email_type=EmailType.CORPORATE, has_gmail=False), "CORPORATE", False),
        (Row(email="jane@acme.example", has_gmail=True), "CORPORATE", True),
    ],
)
def test_type_and_gmail_are_worked_out_where_the_file_does_not_say(row: Row, email_type: str, has_gmail: bool) -> None:
    store_rows([row])
    assert Contact.objects.values_list("email_type", "has_gmail").get() == (email_type, has_gmail)


@pytest.mark.django_db
def test_the_same_row_gets_in_once() -> None:
    assert store_rows([FULL, FULL]) == 1
    assert store_rows([FULL]) == 0
    assert Contact.objects.count() == 1
    assert Domain.objects.count() == 1
    assert Page.objects.count() == 1


@pytest.mark.django_db
def test_of_two_rows_with_one_id_the_first_counts() -> None:
    """As the check of an upload says."""
    key = uuid.uuid4()
    assert store_rows([Row(email="a@acme.example", id=key), Row(email="b@acme.example", id=key)]) == 1
    assert Contact.objects.get().email == "a@acme.example"


@pytest.mark.django_db
def test_what_is_there_is_left_alone() -> None:
    store_rows([FULL])
    Contact.objects.update(name="Anna Berg-Weiß", brevo_sync_status=SyncStatus.COMPLETE)
    store_rows([FULL])
    assert Contact.objects.values_list("name", "brevo_sync_status").get() == ("Anna Berg-Weiß", "Complete")


@pytest.mark.django_db
def test_rows_that_share_an_address_stay_separate_and_the_later_one_is_newer() -> None:
    rows = [FULL._replace(name=f"Anna {number}") for number in range(1_000)]
    assert store_rows(rows) == 1_000
    newest_last = Contact.objects.order_by("updated_at").values_list("name", flat=True)
    assert list(newest_last) == [row.name for row in rows]
    newest_first = Contact.objects.values_list("name", flat=True)
    assert newest_first[0] == "Anna 999"


@pytest.mark.django_db
def test_domains_and_pages_are_shared() -> None:
    there = Domain.objects.create(domain="acme.example", company_name="Acme")
    rows = [FULL._replace(name=f"Anna {number}") for number in range(3)]
    rows.append(FULL._replace(domain="other.example", page_url="https://acme.example/other"))
    store_rows(rows)
    assert Domain.objects.count() == 2
    assert Page.objects.count() == 2
    assert Contact.objects.filter(domain=there).count() == 3
    there.refresh_from_db()
    assert there.company_name == "Acme"


@pytest.mark.django_db
def test_a_page_gets_the_first_domain_that_is_given() -> None:
    without = FULL._replace(domain=None, name="first")
    store_rows([without, FULL, FULL._replace(domain="other.example")])
    assert Page.objects.get().domain == Domain.objects.get(domain="acme.example")


@pytest.mark.django_db
def test_a_page_without_a_domain_gets_it_later_and_keeps_it() -> None:
    store_rows([FULL._replace(domain=None)])
    assert Page.objects.get().domain is None
    store_rows([FULL])
    store_rows([FULL._replace(domain="other.example")])
    assert Page.objects.get().domain == Domain.objects.get(domain="acme.example")


@pytest.mark.django_db
def test_a_longest_row_fits() -> None:
    row = Row(
        email="é" * 320,
        name="山" * 255,
        phone_number="\u0660" * 64,
        domain="é" * 250 + ".com",
        page_url="https://a.example/" + "é" * 1_291,
        source_url="https://a.example/" + "山" * 1_982,
        context="😀" * 10_000,
    )
    assert store_rows([row]) == 1
    contact = Contact.objects.get()
    assert contact.context == row.context
    assert contact.email == row.email


@pytest.mark.django_db
def test_a_batch_is_a_handful_of_statements(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    rows = [
        FULL._replace(name=f"A {n}", domain=f"d{n}.example", page_url=f"https://d{n}.example/") for n in range(1_000)
    ]
    with django_assert_max_num_queries(60):
        assert store_rows(rows) == 1_000


@pytest.mark.django_db
def test_batches_and_counts() -> None:
    rows = [Row(email=f"a{number}@acme.example") for number in range(2_500)]
    tally, refusals = import_all([*rows, rows[0], rows[0]])
    assert tally == Tally(read=2_502, imported=2_500, existing=2, refused=0)
    assert refusals == []
    assert Contact.objects.count() == 2_500


@pytest.mark.django_db
def test_a_dry_run_counts_the_same_and_writes_nothing() -> None:
    rows = [FULL._replace(email=f"a{number}@acme.example") for number in range(2_500)]
    store_rows(rows[:10])
    before = (Contact.objects.count(), Domain.objects.count(), Page.objects.count())
    dry, _ = import_all([*rows, rows[20]], dry_run=True)
    assert (Contact.objects.count(), Domain.objects.count(), Page.objects.count()) == before
    real, _ = import_all([*rows, rows[20]])
    assert dry == real == Tally(read=2_501, imported=2_490, existing=11, refused=0)


@pytest.mark.django_db
def test_a_row_that_only_the_database_refuses_does_not_stop_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    def picky(rows: list[Row]) -> int:
        rows = list(rows)
        if any(row.name == "bad" for row in rows):
            raise DataError("no such letter\nDETAIL: in LATIN1")
        return store_rows(rows)

    monkeypatch.setattr(run, "store_rows", picky)
    tally, refusals = import_all([Row(name="a"), Row(name="bad"), Row(name="b")])
    assert tally == Tally(read=3, imported=2, existing=0, refused=1)
    assert refusals == [Refusal(3, "the database refused it: no such letter")]
    assert set(Contact.objects.values_list("name", flat=True)) == {"a", "b"}


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no limit of its own")
def test_what_postgresql_refuses_is_a_data_error() -> None:
    tally, refusals = import_all([Row(name="x" * 300), Row(name="Anna")])
    assert tally == Tally(read=2, imported=1, existing=0, refused=1)
    assert refusals == [Refusal(2, "the database refused it: value too long for type character varying(255)")]


@pytest.mark.django_db
def test_debug_does_not_pile_up_statements(settings: Settings) -> None:
    settings.DEBUG = True
    import_all([Row(email=f"a{number}@acme.example") for number in range(100)])
    assert len(connection.queries) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="in memory, a lock is an error and not a wait")
def test_two_imports_at_once() -> None:
    """Overlapping rows in opposite order: nothing doubled, no deadlock, each row counted by one of them."""
    rows = [
        FULL._replace(name=f"A {n}", domain=f"d{n % 50}.example", page_url=f"https://d{n}.example/")
        for n in range(3_000)
    ]
    tallies: list[Tally] = []
    start = threading.Barrier(2)

    def work(some: list[Row]) -> None:
        try:
            start.wait()
            tallies.append(import_all(some)[0])
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[some]) for some in (rows[:2_000], rows[:999:-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Contact.objects.count() == 3_000
    assert Domain.objects.count() == 50
    assert Page.objects.count() == 3_000
    assert sum(tally.imported for tally in tallies) == 3_000
    assert sum(tally.existing for tally in tallies) == 1_000


@pytest.mark.django_db
def test_somebody_else_inserts_the_same_row_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    store_rows([FULL])
    nothing: set[uuid.UUID] = set()
    monkeypatch.setattr(store, "existing_ids", lambda ids: nothing)
    store_rows([FULL])
    assert Contact.objects.count() == 1
