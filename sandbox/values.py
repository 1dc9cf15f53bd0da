"""Small values that several stand-ins read or write alike."""

from datetime import UTC, datetime
from typing import TypeGuard

_MOST_DIGITS = 18


def number_in(text: str) -> int | None:
    """The number that a text of up to 18 digits stands for; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def is_whole(value: object) -> TypeGuard[int]:
    """Is this JSON value a whole number? True and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Is this JSON value a number, maybe an infinite one? True and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def utc_text(seconds: float) -> str:
    """Unix seconds in, `2026-11-24T10:15:00.000Z` out: what the references of Brevo and HubSpot show."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
