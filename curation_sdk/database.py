"""Transactions that may meet others on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, transaction

Result = TypeVar("Result")

#: PostgreSQL ends one of two transactions that wait for each other with these codes; trying again is the cure.
_TRY_AGAIN = {"40P01", "40001"}  # deadlock_detected, serialization_failure
_TRIES = 5


def atomic_with_retry(work: Callable[[], Result]) -> Result:
    """Run `work` in a transaction, again from its start when the database broke it off to end a deadlock.

    Inside an outer transaction nothing can be repeated, so the error is passed on.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            code = getattr(error.__cause__, "sqlstate", None)
            if code not in _TRY_AGAIN or not tries_left or transaction.get_connection().in_atomic_block:
                raise
    raise AssertionError("unreachable")
