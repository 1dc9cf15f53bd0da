"""What a reason comes to without its particulars: real sentences of all platforms, and of curation."""

from __future__ import annotations

import pytest

from curation_sdk.causes import LONGEST, cause_of, without_particulars

#: Reasons that are one cause, and that cause.
ONE = {
    'Brevo refused it (400): "Invalid phone number …".': (
        'Brevo refused it (400): "Invalid phone number +12125550142".',
        'Brevo refused it (400): "Invalid phone number +1 (212) 555-0142".',
        'Brevo refused it (400): "Invalid phone number 0212/555 01 42 ext. 12".',
        'Brevo refused it (400): "Invalid phone number "+1 212"".',
    ),
    'Brevo refused it (400): "email is not valid in …".': (
        'Brevo refused it (400): "email is not valid in ada@acme.example".',
        'Brevo refused it (400): "email is not valid in ada@".',
        "Brevo refused it (400): \"email is not valid in 'ada lovelace@acme'\".",
    ),
    "Brevo did not answer: No answer within … seconds.": (
        "Brevo did not answer: No answer within 25 seconds.",
        "Brevo did not answer: No answer within 1 second.",
    ),
    'Brevo is in trouble (503): "Bad gateway …". Given up after … tries.': (
        'Brevo is in trouble (503): "Bad gateway 7f3c9a1b2d". Given up after 4 tries.',
        'Brevo is in trouble (503): "Bad gateway 0a1b2c3d4e". Given up after 1 try.',
    ),
    "Brevo asked us to slow down (429) for … seconds.": (
        "Brevo asked us to slow down (429) for 1 second.",
        "Brevo asked us to slow down (429) for 300 seconds.",
    ),
    'Brevo has no list …. Correct BREVO_LIST_ID; "manage.py brevo_setup" shows the lists.': (
        'Brevo has no list 7. Correct BREVO_LIST_ID; "manage.py brevo_setup" shows the lists.',
        'Brevo has no list 4711. Correct BREVO_LIST_ID; "manage.py brevo_setup" shows the lists.',
    ),
    'Brevo rejected the key (401): "unrecognised IP address …". Authorise this server\'s address at '
    "https://app.brevo.com/security/authorised_ips.": (
        'Brevo rejected the key (401): "unrecognised IP address 203.0.113.7". Authorise this server\'s address at '
        "https://app.brevo.com/security/authorised_ips.",
        'Brevo rejected the key (401): "unrecognised IP address 203.0.113.90". Authorise this server\'s address at '
        "https://app.brevo.com/security/authorised_ips.",
    ),
    'HubSpot refused it (409): "Contact already exists. Existing ID: …".': (
        'HubSpot refused it (409): "Contact already exists. Existing ID: 12345".',
        'HubSpot refused it (409): "Contact already exists. Existing ID: 9".',
    ),
    'HubSpot refused it: "email: Email address … is invalid (INVALID_EMAIL)".': (
        'HubSpot refused it: "email: Email address ada@ is invalid (INVALID_EMAIL)".',
        'HubSpot refused it: "email: Email address eve@mail.example is invalid (INVALID_EMAIL)".',
    ),
    'HubSpot asked us to slow down (429): "You have reached your daily limit.". We wait … seconds.': (
        'HubSpot asked us to slow down (429): "You have reached your daily limit.". We wait 3600 seconds.',
        'HubSpot asked us to slow down (429): "You have reached your daily limit.". We wait 1 second.',
    ),
    'Mautic refused it (400): "website: … characters at most". website has … characters. A Mautic administrator can '
    'raise "max. character length" of this field, under Settings, Custom Fields, to ….': (
        'Mautic refused it (400): "website: 64 characters at most". website has 81 characters. A Mautic '
        'administrator can raise "max. character length" of this field, under Settings, Custom Fields, to 191.',
        'Mautic refused it (400): "website: 64 characters at most". website has 65 characters. A Mautic '
        'administrator can raise "max. character length" of this field, under Settings, Custom Fields, to 191.',
    ),
    "Mautic leaves out … in this address, which makes it that of another person. Nothing was sent.": (
        'Mautic leaves out "é" in this address, which makes it that of another person. Nothing was sent.',
        'Mautic leaves out "§\'" in this address, which makes it that of another person. Nothing was sent.',
    ),
    "Mautic took the contact for another one, with the address …, and changed that. Correct both there, and the "
    "address here.": (
        'Mautic took the contact for another one, with the address "ada@acme.example", and changed that. Correct both '
        "there, and the address here.",
    ),
    'Mautic has the contact, but did not add it to segment …. Mautic is in trouble (500): "error #…".': (
        'Mautic has the contact, but did not add it to segment 3. Mautic is in trouble (500): "error #500".',
        'Mautic has the contact, but did not add it to segment 12. Mautic is in trouble (500): "error #12".',
    ),
    'n8n refused it (422): "Contact … has no domain".': (
        'n8n refused it (422): "Contact 0b6f2a52-3f0e-4a5e-8a53-3a1f6d5f0c11 has no domain".',
        'n8n refused it (422): "Contact 99999999-3f0e-4a5e-8a53-3a1f6d5f0c11 has no domain".',
    ),
    "The worker died while pushing this contact, at the last of … tries.": (
        "The worker died while pushing this contact, at the last of 4 tries.",
        "The worker died while pushing this contact, at the last of 1 try.",
    ),
    "… is a placeholder, not somebody's address. Enter theirs, then queue the contact again.": (
        '"logo@2x.png" is a placeholder, not somebody\'s address. Enter theirs, then queue the contact again.',
        '"you@example.com" is a placeholder, not somebody\'s address. Enter theirs, then queue the contact again.',
    ),
    "Invalid e-mail address: The part after the @-sign contains invalid characters: …. Correct it, then queue the "
    "contact again.": (
        "Invalid e-mail address: The part after the @-sign contains invalid characters: '@'. Correct it, then queue "
        "the contact again.",
        "Invalid e-mail address: The part after the @-sign contains invalid characters: '_', '!'. Correct it, then "
        "queue the contact again.",
    ),
    "Suppressed since …: Hard bounce.": (
        "Suppressed since 2026-11-24: Hard bounce.",
        "Suppressed since 2025-01-01: Hard bounce.",
    ),
    "Skipped by ada on ….": ("Skipped by ada on 2026-11-24.", "Skipped by ada on 2026-11-25."),
}

#: Nothing in these is about one contact.
AS_THEY_ARE = (
    "There is no e-mail address. Add one, then queue the contact again.",
    'Brevo refused it (400): "Attribute not found".',
    'Brevo rejected the key (401): "Key not found". Check BREVO_API_KEY: it must be a v3 API key of this account that '
    "has not expired.",
    "The token lacks a scope (403): crm.objects.contacts.write. Give it to the token in HubSpot.",
    "HubSpot refuses every contact, because the account has no property scrapersky_domain. "
    '"manage.py hubspot_setup --create" makes what is missing.',
    'In Mautic, under Configuration, API Settings, set "API enabled" to yes.',
    "The workflow in n8n failed (500). Its list of executions says why.",
    "n8n accepted the contact but never reported back",
    "Unexpected KeyError in our program. The worker's log has the details.",
)


@pytest.mark.parametrize("cause", ONE)
def test_equal_troubles_are_one_cause(cause: str) -> None:
    assert {cause_of(reason) for reason in ONE[cause]} == {
        cause[: LONGEST - 1] + "…" if len(cause) > LONGEST else cause
    }


@pytest.mark.parametrize("reason", AS_THEY_ARE)
def test_what_says_nothing_of_one_contact_stays(reason: str) -> None:
    assert cause_of(reason) == reason


def test_other_words_and_another_status_are_other_causes() -> None:
    reasons = [
        'Brevo refused it (400): "Invalid phone number +1 212".',
        'Brevo refused it (404): "Invalid phone number +1 212".',
        'Brevo refused it (400): "Invalid attribute value 212".',
        "Suppressed since 2026-11-24: Hard bounce.",
        "Suppressed since 2026-11-24: Unsubscribed.",
    ]
    assert len({cause_of(reason) for reason in reasons}) == len(reasons)


def test_the_platforms_words_are_known_by_themselves_where_they_hold_quotes_and_full_stops() -> None:
    said = 'Name ". Acme" is taken. See https://x.example/42'
    assert cause_of(f'X refused it (400): "{said}". Correct "API name".', said) == (
        'X refused it (400): "Name … is taken. See …". Correct "API name".'
    )


def test_a_cause_is_its_own_cause() -> None:
    for cause in ONE:
        assert cause_of(cause_of(cause)) == cause_of(cause)


def test_it_is_no_longer_than_its_column_and_fit_to_store() -> None:
    cause = cause_of("Trouble\x00 " + "with words " * 50)
    assert len(cause) == LONGEST
    assert "\x00" not in cause
    assert cause.endswith("…")


def test_of_no_reason_there_is_no_cause() -> None:
    assert cause_of("") == without_particulars("") == ""


def test_somebody_elses_words_keep_no_address() -> None:
    words = "GET https://acme.example/about?x=1 failed for `ada` with 404 after 30s"
    assert without_particulars(words) == "GET … failed for … with … after …s"


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000,
        "1 " * 20_000,
        "a@" * 20_000,
        '"' * 20_001,
        "'" * 20_001,
        "a1-" * 20_000,
        "a-" * 20_000,
        "a" * 40_000,
        "“" * 40_000,
        "1 (" * 20_000,
    ],
)
def test_no_text_keeps_it_busy(text: str) -> None:
    cause_of(text)
    without_particulars(text)
