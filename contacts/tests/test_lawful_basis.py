"""The lawful basis: required or not, read and written, imported, exported, and set for many."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contact_curation.job import CURATION
from contacts.exporting import csv_lines
from contacts.importing.run import Importer, read_rows
from contacts.lawful_basis import By, problems, set_basis
from contacts.models import BasisChange, Contact, LawfulBasis
from contacts.timeline import events
from curation_sdk.claiming import claim, still_to_push
from curation_sdk.forecast import look
from curation_sdk.queueing import queue_contacts
from curation_sdk.testing import NOON
from scrapersky.platforms import PLATFORMS

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
DAY = date(2026, 1, 31)
BASIS: dict[str, Any] = {
    "lawful_basis": "consent",
    "lawful_basis_source": "Form on acme.example",
    "lawful_basis_date": DAY,
}
WHY = "No lawful basis is recorded. Record one, then queue the contact again."
LABEL = "without a lawful basis"
LIST = "/admin/contacts/contact/"
API = "/api/v3/contacts"


@pytest.fixture
def required(settings: Any) -> None:
    settings.REQUIRE_LAWFUL_BASIS = True


def basis_of(contact: Contact) -> tuple[Any, ...]:
    contact.refresh_from_db()
    return contact.lawful_basis, contact.lawful_basis_source, contact.lawful_basis_date


# --- Required -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job", PLATFORMS, ids=lambda job: job.platform)
def test_nobody_without_one_is_queued_for_a_platform(make_contact: Make, required: None, job: Any) -> None:
    without, having = make_contact("a@x.example"), make_contact("c@x.example", **BASIS)

    assert look(job, Contact.objects.all()).skipped == {LABEL: 1}
    result = queue_contacts(job, Contact.objects.all(), now=NOON)

    assert (result.queued, result.skipped) == (1, {LABEL: 1})
    without.refresh_from_db()
    having.refresh_from_db()
    assert (getattr(without, job.sync_status), getattr(without, job.processing_error)) == ("Skipped", WHY)
    assert getattr(without, job.error_cause) == WHY
    assert getattr(having, job.sync_status) == "Queued"


@pytest.mark.parametrize("job", PLATFORMS, ids=lambda job: job.platform)
def test_it_is_asked_at_the_claim_and_before_sending(make_contact: Make, settings: Any, job: Any) -> None:
    make_contact("a@x.example")
    held = make_contact("b@x.example", **BASIS)
    assert queue_contacts(job, Contact.objects.all(), now=NOON).queued == 2
    settings.REQUIRE_LAWFUL_BASIS = True

    claimed = claim(job, replace(job.policy(), batch_size=10), now=NOON, size=10)

    assert [(person.contact.email, outcome.reason) for person, outcome in claimed.answered] == [("a@x.example", WHY)]
    assert [person.contact.pk for person in claimed.to_push] == [held.pk]
    Contact.objects.filter(pk=held.pk).update(lawful_basis=None)
    left = still_to_push(job, claimed.to_push)
    assert (left.to_push, [outcome.reason for _, outcome in left.answered]) == ([], [WHY])


def test_of_one_persons_rows_only_those_with_one_are_merged(make_contact: Make, settings: Any) -> None:
    make_contact("ada@x.example", name="Without")
    having = make_contact("Ada@x.example", name="Having", **BASIS)
    (job,) = (job for job in PLATFORMS if job.platform == "brevo")
    queue_contacts(job, Contact.objects.all(), now=NOON)
    settings.REQUIRE_LAWFUL_BASIS = True

    claimed = claim(job, job.policy(), now=NOON, size=10)

    assert [[row.pk for row in person.rows] for person in claimed.to_push] == [[having.pk]]
    assert [person.contact.name for person, _ in claimed.answered] == ["Without"]


def test_without_the_setting_nobody_is_asked(make_contact: Make) -> None:
    make_contact()
    assert queue_contacts(PLATFORMS[0], Contact.objects.all(), now=NOON).queued == 1


def test_curation_pushes_nobody_and_does_not_ask(make_contact: Make, required: None) -> None:
    make_contact()
    assert queue_contacts(CURATION, Contact.objects.all(), now=NOON).queued == 1


def test_the_preview_says_so(admin_client: Client, make_contact: Make, required: None) -> None:
    contact = make_contact()
    answer = admin_client.post(LIST, {"action": "queue_for_brevo", "_selected_action": [str(contact.pk)]}, follow=True)
    assert f"Skipped: {LABEL}" in answer.content.decode()


def test_a_plain_insert_has_none() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO contacts (id, email) VALUES (%s, 'a@x.example')", ["0" * 31 + "1"])
    assert basis_of(Contact.objects.get()) == (None, None, None)


# --- What belongs together ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        (("consent", "Form", DAY), set()),
        ((None, None, None), set()),
        (("", "", None), set()),
        (("consent", "  ", DAY), {"lawful_basis_source"}),
        (("consent", None, None), {"lawful_basis_source", "lawful_basis_date"}),
        (("consent", "Form", DAY + timedelta(days=1)), {"lawful_basis_date"}),
        ((None, "Form", None), {"lawful_basis_source"}),
        ((None, None, DAY), {"lawful_basis_date"}),
    ],
)
def test_a_basis_has_a_source_and_a_date(values: Any, wrong: set[str]) -> None:
    assert set(problems(*values, today=DAY)) == wrong


def put(client: Client, url: str, body: Any, method: str = "patch") -> Any:
    return getattr(client, method)(url, body, content_type="application/json")


def test_through_the_api(admin_client: Client, make_contact: Make) -> None:
    contact = make_contact()
    before = contact.updated_at
    url = f"{API}/{contact.pk}"

    assert set(put(admin_client, url, {"lawful_basis": "consent"}).json()) == {
        "lawful_basis_source",
        "lawful_basis_date",
    }
    assert put(admin_client, url, {**BASIS, "lawful_basis": "wish"}).status_code == 400
    tomorrow = timezone.localdate() + timedelta(days=1)
    assert "lawful_basis_date" in put(admin_client, url, {**BASIS, "lawful_basis_date": tomorrow}).json()
    assert "lawful_basis_source" in put(admin_client, url, {"lawful_basis_source": "Form"}).json()
    assert basis_of(contact) == (None, None, None)

    answer = put(admin_client, url, BASIS)
    assert (answer.status_code, answer.json()["lawful_basis_date"]) == (200, "2026-01-31")
    assert basis_of(contact) == ("consent", "Form on acme.example", DAY)
    # Nothing new about the person: an old row does not become the latest.
    assert contact.updated_at == before
    assert put(admin_client, url, admin_client.get(url).json(), "put").status_code == 200

    assert put(admin_client, url, {"lawful_basis": None}).status_code == 200
    assert basis_of(contact) == (None, None, None)


def test_what_another_program_wrote_can_be_sent_back(admin_client: Client, make_contact: Make) -> None:
    contact = make_contact(lawful_basis="consent")  # no source, no date
    url = f"{API}/{contact.pk}"
    assert put(admin_client, url, {**admin_client.get(url).json(), "name": "Ada"}, "put").status_code == 200


def test_many_through_the_api(admin_client: Client, make_contact: Make) -> None:
    first, second, other = (make_contact(f"{name}@x.example") for name in "abc")
    url = f"{API}/lawful-basis"
    body = {**BASIS, "contact_ids": [str(first.pk), str(second.pk)]}

    assert put(admin_client, url, body, "put").json() == {"updated_count": 2}

    assert basis_of(first) == basis_of(second) == ("consent", "Form on acme.example", DAY)
    assert basis_of(other) == (None, None, None)
    assert put(admin_client, url, {**body, "lawful_basis_source": " "}, "put").status_code == 400
    future = {**body, "lawful_basis_date": "2999-01-01"}
    assert put(admin_client, url, future, "put").json() == {"lawful_basis_date": ["The date is in the future."]}
    nobody = {**BASIS, "contact_ids": ["00000000-0000-0000-0000-000000000009"]}
    assert put(admin_client, url, nobody, "put").status_code == 404


@pytest.mark.parametrize(("value", "found"), [("consent", ["a"]), ("contract", []), ("none", ["b"])])
def test_the_api_filters(admin_client: Client, make_contact: Make, value: str, found: list[str]) -> None:
    make_contact("a@x.example", **BASIS)
    make_contact("b@x.example")
    rows = admin_client.get(API, {"lawful_basis": value}).json()
    assert [row["email"][0] for row in rows] == found


# --- In the admin ---------------------------------------------------------------------------------------------


def test_the_page_of_a_contact(admin_client: Client, make_contact: Make, admin_user: Any) -> None:
    contact = make_contact()
    url = f"{LIST}{contact.pk}/change/"
    form = {"email": contact.email, "email_type": "UNKNOWN", "contact_curation_status": "New"}

    answer = admin_client.post(url, {**form, "lawful_basis": "consent"})
    assert set(answer.context["adminform"].form.errors) == {"lawful_basis_source", "lawful_basis_date"}
    assert admin_client.post(url, {**form, **BASIS, "lawful_basis_source": " Form "}).status_code == 302
    assert basis_of(contact) == ("consent", "Form", DAY)
    (event,) = (one for one in events(contact, admin_user, now=NOON) if one.what.startswith("Lawful basis"))
    assert (event.what, event.detail, event.when) == (
        "Lawful basis: Consent",
        "Form",
        datetime(2026, 1, 31, tzinfo=UTC),
    )

    shown = {f"initial-{name}": value for name, value in {**BASIS, "lawful_basis_source": "Form"}.items()}
    answer = admin_client.post(url, {**form, **shown, **BASIS, "lawful_basis": ""})
    assert set(answer.context["adminform"].form.errors) == {"lawful_basis_source", "lawful_basis_date"}
    assert admin_client.post(url, {**form, **shown}).status_code == 302
    assert basis_of(contact) == (None, None, None)


@pytest.mark.parametrize(
    ("query", "shown", "selected"),
    [
        ("?lawful_basis__exact=consent", {"a@x.example"}, "Consent (1)"),
        ("?lawful_basis__isnull=True", {"b@x.example", "c@x.example"}, "None recorded (2)"),
        ("?q=", {"a@x.example", "b@x.example", "c@x.example"}, "All"),
    ],
)
def test_the_list_filters(
    admin_client: Client, make_contact: Make, query: str, shown: set[str], selected: str
) -> None:
    make_contact("a@x.example", **BASIS)
    make_contact("b@x.example")
    make_contact("c@x.example")
    changelist = admin_client.get(LIST + query).context["cl"]
    assert {row.email for row in changelist.result_list} == shown
    (spec,) = (spec for spec in changelist.filter_specs if getattr(spec, "field_path", "") == "lawful_basis")
    assert [choice["display"] for choice in spec.choices(changelist) if choice["selected"]] == [selected]


# --- Files ----------------------------------------------------------------------------------------------------


def imported(text: str) -> list[str]:
    refused: list[Any] = []
    Importer(on_refused=refused.append).run(read_rows(io.BytesIO(text.encode())))
    return [one.message for one in refused]


def test_it_is_imported() -> None:
    columns = "email,lawful_basis,lawful_basis_source,lawful_basis_date"
    problems = imported(
        f"{columns}\na@x.example,Legitimate interest,Trade fair,2026-01-31\nb@x.example,,,\n"
        "c@x.example,wish,Form,2026-01-31\nd@x.example,consent,,2026-01-31\ne@x.example,consent,Form,31.1.2026\n"
        "f@x.example,consent,Form,2999-01-01\n"
    )
    assert [problem.partition(":")[0] for problem in problems] == [
        "lawful_basis",
        "lawful_basis_source",
        "lawful_basis_date",
        "lawful_basis_date",
    ]
    assert "31.1.2026" in problems[2]
    assert "future" in problems[3]
    rows = {contact.email: basis_of(contact) for contact in Contact.objects.all()}
    assert rows == {
        "a@x.example": ("legitimate_interest", "Trade fair", DAY),
        "b@x.example": (None, None, None),
    }


def test_an_export_comes_back_as_it_was(make_contact: Make) -> None:
    contact = make_contact("a@x.example", **{**BASIS, "lawful_basis_source": "=Form"})
    text = "".join(csv_lines(Contact.objects.all()))
    (row,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert (row["lawful_basis"], row["lawful_basis_source"], row["lawful_basis_date"]) == (
        *("consent", "'=Form", "2026-01-31"),
    )
    contact.delete()

    assert imported(text) == []
    assert basis_of(Contact.objects.get()) == ("consent", "=Form", DAY)


# --- Many at once ---------------------------------------------------------------------------------------------


def test_many_in_one_statement(make_contact: Make) -> None:
    for name in "abc":
        make_contact(f"{name}@x.example")
    chosen = Contact.objects.exclude(email="c@x.example")
    by = By("ada", timezone.now(), BasisChange.Through.API)
    with connection.execute_wrapper(_count := _Counter()):
        assert set_basis(chosen, LawfulBasis.CONTRACT, "Contract 7", DAY, by=by) == 2
    assert _count.updates == 1
    assert Contact.objects.filter(lawful_basis="contract").count() == 2


class _Counter:
    updates = 0

    def __call__(self, execute: Any, sql: str, *args: Any) -> Any:
        self.updates += sql.startswith("UPDATE")
        return execute(sql, *args)


def choose(client: Client, *contacts: Contact, query: str = "", **form: Any) -> str:
    chosen = [str(contact.pk) for contact in contacts]
    answer = client.post(
        LIST + query, {"action": "set_lawful_basis", "_selected_action": chosen, "index": "0", **form}
    )
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def test_exactly_the_ticked_contacts_get_it(admin_client: Client, make_contact: Make) -> None:
    first, second = make_contact("a@x.example"), make_contact("b@x.example")
    url = choose(admin_client, first)
    page = admin_client.get(url).content.decode()
    assert "Record it with 1 contact" in page

    answer = admin_client.post(url, {**BASIS, "lawful_basis_date": "2999-01-01"})
    assert "The date is in the future." in answer.content.decode()
    assert basis_of(first) == (None, None, None)
    answer = admin_client.post(url, BASIS, follow=True)
    assert "Recorded with 1 contact: Consent." in answer.content.decode()
    assert basis_of(first) == ("consent", "Form on acme.example", DAY)
    assert basis_of(second) == (None, None, None)
    assert "Choose them again." in admin_client.post(url, BASIS, follow=True).content.decode()


def test_all_that_matched_and_nobody_who_comes_to_match(
    admin_client: Client, make_contact: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_admin.basis.PART", 2)
    monkeypatch.setattr("sync_admin.basis.WORK_FOR", 0.0)
    chosen = [make_contact(f"p{number}@x.example", email_type="FREE") for number in range(5)]
    url = choose(admin_client, chosen[0], query="?email_type__exact=FREE", select_across="1")
    late = make_contact("late@x.example", email_type="FREE")

    assert "Go on with 3 contacts" in admin_client.post(url, BASIS).content.decode()
    assert "Go on with 1 contact" in admin_client.post(url, BASIS).content.decode()
    assert "Recorded with 5 contacts" in admin_client.post(url, BASIS, follow=True).content.decode()

    assert {basis_of(contact)[0] for contact in chosen} == {"consent"}
    assert basis_of(late) == (None, None, None)
    change = BasisChange.objects.get()
    assert (change.changed_by, change.through, change.contacts) == ("admin", "admin", 5)
    assert (change.lawful_basis, change.source, change.date) == ("consent", "Form on acme.example", DAY)


def test_it_is_kept_who_recorded_it_with_how_many(admin_client: Client, make_contact: Make) -> None:
    first, second = make_contact("a@x.example"), make_contact("b@x.example")
    other = make_contact("c@x.example", **{**BASIS, "lawful_basis_source": "By hand"})
    ids = [str(first.pk), str(second.pk)]
    assert put(admin_client, f"{API}/lawful-basis", {**BASIS, "contact_ids": ids}, "put").status_code == 200
    change = BasisChange.objects.get()
    assert (change.changed_by, change.through, change.contacts) == ("admin", "api", 2)

    told = "Lawful basis recorded with 2 contacts: Consent"
    for contact, there in ((first, True), (other, False)):
        page = admin_client.get(reverse("admin:contacts_contact_change", args=[contact.pk])).content.decode()
        assert (told in page) is there
    listed = admin_client.get(reverse("admin:contacts_basischange_changelist")).content.decode()
    assert "Form on acme.example" in listed
    assert admin_client.get(reverse("admin:contacts_basischange_add")).status_code == 403
    nobody = put(admin_client, f"{API}/lawful-basis", {**BASIS, "contact_ids": [str(uuid4())]}, "put")
    assert nobody.status_code == 404
    assert BasisChange.objects.count() == 1


def test_only_who_may_curate_and_chose_them(admin_client: Client, make_contact: Make, client: Client) -> None:
    from django.contrib.auth.models import Group, User

    contact = make_contact()
    url = choose(admin_client, contact)
    for group, status in (("Operators", 403), ("Curators", 302)):
        user = User.objects.create_user(group, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        client.force_login(user)
        assert client.post(url, BASIS).status_code == status
    assert basis_of(contact) == (None, None, None)
    client.force_login(User.objects.get(username="Operators"))
    client.post(LIST, {"action": "set_lawful_basis", "_selected_action": [str(contact.pk)]})
    assert client.get(reverse("sync-basis", args=[contact.pk])).status_code == 403
