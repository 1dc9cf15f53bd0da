"""Enrichments in the admin: on the contact's page, in their list, and taken over by a person."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from contacts.models import Contact, Domain
from contacts.tests.actions import act
from n8n_sync.models import Enrichment, EnrichmentEvent

pytestmark = pytest.mark.django_db
LIST = "/admin/n8n_sync/enrichment/"
CONTACTS = "/admin/contacts/contact/"


def enriched(contact: Contact, **columns: Any) -> Enrichment:
    now = timezone.now()
    values = {"enrichment_id": f"run-{Enrichment.objects.count()}", "status": "complete", "phone": "+1-555-0100"}
    return Enrichment.objects.create(contact=contact, sent_at=now, received_at=now, **{**values, **columns})


def use(client: Client, *chosen: Enrichment) -> str:
    body = {"action": "use_for_contacts", "_selected_action": [one.pk for one in chosen]}
    return client.post(LIST, body, follow=True).content.decode()


@pytest.fixture
def ada(make_contact: Any) -> Contact:
    contact: Contact = make_contact(domain=Domain.objects.create(domain="acme.example"), brevo_sync_status="Complete")
    return contact


@pytest.mark.parametrize("action", ["queue_for_n8n", "retry_failed_for_n8n", "skip_for_n8n"])
def test_the_contacts_actions(admin_client: Client, make_contact: Any, action: str) -> None:
    contact = make_contact(n8n_sync_status="Error", n8n_processing_status="Error")
    act(admin_client, action, contact)
    contact.refresh_from_db()
    assert contact.n8n_sync_status == ("Skipped" if action == "skip_for_n8n" else "Queued")


def test_a_contact_shows_what_was_found_out(admin_client: Client, ada: Contact) -> None:
    enriched(ada, company_name="<Acme>")
    page = admin_client.get(f"{CONTACTS}{ada.pk}/change/").content.decode()
    assert "+1-555-0100" in page
    assert "&lt;Acme&gt;" in page
    assert "n8n delivery begun" in page.lower()


def test_the_lists(admin_client: Client, ada: Contact) -> None:
    one = enriched(ada, error="x" * 300)
    event = EnrichmentEvent.objects.create(
        received_at=timezone.now(), body='{"a": 1}', state="refused", problem="No id"
    )
    assert "ada@acme.example" in admin_client.get(LIST, {"q": "ada@"}).content.decode()
    assert "ada@acme.example" not in admin_client.get(LIST, {"q": "grace@"}).content.decode()
    assert admin_client.get(f"{LIST}{one.pk}/change/").status_code == 200
    assert "No id" in admin_client.get("/admin/n8n_sync/enrichmentevent/").content.decode()
    assert (
        "{&quot;a&quot;: 1}"
        in admin_client.get(f"/admin/n8n_sync/enrichmentevent/{event.pk}/change/").content.decode()
    )


def test_taking_over_copies_and_queues_again_where_the_contact_had_arrived(admin_client: Client, ada: Contact) -> None:
    Contact.objects.update(n8n_sync_status="Complete")
    page = use(admin_client, enriched(ada, company_name="Acme"))
    assert "Took over 1 phone and 1 company. Queued 1 contact again for Brevo." in page
    ada.refresh_from_db()
    assert (ada.phone_number, ada.brevo_sync_status, ada.n8n_sync_status) == ("+1-555-0100", "Queued", "Complete")
    assert Domain.objects.get().company_name == "Acme"


def test_a_companys_name_is_never_replaced_and_the_latest_phone_counts(admin_client: Client, ada: Contact) -> None:
    Domain.objects.update(company_name="Acme Ltd")
    first, second = enriched(ada, phone="1", company_name="Other"), enriched(ada, phone="2")
    use(admin_client, second, first)
    ada.refresh_from_db()
    assert (ada.phone_number, Domain.objects.get().company_name) == ("2", "Acme Ltd")


def test_the_latest_phone_is_compared_with_the_contact_as_it_was(admin_client: Client, ada: Contact) -> None:
    """Each enrichment comes with its own copy of the contact, which an earlier one does not change."""
    Contact.objects.update(phone_number="OLD")
    wrong, old = enriched(ada, phone="WRONG"), enriched(ada, phone="OLD")
    assert "Nothing to take over" in use(admin_client, wrong, old)
    ada.refresh_from_db()
    assert (ada.phone_number, ada.brevo_sync_status) == ("OLD", "Complete")


def test_a_phone_is_never_cut_off(admin_client: Client, ada: Contact) -> None:
    use(admin_client, enriched(ada, phone="1" * 64), enriched(ada, phone="2" * 65), enriched(ada, phone=""))
    ada.refresh_from_db()
    assert ada.phone_number == "1" * 64


def test_a_domain_gets_its_latest_company_and_all_who_were_chosen_are_queued_again(
    admin_client: Client, ada: Contact, make_contact: Any
) -> None:
    grace = make_contact("grace@acme.example", domain=ada.domain, brevo_sync_status="Complete")
    first, second = enriched(grace, phone="", company_name="Old"), enriched(ada, phone="", company_name="Acme")
    page = use(admin_client, second, first)
    assert "Took over 0 phones and 1 company. Queued 2 contacts again for Brevo." in page
    assert Domain.objects.get().company_name == "Acme"


def test_nothing_new_queues_nobody(admin_client: Client, ada: Contact) -> None:
    Contact.objects.update(phone_number="+1-555-0100")
    assert "Nothing to take over" in use(admin_client, enriched(ada))
    ada.refresh_from_db()
    assert ada.brevo_sync_status == "Complete"


def test_a_platform_that_is_off_is_left_out(admin_client: Client, ada: Contact, settings: Any) -> None:
    settings.BREVO_API_KEY = ""
    assert "No platform had these contacts yet" in use(admin_client, enriched(ada))
    ada.refresh_from_db()
    assert (ada.phone_number, ada.brevo_sync_status) == ("+1-555-0100", "Complete")


def test_a_platform_that_n8n_pushes_for_us_is_queued_again_without_its_credentials(
    admin_client: Client, ada: Contact, settings: Any
) -> None:
    settings.HUBSPOT_API_KEY = ""
    settings.SYNC_PULLED_PLATFORMS = ["hubspot"]
    Contact.objects.update(hubspot_sync_status="Complete", brevo_sync_status="New")
    assert "Queued 1 contact again for HubSpot." in use(admin_client, enriched(ada))
    ada.refresh_from_db()
    assert (ada.hubspot_sync_status, ada.brevo_sync_status) == ("Queued", "New")


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("+1-555-0100", "Took over 1 phone and 0 companies. Left out 1 company: you may not change domains."),
        ("", "Left out 1 company: you may not change domains."),
    ],
    ids=["with a phone", "alone"],
)
@pytest.mark.parametrize("may", [True, False])
def test_a_company_needs_the_permission_to_change_domains(
    client: Client, ada: Contact, may: bool, phone: str, expected: str
) -> None:
    user = User.objects.create_user("op", is_staff=True)
    codes = ["change_contact", "push_contact", *(["change_domain"] if may else [])]
    user.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client.force_login(user)
    page = use(client, enriched(ada, phone=phone, company_name="Acme"))
    assert Domain.objects.get().company_name == ("Acme" if may else "")
    assert (expected in page, "Left out" in page) == (not may, not may)


def test_a_company_that_would_not_be_taken_over_is_not_said_to_be_left_out(client: Client, ada: Contact) -> None:
    Domain.objects.update(company_name="Acme Ltd")
    user = User.objects.create_user("op", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["change_contact", "push_contact"]))
    client.force_login(user)
    page = use(client, enriched(ada, company_name="Acme"))
    assert "Took over 1 phone and 0 companies." in page
    assert "Left out" not in page


@pytest.mark.parametrize(
    ("codes", "may"),
    [
        (["change_contact", "push_contact"], True),
        (["view_enrichment", "change_contact"], False),
        (["view_enrichment", "push_contact"], False),
    ],
)
def test_who_may_take_over(client: Client, ada: Contact, codes: list[str], may: bool) -> None:
    user = User.objects.create_user("op", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client.force_login(user)
    use(client, enriched(ada))
    ada.refresh_from_db()
    assert (ada.phone_number is not None) == may


def test_enrichments_go_with_their_contact(admin_client: Client, ada: Contact) -> None:
    enriched(ada)
    user = User.objects.create_user("op", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_contact", "change_contact", "delete_contact"])
    )
    client = Client()
    client.force_login(user)
    client.post(f"{CONTACTS}{ada.pk}/delete/", {"post": "yes"})
    assert not Contact.objects.exists()
    assert not Enrichment.objects.exists()
