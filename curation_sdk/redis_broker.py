"""The task queue in Redis, without waiting for a Redis that is away."""

from __future__ import annotations

from typing import Any

import redis
from django_q.brokers.redis_broker import Redis
from django_q.conf import Conf
from redis.backoff import NoBackoff
from redis.retry import Retry


class ImpatientRedis(Redis):  # type: ignore[misc]
    """django-q2's broker for Redis with time-outs.

    Queueing must answer quickly without it: the contacts are queued in the database. redis-py (8.1, November 2026)
    would try to connect for about ten seconds, and wait for ever for an answer of a server that has vanished.
    """

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:
        return redis.from_url(
            Conf.REDIS,
            socket_connect_timeout=1,
            socket_timeout=3,  # the queue is asked with a wait of one second
            socket_keepalive=True,
            # One more try on a new connection, for the one that a restart has cut.
            retry=Retry(NoBackoff(), 1),
        )
