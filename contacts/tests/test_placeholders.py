"""What counts as data and what the scraper wrote where it found none."""

from __future__ import annotations

import pytest

from contacts.placeholders import clean_name, clean_phone, is_placeholder_email, is_placeholder_phone

BLANK = [None, "", "   ", "\t\r\n", "\u00a0", "\u200b", "\x00", "\ufeff"]

PLACEHOLDERS = [
    *("N/A", "n/a", "#N/A", "N.A.", "none", "None", "NONE", "(none)", "null", "<null>", "undefined", "unknown"),
    *("Unknown.", "-", "--", "—", "?", "...", "/", "not available", "Not Found", "not provided", "nan", "NaN"),
    *("<NA>", "Phone not found", "phone NOT found", "Phone number not available", "No phone", "no phone number"),
    *("E-mail not found", "Email not found", "Name not found", "No name", "No contact found", "Unknown name"),
    *("unbekannt", "keine Angabe", "k.A.", "inconnu", "non disponible", "desconocido", "sin nombre"),
    *("Phone  not\tfound", "\u201cunknown\u201d", "PHONE NOT FOUND\x00"),
]

NO_NAMES = [
    *("Contact at example.com", "contact at www.acme.example", "Contact at Acme", "Contact", "CONTACT US"),
    *("Contact form", "Contact person", "jane@acme.example", "mailto:jane@acme.example", "<jane@acme.example>"),
    *("https://acme.example/team", "www.acme.example", "12345", "+49 30 23125 000", "★★★"),
]

NAMES = [
    *("Jean None", "Nan", "Na", "Na Li", "Null Island", "Anna Null", "Nil Yalter", "No", "Kim Un", "Test Pilot"),
    *("Mr. Unknown Jr", "Contacta Consulting", "Phonexia", "Booking.com", "Info", "Anonyme Frères", "O'Malley"),
    *("Jean-Baptiste N'Diaye", "山田 花子", "Мария Иванова", "ليلى حداد", "Łukasz", "X", "3M", "Jane (Sales)"),
    *("Contact Energy Ltd", "Nina Kein", "<b>Jane</b>", "=cmd|' /C calc'!A0", "محمد\u200cعلی"),
]


@pytest.mark.parametrize("value", BLANK)
def test_blank_is_nothing(value: str | None) -> None:
    assert clean_name(value) is None
    assert clean_phone(value) is None
    assert not is_placeholder_phone(value)


@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_placeholders_are_neither_name_nor_phone(value: str) -> None:
    assert clean_name(value) is None
    assert clean_phone(value) is None
    assert is_placeholder_phone(value)


@pytest.mark.parametrize("value", NO_NAMES)
def test_what_stands_for_a_name_and_is_none(value: str) -> None:
    assert clean_name(value) is None


@pytest.mark.parametrize("value", NAMES)
def test_real_names_stay(value: str) -> None:
    assert clean_name(value) == value


@pytest.mark.parametrize(
    "value", ["keine Telefonnummer", "call us", "000-000-0000", "xxx-xxx", "téléphone non trouvé"]
)
def test_a_phone_has_a_digit_other_than_zero(value: str) -> None:
    assert clean_phone(value) is None
    assert is_placeholder_phone(value)


@pytest.mark.parametrize("value", ["+49 30 23125 000", "(212) 555-0142", "12-34", "0800 FLOWERS 1", "٠١٢٣", "ext. 5"])
def test_numbers_stay_whether_they_can_be_dialled_or_not(value: str) -> None:
    assert clean_phone(value) == value
    assert not is_placeholder_phone(value)


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ("  Anna \t\r\n Berg ", "Anna Berg"),
        ("Anna\u00a0Berg", "Anna Berg"),
        ("An\x00na\x1b[31m Berg", "Anna[31m Berg"),
        ("\ufeffAnna\u200b Berg\u202e", "Anna Berg"),
        ("Anna \udc80Berg", "Anna Berg"),
    ],
)
def test_space_is_folded_and_control_characters_go(value: str, cleaned: str) -> None:
    assert clean_name(value) == cleaned


def test_a_phone_is_folded_too() -> None:
    assert clean_phone(" +49 30\t23125\x00 000\n") == "+49 30 23125 000"


@pytest.mark.parametrize(
    "value",
    [
        *("Email not found", "n/a", "No e-mail", "Contact at acme.example", "https://acme.example"),
        *("ada@example.com", "user@domain.com", "YOUR.EMAIL@gmail.com", "your-name@acme.example", "info@mysite.com"),
        *("logo@2x.png", "hero@3x.WEBP", "votreemail@acme.example", " <you@company.com> "),
        "605a7baede844d278b89dc95ae0a9123@sentry-next.wixpress.com",
    ],
)
def test_what_stands_for_an_address_and_is_nobodys(value: str) -> None:
    assert is_placeholder_email(value)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", " ", "ada@acme.example", "ada@example", "ada", "info@acme.example", "support@domain.com"),
        *("name@acme.example", "test@acme.example", "user@gmail.com", "mail@mail.example", "suname@acme.example"),
        *("ada@png.example", "ada@my-example.com", "ada@sentry.io", "yourna@acme.example", "you@acme.example"),
    ],
)
def test_what_may_be_somebodys_address(value: str | None) -> None:
    assert not is_placeholder_email(value)
