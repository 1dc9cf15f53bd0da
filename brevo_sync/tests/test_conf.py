"""Brevo's settings: every wrong one gives a sentence that names it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import responses
from django.conf import settings as django_settings

from brevo_sync import conf, opt_outs
from brevo_sync.job import BREVO
from curation_sdk import http
from curation_sdk.cycle import run_cycle
from curation_sdk.job import LEASE
from curation_sdk.models import SyncRun
from opt_outs import telling

# What was chosen in the admin stands in the database.
pytestmark = pytest.mark.django_db

WRONG: list[tuple[str, Any]] = [
    ("BREVO_API_KEY", "xkeysib-1\nxkeysib-2"),
    ("BREVO_API_KEY", "xkeysib-1 xkeysib-2"),
    ("BREVO_API_KEY", "xkeysib-…"),
    ("BREVO_API_KEY", "xkeysib-\x00"),
    ("BREVO_API_KEY", "xsmtpsib-0123"),
    ("BREVO_API_BASE_URL", ""),
    ("BREVO_API_BASE_URL", "api.brevo.com/v3"),
    ("BREVO_API_BASE_URL", "ftp://api.brevo.com/v3"),
    ("BREVO_API_BASE_URL", "https://"),
    ("BREVO_API_BASE_URL", "https:///v3"),
    ("BREVO_API_BASE_URL", "https://:443/v3"),
    ("BREVO_API_BASE_URL", "https://api.brevo.com:port/v3"),
    ("BREVO_API_BASE_URL", "https://api.brevo.com:99999/v3"),
    ("BREVO_API_BASE_URL", "https://api.brevo.com:0/v3"),
    ("BREVO_API_BASE_URL", "https://[::1/v3"),
    ("BREVO_API_BASE_URL", "https://api.brevo.com/v3?x=1"),
    ("BREVO_API_BASE_URL", "https://api.brevo.com/v3#x"),
    ("BREVO_API_BASE_URL", "https://user:word@api.brevo.com/v3"),
    ("BREVO_API_BASE_URL", "https://api.brevo.com/v 3"),
    ("BREVO_API_BASE_URL", "https://api.brevo.com/\nv3"),
    ("BREVO_LIST_ID", "0"),
    ("BREVO_LIST_ID", "-1"),
    ("BREVO_LIST_ID", "twelve"),
    ("BREVO_LIST_ID", "1.0"),
    ("BREVO_LIST_ID", "12,13"),
    ("BREVO_LIST_ID", "١٢"),
    ("BREVO_LIST_ID", "9" * 5000),
    ("BREVO_PHONE_REGION", "USA"),
    ("BREVO_PHONE_REGION", "XX"),
    ("BREVO_PHONE_REGION", "+1"),
    ("BREVO_PHONE_REGION", "us"),
    ("BREVO_ATTRIBUTES", {"FIRST_NAME": "X"}),
    ("BREVO_ATTRIBUTES", {"company": "FIRMA"}),
    ("BREVO_ATTRIBUTES", {"COMPANY": "PHONE"}),
    ("BREVO_ATTRIBUTES", {"COMPANY": "firma", "WEBSITE": "FIRMA"}),
    ("BREVO_ATTRIBUTES", {"DOMAIN_ID": "EXT_ID"}),
    ("BREVO_ATTRIBUTES", {"COMPANY": "email"}),
    ("BREVO_ATTRIBUTES", {"PHONE": "LANDLINE_NUMBER"}),
    ("BREVO_ATTRIBUTES", {"SMS": "", "PHONE": "SMS"}),
    ("BREVO_RATE_LIMIT_PER_SECOND", 0.0),
    ("BREVO_RATE_LIMIT_PER_SECOND", -1.0),
    ("BREVO_RATE_LIMIT_PER_SECOND", float("inf")),
    ("BREVO_RATE_LIMIT_PER_SECOND", float("nan")),
    ("BREVO_CONCURRENCY", -1),
    ("BREVO_CONCURRENCY", 65),
    ("BREVO_SYNC_SCHEDULER_INTERVAL_MINUTES", 0),
    ("BREVO_SYNC_SCHEDULER_INTERVAL_MINUTES", 100_000),
    ("BREVO_SYNC_SCHEDULER_BATCH_SIZE", 0),
    ("BREVO_SYNC_SCHEDULER_BATCH_SIZE", 1_000_000),
    ("BREVO_SYNC_SCHEDULER_MAX_INSTANCES", 0),
    ("BREVO_SYNC_MAX_RETRIES", -1),
    ("BREVO_SYNC_RETRY_DELAY_MINUTES", 0),
    ("BREVO_SYNC_RETRY_DELAY_MINUTES", -5),
]

FINE: list[tuple[str, Any]] = [
    ("BREVO_API_KEY", "xkeysib-0123-abc"),
    ("BREVO_API_BASE_URL", "https://api.brevo.com/v3/"),
    ("BREVO_API_BASE_URL", "HTTPS://api.brevo.com/v3"),
    ("BREVO_API_BASE_URL", "http://127.0.0.1:8025/brevo/v3"),
    ("BREVO_API_BASE_URL", "http://[::1]:8025/brevo/v3"),
    ("BREVO_LIST_ID", ""),
    ("BREVO_LIST_ID", "12"),
    ("BREVO_LIST_ID", "012"),
    ("BREVO_PHONE_REGION", ""),
    ("BREVO_PHONE_REGION", "GB"),
    ("BREVO_ATTRIBUTES", {"FIRSTNAME": "PRENOM", "LASTNAME": "NOM", "HAS_GMAIL": ""}),
    ("BREVO_ATTRIBUTES", {"SMS": "WHATSAPP"}),
    ("BREVO_ATTRIBUTES", {"FIRSTNAME": "LASTNAME", "LASTNAME": "FIRSTNAME"}),
    ("BREVO_RATE_LIMIT_PER_SECOND", 0.1),
    ("BREVO_RATE_LIMIT_PER_SECOND", 5000.0),
    ("BREVO_CONCURRENCY", 0),
    ("BREVO_SYNC_MAX_RETRIES", 0),
]


def named(table: list[tuple[str, Any]]) -> list[str]:
    return [f"{name}={str(value)[:40]!r}" for name, value in table]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=named(WRONG))
def test_a_wrong_setting_switches_brevo_off_and_says_which(settings: Any, name: str, value: Any) -> None:
    setattr(settings, name, value)
    reason = conf.off_reason()
    assert reason.startswith("Brevo is switched off: ")
    assert name in reason
    assert reason.endswith(".")
    assert reason.isprintable()
    if name == "BREVO_API_KEY":
        assert "0123" not in reason


@pytest.mark.parametrize(("name", "value"), FINE, ids=named(FINE))
def test_settings_that_are_fine(settings: Any, name: str, value: Any) -> None:
    setattr(settings, name, value)
    assert conf.off_reason() == ""
    conf.load()
    BREVO.policy()


def test_no_key_is_off(settings: Any) -> None:
    settings.BREVO_API_KEY = ""
    assert conf.off_reason() == "Brevo is switched off: BREVO_API_KEY is not set."


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "value"), [*WRONG[:1], *WRONG[-8:]], ids=named([*WRONG[:1], *WRONG[-8:]]))
@responses.activate
def test_a_run_with_a_wrong_setting_ends_at_once(settings: Any, make_contact: Any, name: str, value: Any) -> None:
    make_contact(
        brevo_sync_status="Queued", brevo_processing_status="Queued", brevo_next_attempt_at="2020-01-01T00:00Z"
    )
    setattr(settings, name, value)
    report = run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
    assert report.state is None
    assert name in report.reason


def test_load(settings: Any) -> None:
    settings.BREVO_API_BASE_URL = "https://brevo.test/v3/"
    settings.BREVO_LIST_ID = "12"
    settings.BREVO_ATTRIBUTES = {"COMPANY": " firma ", "WEBSITE": ""}
    config = conf.load()
    assert (config.base_url, config.list_id, config.phone_region) == ("https://brevo.test/v3", 12, "US")
    assert config.attributes["COMPANY"] == "FIRMA", "Brevo drops names in lower case"
    assert "WEBSITE" not in config.attributes
    assert list(config.attributes) == [name for name in conf.ATTRIBUTE_TYPES if name != "WEBSITE"]


def test_the_key_is_not_in_the_repr(settings: Any) -> None:
    assert settings.BREVO_API_KEY not in repr(conf.load())


@pytest.mark.parametrize(
    ("rate", "chosen", "expected"), [(10.0, 0, 10), (0.5, 0, 2), (2.5, 0, 3), (500.0, 0, 64), (10.0, 3, 3)]
)
def test_concurrency(settings: Any, rate: float, chosen: int, expected: int) -> None:
    settings.BREVO_RATE_LIMIT_PER_SECOND, settings.BREVO_CONCURRENCY = rate, chosen
    assert BREVO.policy().concurrency == expected


def test_policy_is_read_when_asked(settings: Any) -> None:
    settings.BREVO_SYNC_RETRY_DELAY_MINUTES = 7
    settings.BREVO_SYNC_SCHEDULER_BATCH_SIZE = 33
    policy = BREVO.policy()
    assert (policy.retry_delay, policy.batch_size, policy.max_retries) == (timedelta(minutes=7), 33, 3)


def test_a_run_ends_before_the_task_queue_gives_it_up() -> None:
    """The opt-outs and their last call, a run, its last push and the look-up behind it."""
    before = telling.WITHIN.total_seconds() + http.CONNECT_TIMEOUT + opt_outs.SHORT_WITHIN
    last_push = http.CONNECT_TIMEOUT + http.ANSWER_TIMEOUT
    longest = before + conf.policy().budget.total_seconds() + last_push
    assert longest < django_settings.Q_CLUSTER["timeout"] < LEASE.total_seconds()
