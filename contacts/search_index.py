"""The trigram indexes behind "contains", on PostgreSQL."""

from __future__ import annotations

import logging
from typing import Any

from django.db import Error, connections, transaction

logger = logging.getLogger(__name__)

#: Index, table, column. On the very expression that Django's `icontains` compares.
SEARCHED = (
    ("contacts_email_part", "contacts", "email"),
    ("contacts_name_part", "contacts", "name"),
    ("domains_domain_part", "domains", "domain"),
    ("suppressions_email_part", "suppressions", "email_key"),
)

_HELP = (
    "Searches by part of an address, a name or a domain read the whole table: the database has no extension pg_trgm "
    '(%s). Have an administrator run "CREATE EXTENSION pg_trgm;" in this database, then run "manage.py migrate" again.'
)


def keep_search_indexes(using: str, **_: Any) -> None:
    """Make the indexes that are missing, and again those whose making was broken off. Sent after every `migrate`.

    Not a migration, because a database user may lack the right to create the extension: then the rest works, and the
    next `migrate` after somebody has created it makes the indexes. Contacts can be written meanwhile.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    missing = [(index, table, column) for index, table, column in SEARCHED if _is_missing(using, index, table)]
    if not missing or not _extension(using):
        return
    with connection.cursor() as cursor:
        # A transaction around us (a test's) excludes the way that does not block.
        how = "" if connection.in_atomic_block else "CONCURRENTLY"
        for index, table, column in missing:
            cursor.execute(f"DROP INDEX {how} IF EXISTS {index}")
            cursor.execute(f"CREATE INDEX {how} {index} ON {table} USING gin (UPPER({column}::text) gin_trgm_ops)")
        # The planner learns how common a part is, to choose between these indexes and reading on from the newest.
        for table in {table for _, table, _ in missing}:
            cursor.execute(f"ANALYZE {table}")


def _is_missing(using: str, index: str, table: str) -> bool:
    """The table is there and the index is not, or not to its end."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT to_regclass(%s) IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid)",
            [table, index],
        )
        return bool(cursor.fetchone()[0])


def _extension(using: str) -> bool:
    try:
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except Error as error:  # not allowed, or not installed on the server
        logger.warning(_HELP, str(error).splitlines()[0])
        return False
    return True
