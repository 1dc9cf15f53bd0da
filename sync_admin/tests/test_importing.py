"""The pages for imports, as their users meet them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from contacts.importing import work
from contacts.models import Contact, ContactImport, ContactImportPart, RefusedRow
from contacts.tasks import SCHEDULE
from curation_sdk import workers
from sync_admin import importing
from sync_admin.upload_limit import UploadLimit

pytestmark = pytest.mark.django_db

CONTENT = "email,name,phone_number\nanna@acme.example,Anna,\nada@acme.example,Ada L,\nbad\nx@acme.example,<b>X</b>,\n"


@pytest.fixture(autouse=True)
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that were put into the queue."""
    found: list[str] = []
    monkeypatch.setattr("contacts.tasks.async_task", lambda task, group: found.append(group))
    monkeypatch.setattr("contacts.tasks.transaction.on_commit", lambda run: run())
    return found


def send(client: Client, content: str | bytes, name: str = "contacts.csv", **options: Any) -> Any:
    data = content if isinstance(content, bytes) else content.encode()
    return client.post(reverse("sync-import"), {"file": SimpleUploadedFile(name, data)}, **options)


def text(client: Client, name: str, *arguments: Any) -> str:
    return " ".join(client.get(reverse(name, args=arguments)).content.decode().split())


def latest() -> ContactImport:
    return ContactImport.objects.get()


def work_off() -> None:
    work.work_off(seconds=60, stop=lambda: False)


def test_from_the_form_to_the_result(
    admin_client: Client, make_contact: Callable[..., Contact], enqueued: list[str]
) -> None:
    make_contact("ada@acme.example", name="Ada")
    assert "Nothing has been imported here yet." in text(admin_client, "sync-import")

    answer = send(admin_client, CONTENT)
    upload = latest()
    assert answer.headers["Location"] == reverse("sync-import-detail", args=[upload.pk])
    assert (upload.state, upload.uploaded_by.username, enqueued) == ("checked", "admin", [])  # type: ignore[union-attr]

    page = text(admin_client, "sync-import-detail", upload.pk)
    assert 'value="Import 3 rows"' in page
    assert "<td>New row for a known address</td>" in page
    assert "1 column differs:" in page
    assert "<b>name</b>: Ada → Ada L" in page
    assert '<th scope="row">4</th><td>1 cell, but the header has 3</td><td class="import-row">bad</td>' in page
    assert "&lt;b&gt;X&lt;/b&gt;" in page
    assert "<b>X</b>" not in page

    answer = admin_client.post(reverse("sync-import-confirm", args=[upload.pk]))
    assert answer.headers["Location"] == reverse("sync-import-detail", args=[upload.pk])
    assert (latest().state, latest().confirmed_by.username, enqueued) == (  # type: ignore[union-attr]
        "confirmed",
        "admin",
        [SCHEDULE],
    )
    assert Contact.objects.count() == 1
    work_off()

    assert Contact.objects.count() == 4
    page = text(admin_client, "sync-import-detail", upload.pk)
    assert "3 contacts were imported, 0 rows were there already, 1 was refused." in page
    assert 'value="Cancel"' not in page
    assert "contacts.csv</a>" in text(admin_client, "sync-import")


def test_a_second_confirmation_changes_nothing(admin_client: Client, enqueued: list[str]) -> None:
    send(admin_client, CONTENT)
    where = reverse("sync-import-confirm", args=[latest().pk])
    admin_client.post(where)
    work_off()
    page = admin_client.post(where, follow=True).content.decode()
    assert "this import is not one that waits to be confirmed" in page
    assert enqueued == [SCHEDULE]
    assert (latest().state, latest().imported) == ("done", 3)


def test_cancel_deletes_the_file(admin_client: Client) -> None:
    send(admin_client, CONTENT)
    where = reverse("sync-import-cancel", args=[latest().pk])
    page = admin_client.post(where, follow=True).content.decode()
    assert "The import was cancelled and its file deleted." in page
    assert "Nothing was imported." in page
    assert not ContactImportPart.objects.exists()
    assert "this import had ended already" in admin_client.post(where, follow=True).content.decode()


def test_a_large_file_is_for_the_worker(admin_client: Client, enqueued: list[str]) -> None:
    send(admin_client, "email\n" + "".join(f"p{number}@acme.example\n" for number in range(2_001)))
    upload = latest()
    assert (upload.state, enqueued) == ("uploaded", [SCHEDULE])
    state = admin_client.get(reverse("sync-import-state", args=[upload.pk])).json()
    assert state["problem"] == 'No worker is running, so the file waits. "manage.py qcluster" starts one.'
    assert state["text"] == "The check begins as soon as a worker is free."
    assert escape(state["problem"]) in text(admin_client, "sync-import-detail", upload.pk)
    workers.beat(now=timezone.now())
    assert admin_client.get(reverse("sync-import-state", args=[upload.pk])).json()["problem"] == ""


def test_how_far_it_is(admin_client: Client) -> None:
    send(admin_client, CONTENT)
    where = reverse("sync-import-state", args=[latest().pk])
    ContactImport.objects.update(state="importing", cursor=3, imported=1, heartbeat_at=timezone.now())
    assert admin_client.get(where).json() == {
        "state": "importing",
        "label": "Being imported",
        "percent": 60,
        "text": "Line 3 of 5: 1 contact was imported, 0 rows were there already, 0 were refused.",
        "problem": "",
    }
    ContactImport.objects.update(state="checking")
    assert admin_client.get(where).json()["text"] == "Checked as far as line 3 of 5."
    page = text(admin_client, "sync-import-detail", latest().pk)
    assert 'value="60"' in page
    assert "import.js" in page


def test_a_failed_import_says_why(admin_client: Client) -> None:
    send(admin_client, CONTENT)
    ContactImport.objects.update(state="failed", problem="The disk <is> full.", finished_at=timezone.now())
    page = text(admin_client, "sync-import-detail", latest().pk)
    assert "The disk &lt;is&gt; full." in page
    assert "Nothing was imported." in page
    assert "import.js" not in page


def test_nothing_to_import(admin_client: Client) -> None:
    send(admin_client, "email\n,\n")
    page = text(admin_client, "sync-import-detail", latest().pk)
    assert "There is nothing to import: no row is new." in page
    assert 'value="Import' not in page
    assert "Upload another file" in page
    for shown in (page, text(admin_client, "sync-import")):
        assert "Nothing to import</span>" in shown
        assert "Waits to be confirmed" not in shown
        assert "can be imported" not in shown


def test_nothing_is_imported_where_nothing_is_new(admin_client: Client) -> None:
    send(admin_client, "email\n,\n")
    where = reverse("sync-import-confirm", args=[latest().pk])
    page = admin_client.post(where, follow=True).content.decode()
    assert '<li class="warning">There is nothing to import: no row is new.</li>' in page
    assert latest().state == "checked"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04rest", "This is an Excel workbook or a ZIP file, not CSV."),
        (b"email,Firma\na@acme.example,Acme\n", "Unknown column: &#x27;firma&#x27;."),
        ("email\nzoë@acme.example\n".encode("latin-1"), "The file is not UTF-8: line 2 is in another encoding"),
    ],
)
def test_a_file_that_cannot_be_imported(admin_client: Client, content: bytes, message: str) -> None:
    answer = send(admin_client, content)
    assert answer.status_code == 200
    assert message in answer.content.decode()
    assert not ContactImport.objects.exists()


def test_no_file(admin_client: Client) -> None:
    assert "Choose a file." in admin_client.post(reverse("sync-import")).content.decode()


def test_a_file_that_is_too_large_is_dropped_as_it_comes(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "LARGEST", 100_000)
    kept: list[int] = []
    monkeypatch.setattr(
        UploadLimit,
        "receive_data_chunk",
        lambda self, data, start, original=UploadLimit.receive_data_chunk: (
            kept.append(start) or original(self, data, start)
        ),
    )
    answer = send(admin_client, b"email\n" + b"x" * 1_000_000)
    assert "The file is larger than 50 MB. Split it" in answer.content.decode()
    assert max(kept) < 200_000
    assert not ContactImport.objects.exists()
    assert send(admin_client, b"email\n" + b"x@acme.example\n" * 6_000).status_code == 302


def test_names_of_files_are_escaped(admin_client: Client) -> None:
    send(admin_client, CONTENT, name='<img src=x onerror="x">.csv')
    for page in (text(admin_client, "sync-import"), text(admin_client, "sync-import-detail", latest().pk)):
        assert "&lt;img src=x" in page
        assert "<img src=x" not in page
    download = admin_client.get(reverse("sync-import-refused", args=[latest().pk]))
    assert download.headers["Content-Disposition"] == 'attachment; filename="refused-<img src=x onerror=\\"x\\">.csv"'


def test_the_refused_rows_as_a_file(admin_client: Client) -> None:
    send(admin_client, "email,name\na@acme.example,Anna\n=1+1\nb@acme.example,Zoë,x\n")
    answer = admin_client.get(reverse("sync-import-refused", args=[latest().pk]))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="refused-contacts.csv"'
    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert list(csv.reader(io.StringIO(content[1:]))) == [
        ["line", "reason", "row"],
        ["3", "1 cell, but the header has 2", "'=1+1"],
        ["4", "3 cells, but the header has 2", "b@acme.example,Zoë,x"],
    ]


def test_the_page_shows_a_hundred_refused_rows(admin_client: Client) -> None:
    send(admin_client, "email,name\n" + "x\n" * 150 + "a@acme.example,Anna\n")
    page = text(admin_client, "sync-import-detail", latest().pk)
    assert "Here are the first 100 of 150." in page
    assert page.count("1 cell, but the header has 2") == 100


NAMES = ("sync-import-detail", "sync-import-state", "sync-import-confirm", "sync-import-cancel", "sync-import-refused")


@pytest.mark.parametrize("permissions", [(), ("view_contact", "add_contact"), ("view_contact", "curate_contact")])
def test_who_may_not_import_sees_nothing(
    admin_client: Client, client: Client, django_user_model: Any, permissions: tuple[str, ...]
) -> None:
    send(admin_client, CONTENT)
    user = django_user_model.objects.create_user("ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    for name in NAMES:
        where = reverse(name, args=[latest().pk])
        method = client.post if name in ("sync-import-confirm", "sync-import-cancel") else client.get
        assert method(where).status_code == 403
    assert client.get(reverse("sync-import")).status_code == 403
    assert send(client, CONTENT).status_code == 403
    assert (ContactImport.objects.count(), latest().state) == (1, "checked")
    if permissions:
        assert reverse("sync-import") not in text(client, "admin:contacts_contact_changelist")


def test_who_may_import_finds_the_page(client: Client, django_user_model: Any) -> None:
    user = django_user_model.objects.create_user("ada", is_staff=True)
    names = ("view_contact", "add_contact", "curate_contact")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    assert text(client, "admin:contacts_contact_changelist").count(f'href="{reverse("sync-import")}"') == 2
    assert send(client, CONTENT).status_code == 302


def test_a_stranger_is_asked_to_log_in(client: Client) -> None:
    assert send(client, CONTENT).headers["Location"].startswith("/admin/login/")
    assert not ContactImport.objects.exists()


def test_a_form_of_another_site_is_refused(admin_user: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert send(client, CONTENT).status_code == 403
    assert not ContactImport.objects.exists()


def test_nothing_is_changed_by_a_link(admin_client: Client) -> None:
    send(admin_client, CONTENT)
    for name in ("sync-import-confirm", "sync-import-cancel"):
        assert admin_client.get(reverse(name, args=[latest().pk])).status_code == 405
    assert latest().state == "checked"


def test_an_import_that_does_not_exist(admin_client: Client) -> None:
    for name in NAMES:
        where = reverse(name, args=["00000000-0000-0000-0000-000000000000"])
        method = admin_client.post if name in ("sync-import-confirm", "sync-import-cancel") else admin_client.get
        assert method(where).status_code == 404


def test_pages_take_few_queries(
    admin_client: Client,
    make_contact: Callable[..., Contact],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(40):
        make_contact(f"p{number}@acme.example", name="x")
    content = "email,name\n" + "".join(f"p{number}@acme.example,Ada {number}\nbad\n" for number in range(500))
    with django_assert_max_num_queries(30):
        send(admin_client, content)
    upload = latest()
    ContactImport.objects.bulk_create(
        ContactImport(file_name="x.csv", size=1, lines=1, parts=1, uploaded_at=timezone.now()) for _ in range(30)
    )
    assert RefusedRow.objects.count() == 500
    for name, arguments in (("sync-import", []), *((name, [upload.pk]) for name in NAMES)):
        with django_assert_max_num_queries(30):
            where = reverse(name, args=arguments)
            if name in ("sync-import-confirm", "sync-import-cancel"):
                admin_client.post(where)
            else:
                admin_client.get(where)
