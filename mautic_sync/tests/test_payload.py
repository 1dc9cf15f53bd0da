"""What is sent of a contact."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from contacts.models import Domain
from mautic_sync.payload import contact_payload, unsendable
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


@pytest.mark.parametrize(
    ("email", "wanted"),
    [
        ("Ada@münchen.example", "Ada@xn--mnchen-3ya.example"),
        (" ada@MÜNCHEN.example", "ada@xn--mnchen-3ya.example"),
        ("ada+x!#$'*=?^_`{|}~-@acme.example", "ada+x!#$'*=?^_`{|}~-@acme.example"),
    ],
)
def test_a_domain_is_sent_in_ascii(email: str, wanted: str) -> None:
    assert body(email=email)["email"] == wanted
    assert unsendable(email) == ""


@pytest.mark.parametrize(
    ("email", "lost"), [("jörg@example.com", "ö"), ("jöörß@münchen.example", "öß"), ("a/b@acme.example", "/")]
)
def test_what_mautic_would_leave_out_is_not_sent(email: str, lost: str) -> None:
    assert unsendable(email).startswith(f'Mautic leaves out "{lost}" in this address')


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
