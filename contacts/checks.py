"""What `manage.py check --database default` says about the people who were erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError

from contacts.suppression import lost_key


@register(Tags.database)
def erasure_key(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """A warning, so that `migrate` goes on: with another key erased people would not be recognised."""
    if not databases:
        return []
    try:
        problem = lost_key()
    except DatabaseError:
        return []  # `migrate` checks, too, before there are tables
    return [Warning(problem, id="contacts.W001")] if problem else []
