"""The chart of the last days: what runs did each day, as bars and as a table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.db.models.functions import TruncDate

from curation_sdk.models import SyncRun
from curation_sdk.wording import count_of

DAYS = 14

#: The bars, from the ground up, as SyncRun counts them, and what people call them.
KINDS = {"synced": "Complete", "skipped": "Skipped", "failed": "Error"}

#: In units of the drawing.
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 200, 64, 12, 24


@dataclass(frozen=True, slots=True)
class Day:
    """What the runs that began on one day (UTC) did."""

    day: date
    synced: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.synced + self.skipped + self.failed


def last_days(platforms: Collection[str], *, now: datetime) -> list[Day]:
    """The last fourteen days, today the last."""
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    since = datetime.combine(first, datetime.min.time(), UTC)
    begun = SyncRun.objects.filter(platform__in=platforms, started_at__gte=since).order_by()
    sums = begun.values_list(TruncDate("started_at", tzinfo=UTC)).annotate(
        Sum("synced"), Sum("skipped"), Sum("failed")
    )
    found = {day: Day(day, synced, skipped, failed) for day, synced, skipped, failed in sums}
    return [found.get(day, Day(day)) for day in (first + timedelta(days=number) for number in range(DAYS))]


def drawing(days: list[Day]) -> dict[str, Any]:
    """Where the bars and the lines of the chart stand; numbers as text, so that no language changes their point."""
    top = _round_up(max(day.total for day in days))
    step = (WIDTH - LEFT) / len(days)
    ground = HEIGHT - BOTTOM
    columns = []
    for place, day in enumerate(days):
        begins, bars = ground, []
        for kind, label in KINDS.items():
            count = getattr(day, kind)
            height = (ground - TOP) * count / top
            begins -= height
            if count:
                words = f"{day.day:%d %b}: {count:,} {label}"
                bars.append({"kind": kind, "y": f"{begins:.2f}", "height": f"{height:.2f}", "words": words})
        middle = LEFT + step * (place + 0.5)
        # From the right, so that today always has its date.
        label = f"{day.day:%d %b}" if (len(days) - 1 - place) % 2 == 0 else ""
        columns.append({"x": f"{middle - step * 0.35:.2f}", "middle": f"{middle:.2f}", "label": label, "bars": bars})
    lines = [
        {"y": f"{ground - (ground - TOP) * share:.2f}", "label": f"{round(top * share):,}"} for share in (0, 0.5, 1)
    ]
    return {
        "width": str(WIDTH),
        "height": str(HEIGHT),
        "left": str(LEFT),
        "label_x": str(LEFT - 6),
        "label_y": str(HEIGHT - 6),
        "bar": f"{step * 0.7:.2f}",
        "columns": columns,
        "lines": lines,
    }


def in_words(days: list[Day]) -> str:
    """The chart for who does not see it."""
    synced, skipped, failed = (sum(getattr(day, kind) for day in days) for kind in KINDS)
    best = max(days, key=lambda day: day.total)
    if not best.total:
        return "No run did anything in these days."
    total = f"{count_of(synced, 'contact')} Complete, {skipped:,} Skipped and {failed:,} in Error"
    return f"In {len(days)} days {total}. The most on {best.day:%d %B}: {best.total:,}."


def _round_up(number: int) -> int:
    """To the next of 2, 4, 10, 20, 40, 100 …: an even number, so that its half is a whole one."""
    top = 2
    while top < number:
        top = top * 5 // 2 if str(top)[0] == "4" else top * 2
    return top
