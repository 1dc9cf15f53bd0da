"""How many rows a list has: exact as long as that is cheap, an estimate beyond.

To count exactly, PostgreSQL has to visit every row. Nobody needs the last digit of a million, so it counts up to a
bound and asks the planner for the rest. SQLite keeps no such figures; there every total is exact.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db import connections
from django.db.models import QuerySet
from django.utils.functional import cached_property

#: Totals up to this are exact.
EXACT_UP_TO = 10_000


@dataclass(frozen=True, slots=True)
class Total:
    """A number of rows, and whether it is exact."""

    number: int
    exact: bool


def total(rows: QuerySet[Any], *, exact_up_to: int = EXACT_UP_TO) -> Total:
    """How many rows there are: the exact number up to a bound, beyond it what the database's planner expects."""
    if connections[rows.db].vendor != "postgresql":
        return Total(rows.count(), exact=True)
    counted = rows.order_by()[: exact_up_to + 1].count()
    if counted <= exact_up_to:
        return Total(counted, exact=True)
    [plan] = json.loads(rows.order_by().values("pk").explain(format="json"))
    # The planner may know less than we have just seen, for instance right after a bulk change.
    return Total(max(int(plan["Plan"]["Plan Rows"]), counted), exact=False)


class Counted(int):
    """A number that counts like any other, and has its thousands apart where people read it."""

    def __str__(self) -> str:
        return f"{int(self):,}"


class About(int):
    """An estimated one, which says what it is."""

    def __str__(self) -> str:
        return f"about {int(self):,}"


class EstimatingPaginator(Paginator[Any]):
    """For the admin's lists, whose pages would each count the whole table."""

    exact_up_to = EXACT_UP_TO

    @cached_property
    def count(self) -> int:
        if not isinstance(self.object_list, QuerySet):
            return Counted(len(self.object_list))
        found = total(self.object_list, exact_up_to=self.exact_up_to)
        return (Counted if found.exact else About)(found.number)
