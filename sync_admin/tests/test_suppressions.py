"""The ledger as people use it: read, search, add, lift, import; and what a contact's page and the list say of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.address_hash import address_hash
from contacts.models import Contact, Suppression
from contacts.suppression import OptOut, in_force, lift, suppress, suppress_erased
from contacts.timeline import events
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
Reason = Suppression.Reason
LIST = "/admin/contacts/suppression/"
ADA = "ada@acme.example"


@pytest.fixture
def staff(client: Client) -> Callable[..., Client]:
    def log_in(group: str) -> Client:
        user = User.objects.create_user(group, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        client.force_login(user)
        return client

    return log_in


def opt_out(address: str = ADA, reason: Reason = Reason.UNSUBSCRIBED, source: str = "Brevo", note: str = "") -> None:
    suppress([OptOut(address, reason, note)], source, now=NOON)


def found(client: Client, **query: str) -> list[str]:
    return sorted(str(row) for row in client.get(LIST, query).context["cl"].result_list)


def page_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def lift_url(row: Suppression | None = None) -> str:
    return reverse("sync-suppression-lift", args=[(row or Suppression.objects.get()).pk])


# --- The list -------------------------------------------------------------------------------------------------


def test_the_list_shows_what_holds_and_what_was_lifted(admin_client: Client) -> None:
    opt_out(note="Event 17 of the webhook")
    opt_out("bob@x.example", Reason.COMPLAINT, "Mautic")
    lift("bob@x.example", by="grace", why="A mistake", now=NOON)

    page = page_of(admin_client, LIST)
    assert '<span class="sync-badge sync-skipped">in force</span>' in page
    assert '<span class="sync-badge sync-none">lifted</span>' in page
    assert "Event 17 of the webhook" in page
    assert "Lifted by grace: A mistake" in page
    assert (
        found(admin_client, in_force="yes") == found(admin_client, source__exact="Brevo") == [f"{ADA} (Unsubscribed)"]
    )
    assert found(admin_client, in_force="no") == found(admin_client, reason__exact="complaint")


def test_a_search_by_the_address_finds_an_erased_person(admin_client: Client) -> None:
    opt_out()
    opt_out("bob@x.example")
    suppress_erased(ADA, "A person", now=NOON)

    assert found(admin_client, q=" Ada@ACME.example") == [
        "an erased person (Asked to be forgotten)",
        "an erased person (Unsubscribed)",
    ]
    assert found(admin_client, q=address_hash(ADA)[:16]) == found(admin_client, q=ADA)
    assert found(admin_client, q="bob@") == found(admin_client, q="BOB") == ["bob@x.example (Unsubscribed)"]
    assert found(admin_client, q="@x.exam") == ["bob@x.example (Unsubscribed)"]
    assert found(admin_client, q="carol@x.example") == []
    page = page_of(admin_client, LIST)
    assert f"{address_hash(ADA)[:16]}…" in page
    assert address_hash(ADA) not in page


def test_a_person_adds_a_row_and_stands_in_its_evidence(admin_client: Client, admin_user: Any) -> None:
    form = {"email_key": " ADA@acme.example", "reason": "request", "note": "Wrote a letter."}
    answer = admin_client.post(f"{LIST}add/", form, follow=True)
    assert "was added successfully" in answer.content.decode()
    row = Suppression.objects.get()
    assert (row.email_key, row.source, row.note) == (ADA, "A person", "Recorded by admin. Wrote a letter.")
    assert abs(row.since - timezone.now()) < timedelta(minutes=1)
    # In the admin's own log the address would outlive an erasure.
    assert not LogEntry.objects.exists()

    assert admin_client.post(f"{LIST}add/", {**form, "reason": "complaint", "since": "2026-03-01"}).status_code == 302
    assert Suppression.objects.get(reason="complaint").since == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": "erased"}, "reason"),
        ({"since": "2999-01-01"}, "since"),
        ({"email_key": "gone@x.example"}, "email_key"),
    ],
)
def test_what_a_person_cannot_add(admin_client: Client, changes: dict[str, str], field: str) -> None:
    suppress_erased("gone@x.example", "A person", now=NOON)
    answer = admin_client.post(f"{LIST}add/", {"email_key": ADA, "reason": "request", "note": "", **changes})
    assert list(answer.context["adminform"].form.errors) == [field]
    assert Suppression.objects.count() == 1


# --- Lifting --------------------------------------------------------------------------------------------------


def seen() -> list[str]:
    return [str(key) for key in in_force().values_list("pk", flat=True)]


def test_lifting_shows_everything_that_holds_and_keeps_the_reason(admin_client: Client, make_contact: Make) -> None:
    opt_out(note="Event 17")
    opt_out(reason=Reason.HARD_BOUNCE, source="Mautic")
    opt_out("bob@x.example")
    url = lift_url(Suppression.objects.get(reason="hard_bounce"))

    page = page_of(admin_client, url)
    for text in ("Unsubscribed", "Hard bounce", "Brevo", "Mautic", "Event 17", "un-blocks nobody in Brevo or Mautic"):
        assert text in page
    assert "is suppressed here again when the contact changes there" in page
    assert "bob@x.example" not in page
    assert in_force().count() == 3, "a look lifts nobody"

    assert "This field is required." in admin_client.post(url, {"seen": seen(), "reason": " "}).content.decode()
    assert in_force().count() == 3
    answer = admin_client.post(url, {"seen": seen(), "reason": "Signed up again."}, follow=True)
    assert "Lifted 2 suppressions." in answer.content.decode()
    assert [row.email_key for row in in_force()] == ["bob@x.example"]
    lifted = Suppression.objects.filter(lifted_at__isnull=False).values_list("lifted_by", "lift_reason")
    assert set(lifted) == {("admin", "Signed up again.")}
    assert "Nothing was lifted" in admin_client.post(url, {"reason": "again"}, follow=True).content.decode()
    assert "Nothing: it has been lifted already." in page_of(admin_client, url)


def test_what_is_recorded_while_the_page_is_open_stays_in_force(admin_client: Client) -> None:
    opt_out()
    shown, url = seen(), lift_url()
    opt_out(reason=Reason.COMPLAINT)

    page = admin_client.post(url, {"seen": shown, "reason": "Signed up again."}, follow=True).content.decode()

    assert "Lifted 1 suppression." in page
    assert "1 suppression is in force still: recorded meanwhile." in page
    assert [row.reason for row in in_force()] == ["complaint"]


@pytest.mark.parametrize("rubbish", [[], ["x"], ["00000000-0000-0000-0000-000000000009"]])
def test_a_form_that_names_no_row_lifts_none(admin_client: Client, rubbish: list[str]) -> None:
    opt_out()
    assert admin_client.post(lift_url(), {"seen": rubbish, "reason": "x"}).status_code == 302
    assert in_force().count() == 1


def test_of_an_erased_person_the_address_has_to_be_typed(admin_client: Client) -> None:
    suppress_erased(ADA, "A person", now=NOON)
    suppress_erased("bob@x.example", "A person", now=NOON)
    url = lift_url(Suppression.objects.get(key_hash=address_hash(ADA)))
    assert "an erased person" in page_of(admin_client, url)
    form = {"seen": seen(), "reason": "Signed up again."}
    for address in ("", "bob@x.example"):
        assert admin_client.post(url, {**form, "address": address}).status_code == 200
    assert in_force().count() == 2

    assert admin_client.post(url, {**form, "address": "Ada@acme.example "}).status_code == 302
    assert [row.key_hash for row in in_force()] == [address_hash("bob@x.example")]


@pytest.mark.parametrize(("group", "status"), [("Curators", 403), ("Operators", 403), ("Privacy", 302)])
def test_only_who_has_the_permission_lifts(staff: Callable[..., Client], group: str, status: int) -> None:
    opt_out()
    client = staff(group)
    assert client.post(lift_url(), {"seen": seen(), "reason": "x"}).status_code == status
    assert in_force().exists() == (status == 403)
    page = page_of(client, f"{LIST}{Suppression.objects.get().pk}/change/")
    assert lift_url() not in page


def test_the_row_leads_to_the_lift_page(staff: Callable[..., Client]) -> None:
    opt_out()
    assert lift_url() in page_of(staff("Privacy"), f"{LIST}{Suppression.objects.get().pk}/change/")


def test_lifting_leads_back_to_where_it_began(admin_client: Client, make_contact: Make) -> None:
    contact = f"/admin/contacts/contact/{make_contact(ADA).pk}/change/"
    opt_out()
    url = f"{lift_url()}?next={contact}"
    assert url in page_of(admin_client, contact)
    assert f'class="closelink" href="{contact}"' in page_of(admin_client, url)
    assert "This field is required." in admin_client.post(url, {"seen": seen(), "reason": ""}).content.decode()
    answer = admin_client.post(url, {"seen": seen(), "reason": "Signed up again."}, follow=True)
    assert answer.redirect_chain == [(contact, 302)]
    assert "Lifted 1 suppression." in answer.content.decode()


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_lifting_leads_nowhere_but_to_our_own_pages(admin_client: Client, elsewhere: str) -> None:
    opt_out()
    url, row = f"{lift_url()}?{urlencode({'next': elsewhere})}", f"{LIST}{Suppression.objects.get().pk}/change/"
    assert f'class="closelink" href="{row}"' in page_of(admin_client, url)
    answer = admin_client.post(url, {"seen": seen(), "reason": "Signed up again."}, follow=True)
    assert answer.redirect_chain == [(row, 302)]


# --- A contact ------------------------------------------------------------------------------------------------


def test_a_contacts_page_says_so_first(staff: Callable[..., Client], make_contact: Make) -> None:
    contact, other = make_contact("Ada@acme.example"), make_contact("bob@x.example")
    nobody = make_contact(None)
    opt_out(note="Event 17")
    suppress_erased("gone@x.example", "A person", now=NOON)
    row = Suppression.objects.get(email_key=ADA)
    client = staff("Viewers")

    page = page_of(client, f"/admin/contacts/contact/{contact.pk}/change/")
    assert "Suppressed since 2026-11-24: Unsubscribed (Brevo). Event 17" in page
    assert f"{LIST}{row.pk}/change/" in page
    assert lift_url(row) not in page
    for one in (other, nobody):
        assert "Suppressed since" not in page_of(client, f"/admin/contacts/contact/{one.pk}/change/")

    client.force_login(User.objects.create_superuser("root"))
    assert lift_url(row) in page_of(client, f"/admin/contacts/contact/{contact.pk}/change/")
    lift(ADA, by="grace", why="A mistake", now=NOON)
    page = page_of(client, f"/admin/contacts/contact/{contact.pk}/change/")
    assert "Suppressed since" not in page
    assert "Suppression lifted" in page


def test_the_list_of_contacts_says_who_is_suppressed(admin_client: Client, make_contact: Make) -> None:
    for address in (ADA, "bob@x.example", "gone@x.example", None):
        make_contact(address)
    opt_out()
    suppress_erased("gone@x.example", "A person", now=NOON)
    page = page_of(admin_client, "/admin/contacts/contact/?q=")
    assert page.count(">suppressed</span>") == 2


def test_nobodys_time_line_holds_those_of_all_who_were_erased(make_contact: Make, admin_user: Any) -> None:
    suppress_erased("gone@x.example", "A person", now=NOON)
    contact = make_contact(" ")
    assert [event.what for event in events(contact, admin_user, now=NOON)] == ["Found"]
    assert lift("", by="x", why="x", now=NOON) == 0
    assert in_force().count() == 1


def test_the_pages_take_few_queries(
    admin_client: Client, make_contact: Make, django_assert_max_num_queries: Any
) -> None:
    contact = make_contact(ADA)
    for number in range(30):
        opt_out(source=f"Tool {number}")
        opt_out(f"p{number}@x.example")
    row = Suppression.objects.filter(email_key=ADA).first()
    assert row
    for url in (
        LIST,
        f"{LIST}?q={ADA}",
        f"{LIST}{row.pk}/change/",
        lift_url(row),
        "/admin/contacts/contact/?q=",
        f"/admin/contacts/contact/{contact.pk}/change/",
    ):
        admin_client.get(url)
        with django_assert_max_num_queries(30):
            assert admin_client.get(url).status_code == 200


# --- Files ----------------------------------------------------------------------------------------------------


def upload(client: Client, data: bytes, **more: str) -> str:
    file = SimpleUploadedFile("out.csv", data, content_type="text/csv")
    answer = client.post(reverse("sync-suppression-import"), {"file": file, **more})
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_file_is_recorded_and_its_bad_rows_are_shown(admin_client: Client) -> None:
    data = b"email,reason\na@x.example,complaint\n<b>nobody</b>,\nb@x.example,\n"
    page = upload(admin_client, data, dry_run="on")
    assert "Dry run, nothing written. 3 rows read: 2 would be suppressed, 0 in force already, 1 refused." in page
    assert not Suppression.objects.exists()

    page = upload(admin_client, data)
    assert "3 rows read: 2 suppressed, 0 in force already, 1 refused." in page
    assert "&lt;b&gt;nobody&lt;/b&gt;" in page
    assert "<b>nobody" not in page
    assert sorted(in_force().values_list("email_key", "reason")) == [
        ("a@x.example", "complaint"),
        ("b@x.example", "request"),
    ]
    assert "0 suppressed, 2 in force already" in upload(admin_client, data)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"phone\n1\n", "Unknown column: &#x27;phone&#x27;."),
        (b"PK\x03\x04rest", "This is an Excel workbook"),
        (b"", "The file is empty."),
        (b"email\n" + b"x" * (5 * 1024 * 1024), "The file is larger than 5 MB."),
    ],
    ids=["column", "workbook", "empty", "large"],
)
def test_a_file_that_is_refused_says_why(admin_client: Client, data: bytes, text: str) -> None:
    assert text in upload(admin_client, data)
    assert not Suppression.objects.exists()


def test_the_upload_checks_the_token_and_the_permission(staff: Callable[..., Client], admin_user: Any) -> None:
    url = reverse("sync-suppression-import")
    client = staff("Viewers")
    assert client.post(url, {"file": SimpleUploadedFile("x.csv", b"a@x.example")}).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    assert strict.post(url, {"file": SimpleUploadedFile("x.csv", b"a@x.example")}).status_code == 403
    assert not Suppression.objects.exists()
