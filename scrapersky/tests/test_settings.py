"""Settings read from the environment, each time in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

PROBE = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "scrapersky.settings"
from scrapersky import settings as s
names = [name for name in dir(s) if name.isupper()]
print(json.dumps({name: getattr(s, name) for name in names}, default=str))
"""


def read(**environment: str) -> dict[str, Any]:
    """The settings under this environment and no other. (A developer's `.env` fills in what is not given.)"""
    outcome = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE],
        env={"PATH": os.environ["PATH"], "SECRET_KEY": "x" * 60, **environment},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr[-2000:]
    values: dict[str, Any] = json.loads(outcome.stdout)
    return values


def test_the_queue_and_the_database_come_from_their_addresses() -> None:
    values = read(
        DATABASE_URL="postgres://u:p@db:5433/name", REDIS_URL="redis://r:6379/1", DEBUG="", BREVO_API_KEY=" k "
    )

    database = values["DATABASES"]["default"]
    assert (database["ENGINE"], database["HOST"], database["PORT"]) == ("django.db.backends.postgresql", "db", 5433)
    assert (values["Q_CLUSTER"]["redis"], "orm" in values["Q_CLUSTER"]) == ("redis://r:6379/1", False)
    assert values["BREVO_API_KEY"] == "k"
    assert "SECURE_SSL_REDIRECT" not in values


def test_without_addresses_it_is_sqlite_and_its_queue() -> None:
    values = read(DATABASE_URL="sqlite:///some.sqlite3", REDIS_URL="", HTTPS_ONLY="true")

    database = values["DATABASES"]["default"]
    assert database["NAME"] == str(settings.BASE_DIR / "some.sqlite3")
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert values["Q_CLUSTER"]["orm"] == "default"
    assert values["SECURE_SSL_REDIRECT"] is True
    assert values["SESSION_COOKIE_SECURE"] is True
    assert values["CSRF_COOKIE_SECURE"] is True


def test_a_server_on_https_passes_the_check_for_deployment() -> None:
    outcome = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env={
            "PATH": os.environ["PATH"],
            "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP.,-_",
            "HTTPS_ONLY": "true",
            "DEBUG": "false",
            "DATABASE_URL": "sqlite:///:memory:",
            "ALLOWED_HOSTS": "x.example",
        },
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert outcome.returncode == 0, outcome.stderr[-2000:]


def test_the_checks_find_nothing() -> None:
    call_command("check", fail_level="WARNING")


@pytest.mark.parametrize("name", ["access", "refresh"])
def test_tokens_end(name: str) -> None:
    from rest_framework_simplejwt.settings import api_settings

    lifetime = getattr(api_settings, f"{name.upper()}_TOKEN_LIFETIME")
    assert 0 < lifetime.total_seconds() <= 7 * 24 * 3600
