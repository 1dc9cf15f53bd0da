"""Transactions that may meet others on the same rows, and a database that is away for a while."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from curation_sdk.clock import Clock

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_never = threading.Event()

#: PostgreSQL ends one of two transactions that wait for each other with these codes; trying again is the cure.
_TRY_AGAIN = {"40P01", "40001"}  # deadlock_detected, serialization_failure
_TRIES = 5

#: The lock of those who write many contacts, on PostgreSQL. Any number, as long as nobody else uses it.
_MANY_CONTACTS = 0x5C4A_B01C


def one_bulk_writer() -> None:
    """To be called first in a transaction that writes many contacts: wait for the others of its kind.

    An UPDATE locks rows in the order in which its plan finds them, so two of them that wait for each other's rows
    end in a deadlock. With this lock, which lasts until the transaction ends, there is never a second one that
    holds rows and waits. Claims pass over rows that are locked and never wait, so they go on beside it; so does
    whoever writes one contact. SQLite has one writer at a time anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_MANY_CONTACTS])


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


def database_fault() -> str:
    """What a person has to do about the database; "" when it is reachable and up to date."""
    try:
        executor = MigrationExecutor(connection)
        behind = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        return f"The database cannot be used: {str(error).strip()}"
    return 'The database is not up to date. Run "manage.py migrate".' if behind else ""
