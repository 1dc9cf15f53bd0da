"""The pages: what a person sees, confirms and may do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from erasure.models import Deletion, Erasure
from sync_admin.groups import GROUPS

pytestmark = pytest.mark.django_db

ADA, BOB = "ada@acme.example", "bob@acme.example"
ERASE = "privacy-erase"


@pytest.fixture
def page(client: Client, admin_user: Any) -> Client:
    client.force_login(admin_user)
    return client


def allowed(client: Client, django_user_model: Any, *names: str) -> Client:
    user = django_user_model.objects.create_user("priya", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


def test_from_the_list_to_the_certificate(page: Client, make_contact: Any) -> None:
    contact = make_contact(ADA, name="Ada Lovelace")
    make_contact("Ada@Acme.example", name="Ada")
    chosen = {"action": "erase_people", "_selected_action": [str(contact.pk)]}
    answer = page.post(reverse("admin:contacts_contact_changelist"), chosen)
    assert answer.url == f"{reverse(ERASE)}?contact={contact.pk}"  # type: ignore[attr-defined]
    text = page.get(answer.url).content.decode()  # type: ignore[attr-defined]
    assert "Erase 1 person" in text
    assert "Known as Ada, Ada Lovelace." in text
    assert "2 contacts to be emptied" in text
    assert "is asked to delete the address." in text
    assert Contact.objects.filter(email_key=ADA).count() == 2, "looking erases nobody"

    given = {"contact": str(contact.pk), "why": "Ticket 812", "typed": "ERASE", "seen": ADA}
    answer = page.post(reverse(ERASE), given, follow=True)
    erasure = Erasure.objects.get()
    assert answer.redirect_chain[-1][0] == reverse("privacy-certificate", args=[erasure.pk])
    text = answer.content.decode()
    assert "Erased here: 1 person. The platforms are being asked." in text
    assert "contacts emptied: 2" in text
    assert "Ticket 812" in text
    assert ADA not in text
    assert "Ada" not in text
    shown = page.get(reverse("privacy-certificate-json", args=[erasure.pk]))
    assert shown["Content-Disposition"].startswith("attachment")
    assert shown.json()["number"] == erasure.pk
    assert shown.json()["address_hash"] == erasure.key_hash.rpartition("$")[2][:12]
    assert LogEntry.objects.filter(object_repr=str(erasure)).exists()
    assert "Ticket 812" in page.get(reverse("privacy")).content.decode()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"why": "", "typed": "ERASE"}, "Say why: it stands in the certificate."),
        ({"why": "x", "typed": "erase"}, "Type ERASE in capital letters to confirm."),
    ],
)
def test_without_the_word_and_a_reason_nobody_is_erased(
    page: Client, make_contact: Any, given: dict[str, str], problem: str
) -> None:
    contact = make_contact(ADA)
    answer = page.post(reverse(ERASE), {"contact": str(contact.pk), **given})
    assert problem in answer.content.decode()
    assert Contact.objects.get().email == ADA


def test_nobody_is_erased_whom_the_page_did_not_show(page: Client, make_contact: Any) -> None:
    contact = make_contact(BOB)
    text = page.get(reverse(ERASE), {"contact": str(contact.pk)}).content.decode()
    assert f'name="seen" value="{BOB}"' in text
    Contact.objects.filter(pk=contact.pk).update(email=ADA)  # somebody puts it right meanwhile
    given = {"contact": str(contact.pk), "why": "x", "typed": "ERASE", "seen": BOB}
    text = page.post(reverse(ERASE), given).content.decode()
    assert "A contact has another address by now." in text
    assert f'name="seen" value="{ADA}"' in text
    assert Contact.objects.get().email == ADA


def test_two_people_at_once_and_rows_of_one_person_once(page: Client, make_contact: Any) -> None:
    ids = [str(make_contact(address).pk) for address in (ADA, "ADA@acme.example", "bob@acme.example")]
    text = page.get(reverse(ERASE), {"contact": ids}).content.decode()
    assert "Erase 2 people" in text
    answer = page.post(reverse(ERASE), {"contact": ids, "why": "x", "typed": "ERASE", "seen": [ADA, BOB]})
    assert answer.url == reverse("privacy")  # type: ignore[attr-defined]
    assert Erasure.objects.count() == 2
    assert not Contact.objects.exclude(email=None).exists()


def test_an_address_that_no_row_has(page: Client) -> None:
    text = page.post(reverse(ERASE), {"address": ADA}).content.decode()
    assert "0 contacts to be emptied" in text
    assert f'name="address" value="{ADA}"' in text
    page.post(reverse(ERASE), {"address": ADA, "why": "x", "typed": "ERASE", "seen": ADA})
    assert set(Deletion.objects.exclude(address="").values_list("platform", flat=True)) == {
        "brevo",
        "hubspot",
        "mautic",
    }


@pytest.mark.parametrize(
    "given", [{}, {"address": "nobody"}, {"contact": "x"}, {"contact": "9d7f4c8e-8c2b-4c1c-9a52-3a7d3f0f6f11"}]
)
@pytest.mark.parametrize("name", [ERASE, "privacy-export"])
def test_who_is_nobody_is_said_so(page: Client, given: dict[str, str], name: str) -> None:
    answer = page.post(reverse(name), given, follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain[-1][0] == reverse("privacy")
    assert not Erasure.objects.exists()


def test_no_more_than_ten_at_once(page: Client, make_contact: Any) -> None:
    ids = [str(make_contact(f"p{number}@acme.example").pk) for number in range(11)]
    chosen = {"action": "erase_people", "_selected_action": ids}
    answer = page.post(reverse("admin:contacts_contact_changelist"), chosen, follow=True)
    assert "Nobody was erased: choose at most 10 contacts." in answer.content.decode()


def test_the_contact_page_leads_there_and_exports(page: Client, make_contact: Any) -> None:
    contact = make_contact(ADA, name="Ada Lovelace")
    text = page.get(reverse("admin:contacts_contact_change", args=[contact.pk])).content.decode()
    assert f"{reverse(ERASE)}?contact={contact.pk}" in text
    assert reverse("privacy-export") in text
    answer = page.post(reverse("privacy-export"), {"contact": str(contact.pk)})
    assert "no-store" in answer["Cache-Control"]
    held = json.loads(answer.content)
    assert held["person"] == ADA
    assert held["held"]["contacts"][0]["name"] == "Ada Lovelace"
    assert LogEntry.objects.get(object_id=str(contact.pk)).get_change_message() == (
        "Exported everything that is held about the person."
    )


@pytest.mark.parametrize(
    ("name", "method", "needed"),
    [
        (ERASE, "get", ("view_contact", "erase_person")),
        (ERASE, "post", ("view_contact", "erase_person")),
        ("privacy-export", "post", ("view_contact", "export_person")),
        ("privacy", "get", ("view_erasure",)),
    ],
)
def test_each_page_needs_its_permission(
    client: Client, django_user_model: Any, make_contact: Any, name: str, method: str, needed: tuple[str, ...]
) -> None:
    contact = make_contact(ADA)
    every = {"view_contact", "erase_person", "export_person", "view_erasure", "change_contact", "delete_contact"}
    allowed(client, django_user_model, *(every - {needed[-1]}))
    call = getattr(client, method)
    assert call(reverse(name), {"contact": str(contact.pk), "why": "x", "typed": "ERASE"}).status_code == 403
    assert Contact.objects.get().email == ADA


def test_the_action_and_the_button_are_for_those_who_may(
    client: Client, django_user_model: Any, make_contact: Any
) -> None:
    contact = make_contact(ADA)
    allowed(client, django_user_model, "view_contact", "change_contact", "push_contact", "curate_contact")
    listed = client.get(reverse("admin:contacts_contact_changelist")).content.decode()
    shown = client.get(reverse("admin:contacts_contact_change", args=[contact.pk])).content.decode()
    assert "erase_people" not in listed
    assert "Erase this person" not in shown
    assert "Export this person" not in shown


def test_nothing_is_erased_without_a_token(admin_user: Any, make_contact: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    contact = make_contact(ADA)
    given = {"contact": str(contact.pk), "why": "x", "typed": "ERASE"}
    assert strict.post(reverse(ERASE), given).status_code == 403
    assert Contact.objects.get().email == ADA


def test_a_ready_group_may_do_all_of_it(client: Client, django_user_model: Any, make_contact: Any) -> None:
    user = django_user_model.objects.create_user("priya", is_staff=True)
    user.groups.set(Group.objects.filter(name="Privacy"))
    assert user.has_perms(GROUPS["Privacy"])
    client.force_login(user)
    contact = make_contact(ADA)
    assert client.get(reverse(ERASE), {"contact": str(contact.pk)}).status_code == 200
    assert client.get(reverse("admin:erasure_erasure_changelist")).url == reverse("privacy")  # type: ignore[attr-defined]


def test_certificates_that_are_not_there(page: Client) -> None:
    assert page.get(reverse("privacy-certificate", args=[7])).status_code == 404
    assert page.get(reverse("privacy-certificate", args=[10**30])).status_code == 404


def test_the_page_of_an_emptied_row_offers_nothing_more_to_do(page: Client, make_contact: Any) -> None:
    contact = make_contact(ADA)
    url = reverse("admin:contacts_contact_change", args=[contact.pk])
    offers = ("Push now", "Export this person", "Erase this person")
    text = page.get(url).content.decode()
    assert [one for one in offers if one in text] == list(offers)
    given = {"contact": str(contact.pk), "why": "Ticket 812", "typed": "ERASE", "seen": ADA}
    assert page.post(reverse(ERASE), given).status_code == 302

    text = page.get(url).content.decode()
    assert "nothing to push, to export or to erase" in text
    assert not [one for one in offers if one in text]

    Contact.objects.filter(pk=contact.pk).update(email=BOB, name="Bob")  # a person uses the row again
    text = page.get(url).content.decode()
    assert [one for one in offers if one in text] == list(offers)
