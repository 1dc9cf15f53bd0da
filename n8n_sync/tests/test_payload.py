"""What is sent: the names of the old guide and of the old program, and ids that mean something."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contacts.models import Contact, Domain, Page
from n8n_sync.deliveries import delivery_id, fetched_id
from n8n_sync.payload import contact_payload, queue_item

BEGUN = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
KEY = uuid.UUID(int=7)


def ada(**columns: Any) -> Contact:
    return Contact(**{"id": KEY, "email": " ada@acme.example ", "n8n_begun_at": BEGUN, **columns})


def test_a_full_contact() -> None:
    domain = Domain(domain="acme.example", company_name="Acme Ltd")
    page = Page(url="https://acme.example/team")
    contact = ada(name="Ada  King Lovelace", phone_number="(212) 555-0123", domain=domain, page=page)
    assert contact_payload(contact) == {
        "delivery_id": delivery_id(contact),
        "contact_id": str(KEY),
        "email": "ada@acme.example",
        "name": "Ada King Lovelace",
        "first_name": "Ada",
        "last_name": "King Lovelace",
        "company": "Acme Ltd",
        "phone": "(212) 555-0123",
        "domain_id": str(domain.pk),
        "page_id": str(page.pk),
        "scrapersky_domain_id": str(domain.pk),
        "scrapersky_page_id": str(page.pk),
        "timestamp": "2026-11-24T12:00:00.123456+00:00",
    }


@pytest.mark.parametrize(
    ("name", "phone"), [(None, None), ("", ""), ("Contact at acme.example", "Phone not found"), ("n/a", "000-000")]
)
def test_what_is_not_there_is_null_and_placeholders_are_not_there(name: str | None, phone: str | None) -> None:
    body = contact_payload(ada(name=name, phone_number=phone))
    nothing = {name for name, value in body.items() if value is None}
    assert nothing == set(body) - {"delivery_id", "contact_id", "email", "timestamp"}


def test_a_delivery_has_one_id_for_all_its_tries_and_another_one_next_time() -> None:
    contact = ada()
    first = delivery_id(contact)
    contact.n8n_retry_count = 3
    assert delivery_id(contact) == first
    assert uuid.UUID(first or "")
    assert delivery_id(ada(n8n_begun_at=BEGUN + timedelta(microseconds=1))) != first
    assert delivery_id(ada(id=uuid.UUID(int=8))) != first
    assert delivery_id(ada(email="grace@acme.example")) != first
    assert delivery_id(ada(email="ADA@acme.example")) == first
    assert delivery_id(ada(n8n_begun_at=None)) is None


def test_who_is_fetched_has_an_id_for_each_time_and_platform() -> None:
    ids = [
        fetched_id("n8n", ada(), BEGUN),
        fetched_id("brevo", ada(), BEGUN),
        fetched_id("n8n", ada(id=uuid.UUID(int=8)), BEGUN),
        fetched_id("n8n", ada(), BEGUN + timedelta(seconds=1)),
        fetched_id("n8n", ada(email="grace@acme.example"), BEGUN),
        delivery_id(ada()),
    ]
    assert len(set(ids)) == 6
    assert fetched_id("n8n", ada(email="ADA@acme.example"), BEGUN) == ids[0]


def test_what_n8n_fetches() -> None:
    item = queue_item(ada(source_url="https://acme.example/team"), fetched_id="f", platform="brevo", remote_id="42")
    wanted = {"delivery_id": "f", "platform": "brevo", "remote_id": "42", "email": "ada@acme.example"}
    assert {name: item[name] for name in wanted} == wanted
    assert (item["source_url"], item["website"], item["has_gmail"]) == ("https://acme.example/team", None, False)
