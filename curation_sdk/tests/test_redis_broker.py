"""A Redis that is away or says nothing holds nobody up."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import redis
from django_q.conf import Conf

from curation_sdk.redis_broker import ImpatientRedis


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where calls are taken and never answered."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def enqueue(monkeypatch: pytest.MonkeyPatch, port: int) -> float:
    """Seconds until the task queue gives up."""
    monkeypatch.setattr(Conf, "REDIS", f"redis://127.0.0.1:{port}/0")
    begun = time.monotonic()
    with pytest.raises((redis.ConnectionError, redis.TimeoutError)):
        ImpatientRedis(list_key="test").enqueue("task")
    return time.monotonic() - begun


def test_a_redis_that_is_away(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    assert enqueue(monkeypatch, closed_port) < 2


@pytest.mark.timeout(60)
def test_a_redis_that_says_nothing(monkeypatch: pytest.MonkeyPatch, silent_port: int) -> None:
    assert enqueue(monkeypatch, silent_port) < 9  # redis-py's own retries: four times as long
