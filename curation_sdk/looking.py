"""How far a list is looked through for a page of it: to its end where that is cheap, else so many rows.

Each of three filters may let half of the rows through, and all three together nobody. PostgreSQL's statistics do not
tell, and no index finds out without reading half of the table. So where a page's rows cannot be found cheaply, it
looks at no more rows than a small table has, and says so (`Seen.looked_at`).

PostgreSQL only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import QuerySet

from curation_sdk.totals import About

#: An address with this asks for everything, however long that takes.
WHOLE = "whole"

#: Rows that are looked at for a page.
FAR = 5_000

#: All rows of a list are found if PostgreSQL expects no more of them, and no more work: in its unit of cost about that
#: of 5,000 rows all over the table.
MOST_ROWS = 10_000
CHEAP = 20_000

#: Behind so many PostgreSQL's estimate is as good as what can be counted.
MANY = 1_000

#: When so many were found, others follow soon: the next page may look farther.
DENSE = 100


class OrMore(int):
    """A number that is at least so large, and says so where people read it. It equals none: nobody knows it."""

    def __str__(self) -> str:
        return f"{int(self):,} or more"

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found: the keys of the page's rows in their order, and how many rows the list has.

    looked_at: so many rows; None when none is left out that belongs on the page.
    """

    keys: list[Any]
    total: int
    looked_at: int | None = None


def look(rows: QuerySet[Any], among: QuerySet[Any], *, start: int, size: int, exact_up_to: int) -> Seen:
    """Find the rows of a list from `start` on, `size` of them.

    rows: the list, filtered and ordered by columns of its own table. among: rows of that table in the order of an
    index, all of the list among them; of those the first are looked at.
    """
    # What it takes to find all of them by the rarest of what is asked for: of each alone PostgreSQL has a good idea.
    all_rows = rows.order_by().values(*_columns(rows))
    [explained] = json.loads(all_rows.explain(format="json"))
    expected, cost = int(explained["Plan"]["Plan Rows"]), explained["Plan"]["Total Cost"]
    most = max(exact_up_to, start + size)
    if expected <= MOST_ROWS and cost <= CHEAP:
        # All first, then the order. Left to itself, PostgreSQL may follow the order to the end of the table.
        keys, found = _find(all_rows, _any(rows), start, size, most, materialized=True)
        return Seen(keys, found if found <= exact_up_to else About(max(expected, found)))

    far = FAR
    in_order = _order(rows) == _order(among)
    keys, found = _find(among[:far], rows, start, size, most)
    if in_order and found >= DENSE and found < start + size and start < max(expected, found):
        far *= 1 + (start + size) // found
        keys, found = _find(among[:far], rows, start, size, most)
    if not among[far : far + 1].exists():
        return Seen(keys, found if found <= exact_up_to else About(max(expected, found)))
    total = About(max(expected, found)) if found > MANY else OrMore(found)
    return Seen(keys, total, looked_at=None if in_order and start + size <= found else far)


def _any(rows: QuerySet[Any]) -> QuerySet[Any]:
    """All rows of the table, in the order of these."""
    everything: QuerySet[Any] = rows.model._base_manager.order_by(*_order(rows))
    return everything


def _order(rows: QuerySet[Any]) -> list[str]:
    """The columns by which these are ordered, with "-" for downwards."""
    key = rows.model._meta.pk.name
    return [str(name).replace("pk", key) if str(name) in ("pk", "-pk") else str(name) for name in rows.query.order_by]


def _columns(rows: QuerySet[Any]) -> set[str]:
    """The key, and those by which these are ordered."""
    return {rows.model._meta.pk.name, *(name.removeprefix("-") for name in _order(rows))}


def _find(
    source: QuerySet[Any], wanted: QuerySet[Any], start: int, size: int, most: int, *, materialized: bool = False
) -> tuple[list[Any], int]:
    """The keys of the page among the wanted rows of the source, and how many are wanted, counted up to `most` + 1.

    The source takes the table's place, by its name, in the question for the wanted rows. PostgreSQL moves no condition
    into one that has a limit or is materialized, so it reads no more than that.
    """
    connection = connections[source.db]
    table = connection.ops.quote_name(source.model._meta.db_table)
    there, there_values = source.query.get_compiler(source.db).as_sql()
    found, found_values = wanted.values("pk")[: most + 1].query.get_compiler(source.db).as_sql()
    how = "MATERIALIZED" if materialized else "NOT MATERIALIZED"
    sql = f"WITH {table} AS {how} ({there}) SELECT found.*, count(*) OVER () FROM ({found}) AS found"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} LIMIT %s OFFSET %s", (*there_values, *found_values, size, start))
        page = cursor.fetchall()
        if not page and start:
            cursor.execute(f"{sql} LIMIT 1", (*there_values, *found_values))
            return [], next((count for _, count in cursor.fetchall()), 0)
    return [key for key, _ in page], page[0][1] if page else 0
