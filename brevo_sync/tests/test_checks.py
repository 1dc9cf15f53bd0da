"""What `manage.py check` says about Brevo."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import Error, Warning, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from brevo_sync.tests.test_conf import WRONG, named


def found() -> list[Any]:
    return [message for message in run_checks() if (message.id or "").startswith("brevo_sync")]


@pytest.mark.parametrize("key", ["", "xkeysib-1"], ids=["off", "on"])
def test_all_is_well(settings: Any, key: str) -> None:
    settings.BREVO_API_KEY = key
    assert found() == []


@pytest.mark.parametrize(("name", "value"), WRONG, ids=named(WRONG))
@pytest.mark.parametrize("key", ["", "xkeysib-1"], ids=["off", "on"])
def test_a_wrong_setting_is_an_error(settings: Any, key: str, name: str, value: Any) -> None:
    settings.BREVO_API_KEY = key
    setattr(settings, name, value)
    (message,) = found()
    assert isinstance(message, Error)
    assert message.id == "brevo_sync.E001"
    assert name in message.msg


@pytest.mark.parametrize(
    ("url", "key", "debug", "warned"),
    [
        ("http://brevo.test/v3", "k", False, True),
        ("HTTP://brevo.test/v3", "k", False, True),
        ("http://brevo.test/v3", "k", True, False),
        ("http://brevo.test/v3", "", False, False),
        ("http://127.0.0.1:8025/brevo/v3", "k", False, False),
        ("http://localhost:8025/brevo/v3", "k", False, False),
        ("http://[::1]:8025/brevo/v3", "k", False, False),
        ("https://api.brevo.com/v3", "k", False, False),
    ],
)
def test_plain_http_is_a_warning(settings: Any, url: str, key: str, debug: bool, warned: bool) -> None:
    settings.BREVO_API_BASE_URL, settings.BREVO_API_KEY, settings.DEBUG = url, key, debug
    assert [type(message) for message in found()] == [Warning] * warned


@pytest.mark.django_db
def test_an_interval_of_zero_stops_migrate(settings: Any) -> None:
    """The task queue's scheduler would look for the next run for ever."""
    settings.BREVO_API_KEY = ""
    settings.BREVO_SYNC_SCHEDULER_INTERVAL_MINUTES = 0
    with pytest.raises(SystemCheckError, match="BREVO_SYNC_SCHEDULER_INTERVAL_MINUTES must lie between 1 and"):
        call_command("migrate", skip_checks=False)
