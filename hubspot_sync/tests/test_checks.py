"""What `manage.py check` says about HubSpot."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import Error, Warning, run_checks

from hubspot_sync.tests.test_conf import WRONG, named


def found() -> list[Any]:
    return [message for message in run_checks() if (message.id or "").startswith("hubspot_sync")]


@pytest.mark.parametrize("key", ["", "pat-1"], ids=["off", "on"])
def test_all_is_well(settings: Any, key: str) -> None:
    settings.HUBSPOT_API_KEY = key
    assert found() == []


@pytest.mark.parametrize(("name", "value"), WRONG, ids=named(WRONG))
def test_a_wrong_setting_is_an_error_also_while_it_is_off(settings: Any, name: str, value: Any) -> None:
    settings.HUBSPOT_API_KEY = ""
    setattr(settings, name, value)
    (message,) = found()
    assert isinstance(message, Error)
    assert message.id == "hubspot_sync.E001"
    assert name in message.msg


@pytest.mark.parametrize(
    ("url", "key", "debug", "warned"),
    [
        ("http://hubspot.test", "k", False, True),
        ("http://hubspot.test", "k", True, False),
        ("http://hubspot.test", "", False, False),
        ("http://127.0.0.1:8025/hubspot", "k", False, False),
        ("https://api.hubapi.com", "k", False, False),
    ],
)
def test_plain_http_is_a_warning(settings: Any, url: str, key: str, debug: bool, warned: bool) -> None:
    settings.HUBSPOT_API_BASE_URL, settings.HUBSPOT_API_KEY, settings.DEBUG = url, key, debug
    assert [type(message) for message in found()] == [Warning] * warned
