"""The sync endpoints of n8n: the same as for every platform. And what the API's description says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from contacts.models import Contact

pytestmark = pytest.mark.django_db
API = "/api/v3/contacts/n8n"


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(f"{API}/{path}", json.dumps(body), content_type="application/json")


def test_queue_cancel_and_count(admin_client: Client, make_contact: Any) -> None:
    ids = [str(make_contact(f"p{number}@acme.example").pk) for number in range(3)]
    assert post(admin_client, "sync/batch", {"contact_ids": ids[:2]}).json()["message"] == "Queued 2 contacts for n8n."
    assert post(admin_client, "sync/filtered", {"n8n_sync_status": "New"}).json()["queued_count"] == 1
    assert post(admin_client, "sync/cancel", {"contact_ids": ids[:1]}).json()["cancelled_count"] == 1
    summary = admin_client.get(f"{API}/status/summary").json()
    assert (summary["new"], summary["queued"], summary["total_contacts"]) == (1, 2, 3)
    assert set(Contact.objects.values_list("brevo_sync_status", flat=True)) == {"New"}


def test_off_is_said(admin_client: Client, make_contact: Any, settings: Any) -> None:
    settings.N8N_WEBHOOK_URL = ""
    make_contact()
    answer = post(admin_client, "sync/filtered", {"all": True})
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "n8n is switched off: N8N_WEBHOOK_URL is not set.",
    )


def test_the_description_names_the_addresses(admin_client: Client) -> None:
    schema = admin_client.get("/api/schema", headers={"Accept": "application/json"}).json()
    webhook = schema["paths"]["/api/v3/webhooks/n8n/enrichment-complete"]["post"]
    assert webhook["security"] == [{"n8nSecret": []}]
    names = {parameter["name"] for parameter in schema["paths"][f"{API}/queue"]["get"]["parameters"]}
    assert {"platform", "limit", "domain_id"} <= names
    assert f"{API}/results" in schema["paths"]
    assert "/api/v3/webhooks/n8n/health" in schema["paths"]
