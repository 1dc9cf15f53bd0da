"""The Mautic endpoints. What they do is the same for every platform, and tested with Brevo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

from contacts.models import Contact
from contacts.tests.actions import act
from contacts.tests.test_api import Api

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
URL = "/api/v3/contacts/mautic"


@pytest.fixture
def api() -> Api:
    user = get_user_model().objects.create(username="ann", is_superuser=True)
    return Api(authorization=f"Bearer {AccessToken.for_user(user)}")


def test_queue_count_and_cancel(api: Api, make_contact: Make) -> None:
    contact = make_contact(brevo_sync_status="Error")
    ids = {"contact_ids": [str(contact.pk)]}
    assert api("POST", f"{URL}/sync/batch", ids).json() == {
        "queued_count": 1,
        "already_queued_count": 0,
        "skipped_count": 0,
        "message": "Queued 1 contact for Mautic.",
    }
    summary = api("GET", f"{URL}/status/summary").json()
    assert (summary["queued"], summary["total_contacts"]) == (1, 1)
    assert api("POST", f"{URL}/sync/cancel", ids).json()["cancelled_count"] == 1
    contact.refresh_from_db()
    assert (contact.mautic_sync_status, contact.brevo_sync_status) == ("New", "Error")
    filtered = api("POST", f"{URL}/sync/filtered", {"mautic_sync_status": "New"}).json()
    assert filtered["queued_count"] == 1


def test_switched_off(api: Api, settings: Any, make_contact: Make) -> None:
    settings.MAUTIC_USERNAME = settings.MAUTIC_PASSWORD = ""
    answer = api("POST", f"{URL}/sync/filtered", {"all": True})
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("Mautic is switched off: ")


def test_without_a_token_only_the_webhook_is_open() -> None:
    client = Client()
    assert client.get(URL).status_code == 401
    assert client.post(f"{URL}/sync/batch", {}, content_type="application/json").status_code == 401


def test_the_webhook_stands_in_the_schema(api: Api) -> None:
    schema = api("GET", "/api/schema?format=json").json()
    webhook = schema["paths"]["/api/v3/contacts/mautic/webhook"]["post"]
    assert [one["name"] for one in webhook["parameters"]] == ["Webhook-Signature"]


def test_the_admins_actions(make_contact: Make, admin_client: Client) -> None:
    contact = make_contact()
    act(admin_client, "queue_for_mautic", contact)
    contact.refresh_from_db()
    assert (contact.mautic_sync_status, contact.brevo_sync_status) == ("Queued", "New")
    act(admin_client, "skip_for_mautic", contact)
    contact.refresh_from_db()
    assert contact.mautic_sync_status == "Skipped"
