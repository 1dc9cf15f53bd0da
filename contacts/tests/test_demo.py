"""The made-up contacts."""

from __future__ import annotations

import csv
import io
from itertools import islice
from pathlib import Path

import phonenumbers
import pytest
from django.core.management import CommandError, call_command

from contacts.demo import demo_contacts
from contacts.emails import classify_email
from contacts.management.commands.load_demo_contacts import _WRITTEN
from contacts.models import Contact, EmailType
from contacts.placeholders import clean_name, is_placeholder_phone

ROWS = list(demo_contacts(300))

FICTIONAL = tuple(
    f"+{digits}"
    for digits in (
        *("44207946", "44161496", "44113496", "33199", "33261", "33353", "33465", "33536", "493023125"),
        *("496990009", "494066969", "492214710", "498999998", "4917139200"),
    )
)


def load(*options: str) -> str:
    out = io.StringIO()
    call_command("load_demo_contacts", *options, stdout=out)
    return out.getvalue()


def test_the_same_ones_every_time_and_more_are_added_at_the_end() -> None:
    assert list(demo_contacts(300)) == ROWS
    assert list(demo_contacts(1_000))[:300] == ROWS


def test_nobody_real_is_among_them() -> None:
    for row in demo_contacts(3_000):
        assert row["domain"].endswith(".example")
        for column in ("page_url", "source_url"):
            assert row[column].split("/")[2].endswith(".example")
        if "@" in row["email"].rstrip("@"):
            assert row["email"].lower().endswith(".example")


def test_every_number_that_can_be_dialled_is_kept_for_fiction() -> None:
    seen: set[str] = set()
    for position, row in enumerate(demo_contacts(3_000)):
        region = ("US", "GB", "FR", "DE", "ES")[position // 3 % 5]
        try:
            number = phonenumbers.parse(row["phone_number"], region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            assert text.startswith(FICTIONAL) or (text.startswith("+1") and text[5:10] == "55501"), text
            assert phonenumbers.is_valid_number(number)
            seen.add(region)
    assert seen == {"US", "GB", "FR", "DE"}


def test_every_flaw_is_there() -> None:
    emails = [row["email"] for row in ROWS]
    folded = [email.lower() for email in emails if email]
    types = [classify_email(email) for email in emails]
    phones = [row["phone_number"] for row in ROWS]
    names = [row["name"] for row in ROWS]
    assert emails.count("") == 5
    assert types.count(EmailType.UNKNOWN) == 10  # five missing, five invalid
    assert types.count(EmailType.SERVICE) >= 20
    assert sum(row["email_type"] == "FREE" for row in ROWS) >= 20
    assert len(folded) - len(set(folded)) >= 8
    assert len(set(emails) - {""}) > len(set(folded))
    assert sum(is_placeholder_phone(phone) for phone in phones) >= 15
    assert sum(name.startswith("Contact at ") for name in names) == 15
    assert sum(clean_name(name) is not None and " " not in name for name in names) >= 5
    assert any(phones.count(phone) == 3 for phone in phones if phone)
    assert any(not name.isascii() for name in names)


def test_every_row_is_another() -> None:
    assert len({tuple(row.values()) for row in demo_contacts(5_000)}) == 5_000
    assert all(tuple(row) == _WRITTEN for row in ROWS)


@pytest.mark.django_db
def test_loading_twice_doubles_nothing() -> None:
    assert load() == "300 made-up contacts loaded, 0 already there.\n"
    assert load() == "0 made-up contacts loaded, 300 already there.\n"
    assert load("--count", "1200") == "900 made-up contacts loaded, 300 already there.\n"
    assert Contact.objects.count() == 1_200


@pytest.mark.django_db
def test_the_csv_file_holds_the_same_ones(tmp_path: Path) -> None:
    path = tmp_path / "demo.csv"
    assert load("--csv", str(path), "--count", "50") == f"50 made-up contacts written to {path}.\n"
    assert not Contact.objects.exists()
    with path.open(encoding="utf-8", newline="") as file:
        assert list(islice(csv.DictReader(file), 300)) == ROWS[:50]
    out = io.StringIO()
    call_command("import_contacts", str(path), stdout=out)
    assert out.getvalue() == "50 rows read: 50 imported, 0 already there, 0 refused.\n"
    assert load("--count", "50") == "0 made-up contacts loaded, 50 already there.\n"


def test_a_csv_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written: Is a directory") as error:
        load("--csv", str(tmp_path))
    assert error.value.returncode == 2


@pytest.mark.parametrize("count", ["0", "-1", "many", "1.5", "²"])
def test_a_count_that_is_none(count: str) -> None:
    with pytest.raises(CommandError, match="is not a number of contacts"):
        load(f"--count={count}")
