"""What a typing error in the environment gets: its name, and what it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from scrapersky import env


def read(monkeypatch: pytest.MonkeyPatch, value: str, reader: Callable[..., Any], *args: Any, **options: Any) -> Any:
    monkeypatch.setenv("SOME_SETTING", value)
    return reader("SOME_SETTING", *args, **options)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("true", True),
        ("YES", True),
        ("1", True),
        ("off", False),
        ("False", False),
        ("0", False),
        ("", True),
        (" ", True),
    ],
)
def test_flags(monkeypatch: pytest.MonkeyPatch, value: str, result: bool) -> None:
    assert read(monkeypatch, value, env.flag, True) is result


@pytest.mark.parametrize(("value", "result"), [("7", 7), (" 7 ", 7), ("", 5), ("1", 1)])
def test_whole_numbers(monkeypatch: pytest.MonkeyPatch, value: str, result: int) -> None:
    assert read(monkeypatch, value, env.whole_number, 5, least=1) == result


@pytest.mark.parametrize(("value", "result"), [("0.5", 0.5), ("", 10.0), ("60", 60.0)])
def test_numbers(monkeypatch: pytest.MonkeyPatch, value: str, result: float) -> None:
    assert read(monkeypatch, value, env.number_above_zero, 10.0) == result


def test_words_and_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, " a, b ,,", env.words, ["x"]) == ["a", "b"]
    assert read(monkeypatch, "", env.words, ["x"]) == ["x"]
    assert read(monkeypatch, "FIRSTNAME=PRENOM, SMS=", env.pairs) == {"FIRSTNAME": "PRENOM", "SMS": ""}
    assert read(monkeypatch, "", env.pairs) == {}


@pytest.mark.parametrize(
    ("value", "reader", "options"),
    [
        ("maybe", env.flag, {"default": False}),
        ("ten", env.whole_number, {"default": 5, "least": 1}),
        ("0", env.whole_number, {"default": 5, "least": 1}),
        ("-3", env.whole_number, {"default": 5, "least": 0}),
        ("1.5", env.whole_number, {"default": 5, "least": 0}),
        ("0", env.number_above_zero, {"default": 1.0}),
        ("nan", env.number_above_zero, {"default": 1.0}),
        ("inf", env.number_above_zero, {"default": 1.0}),
        ("fast", env.number_above_zero, {"default": 1.0}),
        ("FIRSTNAME", env.pairs, {}),
        ("=PRENOM", env.pairs, {}),
        ("not a url", env.database, {"default": "sqlite:///x"}),
        ("nosql://somewhere/db", env.database, {"default": "sqlite:///x"}),
    ],
)
def test_typing_errors_are_named(
    monkeypatch: pytest.MonkeyPatch, value: str, reader: Callable[..., Any], options: dict[str, Any]
) -> None:
    with pytest.raises(ImproperlyConfigured, match="SOME_SETTING"):
        read(monkeypatch, value, reader, **options)


def test_a_password_in_a_wrong_database_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        read(monkeypatch, "nosql://user:hunter2@host/db", env.database, "sqlite:///x")
    assert "hunter2" not in str(caught.value)
