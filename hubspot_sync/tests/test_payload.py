"""From a contact to what HubSpot is sent."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.models import Domain
from hubspot_sync.payload import apart, parcel, upsert_body
from hubspot_sync.properties import NEVER_SENT, PROPERTIES
from hubspot_sync.tests.support import TODAY, config, contact, sent

ID = uuid.UUID("6f0c1111-2222-3333-4444-555566667777")


def test_everything() -> None:
    domain = Domain(id=ID, domain="acme.example", company_name=" Acme Ltd ")
    person = contact(
        " Ada@Acme.example\u00a0",
        id=ID,
        name="Ada King Lovelace",
        phone_number="(212) 555-0142",
        domain=domain,
        page_id=ID,
        email_type="CORPORATE",
        source_url="https://acme.example/team",
        has_gmail=True,
    )
    one = parcel(person, config(), today=TODAY, mark="run7")
    assert upsert_body([one]) == {
        "inputs": [
            {
                "idProperty": "email",
                "id": "Ada@Acme.example",
                "objectWriteTraceId": f"{ID}-run7",
                "properties": {
                    "email": "Ada@Acme.example",
                    "firstname": "Ada",
                    "lastname": "King Lovelace",
                    "phone": "(212) 555-0142",
                    "company": "Acme Ltd",
                    "website": "https://acme.example",
                    "scrapersky_domain_id": str(ID),
                    "scrapersky_page_id": str(ID),
                    "scrapersky_email_type": "CORPORATE",
                    "scrapersky_source_url": "https://acme.example/team",
                    "scrapersky_has_gmail": "true",
                    "scrapersky_sync_date": "2026-11-24",
                },
            }
        ]
    }


def test_what_is_absent_is_not_sent() -> None:
    """An empty text would blank what the account has."""
    one = sent(name="Contact at acme.example", phone_number="Phone not found", source_url="  ")
    assert one.properties == {
        "scrapersky_email_type": "UNKNOWN",
        "scrapersky_has_gmail": "false",
        "scrapersky_sync_date": "2026-11-24",
    }


def test_other_names_and_none() -> None:
    renamed = {"scrapersky_domain_id": "Domain_Ref", "scrapersky_sync_date": "", "company": "firma"}
    domain = Domain(id=ID, domain="acme.example")
    one = parcel(contact(domain=domain), config(renamed=renamed), today=TODAY, mark="m")
    assert one.properties["domain_ref"] == str(ID)
    assert one.properties["firma"] == "acme.example"
    assert not {"company", "scrapersky_domain_id", "scrapersky_sync_date", ""} & set(one.properties)


def test_without_one_property() -> None:
    one = sent(phone_number="12")
    assert one.without("phone").properties == {name: text for name, text in one.properties.items() if name != "phone"}
    assert "phone" in one.properties
    assert (one.without("phone").trace_id, one.without("phone").email) == (one.trace_id, one.email)


def test_trace_ids_differ_by_contact_and_by_run() -> None:
    ada, bob = contact("a@x.example"), contact("b@x.example")
    ids = {parcel(who, config(), today=TODAY, mark=mark).trace_id for who in (ada, bob) for mark in ("1", "2")}
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("addresses", "groups"),
    [
        ("", ""),
        ("a b c", "a b c"),
        ("é É a", "é a|É"),
        ("é a É b Ä ä", "é a b Ä|É ä"),
        ("é É é", "é|É|é"),
    ],
)
def test_no_two_addresses_in_a_request_are_one_to_hubspot(addresses: str, groups: str) -> None:
    found = apart(addresses.split(), lambda address: address)
    assert found == [group.split() for group in groups.split("|") if group]


TEXT = st.none() | st.text(max_size=60) | st.sampled_from([" ", "\t", "\u3000", "Phone not found", "+1 212 555 0123"])


@settings(deadline=None, max_examples=50)
@given(name=TEXT, phone=TEXT, source=TEXT, company=TEXT)
def test_whatever_was_scraped(name: str | None, phone: str | None, source: str | None, company: str | None) -> None:
    domain = Domain(id=ID, domain="acme.example", company_name=company or "")
    one = sent(name=name, phone_number=phone, source_url=source, domain=domain)
    assert set(one.properties) <= set(PROPERTIES)
    assert not set(one.properties) & set(NEVER_SENT)
    for value in one.properties.values():
        assert isinstance(value, str)
        assert value.strip(), "nothing blank is sent: it would blank what HubSpot has"
