"""The tables as other programs meet them: plain SQL, constraints, migrations."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from contacts.models import Contact, Domain, Page, Suppression

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]

STATUSES = {"New", "Queued", "Processing", "Complete", "Error", "Skipped"}


def test_a_scrapers_plain_insert_works() -> None:
    key = uuid.uuid4()
    with connection.cursor() as cursor:
        # PostgreSQL takes a UUID in any spelling, SQLite keeps what it is given: Django's is 32 hex digits.
        cursor.execute("INSERT INTO contacts (id, email) VALUES (%s, %s)", [key.hex, " Ann@X.example "])

    contact = Contact.objects.get(pk=key)
    assert (contact.email, contact.email_key, contact.email_type) == (" Ann@X.example ", "ann@x.example", "UNKNOWN")
    assert (contact.has_gmail, contact.name, contact.domain, contact.page) == (False, None, None, None)
    assert contact.contact_curation_status == "New"
    assert contact.contact_processing_status is None
    for platform in ("brevo", "hubspot", "mautic", "n8n"):
        assert getattr(contact, f"{platform}_sync_status") == "New"
        assert getattr(contact, f"{platform}_retry_count") == 0
        for column in ("processing_status", "processing_error", "contact_id", "next_attempt_at", "synced_at"):
            assert getattr(contact, f"{platform}_{column}") is None
    assert abs((timezone.now() - contact.created_at).total_seconds()) < 60
    assert abs((timezone.now() - contact.updated_at).total_seconds()) < 60


def test_plain_inserts_into_the_other_tables_work() -> None:
    domain, page, suppressed = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO domains (id, domain) VALUES (%s, 'x.example')", [domain.hex])
        cursor.execute("INSERT INTO pages (id, url) VALUES (%s, 'https://x.example')", [page.hex])
        cursor.execute("INSERT INTO suppressions (id, email_key) VALUES (%s, 'a@x.example')", [suppressed.hex])

    assert Domain.objects.get(pk=domain).company_name == ""
    assert Page.objects.get(pk=page).domain is None
    assert Suppression.objects.get(pk=suppressed).reason == "manual"


@pytest.mark.parametrize("column", [field.name for field in Contact._meta.fields if field.choices])
@pytest.mark.parametrize("value", ["new", "", "Nonsense"])
def test_the_database_refuses_a_status_that_does_not_exist(make_contact: Make, column: str, value: str) -> None:
    contact = make_contact()

    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.filter(pk=contact.pk).update(**{column: value})


def test_the_database_refuses_no_status_where_there_must_be_one(make_contact: Make) -> None:
    contact = make_contact()

    for column in ("email_type", "contact_curation_status", "brevo_sync_status", "has_gmail"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Contact.objects.filter(pk=contact.pk).update(**{column: None})


@pytest.mark.parametrize("platform", ["brevo", "hubspot", "mautic", "n8n"])
def test_every_platform_has_the_statuses_of_the_specification(platform: str) -> None:
    sync = Contact._meta.get_field(f"{platform}_sync_status")
    processing = Contact._meta.get_field(f"{platform}_processing_status")

    assert {value for value, _ in sync.choices or ()} == STATUSES
    assert {value for value, _ in processing.choices or ()} == {"Queued", "Processing", "Complete", "Error"}
    assert processing.null


def test_what_a_contact_points_to_may_go(make_contact: Make) -> None:
    domain = Domain.objects.create(domain="x.example")
    page = Page.objects.create(url="https://x.example", domain=domain)
    contact = make_contact(domain=domain, page=page)

    domain.delete()

    contact.refresh_from_db()
    assert (contact.domain, contact.page) == (None, None)


def test_a_contacts_name_for_people(make_contact: Make) -> None:
    nameless = make_contact(None)

    assert str(make_contact("a@x.example", name="Ann")) == "a@x.example"
    assert str(make_contact("", name="Ann")) == "Ann"
    assert str(nameless) == str(nameless.pk)


def test_the_models_have_their_migrations() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_migrations_go_back_and_forth() -> None:
    def tables() -> set[str]:
        ours: list[Any] = [*apps.get_app_config("contacts").get_models()]
        return {model._meta.db_table for model in ours} & set(connection.introspection.table_names())

    before = tables()
    imports = {"contact_imports", "contact_import_parts", "contact_import_refused"}
    assert before == {"contacts", "domains", "pages", "suppressions", "default_views", "basis_changes"} | imports
    try:
        call_command("migrate", "contacts", "zero", verbosity=0)
        assert tables() == set()
    finally:
        call_command("migrate", verbosity=0)
    assert tables() == before
    assert Contact.objects.create(email="a@x.example").pk


@pytest.mark.django_db
@pytest.mark.parametrize(
    "written",
    [
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "3F2504E0-4F89-11D3-9A0C-0305E82C3301",
        "3F2504E04F8911D39A0C0305E82C3301",
        "3f2504e04f8911d39a0c0305e82c3301",
    ],
)
def test_an_id_in_any_form_is_found_after_a_plain_insert(written: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO contacts (id, email) VALUES (%s, %s)", [written, "ada@acme.example"])
    contact = Contact.objects.get(pk="3f2504e0-4f89-11d3-9a0c-0305e82c3301")
    assert Contact.objects.filter(pk=contact.pk).update(name="Ada") == 1
