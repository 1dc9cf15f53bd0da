"""What `manage.py check` says about Mautic."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import Error, Warning, run_checks

from mautic_sync.tests.test_conf import NO_LOG_IN, WRONG, put


def found() -> list[Any]:
    return [message for message in run_checks() if (message.id or "").startswith("mautic_sync")]


def test_all_is_well(settings: Any) -> None:
    assert found() == []
    put(settings, NO_LOG_IN)
    assert found() == []


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_an_error(settings: Any, name: str) -> None:
    values, words = WRONG[name]
    put(settings, values)
    (message,) = found()
    assert isinstance(message, Error)
    assert message.id == "mautic_sync.E001"
    assert words in message.msg


@pytest.mark.parametrize(
    ("url", "on", "debug", "warned"),
    [
        ("http://mautic.test", True, False, True),
        ("http://mautic.test", True, True, False),
        ("http://mautic.test", False, False, False),
        ("http://127.0.0.1:8025/mautic", True, False, False),
        ("https://mautic.test", True, False, False),
    ],
)
def test_plain_http_is_a_warning(settings: Any, url: str, on: bool, debug: bool, warned: bool) -> None:
    settings.MAUTIC_API_BASE_URL, settings.DEBUG = url, debug
    if not on:
        put(settings, NO_LOG_IN)
    assert [type(message) for message in found()] == [Warning] * warned
