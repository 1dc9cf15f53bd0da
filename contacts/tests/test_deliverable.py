"""Addresses that are told from their looks are those that email-validator takes."""

from __future__ import annotations

import random

import pytest
from email_validator import EmailNotValidError, validate_email

from contacts.deliverable import skip_reason


def taken(address: str) -> bool:
    try:
        validate_email(address, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        return False
    return True


@pytest.mark.parametrize(
    "address",
    [
        *("ada@acme.example", "Ada.L+x@mail.acme.co.uk", "a@x.test", "a@x.local", "a@localhost", "a@x", "a@x.c0m"),
        *("a..b@x.example", ".a@x.example", "a@-x.example", "a@x-.example", "a@xn--a.example", "a@x--y.example"),
        *("a@x.example\n", "a b@x.example", f"{'a' * 65}@x.example", f"a@{'x' * 64}.example", "\u017f@x.example"),
        *(f"a@{'x.' * 130}example", "a@b@x.example", "a@x..example", "ä@x.example", "a@x.\u017fs", '"a b"@x.example'),
    ],
)
def test_the_short_way_says_the_same(address: str) -> None:
    assert (skip_reason(address.strip()) == "") == taken(address.strip())


def test_so_do_a_thousand_made_up_ones() -> None:
    chance = random.Random(1)
    plain = 0
    for _ in range(1_000):
        local = "".join(chance.choice("abzAZ019._+-") for _ in range(chance.choice([1, 2, 5, 64])))
        domain = "".join(chance.choice("abz09.-") for _ in range(chance.choice([1, 3, 6, 63])))
        address = f"{local}@{domain}{chance.choice(['.', ''])}{chance.choice(['com', 'test', 'local', 'x', 'co.uk'])}"
        plain += taken(address)
        assert (skip_reason(address) == "") == taken(address), address
    assert plain > 20
