"""When to try again. Pure functions: no clock, no database."""

from __future__ import annotations

from datetime import timedelta

#: However far the doubling has gone, and whatever a platform asks for, nobody waits longer than this.
LONGEST = timedelta(hours=24)

#: Up to this share is added at random, so that contacts that failed together do not come back together.
JITTER = 0.1


def retry_delay(tries: int, *, base: timedelta, exponential: bool, chance: float) -> timedelta:
    """How long to wait after the given number of failed tries (1, 2, …).

    With a base of 5 minutes: 5, 10, 20 minutes when exponential, else 5, 10, 15; plus up to a tenth of it,
    taken from `chance` in 0 … 1.
    """
    steps = 2 ** min(tries - 1, 20) if exponential else tries
    delay = min(base * steps, LONGEST)
    return delay + delay * (JITTER * chance)


def bounded(wish: timedelta, *, longest: timedelta, otherwise: timedelta) -> timedelta:
    """A platform's own wish for a delay, if it makes sense (above zero), cut at `longest`; else `otherwise`."""
    if wish <= timedelta(0):
        return otherwise
    return min(wish, longest)
