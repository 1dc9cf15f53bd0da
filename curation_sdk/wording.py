"""Counts in sentences, and other people's text made fit to store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def count_of(count: int, noun: str, plural: str = "") -> str:
    """ "1 contact", "2 contacts", "1,204 contacts"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def storable(text: str, longest: int = 1000) -> str:
    """Text from outside as every database takes it: no NUL or other control characters, no lone surrogates.

    Cut at `longest` characters, with an ellipsis in place of the last.
    """
    clean = "".join(
        character if character.isprintable() else " "
        for character in text[: longest + 1].encode("utf-8", "replace").decode("utf-8")
    )
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def how_long(length: timedelta) -> str:
    """A length of time in its two largest units: "45 s", "2 min 5 s", "3 h 12 min", "5 days 3 h"."""
    seconds = max(int(length.total_seconds()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{count_of(days, 'day')} {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def moment(when: datetime, *, now: datetime) -> str:
    """A time for people: "12:03:05 UTC", with the date unless it is today."""
    when = when.astimezone(UTC)
    return f"{when:%H:%M:%S} UTC" if when.date() == now.astimezone(UTC).date() else f"{when:%Y-%m-%d %H:%M} UTC"
