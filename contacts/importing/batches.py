"""The rows of a file in batches, for those who store them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from django.conf import settings
from django.db import reset_queries

from contacts.importing.problems import Refusal

_Row = TypeVar("_Row")


class CountsReading(Protocol):
    """A count of an import."""

    read: int


def batches(
    rows: Iterable[_Row | Refusal], size: int, tally: CountsReading, on_refused: Callable[[Refusal], None]
) -> Iterator[list[_Row]]:
    """Yield the rows, `size` at a time and the rest at the end; count each in `tally`, and hand over the refused ones.

    What `rows` raises comes through; the batches before it have been yielded.
    """
    batch: list[_Row] = []
    for read in rows:
        tally.read += 1
        if isinstance(read, Refusal):
            on_refused(read)
            continue
        batch.append(read)
        if len(batch) == size:
            yield batch
            batch = []
            _drop_statements()
    if batch:
        yield batch
        _drop_statements()


def _drop_statements() -> None:
    if settings.DEBUG:
        # Django keeps the text of the last 9,000 statements then, and ours are long.
        reset_queries()
