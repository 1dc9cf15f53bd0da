"""Having a worker look at new events: soon, once a second at most, and never while a platform waits for its answer."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from django.db import Error, connections
from django.utils import timezone
from django_q.tasks import async_task

from webhooks.models import PlatformEvent

logger = logging.getLogger(__name__)

#: The first event is followed by a task after so many seconds. Those that come meanwhile are in it.
SOON = 0.5

#: When the oldest event has waited for so long, tasks wait in the queue already, or the queue is away. Another one
#: would not help; `webhooks.tasks.look`, in each worker's main process, sees to it then.
OLD = timedelta(seconds=5)

TASK = "webhooks.tasks.work_through_events"
GROUP = "platform_events"

_lock = threading.Lock()
_timer: threading.Timer | None = None


def wake() -> None:
    """Put a task into the queue soon, from a thread of its own. Does not wait, and never raises."""
    global _timer
    with _lock:
        if _timer is not None:
            return
        _timer = threading.Timer(SOON, _ring)
        _timer.daemon = True
        _timer.name = "webhooks-wake"
        try:
            _timer.start()
        except RuntimeError:  # no more threads
            _timer = None


def _ring() -> None:
    global _timer
    with _lock:
        # From here on an event makes a new timer: whether this task sees it, nobody knows.
        _timer = None
    try:
        call_worker()
    finally:
        connections.close_all()


def call_worker() -> None:
    """Put a task into the queue, unless nothing is new or the queue is late already."""
    try:
        fresh = PlatformEvent.objects.filter(state=PlatformEvent.State.RECEIVED, tries=0)
        oldest = fresh.order_by("id").values_list("received_at", flat=True).first()
        if oldest is not None and timezone.now() - oldest < OLD:
            async_task(TASK, group=GROUP)
    except Error as error:
        logger.warning("The database did not answer (%s); the worker finds the events by itself", type(error).__name__)
    except Exception:
        # Whatever the broker raises. The events are stored.
        logger.exception("The task queue could not be reached; the worker finds the events by itself")
