"""What the task queue calls for uploaded files."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from contacts.importing.forgetting import forget
from contacts.importing.work import work_off
from curation_sdk.job import BUDGET
from curation_sdk.shutdown import stop_requested

logger = logging.getLogger(__name__)

#: The schedule's name, and the group of the tasks.
SCHEDULE = "contact_imports"

TASK = "contacts.tasks.process_imports"


def process_imports() -> str:
    """Check and import uploaded files, then delete what has had its day.

    The schedule calls it every minute as well, for files whose task was lost or whose worker was killed.
    """
    if stop_requested():
        return "The worker was asked to stop before it began; the next one goes on."
    if work_off(seconds=BUDGET.total_seconds(), stop=stop_requested):
        if not stop_requested():
            _enqueue()
        return "The time was used up by an import, which goes on."
    forget(now=timezone.now(), stop=stop_requested)
    return "Nothing is left to check or import."


def start_soon() -> None:
    """Have a worker begin as soon as the current transaction is committed."""
    transaction.on_commit(_enqueue)


def _enqueue() -> None:
    try:
        async_task(TASK, group=SCHEDULE)
    except Exception:
        # Whatever the broker raises (a Redis, a database error): the file is kept, and the schedule finds it.
        logger.exception("The task queue could not be reached; the schedule will start the import")
