"""From a contact to the body of `POST /contacts`: tables, nothing else."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevo_sync.conf import ATTRIBUTE_TYPES
from brevo_sync.payload import contact_payload
from brevo_sync.tests.support import config, contact
from contacts.models import Domain

ID = UUID("6f1c0d5e-0000-4000-8000-000000000001")


def attributes(renamed: dict[str, str] | None = None, region: str = "US", **columns: Any) -> dict[str, Any]:
    body = contact_payload(contact(**columns), config(renamed=renamed or {}, phone_region=region)).body
    found: dict[str, Any] = body["attributes"]
    return found


def test_everything() -> None:
    domain = Domain(id=ID, domain="acme.example", company_name="Acme & Söhne")
    person = contact(
        " Ada.Lovelace@Acme.example ",
        domain=domain,
        name="Ada King Lovelace",
        phone_number="(212) 555-0123 ext. 4",
        email_type="CORPORATE",
        has_gmail=True,
        source_url="https://acme.example/team?a=1",
        page_id=ID,
    )
    payload = contact_payload(person, config(list_id=12))
    assert payload.warning == ""
    assert payload.body == {
        "email": "Ada.Lovelace@Acme.example",
        "attributes": {
            "FIRSTNAME": "Ada",
            "LASTNAME": "King Lovelace",
            "SMS": "+12125550123",
            "PHONE": "(212) 555-0123 ext. 4",
            "COMPANY": "Acme & Söhne",
            "WEBSITE": "https://acme.example",
            "DOMAIN_ID": str(ID),
            "PAGE_ID": str(ID),
            "EMAIL_TYPE": "CORPORATE",
            "SOURCE_URL": "https://acme.example/team?a=1",
            "HAS_GMAIL": True,
        },
        "updateEnabled": True,
        "listIds": [12],
    }


def test_only_an_address() -> None:
    assert contact_payload(contact(), config()).body == {
        "email": "ada@acme.example",
        "attributes": {"EMAIL_TYPE": "UNKNOWN", "HAS_GMAIL": False},
        "updateEnabled": True,
    }


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("Ada", "Ada", None),
        ("Ada King Lovelace", "Ada", "King Lovelace"),
        ("  Ada \t\n Lovelace  ", "Ada", "Lovelace"),
        ("Ada\u00a0Lovelace", "Ada", "Lovelace"),
        ("Ada\x00 Love\u200blace", "Ada", "Lovelace"),
        ("Jérôme d'Artois", "Jérôme", "d'Artois"),
        ("Łukasz Żółć", "Łukasz", "Żółć"),
        ("山田 花子", "山田", "花子"),
        ("ليلى حداد", "ليلى", "حداد"),
        ("Jean-Baptiste", "Jean-Baptiste", None),
        ("O", "O", None),
        (None, None, None),
        ("", None, None),
        ("   ", None, None),
        ("Contact at example.com", None, None),
        ("Name not found", None, None),
        ("N/A", None, None),
        ("ada@acme.example", None, None),
        ("https://acme.example", None, None),
        ("---", None, None),
        ("12345", None, None),
    ],
)
def test_names(name: str | None, first: str | None, last: str | None) -> None:
    sent = attributes(name=name)
    assert (sent.get("FIRSTNAME"), sent.get("LASTNAME")) == (first, last)


@pytest.mark.parametrize(
    ("phone", "region", "sms", "text", "warning"),
    [
        (None, "US", None, None, ""),
        ("", "US", None, None, ""),
        ("  ", "US", None, None, ""),
        ("(212) 555-0123", "US", "+12125550123", "(212) 555-0123", ""),
        ("212.555.0123 x4", "US", "+12125550123", "212.555.0123 x4", ""),
        ("+33 1 42 68 53 00", "US", "+33142685300", "+33 1 42 68 53 00", ""),
        ("+33 (0)1 42 68 53 00", "", "+33142685300", "+33 (0)1 42 68 53 00", ""),
        ("01 42 68 53 00", "FR", "+33142685300", "01 42 68 53 00", ""),
        ("0044 20 7946 0018", "FR", "+442079460018", "0044 20 7946 0018", ""),
        ("tel:+1-212-555-0123", "", "+12125550123", "tel:+1-212-555-0123", ""),
        ("1-800-FLOWERS", "US", "+18003569377", "1-800-FLOWERS", ""),
        ("\u202a+1 212 555 0123\u202c", "", "+12125550123", "+1 212 555 0123", ""),
        ("٢١٢٥٥٥٠١٢٣", "US", "+12125550123", "٢١٢٥٥٥٠١٢٣", ""),
        ("(212) 555-0123", "", None, "(212) 555-0123", "BREVO_PHONE_REGION would help with national numbers."),
        ("+999 123", "", None, "+999 123", 'The phone "+999 123" cannot be read as a number; sent without SMS.'),
        ("call reception", "US", None, None, 'The phone "call reception" is a placeholder'),
        ("call 5", "US", None, "call 5", "cannot be read as a number; sent without SMS."),
        ("12-34", "US", None, "12-34", 'The phone "12-34" is not a valid number; sent without SMS.'),
        ("+1 212 555 0123 / +1 212 555 0124", "", None, "+1 212 555 0123 / +1 212 555 0124", "sent without SMS."),
        ("1" * 64, "US", None, "1" * 64, "sent without SMS."),
        ("Phone not found", "US", None, None, 'The phone "Phone not found" is a placeholder of the scraper;'),
        ("000-000-0000", "US", None, None, "is a placeholder"),
        ("N/A", "", None, None, "is a placeholder"),
    ],
)
def test_phones(phone: str | None, region: str, sms: str | None, text: str | None, warning: str) -> None:
    payload = contact_payload(contact(phone_number=phone), config(phone_region=region))
    sent = payload.body["attributes"]
    assert (sent.get("SMS"), sent.get("PHONE")) == (sms, text)
    assert bool(payload.warning) == bool(warning)
    assert warning in payload.warning


@pytest.mark.parametrize("region", ["US", "FR", ""])
def test_no_hint_at_the_region_when_it_would_not_help(region: str) -> None:
    warning = contact_payload(contact(phone_number="+999 123"), config(phone_region=region)).warning
    assert "BREVO_PHONE_REGION" not in warning


def test_who_does_not_want_sms_hears_nothing_of_bad_phones() -> None:
    payload = contact_payload(contact(phone_number="12-34"), config(renamed={"SMS": ""}))
    assert payload.warning == ""
    assert payload.body["attributes"]["PHONE"] == "12-34"
    assert "SMS" not in payload.body["attributes"]


def test_attributes_are_renamed_and_left_out() -> None:
    sent = attributes(
        {"FIRSTNAME": "PRENOM", "LASTNAME": " nom ", "SMS": "", "PHONE": " ", "HAS_GMAIL": "GMAIL"},
        name="Ada Lovelace",
        phone_number="(212) 555-0123",
    )
    assert sent == {"PRENOM": "Ada", "NOM": "Lovelace", "EMAIL_TYPE": "UNKNOWN", "GMAIL": False}


def test_all_attributes_left_out() -> None:
    assert attributes(dict.fromkeys(ATTRIBUTE_TYPES, ""), name="Ada", phone_number="12-34") == {}


@pytest.mark.parametrize("value", [True, False])
def test_has_gmail_is_a_json_boolean(value: bool) -> None:
    body = contact_payload(contact(has_gmail=value), config()).body
    assert f'"HAS_GMAIL": {str(value).lower()}' in json.dumps(body)


@pytest.mark.parametrize(
    ("domain", "company", "website"),
    [
        (None, None, None),
        (Domain(domain="acme.example", company_name="Acme"), "Acme", "https://acme.example"),
        (Domain(domain="acme.example", company_name=""), "acme.example", "https://acme.example"),
        (Domain(domain="acme.example", company_name="  "), "acme.example", "https://acme.example"),
        (Domain(domain="", company_name=""), None, None),
    ],
    ids=["none", "named", "unnamed", "blank name", "blank"],
)
def test_company_and_website(domain: Domain | None, company: str | None, website: str | None) -> None:
    sent = attributes(domain=domain)
    assert (sent.get("COMPANY"), sent.get("WEBSITE")) == (company, website)


def test_without_leaves_the_rest_and_the_original_alone() -> None:
    payload = contact_payload(contact(phone_number="(212) 555-0123"), config(list_id=3))
    less = payload.without("SMS")
    assert "SMS" not in less["attributes"]
    assert less["attributes"]["PHONE"] == "(212) 555-0123"
    assert (less["email"], less["listIds"], less["updateEnabled"]) == ("ada@acme.example", [3], True)
    assert payload.body["attributes"]["SMS"] == "+12125550123"


TEXT = st.none() | st.text(max_size=60) | st.sampled_from([" ", "\t", "\u3000", "Phone not found", "+1 212 555 0123"])


@settings(deadline=None)  # the first number loads a region's table
@given(name=TEXT, phone=TEXT, source=TEXT, company=TEXT, region=st.sampled_from(["", "US", "DE"]))
def test_whatever_was_scraped(
    name: str | None, phone: str | None, source: str | None, company: str | None, region: str
) -> None:
    domain = Domain(id=ID, domain="acme.example", company_name=company or "")
    person = contact(name=name, phone_number=phone, source_url=source, domain=domain)
    payload = contact_payload(person, config(phone_region=region))
    assert set(payload.body) == {"email", "attributes", "updateEnabled"}, "never emailBlacklisted, never ext_id"
    assert set(payload.body["attributes"]) <= set(ATTRIBUTE_TYPES)
    for name_, value in payload.body["attributes"].items():
        assert isinstance(value, bool if ATTRIBUTE_TYPES[name_] == "boolean" else str)
        assert str(value).strip(), "nothing blank is sent: it would blank what Brevo has"
    assert ("SMS" in payload.body["attributes"]) <= (payload.warning == "")
