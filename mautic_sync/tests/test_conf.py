"""Mautic's settings: off, on, and what cannot be meant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings

from curation_sdk import http
from curation_sdk.job import LEASE
from mautic_sync import client, conf
from opt_outs import telling

# What was chosen in the admin stands in the database.
pytestmark = pytest.mark.django_db

NO_LOG_IN = dict.fromkeys(("MAUTIC_USERNAME", "MAUTIC_PASSWORD", "MAUTIC_CLIENT_ID", "MAUTIC_CLIENT_SECRET"), "")
CLIENT = {**NO_LOG_IN, "MAUTIC_CLIENT_ID": "1_abc", "MAUTIC_CLIENT_SECRET": "s"}

#: What is set -> what the sentence holds.
WRONG: dict[str, tuple[Mapping[str, Any], str]] = {
    "no password": ({"MAUTIC_PASSWORD": ""}, "MAUTIC_PASSWORD is not set"),
    "no user": ({"MAUTIC_USERNAME": ""}, "MAUTIC_USERNAME is not set"),
    "no secret": ({**CLIENT, "MAUTIC_CLIENT_SECRET": ""}, "MAUTIC_CLIENT_SECRET is not set"),
    "no client": ({**CLIENT, "MAUTIC_CLIENT_ID": ""}, "MAUTIC_CLIENT_ID is not set"),
    "both": ({"MAUTIC_CLIENT_ID": "1", "MAUTIC_CLIENT_SECRET": "s"}, "not both"),
    "colon": ({"MAUTIC_USERNAME": "a:b"}, "MAUTIC_USERNAME must not hold a colon"),
    "secret with a space": ({**CLIENT, "MAUTIC_CLIENT_SECRET": "a b"}, "MAUTIC_CLIENT_SECRET holds characters"),
    "address": ({"MAUTIC_API_BASE_URL": "mautic.example.com"}, "MAUTIC_API_BASE_URL must be an address"),
    "address with a log-in": ({"MAUTIC_API_BASE_URL": "https://a:b@m.example"}, "MAUTIC_API_BASE_URL must be"),
    "segment": ({"MAUTIC_SEGMENT_ID": "customers"}, "MAUTIC_SEGMENT_ID must be a segment's number"),
    "segment zero": ({"MAUTIC_SEGMENT_ID": "0"}, "MAUTIC_SEGMENT_ID must be a segment's number"),
    "unknown field": ({"MAUTIC_FIELDS": {"city": "city"}}, "MAUTIC_FIELDS names city"),
    "twice": ({"MAUTIC_FIELDS": {"company": "lastname"}}, "MAUTIC_FIELDS sends two values as lastname"),
    "block": ({"MAUTIC_FIELDS": {"company": "doNotContact"}}, "must not send company as doNotContact"),
    "owner": ({"MAUTIC_FIELDS": {"company": "owner"}}, "must not send company as owner"),
    "rate": ({"MAUTIC_RATE_LIMIT_PER_SECOND": float("inf")}, "MAUTIC_RATE_LIMIT_PER_SECOND must be above 0"),
    "batch": ({"MAUTIC_SYNC_SCHEDULER_BATCH_SIZE": 201}, "BATCH_SIZE must lie between 1 and 200"),
    "interval": ({"MAUTIC_SYNC_SCHEDULER_INTERVAL_MINUTES": 0}, "INTERVAL_MINUTES must lie between 1 and 10,080"),
}


def put(settings: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(settings, name, value)


def test_on(settings: Any) -> None:
    assert (conf.off_reason(), conf.settings_fault()) == ("", "")
    put(settings, CLIENT)
    assert (conf.off_reason(), conf.settings_fault()) == ("", "")


@pytest.mark.parametrize("address", ["", "https://mautic.test"])
def test_without_a_log_in_it_is_off_and_nothing_is_wrong(settings: Any, address: str) -> None:
    put(settings, {**NO_LOG_IN, "MAUTIC_API_BASE_URL": address})
    assert conf.off_reason().startswith("Mautic is switched off: neither MAUTIC_USERNAME and MAUTIC_PASSWORD nor ")
    assert conf.settings_fault() == ""


def test_a_log_in_without_an_address(settings: Any) -> None:
    settings.MAUTIC_API_BASE_URL = ""
    assert conf.off_reason() == "Mautic is switched off: MAUTIC_API_BASE_URL is not set."
    assert "MAUTIC_API_BASE_URL must be an address" in conf.settings_fault()


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant_switches_it_off(settings: Any, name: str) -> None:
    values, words = WRONG[name]
    put(settings, values)
    assert words in conf.settings_fault()
    assert conf.off_reason() == f"Mautic is switched off: {conf.settings_fault()}"


@pytest.mark.parametrize(
    "address", ["https://m.example/sub", "https://m.example/sub/api", "https://m.example/sub/api/"]
)
def test_the_address_with_and_without_api(settings: Any, address: str) -> None:
    settings.MAUTIC_API_BASE_URL = address
    assert conf.load().site_url == "https://m.example/sub"


@pytest.mark.parametrize(("retries", "alone_from"), [(0, 1), (1, 1), (2, 2), (3, 2), (10, 2)])
def test_when_contacts_go_alone(settings: Any, retries: int, alone_from: int) -> None:
    settings.MAUTIC_SYNC_MAX_RETRIES = retries
    assert conf.load().alone_from == alone_from


def test_load_and_policy(settings: Any) -> None:
    settings.MAUTIC_SEGMENT_ID = "3"
    settings.MAUTIC_FIELDS = {"company": "firma", "phone": ""}
    found = conf.load()
    assert (found.username, found.password, found.segment_id) == ("sync", "test-password", 3)
    assert found.fields["company"] == "firma"
    assert "phone" not in found.fields
    policy = conf.policy()
    assert (policy.batch_size, policy.concurrency, policy.retry_delay) == (50, 2, timedelta(minutes=5))


def test_a_run_ends_before_the_task_queue_gives_it_up() -> None:
    """The opt-outs and their last call, a run, its last batch and the segment behind it."""
    before = telling.WITHIN.total_seconds() + http.CONNECT_TIMEOUT + client.SHORT_WITHIN
    last_push = http.CONNECT_TIMEOUT + client.BATCH_WITHIN + http.CONNECT_TIMEOUT + http.ANSWER_TIMEOUT
    longest = before + conf.policy().budget.total_seconds() + last_push
    assert longest < django_settings.Q_CLUSTER["timeout"] < LEASE.total_seconds()
