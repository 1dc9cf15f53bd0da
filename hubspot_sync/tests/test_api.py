"""The HubSpot endpoints and actions: theirs is HubSpot's columns only."""

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
URL = "/api/v3/contacts/hubspot"


@pytest.fixture
def api() -> Api:
    user = get_user_model().objects.create(username="ann", is_superuser=True)
    return Api(authorization=f"Bearer {AccessToken.for_user(user)}")


def statuses() -> set[tuple[str, str]]:
    return set(Contact.objects.values_list("hubspot_sync_status", "brevo_sync_status"))


def test_queue_look_and_cancel(api: Api, make_contact: Make) -> None:
    ada = make_contact()
    body = {"contact_ids": [str(ada.pk)]}
    assert api("POST", f"{URL}/sync/batch", body).json()["message"] == "Queued 1 contact for HubSpot."
    assert statuses() == {("Queued", "New")}
    assert api("GET", f"{URL}/status/summary").json()["queued"] == 1
    assert api("GET", URL).json()["label"] == "HubSpot"
    assert api("POST", f"{URL}/sync/cancel", body).json()["cancelled_count"] == 1
    assert statuses() == {("New", "New")}


def test_queue_by_filter(api: Api, make_contact: Make) -> None:
    make_contact("a@x.example", hubspot_sync_status="Error")
    make_contact("b@x.example", brevo_sync_status="Error")
    found = api("POST", f"{URL}/sync/filtered", {"hubspot_sync_status": "Error"})
    assert found.json()["queued_count"] == 1
    assert statuses() == {("Queued", "New"), ("New", "Error")}


def test_switched_off(api: Api, make_contact: Make, settings: Any) -> None:
    settings.HUBSPOT_API_KEY = ""
    answer = api("POST", f"{URL}/sync/batch", {"contact_ids": [str(make_contact().pk)]})
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "HubSpot is switched off: HUBSPOT_API_KEY is not set.",
    )
    assert statuses() == {("New", "New")}


def said(action: str, contact: Contact) -> str:
    client = Client()
    user, _ = get_user_model().objects.get_or_create(username="bob", is_staff=True, is_superuser=True)
    client.force_login(user)
    return act(client, action, contact)[0][1]


def test_the_actions(make_contact: Make) -> None:
    ada = make_contact(hubspot_sync_status="Error", brevo_sync_status="Error")
    assert said("retry_failed_for_hubspot", ada) == "Queued 1 contact for HubSpot."
    assert statuses() == {("Queued", "Error")}
    assert said("skip_for_hubspot", ada) == "1 contact will not be pushed to HubSpot."
    assert statuses() == {("Skipped", "Error")}
    assert said("queue_for_hubspot", ada) == "Queued 1 contact for HubSpot."
