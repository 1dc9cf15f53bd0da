"""What is sent of a contact."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from contacts.models import Domain
from mautic_sync.payload import contact_payload
from mautic_sync.tests.support import config, contact

DOMAIN = Domain(id=uuid.UUID(int=1), domain="acme.example", company_name="Acme")


def body(**columns: Any) -> dict[str, Any]:
    return contact_payload(contact(**columns), config()).body


def test_everything() -> None:
    found = body(
        email=" Ada@Acme.example\u00a0",
        domain=DOMAIN,
        name="Ada King Lovelace",
        phone_number="+1 212 555 0123",
        page_id=uuid.UUID(int=2),
        email_type="FREE",
        source_url="https://acme.example/team",
        has_gmail=True,
    )
    assert found == {
        "email": "Ada@Acme.example",
        "firstname": "Ada",
        "lastname": "King Lovelace",
        "phone": "+1 212 555 0123",
        "company": "Acme",
        "website": "https://acme.example",
        "scrapersky_domain_id": str(uuid.UUID(int=1)),
        "scrapersky_page_id": str(uuid.UUID(int=2)),
        "scrapersky_email_type": "FREE",
        "scrapersky_source_url": "https://acme.example/team",
        "scrapersky_has_gmail": True,
    }


def test_what_is_absent_or_a_placeholder_is_not_sent() -> None:
    found = body(name="Contact at acme.example", phone_number="Phone not found", source_url=" ")
    assert found == {
        "email": "ada@acme.example",
        "scrapersky_email_type": "UNKNOWN",
        "scrapersky_has_gmail": False,
    }


def test_nothing_that_lifts_a_block_or_takes_a_contact_from_somebody() -> None:
    found = body(domain=DOMAIN, name="Ada Lovelace")
    assert not {"doNotContact", "id", "owner", "stage", "tags", "points", "overwriteWithBlank"} & set(found)


def test_other_names_and_none() -> None:
    renamed = config(renamed_fields={"company": "firma", "lastname": "", "scrapersky_has_gmail": ""})
    payload = contact_payload(contact(domain=DOMAIN, name="Ada Lovelace"), renamed)
    assert payload.body["firma"] == "Acme"
    assert not {"company", "lastname", "scrapersky_has_gmail"} & set(payload.body)
    assert payload.display == {"firstname", "firma"}


@pytest.mark.parametrize("letter", ["x", "ü", "山"])
def test_shortened(letter: str) -> None:
    long = Domain(domain="acme.example", company_name=f"{letter * 63} {letter * 100}")
    payload = contact_payload(contact(domain=long), config())
    assert payload.shortened(["company"]).body == {**payload.body, "company": letter * 63}
