"""The operator's pages: what they show, what they refuse, and what no text from outside can do to them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from contacts.admin import ContactAdmin
from contacts.models import Contact, Domain, Page, Suppression
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]

LIST = "/admin/contacts/contact/"
SUPPRESSIONS = "/admin/contacts/suppression/"
ATTEMPTS = "/admin/curation_sdk/syncattempt/"
RUNS = "/admin/curation_sdk/syncrun/"
ALL_LISTS = (LIST, SUPPRESSIONS, ATTEMPTS, RUNS, "/admin/contacts/domain/", "/admin/contacts/page/")


@pytest.fixture
def client() -> Client:
    """A superuser's browser."""
    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.create(username="root", is_staff=True, is_superuser=True))
    return client


def staff(*permissions: str) -> Client:
    """The browser of somebody who has these permissions only."""
    user = get_user_model().objects.create(username="staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def change_url(contact: Contact) -> str:
    return f"{LIST}{contact.pk}/change/"


def form_of(contact: Contact, **changes: Any) -> dict[str, Any]:
    """What the browser sends for a contact's page."""
    fields = ("email", "email_type", "name", "phone_number", "source_url", "context", "source_job_id")
    columns = {name: getattr(contact, name) or "" for name in (*fields, "contact_curation_status")}
    names = ("sync_attempts", "enrichments")
    inline = {f"{name}-{count}_FORMS": "0" for name in names for count in ("TOTAL", "INITIAL")}
    return {**columns, "domain": contact.domain_id or "", "page": contact.page_id or "", **inline, **changes}


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def attempt(contact: Contact, **columns: Any) -> SyncAttempt:
    values = {"platform": "brevo", "created_at": NOON, "outcome": "rejected", "reason": "Invalid phone number"}
    return SyncAttempt.objects.create(contact=contact, **{**values, **columns})


def make_run(**columns: Any) -> SyncRun:
    values = {"platform": "brevo", "trigger": "admin", "slot": 1, "started_at": NOON, "heartbeat_at": NOON}
    return SyncRun.objects.create(**{**values, **columns})


# --- The list -----------------------------------------------------------------------------------------


def test_the_list_shows_address_statuses_and_reason(client: Client, make_contact: Make) -> None:
    make_contact("ann@x.example", brevo_sync_status="Error", brevo_processing_error="Phone " + "refused " * 30)
    make_contact(None, name="Nobody")

    html = client.get(LIST).content.decode()

    assert "ann@x.example" in html
    assert "(no e-mail address)" in html
    assert 'class="sync-badge sync-error">Error<' in html
    assert "Phone refused" in html
    assert "Queue for Brevo" in html


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"ann@x.example", "bob@acme.example", "cem@x.example"}),
        ("?brevo_sync_status__exact=Error", {"ann@x.example"}),
        ("?brevo_sync_status=Error", {"ann@x.example"}),
        ("?contact_curation_status__exact=Complete", {"bob@acme.example"}),
        ("?email_type__exact=FREE", {"cem@x.example"}),
        ("?has_gmail__exact=1", {"cem@x.example"}),
        ("?q=ANN", {"ann@x.example"}),
        ("?q=acme", {"bob@acme.example", "cem@x.example"}),
        ("?q=acme+cem", {"cem@x.example"}),
        ("?q=O'Neil", {"ann@x.example"}),
        ("?q=%25", set()),
        ("?q=acme&email_type__exact=FREE", {"cem@x.example"}),
    ],
)
def test_filters_and_search(client: Client, make_contact: Make, query: str, expected: set[str]) -> None:
    acme = Domain.objects.create(domain="acme.test")
    make_contact("ann@x.example", name="Ann O'Neil", brevo_sync_status="Error")
    make_contact("bob@acme.example", contact_curation_status="Complete")
    make_contact("cem@x.example", email_type="FREE", has_gmail=True, domain=acme)

    found = client.get(LIST + query).context["cl"].result_list

    assert {contact.email for contact in found} == expected


def test_every_column_can_be_sorted_by(client: Client, make_contact: Make) -> None:
    make_contact()

    for column in range(-len(ContactAdmin.list_display), len(ContactAdmin.list_display) + 1):
        assert client.get(f"{LIST}?o={column}").status_code == 200


def test_the_number_of_queries_does_not_grow_with_the_rows(
    client: Client, make_contact: Make, django_assert_max_num_queries: Any
) -> None:
    def fill(count: int) -> None:
        for _ in range(count):
            contact = make_contact(domain=Domain.objects.create(domain=f"{uuid.uuid4()}.example"))
            attempt(
                contact,
                run=SyncRun.objects.create(
                    platform="brevo", slot=1, state="finished", started_at=NOON, heartbeat_at=NOON
                ),
            )
            Page.objects.create(url=f"https://{uuid.uuid4()}.example", domain=contact.domain)

    fill(2)
    needed = {}
    for url in ALL_LISTS:
        client.get(url)
        with django_assert_max_num_queries(30) as few:
            client.get(url)
        needed[url] = len(few)
    fill(8)
    for url, count in needed.items():
        with django_assert_max_num_queries(count):
            client.get(url)


NONSENSE = [
    *(
        "brevo_sync_status=nonsense",
        "brevo_sync_status__exact=%00",
        "brevo_sync_status__in=",
        "has_gmail__exact=banana",
    ),
    *(
        "p=abc",
        "p=-1",
        "p=999999",
        "p=" + "9" * 30,
        "o=99",
        "o=a.b",
        "o=-0.-0",
        "all=",
        "e=1",
        "_facets=True",
        "q=%00",
    ),
    *("q=%ED%A0%80", "q=" + "a" * 60_000, "q=" + "+".join(["a"] * 1500), "q=" + "%5C" * 20, 'q="', "_popup=1"),
    *(
        "email__regex=(",
        "email__iregex=(a%2B)%2B$",
        "email__contains=" + "a" * 60_000,
        "email__foo=1",
        "foo=1",
        "id=abc",
    ),
    *("id__in=abc,1", "email=%00", "email__isnull=banana", "created_at__gte=abc", "created_at__year=" + "9" * 20),
    *("created_at__range=1", "has_gmail__range=1", "brevo_retry_count=" + "9" * 30, "brevo_retry_count__in=1,a"),
    *("domain__id__exact=abc", "domain__domain__contains=x", "sync_attempts__reason=x", "_to_field=x", "pk=%00"),
    *("started_at__year=abc", "started_at__year=0", "started_at__year=99999", "started_at__year=" + "9" * 30),
    *("started_at__year=2026&started_at__month=13", "started_at__year=2026&started_at__month=2&started_at__day=31"),
    *(
        "http_status=abc",
        "http_status=" + "9" * 30,
        "http_status__exact=%00",
        "outcome__exact=x",
        "platform__exact=%00",
    ),
    *(
        "source__exact=%00",
        "reason__exact=nonsense",
        "since__gte=abc",
        "__=1",
        "%00=1",
        "contact=abc",
        "run__id__exact=x",
    ),
]


@pytest.mark.parametrize("query", NONSENSE, ids=lambda query: query[:40])
def test_an_address_that_makes_no_sense_is_no_server_error(client: Client, make_contact: Make, query: str) -> None:
    attempt(make_contact())

    for url in ALL_LISTS:
        assert client.get(f"{url}?{query}").status_code in (200, 302, 400), url


def test_a_search_that_is_too_long_finds_nobody(client: Client, make_contact: Make) -> None:
    make_contact("a@x.example")

    answer = client.get(LIST, {"q": "a" + " a" * 300})

    assert list(answer.context["cl"].result_list) == []
    assert "longer than 500 characters" in answer.content.decode()


NOBODY = "5d0c2f6e-0d6a-4f3b-9b1e-8f4c1a2b3c4d"


@pytest.mark.parametrize("key", ["abc", "%00", "1", NOBODY, "9" * 30, "..", "a/b", "_5F"])
@pytest.mark.parametrize("page", ["change", "history", "delete"])
def test_a_row_that_does_not_exist_leads_back_with_a_word(client: Client, key: str, page: str) -> None:
    for url in (LIST, SUPPRESSIONS, ATTEMPTS, RUNS):
        answer = client.get(f"{url}{key}/{page}/")
        assert answer.status_code in (302, 403, 404)
        if answer.status_code == 302:
            assert "exist" in said(answer)


@pytest.mark.parametrize("query", ["email=%00&has_gmail=banana", "domain=abc", "domain=%00", "page=1", "nonsense=1"])
def test_a_form_is_opened_whatever_the_address_puts_into_it(client: Client, query: str) -> None:
    assert client.get(f"{LIST}add/?{query}").status_code == 200


# --- One contact --------------------------------------------------------------------------------------


def test_the_page_shows_sync_columns_to_read_only_and_the_attempts(client: Client, make_contact: Make) -> None:
    contact = make_contact(brevo_sync_status="Error", brevo_contact_id="4711", brevo_processing_error="Bad phone")
    attempt(contact, code="invalid_parameter", http_status=400)

    html = client.get(change_url(contact)).content.decode()

    for text in ("4711", "Bad phone", "Invalid phone number", "invalid_parameter", "Rejected"):
        assert text in html
    assert 'name="email"' in html
    assert 'name="brevo_' not in html
    assert 'name="contact_processing' not in html
    assert "Add another sync attempt" not in html


def test_a_save_writes_what_the_person_changed_and_nothing_else(client: Client, make_contact: Make) -> None:
    contact = make_contact(brevo_sync_status="Queued", updated_at=NOON)
    form = form_of(contact, name="Ann", brevo_sync_status="New", brevo_contact_id="1")
    Contact.objects.update(brevo_sync_status="Complete", brevo_contact_id="42", updated_at=NOON)

    with time_machine.travel(timezone.now() + timedelta(days=1), tick=False):
        assert client.post(change_url(contact), form).status_code == 302
        moved = timezone.now()

    contact.refresh_from_db()
    assert (contact.name, contact.updated_at) == ("Ann", moved)
    assert (contact.brevo_sync_status, contact.brevo_contact_id) == ("Complete", "42")


def test_a_stale_instance_is_not_written_back(make_contact: Make, rf: Any) -> None:
    stale = make_contact(name="Ann")
    Contact.objects.update(brevo_sync_status="Complete", phone_number="+1")
    model_admin = ContactAdmin(Contact, site)
    request = rf.post("/")
    request.user = get_user_model()(is_superuser=True, is_active=True)
    form = model_admin.get_form(request, stale, change=True)(form_of(stale, name="Anna"), instance=stale)
    assert form.is_valid(), form.errors

    model_admin.save_model(request, form.save(commit=False), form, change=True)

    stale.refresh_from_db()
    assert (stale.name, stale.brevo_sync_status, stale.phone_number) == ("Anna", "Complete", "+1")


def test_a_page_that_was_open_meanwhile_undoes_nothing(client: Client, make_contact: Make) -> None:
    """Curation wrote while somebody typed a name: only the name is that person's word."""
    contact = make_contact(contact_curation_status="Processing", phone_number="(415) 555-2671")
    page = client.get(change_url(contact)).content.decode()
    shown = dict(re.findall(r'<input type="hidden" name="(initial-[^"]+)"(?: value="([^"]*)")?', page))
    assert (shown["initial-contact_curation_status"], shown["initial-phone_number"]) == (
        "Processing",
        "(415) 555-2671",
    )
    typed = {**form_of(contact, name="Ada"), **shown}
    Contact.objects.update(
        contact_curation_status="Complete", contact_processing_status="Complete", phone_number="+14155552671"
    )

    assert client.post(change_url(contact), typed).status_code == 302

    contact.refresh_from_db()
    assert (contact.name, contact.phone_number) == ("Ada", "+14155552671")
    assert (contact.contact_curation_status, contact.contact_processing_status) == ("Complete", "Complete")


@pytest.mark.parametrize(
    "changes", [{}, {"contact_curation_status": "Queued"}, {"contact_curation_status": "Skipped"}]
)
def test_a_save_of_nothing_or_of_a_status_does_not_move_updated_at(
    client: Client, make_contact: Make, changes: dict[str, str]
) -> None:
    contact = make_contact(contact_processing_error="old")
    Contact.objects.update(updated_at=NOON)

    assert client.post(change_url(contact), form_of(contact, **changes)).status_code == 302

    contact.refresh_from_db()
    assert contact.updated_at == NOON
    queued = changes.get("contact_curation_status") == "Queued"
    assert contact.contact_processing_status == ("Queued" if queued else None)
    # What curation said before is not the reason for what a person decides now.
    assert contact.contact_processing_error == (None if changes else "old")


def test_a_new_contact(client: Client) -> None:
    form = form_of(Contact(email="a@x.example", contact_curation_status="Queued"), has_gmail="on")

    assert client.post(f"{LIST}add/", form).status_code == 302

    contact = Contact.objects.get()
    assert (contact.email, contact.has_gmail, contact.contact_processing_status) == ("a@x.example", True, "Queued")
    assert (contact.brevo_sync_status, contact.name) == ("New", None)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "x" * 256), ("name", "a\x00b"), ("email", "x" * 321), ("email_type", "x"), ("source_job_id", "x")],
)
def test_a_wrong_value_is_told_beside_its_field(client: Client, make_contact: Make, field: str, value: str) -> None:
    contact = make_contact(name="Ann")

    answer = client.post(change_url(contact), form_of(contact, **{field: value}))

    assert answer.status_code == 200
    assert set(answer.context["adminform"].form.errors) == {field}
    contact.refresh_from_db()
    assert contact.name == "Ann"


def test_a_contact_deleted_in_the_middle(client: Client, make_contact: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    contact = make_contact()
    form = form_of(contact, name="Ann")
    save_model = ContactAdmin.save_model

    def delete_first(self: ContactAdmin, *args: Any) -> None:
        Contact.objects.filter(pk=contact.pk).delete()
        save_model(self, *args)

    monkeypatch.setattr(ContactAdmin, "save_model", delete_first)
    assert client.post(change_url(contact), form).status_code == 404
    assert not LogEntry.objects.exists()


def test_a_contact_deleted_before_the_form_comes_back(client: Client, make_contact: Make) -> None:
    contact = make_contact()
    form, url = form_of(contact, name="Ann"), change_url(contact)
    contact.delete()

    answer = client.post(url, form)

    assert answer.status_code == 302
    assert "Perhaps it was deleted?" in said(answer)
    assert not Contact.objects.exists()


def test_a_contact_with_attempts_can_be_deleted_alone_and_in_bulk(client: Client, make_contact: Make) -> None:
    # People have a right to be deleted.
    alone, *more = (make_contact(f"{number}@x.example") for number in range(3))
    for contact in (alone, *more):
        attempt(contact)

    assert client.post(f"{LIST}{alone.pk}/delete/", {"post": "yes"}).status_code == 302
    chosen = {"action": "delete_selected", "_selected_action": [str(contact.pk) for contact in more], "post": "yes"}
    assert client.post(LIST, chosen).status_code == 302

    assert not Contact.objects.exists()
    assert not SyncAttempt.objects.exists()


# --- Who may ------------------------------------------------------------------------------------------


def test_who_may_look_only(make_contact: Make) -> None:
    contact = make_contact(name="Ann")
    client = staff("view_contact")

    html = client.get(LIST).content.decode()
    assert "Queue for Brevo" not in html
    assert 'name="email"' not in client.get(change_url(contact)).content.decode()
    assert client.post(change_url(contact), form_of(contact, name="Bob")).status_code == 403
    client.post(LIST, {"action": "queue_for_brevo", "_selected_action": [str(contact.pk)]})
    client.post(LIST, {"action": "delete_selected", "_selected_action": [str(contact.pk)], "post": "yes"})
    contact.refresh_from_db()
    assert (contact.name, contact.brevo_sync_status) == ("Ann", "New")
    assert client.get(SUPPRESSIONS).status_code == 403
    assert client.get("/api/v3/contacts/brevo").status_code == 200  # for the strip above the list


def test_who_may_change_contacts_but_not_delete_them(make_contact: Make) -> None:
    contact = make_contact()
    attempt(contact)
    client = staff("view_contact", "change_contact")

    assert "Queue for Brevo" not in client.get(LIST).content.decode()
    assert 'name="email"' in client.get(change_url(contact)).content.decode()
    assert "Invalid phone number" not in client.get(change_url(contact)).content.decode()  # may not see attempts
    assert client.post(f"{LIST}{contact.pk}/delete/", {"post": "yes"}).status_code == 403


def test_who_may_delete_contacts_deletes_their_attempts_too(make_contact: Make) -> None:
    contact = make_contact()
    attempt(contact)

    assert (
        staff("view_contact", "delete_contact").post(f"{LIST}{contact.pk}/delete/", {"post": "yes"}).status_code == 302
    )
    assert not Contact.objects.exists()


def test_who_may_nothing_and_who_is_not_logged_in() -> None:
    client = staff()
    for url in ALL_LISTS:
        assert client.get(url).status_code == 403
        assert Client().get(url).status_code == 302


def test_runs_and_attempts_are_for_reading(client: Client, make_contact: Make) -> None:
    row = attempt(make_contact())
    run = make_run()

    for url, key in ((ATTEMPTS, row.pk), (RUNS, run.pk)):
        assert client.get(url).status_code == 200
        assert client.get(f"{url}{key}/change/").status_code == 200
        assert client.post(f"{url}{key}/change/", {"platform": "x"}).status_code == 403
        assert client.get(f"{url}add/").status_code == 403
        assert client.post(f"{url}{key}/delete/", {"post": "yes"}).status_code == 403
        client.post(url, {"action": "delete_selected", "_selected_action": [str(key)], "post": "yes"})
    assert SyncRun.objects.filter(platform="brevo").exists()
    assert SyncAttempt.objects.exists()


@pytest.mark.parametrize("query", ["ada@acme", "ADA@Acme", "invalid_parameter", "req-1"])
def test_attempts_are_found_by_address_code_and_request(client: Client, make_contact: Make, query: str) -> None:
    wanted = attempt(make_contact("Ada@Acme.example"), code="invalid_parameter", request_id="req-1")
    attempt(make_contact("bob@x.example"))

    assert list(client.get(ATTEMPTS, {"q": query}).context["cl"].result_list) == [wanted]


# --- Suppressions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["ann@x.example", "  ANN@X.Example ", "ann@x.example\n"])
def test_a_suppression_is_kept_as_addresses_are_compared(client: Client, address: str) -> None:
    form = {"email_key": address, "reason": "request", "source": "", "note": ""}

    assert client.post(f"{SUPPRESSIONS}add/", form).status_code == 302
    assert Suppression.objects.get().email_key == "ann@x.example"

    again = client.post(f"{SUPPRESSIONS}add/", {**form, "email_key": "Ann@x.example"})
    assert "already" in str(again.context["adminform"].form.errors["email_key"])
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize("address", ["", "  ", "no address", "a\x00@x.example", "x" * 320 + "@x.example"])
def test_a_suppression_needs_an_address(client: Client, address: str) -> None:
    answer = client.post(f"{SUPPRESSIONS}add/", {"email_key": address, "reason": "manual"})

    assert set(answer.context["adminform"].form.errors) == {"email_key"}


def test_a_ledger_is_not_changed_and_nothing_is_deleted_from_it(client: Client) -> None:
    row = Suppression.objects.create(email_key="ann@x.example")
    url = f"{SUPPRESSIONS}{row.pk}/change/"

    assert client.get(url).status_code == 200
    assert client.post(url, {"email_key": "x@x.example", "reason": "complaint"}).status_code == 403
    assert client.post(f"{SUPPRESSIONS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(SUPPRESSIONS, {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"})

    row.refresh_from_db()
    assert (row.email_key, row.reason, row.in_force) == ("ann@x.example", "manual", True)


# --- Text from outside ------------------------------------------------------------------------------------

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"


def test_markup_in_the_data_comes_out_as_text_everywhere(client: Client) -> None:
    domain = Domain.objects.create(domain=EVIL, company_name=EVIL)
    page = Page.objects.create(url=f"javascript:{EVIL}", domain=domain)
    contact = Contact.objects.create(
        **dict.fromkeys(("email", "name", "phone_number", "context", "brevo_contact_id"), EVIL[:60]),
        brevo_processing_error=EVIL * 3,
        contact_processing_error=EVIL,
        source_url=f"javascript:{EVIL}",
        domain=domain,
        page=page,
        brevo_sync_status="Error",
    )
    run = SyncRun.objects.create(
        platform="brevo",
        trigger="admin",
        state="stopped",
        slot=1,
        worker=EVIL,
        started_at=NOON,
        heartbeat_at=NOON,
        reason=EVIL,
        notes=EVIL,
    )
    row = attempt(contact, run=run, reason=EVIL, message=EVIL, code=EVIL, request_id=EVIL)
    suppressed = Suppression.objects.create(email_key=EVIL, source=EVIL, note=EVIL)
    client.post(change_url(contact), form_of(contact, name=EVIL, source_url=""))
    chosen = {"_selected_action": [str(contact.pk)]}

    pages = [client.get(url) for url in ALL_LISTS]
    pages += [client.get(f"{url}?q={EVIL}") for url in ALL_LISTS]
    for url, key in ((LIST, contact.pk), (SUPPRESSIONS, suppressed.pk), (RUNS, run.pk), (ATTEMPTS, row.pk)):
        pages += [client.get(f"{url}{key}/{page}/") for page in ("change", "history", "delete")]
    pages += [
        client.get(f"/admin/contacts/domain/{domain.pk}/change/"),
        client.get(f"/admin/contacts/page/{page.pk}/change/"),
    ]
    pages += [client.get("/admin/"), client.post(LIST, {"action": "delete_selected", **chosen})]
    for action in ("queue_for_brevo", "retry_failed_for_brevo", "skip_for_brevo"):
        pages.append(client.post(LIST, {"action": action, **chosen}, follow=True))
    pages.append(client.post(f"{LIST}{contact.pk}/delete/", {"post": "yes"}, follow=True))

    for answer in pages:
        html = answer.content.decode()
        assert answer.status_code in (200, 403)
        assert "<script>alert(1)" not in html
        assert "<img src=x" not in html
        assert 'href="javascript:' not in html
    assert sum("&lt;script&gt;alert(1)" in answer.content.decode() for answer in pages) > 15


def test_a_user_name_with_markup_is_text_in_the_reason(make_contact: Make) -> None:
    user = get_user_model().objects.create(username="<b>x</b>", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    contact = make_contact()

    html = client.post(LIST, {"action": "skip_for_brevo", "_selected_action": [str(contact.pk)]}, follow=True)

    assert "Skipped by &lt;b&gt;x&lt;/b&gt;" in html.content.decode()
    assert "<b>x</b>" not in html.content.decode()
