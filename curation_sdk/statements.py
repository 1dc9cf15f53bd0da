"""The two statements that run for every few contacts, written out: taking a claim, and storing answers.

The ORM would make the same SQL anew each time, which costs more than sending the contacts. Here only the values
change. The text is one for PostgreSQL and SQLite (3.35 or newer: RETURNING), but for row locks and for casts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Field
from django.db.models.expressions import BaseExpression

from curation_sdk.job import SyncJob

Item = TypeVar("Item")

#: Rows for one statement: SQLite takes 32,766 values in one.
ROWS_AT_ONCE = 1_000


def compiled(job: SyncJob, expression: BaseExpression) -> tuple[str, list[Any]]:
    """SQL and values of an expression over one contact."""
    query = job.contacts.query
    resolved = expression.resolve_expression(query)
    sql, params = query.get_compiler(connection=connection).compile(resolved)
    return sql, list(params)


def prepared(job: SyncJob, column: str, value: Any) -> Any:
    """A value as the database driver takes it for this column."""
    return _field(job, column).get_db_prep_value(value, connection)


def select_claim(job: SyncJob, reason: str, *, only: int | None) -> str:
    """SELECT … FOR UPDATE of due contacts, oldest first, then of the other queued rows of the same people.

    Each row comes with `skip_reason`, the value of the SQL `reason`. Values: `only` keys (None: of all contacts), now,
    the size, the number of other rows (where the job knows people by an identity), then those of `reason`.
    """
    table, pk, due_at = _name(job.model._meta.db_table), _column(job, "pk"), _column(job, job.next_attempt_at)
    processing = _column(job, job.processing_status)
    chosen = f"{pk} IN ({_places(only)}) AND " if only is not None else ""
    # Rows that another worker is taking at this moment are passed over; SQLite has one writer at a time.
    lock = "FOR NO KEY UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    due = f"""
        WITH due AS MATERIALIZED (
            SELECT * FROM {table}
            WHERE {chosen}{processing} IN ('Queued', 'Processing') AND {due_at} <= %s
            ORDER BY {due_at}, {pk} LIMIT %s {lock}
        )"""  # noqa: S608 - names of columns only
    if not job.identity:
        return f"{due} SELECT {table}.*, {reason} AS skip_reason FROM due AS {table} ORDER BY {due_at}, {pk}"  # noqa: S608
    identity = _column(job, job.identity)
    return f"""{due}, others AS MATERIALIZED (
            SELECT * FROM {table}
            WHERE {identity} IN (SELECT {identity} FROM due WHERE {identity} <> '')
            AND {_hidden(processing)} = 'Queued' AND {pk} NOT IN (SELECT {pk} FROM due)
            ORDER BY {pk} LIMIT %s {lock}
        )
        SELECT {table}.*, {reason} AS skip_reason
        FROM (SELECT 0 AS place, due.* FROM due UNION ALL SELECT 1 AS place, others.* FROM others) AS {table}
        ORDER BY place, {due_at}, {pk}"""  # noqa: S608


def mark_claimed(job: SyncJob, rows: int) -> str:
    """UPDATE of claimed rows. Values: the lease, now if the job has a `begun_at`, then the keys of the rows."""
    retries = _column(job, job.retry_count)
    first = ""
    if job.begun_at:
        begun = _column(job, job.begun_at)
        first = f", {begun} = CASE WHEN {retries} = 0 THEN {_cast(job, job.begun_at, '%s')} ELSE {begun} END"
    return f"""
        UPDATE {_name(job.model._meta.db_table)} SET {_column(job, job.sync_status)} = 'Processing',
            {_column(job, job.processing_status)} = 'Processing', {retries} = {retries} + 1,
            {_column(job, job.next_attempt_at)} = %s{first}
        WHERE {_column(job, "pk")} IN ({_places(rows)})"""  # noqa: S608


def store_answers(job: SyncJob, rows: int, varying: Sequence[str]) -> str:
    """UPDATE of rows that are still held under their lease; returns the keys of those.

    Rows in which a text that was judged has changed are left out as well. Values: the new value of each of
    `answer_columns` that is the same for all rows; then for each row its key, its lease, its judged texts as they
    were, and the new value of each of the `varying` columns.
    """
    table, pk = _name(job.model._meta.db_table), _column(job, "pk")
    given = ["pk", job.next_attempt_at, *job.judged, *varying]
    casts = ", ".join(f"{_cast(job, column, f'column{place}')} AS v{place}" for place, column in enumerate(given, 1))
    new = {column: _cast(job, column, "%s") for column in answer_columns(job) if column not in varying}
    new |= {column: f"said.v{place}" for place, column in enumerate(varying, 3 + len(job.judged))}
    for column in _lasting(job):
        # No answer takes back what is known.
        new[column] = f"COALESCE({new[column]}, {table}.{_column(job, column)})"
    unchanged = "".join(
        f" AND COALESCE({table}.{_column(job, column)}, '') = COALESCE(said.v{place}, '')"
        for place, column in enumerate(job.judged, 3)
    )
    values = ", ".join([f"({_places(len(given))})"] * rows)
    return f"""
        UPDATE {table} SET {", ".join(f"{_column(job, column)} = {value}" for column, value in new.items())}
        FROM (SELECT {casts} FROM (VALUES {values}) AS given) AS said
        WHERE {table}.{pk} = said.v1 AND {table}.{_column(job, job.next_attempt_at)} = said.v2
        AND {_hidden(f"{table}.{_column(job, job.processing_status)}")} = 'Processing'{unchanged}
        RETURNING {table}.{pk}"""  # noqa: S608


def answer_columns(job: SyncJob) -> tuple[str, ...]:
    """The columns that an answer writes."""
    return (
        job.sync_status,
        job.processing_status,
        job.processing_error,
        job.error_cause,
        job.retry_count,
        job.next_attempt_at,
        *_lasting(job),
    )


def _lasting(job: SyncJob) -> tuple[str, ...]:
    """The columns that an answer may fill in or change, and does not empty."""
    return (*filter(None, (job.contact_id, job.synced_at)), *job.learned)


def in_parts(rows: Sequence[Item], size: int = ROWS_AT_ONCE) -> Iterator[Sequence[Item]]:
    """The rows in parts that one statement can take."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _field(job: SyncJob, column: str) -> Field[Any, Any]:
    found: Field[Any, Any] = job.model._meta.pk if column == "pk" else job.model._meta.get_field(column)
    return found


def _column(job: SyncJob, column: str) -> str:
    return _name(str(_field(job, column).column))


def _name(name: str) -> str:
    return connection.ops.quote_name(name)


def _places(number: int) -> str:
    return ", ".join(["%s"] * number)


def _hidden(processing: str) -> str:
    """A processing status in a condition that must not lead PostgreSQL to the index of the due.

    That index holds the whole queue. Right after very many contacts were queued the planner still believes it to be
    nearly empty, and would walk through all of it to find the ten rows whose keys it has been given.
    """
    return f"COALESCE({processing}, '')"


def _cast(job: SyncJob, column: str, value: str) -> str:
    # PostgreSQL cannot tell the type of a column of values by itself, for instance when all of them are NULL.
    if not connection.features.requires_casted_case_in_updates:
        return value
    return f"CAST({value} AS {_field(job, column).db_type(connection)})"
