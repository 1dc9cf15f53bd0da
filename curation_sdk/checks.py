"""What `manage.py check` says about the task queue; and of what was set in the admin, for the platforms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import DatabaseError

from curation_sdk import platform_settings
from curation_sdk.job import BUDGET, LEASE

#: Goes with an error about a setting that may be changed in the admin, too.
PRECEDENCE = (
    "What the admin's connection page sets wins over the environment; the environment has to be right all the same, "
    "since one can go back to it."
)


def chosen_settings(
    platform: str,
    settings_fault: Callable[[Mapping[str, Any]], str],
    *,
    databases: Sequence[str] | None,
    check_id: str,
) -> list[CheckMessage]:
    """What `manage.py check --database default` says of the values that were set in the admin."""
    if not databases or settings_fault({}):
        return []
    try:
        fault = settings_fault(platform_settings.chosen(platform))
    except DatabaseError:
        return []  # `migrate` checks, too, before there are tables
    hint = "The platform is off until it is corrected on the connection page."
    return [Warning(f"{fault} It was set in the admin.", hint=hint, id=check_id)] if fault else []


@register("curation_sdk")
def task_queue(**_: Any) -> list[CheckMessage]:
    """The rules without which django-q2 repeats or loses work: budget < time-out < retry < lease, one attempt."""
    queue = settings.Q_CLUSTER
    lease, budget = LEASE.total_seconds(), BUDGET.total_seconds()
    timeout, retry = queue.get("timeout") or float("inf"), queue.get("retry", 60)
    rules = [
        (budget < timeout, f"timeout must be above {budget:.0f} seconds, the time a run may take", "E001"),
        (timeout < retry, "timeout must be below retry, or a task is started again while it runs", "E002"),
        (retry < lease, f"retry must be below {lease:.0f} seconds, the lease of a claimed contact", "E003"),
        (queue.get("max_attempts") == 1, "max_attempts must be 1: retries live in the job loop", "E004"),
        (queue.get("ack_failures") is True, "ack_failures must be True, or failed tasks come back", "E005"),
        (
            queue.get("catch_up") is False,
            "catch_up must be False, or missed schedules all run at once",
            "E006",
        ),
    ]
    return [Error(f"Q_CLUSTER: {text}.", id=f"curation_sdk.{number}") for holds, text, number in rules if not holds]
