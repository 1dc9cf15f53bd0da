"""Transactions that may meet others on the same rows, and a database that is away for a while."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction

from curation_sdk.clock import Clock

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

#: PostgreSQL ends one of two transactions that wait for each other with these codes; trying again is the cure.
_TRY_AGAIN = {"40P01", "40001"}  # deadlock_detected, serialization_failure
_TRIES = 5

_never = threading.Event()


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


def patiently(work: Callable[[], Result], *, clock: Clock, give_up: Callable[[], bool]) -> Result:
    """Run `work`, again and again while the database is away: restarted, out of connections, its disk full.

    Once `give_up` says so, the error is passed on. `work` has to be such that it may be repeated.
    """
    told = False
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            # A connection that broke inside a transaction of the caller's cannot be made good here.
            if connection.in_atomic_block or give_up():
                raise
            if not told:
                logger.warning("The database cannot be used now; trying again: %s", str(error).strip())
                told = True
            connection.close()
            clock.wait(0.5, _never)
