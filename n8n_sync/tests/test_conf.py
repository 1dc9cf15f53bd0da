"""n8n's settings: every wrong one gives a sentence that names it, in the reason why it is off and in the checks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import Error, Warning, run_checks

from n8n_sync import conf
from n8n_sync.tests.support import WEBHOOK

WRONG: list[tuple[str, Any]] = [
    ("N8N_WEBHOOK_URL", "n8n.test/webhook/x"),
    ("N8N_WEBHOOK_URL", "ftp://n8n.test/webhook/x"),
    ("N8N_WEBHOOK_URL", "https://user:word@n8n.test/webhook/x"),
    ("N8N_WEBHOOK_URL", "https://n8n.test/webhook/\nx"),
    ("N8N_WEBHOOK_URL", "https://n8n.test:port/webhook/x"),
    ("N8N_WEBHOOK_SECRET", "two words"),
    ("N8N_WEBHOOK_SECRET", "gänse"),
    ("N8N_WEBHOOK_SECRET", "a\nb"),
    ("N8N_CALLBACK_DEADLINE_MINUTES", 0),
    ("N8N_CALLBACK_DEADLINE_MINUTES", 1441),
    ("N8N_RATE_LIMIT_PER_SECOND", 0.0),
    ("N8N_CONCURRENCY", 65),
    ("N8N_SYNC_SCHEDULER_INTERVAL_MINUTES", 0),
    ("N8N_SYNC_SCHEDULER_BATCH_SIZE", 0),
    ("N8N_SYNC_SCHEDULER_MAX_INSTANCES", 101),
    ("N8N_SYNC_MAX_RETRIES", -1),
    ("N8N_SYNC_RETRY_DELAY_MINUTES", 0),
]


def found() -> list[Any]:
    return [message for message in run_checks() if (message.id or "").startswith("n8n_sync")]


def test_all_is_well(settings: Any) -> None:
    assert (conf.off_reason(), found()) == ("", [])
    settings.N8N_WEBHOOK_URL = ""
    assert conf.off_reason() == "n8n is switched off: N8N_WEBHOOK_URL is not set."
    assert found() == []


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{name} {number}" for number, (name, _) in enumerate(WRONG)])
def test_a_wrong_setting_is_named(settings: Any, name: str, value: Any) -> None:
    setattr(settings, name, value)
    assert conf.off_reason().startswith(f"n8n is switched off: {name} ")
    (message,) = found()
    assert isinstance(message, Error)
    assert (message.id, name in message.msg) == ("n8n_sync.E001", True)


def test_reports_cannot_be_expected_without_a_secret(settings: Any) -> None:
    settings.N8N_EXPECT_CALLBACK, settings.N8N_WEBHOOK_SECRET = True, ""
    assert "N8N_EXPECT_CALLBACK needs N8N_WEBHOOK_SECRET" in conf.off_reason()
    settings.N8N_EXPECT_CALLBACK = False
    assert conf.off_reason() == ""


@pytest.mark.parametrize(
    ("url", "debug", "expected"),
    [
        ("http://n8n.test/webhook/x", False, "n8n_sync.W001"),
        ("http://n8n.test/webhook/x", True, ""),
        ("http://127.0.0.1:5678/webhook/x", False, ""),
        ("https://n8n.test/webhook-test/x", False, "n8n_sync.W002"),
        (WEBHOOK, False, ""),
    ],
)
def test_warnings(settings: Any, url: str, debug: bool, expected: str) -> None:
    settings.N8N_WEBHOOK_URL, settings.DEBUG = url, debug
    assert [(type(message), message.id) for message in found()] == [(Warning, expected)] * bool(expected)


def test_the_policy_and_the_deadline(settings: Any) -> None:
    settings.N8N_CALLBACK_DEADLINE_MINUTES = 45
    policy = conf.policy()
    assert (policy.batch_size, policy.concurrency, policy.answer_within) == (10, 2, timedelta(minutes=45))
    assert conf.load().deadline is None
    settings.N8N_EXPECT_CALLBACK = True
    assert conf.load().deadline == timedelta(minutes=45)


def test_the_secret_is_not_in_the_repr() -> None:
    assert "n8n-test-secret" not in repr(conf.load())
