"""The dashboard, as its users see it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


def test_every_queue_is_there(admin_client: Client) -> None:
    page = admin_client.get(reverse("sync-dashboard")).content.decode()
    for label in ("Curation", "Brevo", "HubSpot", "Mautic", "n8n"):
        assert f">{label}</h2>" in page


def test_who_may_not_see_contacts_gets_a_403_and_a_stranger_the_log_in(client: Client, django_user_model: Any) -> None:
    assert client.get(reverse("sync-dashboard")).headers["Location"].startswith("/admin/login/")
    client.force_login(django_user_model.objects.create_user("ada", is_staff=True))
    assert client.get(reverse("sync-dashboard")).status_code == 403
