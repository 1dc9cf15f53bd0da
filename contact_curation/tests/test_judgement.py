"""What is said of a contact's data, and what is written better."""

from __future__ import annotations

from typing import Any

import pytest

from contact_curation.judgement import judge
from contacts.models import Contact


def found(email: str | None = "ada@acme.example", *, region: str = "US", **columns: Any) -> dict[str, Any]:
    """What would be stored."""
    return judge(Contact(email=email, **columns), region).better


def remarks(region: str = "US", **columns: Any) -> list[str]:
    return list(judge(Contact(email="ada@acme.example", email_type="CORPORATE", **columns), region).remarks)


# --- the address ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "problem"),
    [
        ("ada", "An email address must have an @-sign."),
        ("ada@acme", "The part after the @-sign is not valid. It should have a period."),
        ("ada lovelace@acme.example", "The email address contains invalid characters before the @-sign: SPACE."),
        ("ada@acme..example", "An email address cannot have two periods in a row."),
    ],
)
def test_an_invalid_address_says_what_to_correct(email: str, problem: str) -> None:
    said = judge(Contact(email=email), "US")
    assert said.problem == f"Invalid e-mail address: {problem} Correct it, then queue the contact again."
    assert not said.better


@pytest.mark.parametrize("email", ["Email not found", "user@domain.com", " logo@2x.png "])
def test_a_placeholder_says_what_to_enter(email: str) -> None:
    problem = (
        f'"{email.strip()}" is a placeholder, not somebody\'s address. Enter theirs, then queue the contact again.'
    )
    assert judge(Contact(email=email), "US").problem == problem


def test_blanks_around_an_address_go_and_its_letters_stay() -> None:
    assert found("\u00a0Ada@Acme.example\n", email_type="CORPORATE") == {"email": "Ada@Acme.example"}


@pytest.mark.parametrize(
    ("email", "kind", "gmail"),
    [
        ("info@acme.example", "SERVICE", False),
        ("sales@gmail.com", "SERVICE", True),
        ("ada@web.de", "FREE", False),
        ("Ada@GMail.com", "FREE", True),
        ("ada@googlemail.com", "FREE", True),
        ("ada@acme.example", "CORPORATE", False),
    ],
)
def test_the_kind_of_mailbox(email: str, kind: str, gmail: bool) -> None:
    expected = {"email_type": kind} | ({"has_gmail": True} if gmail else {})
    assert found(email) == expected
    assert found(email, email_type=kind, has_gmail=gmail) == {}
    assert judge(Contact(email=email), "US").remarks == ()


def test_no_gmail_is_written_too() -> None:
    assert found(email_type="CORPORATE", has_gmail=True) == {"has_gmail": False}


def test_another_type_is_replaced_where_the_address_shows_it_and_said() -> None:
    said = judge(Contact(email="info@acme.example", email_type="CORPORATE"), "US")
    assert said.better == {"email_type": "SERVICE"}
    assert said.remarks == ("The e-mail type was CORPORATE and is SERVICE.",)


def test_what_is_corporate_for_want_of_a_better_word_replaces_nothing() -> None:
    for stood in ("FREE", "SERVICE"):
        said = judge(Contact(email="ada@acme.example", email_type=stood), "US")
        assert (said.better, said.remarks) == ({}, ())


# --- name and phone -------------------------------------------------------------------------------------------


def test_a_name_is_folded_and_a_placeholder_stays_and_is_said() -> None:
    assert found(email_type="CORPORATE", name="  Ada \t Lovelace\u200b") == {"name": "Ada Lovelace"}
    said = judge(Contact(email="a@x.example", email_type="CORPORATE", name="Contact at x.example"), "US")
    assert said.remarks == ('The name "Contact at x.example" is a placeholder of the scraper.',)
    assert said.better == {}


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_what_is_blank_stays_as_it_is(blank: str | None) -> None:
    said = judge(Contact(email="a@x.example", email_type="CORPORATE", name=blank, phone_number=blank), "US")
    assert (said.better, said.remarks) == ({}, ())


@pytest.mark.parametrize(
    ("phone", "better"),
    [
        ("(212) 555-0142", "+12125550142"),
        ("+49 30 23125 001", "+493023125001"),
        ("+44 (0)20 7946 0123", "+442079460123"),
        ("\u200b212.555.0142", "+12125550142"),
    ],
)
def test_a_number_is_written_as_every_platform_reads_it(phone: str, better: str) -> None:
    assert found(email_type="CORPORATE", phone_number=phone) == {"phone_number": better}
    assert found(email_type="CORPORATE", phone_number=better) == {}
    assert remarks(phone_number=phone) == []


@pytest.mark.parametrize("phone", ["212-555-0142 ext. 12", "Tel: 212-555-0142"])
def test_a_number_that_says_more_stays_as_it_was_scraped(phone: str) -> None:
    assert found(email_type="CORPORATE", phone_number=phone) == {}
    assert remarks(phone_number=phone) == []


@pytest.mark.parametrize(
    ("phone", "remark"),
    [
        ("Phone not found", 'The phone "Phone not found" is a placeholder of the scraper.'),
        ("call 7", 'The phone "call 7" cannot be read as a number.'),
        ("+1 23", 'The phone "+1 23" is not a valid number.'),
    ],
)
def test_a_phone_that_cannot_be_read_is_a_remark_only(phone: str, remark: str) -> None:
    said = judge(Contact(email="ada@acme.example", email_type="CORPORATE", phone_number=phone), "US")
    assert (said.problem, said.remarks, said.better) == ("", (remark,), {})


def test_without_a_country_a_national_number_names_the_setting() -> None:
    hint = "CURATION_PHONE_REGION would help with national numbers."
    assert remarks(region="", phone_number="(212) 555-0142") == [
        f'The phone "(212) 555-0142" cannot be read as a number. {hint}'
    ]
    assert remarks(region="", phone_number="+1 212 555 0142") == []
