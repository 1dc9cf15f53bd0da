"""Which differences are the platform's own doing, and which are a change."""

from __future__ import annotations

from typing import Any

import pytest

from reconciliation.same import differing, same


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Ada", "Ada"),
        (" Ada  Lovelace\n", "Ada Lovelace"),
        ("+1 (212) 555-0123", "12125550123"),
        ("https://acme.example", "https://Acme.example/"),
        (True, "true"),
        (True, 1),
        (True, "1"),
        (False, None),
        (False, "false"),
        (False, 0),
        ("true", True),
        ("", None),
    ],
)
def test_the_same(ours: Any, theirs: Any) -> None:
    assert same(ours, theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Ada", "ada"),
        ("Ada", None),
        ("+1 212 555 0123", "+1 212 555 0124"),
        ("12345", "12 345"),  # too short for a phone
        ("https://acme.example", "http://acme.example"),
        (True, False),
        (True, None),
        (False, "true"),
    ],
)
def test_not_the_same(ours: Any, theirs: Any) -> None:
    assert not same(ours, theirs)


def test_only_what_was_sent_is_compared() -> None:
    sent = {"NAME": "Ada", "SMS": "+12125550123", "CITY": "London"}
    assert differing(sent, {"NAME": "Eve", "OTHER": "x"}, may_lack={"SMS"}) == ["NAME", "CITY"]
    assert differing(sent, {**sent, "SMS": "+12125550999"}, may_lack={"SMS"}) == ["SMS"]
