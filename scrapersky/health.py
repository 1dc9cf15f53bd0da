"""`GET /health`: can the project do its work?"""

from __future__ import annotations

import logging

from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django_q.brokers import get_broker

from brevo_sync.silence import silence
from contacts.suppression import lost_key
from curation_sdk.models import WorkerHeartbeat
from curation_sdk.workers import worker_alive

logger = logging.getLogger(__name__)


def health(request: HttpRequest) -> JsonResponse:
    """200 when the database, the task queue and at least one worker are there, else 503; which one, in the body.

    A `remark` beside it is for people: a wrong ERASURE_KEY, or events of a platform that have gone silent.
    """
    database = _database()
    states = {
        "database": database,
        "queue": _queue(),
        "worker": _worker() if database == "ok" else "unknown",
    }
    healthy = all(state == "ok" for state in states.values())
    body = {"status": "ok" if healthy else "unavailable", **states}
    if database == "ok" and (remark := _remark()):
        body["remark"] = remark
    return JsonResponse(body, status=200 if healthy else 503)


def _remark() -> str:
    """What a person should look at, although the project can do its work; "" when there is nothing."""
    try:
        return " ".join(filter(None, (lost_key(), silence(now=timezone.now()))))
    except Error:
        logger.exception("The database does not answer")
        return ""


def _database() -> str:
    try:
        WorkerHeartbeat.objects.exists()
    except Error:
        logger.exception("The database does not answer")
        return "unreachable"
    return "ok"


def _queue() -> str:
    try:
        get_broker().queue_size()
    except Exception:
        # Each broker raises its own errors.
        logger.exception("The task queue does not answer")
        return "unreachable"
    return "ok"


def _worker() -> str:
    return "ok" if worker_alive(now=timezone.now()) else 'none seen lately; "manage.py qcluster" starts one'
