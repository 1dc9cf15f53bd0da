"""`GET /health`: can the project do its work?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client
from django.utils import timezone

from curation_sdk import workers
from curation_sdk.models import WorkerHeartbeat

pytestmark = pytest.mark.django_db

URL = "/health"


def test_all_is_well() -> None:
    workers.beat(now=timezone.now())

    answer = Client().get(URL)

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "queue": "ok", "worker": "ok"}


def test_no_worker() -> None:
    WorkerHeartbeat.objects.create(name="old", seen_at=timezone.now() - timedelta(minutes=1))

    answer = Client().get(URL)

    assert answer.status_code == 503
    assert (answer.json()["status"], answer.json()["database"]) == ("unavailable", "ok")
    assert "qcluster" in answer.json()["worker"]


def test_a_worker_that_left() -> None:
    workers.beat(now=timezone.now())
    workers.leave()

    assert Client().get(URL).status_code == 503


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_the_database_is_down(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def down(*args: Any) -> bool:
        raise error("password=hunter2 host=10.0.0.7")

    monkeypatch.setattr("django.db.models.query.QuerySet.exists", down)

    answer = Client().get(URL)

    assert answer.status_code == 503
    assert (answer.json()["database"], answer.json()["worker"]) == ("unreachable", "unknown")
    assert "hunter2" not in answer.content.decode()


def test_the_task_queue_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def down() -> None:
        raise ConnectionError("redis://:hunter2@10.0.0.7")

    workers.beat(now=timezone.now())
    monkeypatch.setattr("scrapersky.health.get_broker", down)

    answer = Client().get(URL)

    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "ok", "queue": "unreachable", "worker": "ok"}


def test_nobody_has_to_log_in_and_head_works() -> None:
    assert Client().head(URL).status_code == 503
