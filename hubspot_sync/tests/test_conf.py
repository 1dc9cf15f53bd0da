"""HubSpot's settings: every wrong one gives a sentence that names it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hubspot_sync import conf
from hubspot_sync.job import HUBSPOT
from hubspot_sync.properties import PROPERTIES

# What was chosen in the admin stands in the database.
pytestmark = pytest.mark.django_db

WRONG: list[tuple[str, Any]] = [
    ("HUBSPOT_API_KEY", "pat-0123\npat-2"),
    ("HUBSPOT_API_KEY", "Bearer pat-0123"),
    ("HUBSPOT_API_KEY", "pat-…0123"),
    ("HUBSPOT_API_BASE_URL", ""),
    ("HUBSPOT_API_BASE_URL", "api.hubapi.com"),
    ("HUBSPOT_API_BASE_URL", "https://api.hubapi.com?x=1"),
    ("HUBSPOT_API_VERSION", ""),
    ("HUBSPOT_API_VERSION", "3"),
    ("HUBSPOT_API_VERSION", "v4"),
    ("HUBSPOT_API_VERSION", "2026-13"),
    ("HUBSPOT_API_VERSION", "2026-09/../x"),
    ("HUBSPOT_PROPERTIES", {"first_name": "x"}),
    ("HUBSPOT_PROPERTIES", {"company": "website"}),
    ("HUBSPOT_PROPERTIES", {"company": "firma", "website": "Firma"}),
    ("HUBSPOT_PROPERTIES", {"company": "email"}),
    ("HUBSPOT_PROPERTIES", {"scrapersky_email_type": "LifecycleStage"}),
    ("HUBSPOT_PROPERTIES", {"scrapersky_has_gmail": "hs_email_optout"}),
    ("HUBSPOT_PROPERTIES", {"company": "Company name"}),
    ("HUBSPOT_PROPERTIES", {"company": "2nd_company"}),
    ("HUBSPOT_RATE_LIMIT_PER_SECOND", 0.0),
    ("HUBSPOT_CONCURRENCY", 65),
    ("HUBSPOT_SYNC_SCHEDULER_INTERVAL_MINUTES", 0),
    ("HUBSPOT_SYNC_SCHEDULER_BATCH_SIZE", 0),
    ("HUBSPOT_SYNC_SCHEDULER_MAX_INSTANCES", 0),
    ("HUBSPOT_SYNC_MAX_RETRIES", -1),
    ("HUBSPOT_SYNC_RETRY_DELAY_MINUTES", 0),
]

FINE: list[tuple[str, Any]] = [
    ("HUBSPOT_API_KEY", "pat-eu1-0123-abc"),
    ("HUBSPOT_API_BASE_URL", "https://api.hubapi.com/"),
    ("HUBSPOT_API_BASE_URL", "http://127.0.0.1:8025/hubspot"),
    ("HUBSPOT_API_VERSION", "v3"),
    ("HUBSPOT_API_VERSION", "2026-03"),
    ("HUBSPOT_API_VERSION", "2026-09-beta"),
    ("HUBSPOT_PROPERTIES", {"company": "firma", "website": ""}),
    ("HUBSPOT_PROPERTIES", {"firstname": "lastname", "lastname": "firstname"}),
    ("HUBSPOT_RATE_LIMIT_PER_SECOND", 19.0),
    ("HUBSPOT_CONCURRENCY", 0),
]


def named(table: list[tuple[str, Any]]) -> list[str]:
    return [f"{name}={str(value)[:40]!r}" for name, value in table]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=named(WRONG))
def test_a_wrong_setting_switches_hubspot_off_and_says_which(settings: Any, name: str, value: Any) -> None:
    setattr(settings, name, value)
    reason = HUBSPOT.off_reason()
    assert reason.startswith("HubSpot is switched off: ")
    assert name in reason
    assert reason.endswith(".")
    if name == "HUBSPOT_API_KEY":
        assert "0123" not in reason


@pytest.mark.parametrize(("name", "value"), FINE, ids=named(FINE))
def test_settings_that_are_fine(settings: Any, name: str, value: Any) -> None:
    setattr(settings, name, value)
    assert HUBSPOT.off_reason() == ""
    conf.load()
    HUBSPOT.policy()


def test_no_token_is_off(settings: Any) -> None:
    settings.HUBSPOT_API_KEY = ""
    assert conf.off_reason() == "HubSpot is switched off: HUBSPOT_API_KEY is not set."


def test_load(settings: Any) -> None:
    settings.HUBSPOT_API_BASE_URL = "https://hubspot.test/"
    settings.HUBSPOT_PROPERTIES = {"company": " Firma ", "website": ""}
    config = conf.load()
    assert (config.base_url, config.version) == ("https://hubspot.test", "2026-09")
    assert config.properties["company"] == "firma", "HubSpot's names are in lower case"
    assert list(config.properties) == [name for name in PROPERTIES if name != "website"]
    assert settings.HUBSPOT_API_KEY not in repr(config)


def test_policy_is_read_when_asked(settings: Any) -> None:
    settings.HUBSPOT_SYNC_RETRY_DELAY_MINUTES = 7
    policy = HUBSPOT.policy()
    assert (policy.retry_delay, policy.batch_size, policy.max_retries) == (timedelta(minutes=7), 100, 3)
    assert (policy.concurrency, policy.rate_per_second) == (2, 9.0)
    settings.HUBSPOT_CONCURRENCY = 0
    assert HUBSPOT.policy().concurrency == 9
