"""Pacing: requests leave evenly spaced, and no faster than the platform's own headers allow."""

from __future__ import annotations

import threading

from curation_sdk.clock import Clock
from curation_sdk.outcomes import NotPushed

#: We aim this far below the stated rate: evenly spaced requests still arrive a little unevenly.
HEADROOM = 0.985

#: Seconds. A budget that is full again so soon tells nothing about the pace, as it comes in whole seconds.
SHORT_WINDOW = 2

#: After a refusal the pace drops to this share and climbs back over RECOVERY seconds.
CUT = 0.7
RECOVERY = 20.0


class RateLimiter:
    """Gives out turns to any number of threads: one every 1/`rate` seconds.

    A platform that reports what is left of its budget slows the pace down or pauses it (`observe`), for
    instance because another program uses the same account. `stop` sends everybody home who still waits.
    """

    def __init__(self, rate: float, clock: Clock) -> None:
        if rate <= 0:
            raise ValueError("The rate must be above zero.")
        self._clock = clock
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._rate = rate * HEADROOM
        self._next_turn = clock.monotonic()
        self._pauses = 0
        self._cut_at: float | None = None
        self._budget_rate = float("inf")
        self._budget_until = self._next_turn

    def acquire(self) -> None:
        """Wait for a turn. Raises NotPushed when the run ends first."""
        while True:
            with self._lock:
                now = self._clock.monotonic()
                turn = max(now, self._next_turn)
                self._next_turn = turn + 1.0 / self._pace(turn)
                pauses = self._pauses
            if turn > now:
                self._clock.wait(turn - now, self._stopped)
            if self._stopped.is_set():
                raise NotPushed
            with self._lock:
                # A pause that began while we slept takes the turn back: all who slept line up again behind it.
                if pauses == self._pauses:
                    return

    def refused(self, seconds: float) -> None:
        """No turn before `seconds` have passed, and a slower pace for a while after: the platform said no."""
        with self._lock:
            self._pause(seconds)
            self._cut_at = self._next_turn

    def observe(self, *, remaining: int | None, reset_seconds: float | None) -> None:
        """Take in what the platform said about its budget: calls left, and seconds until it is full again."""
        if remaining is None or reset_seconds is None or reset_seconds <= SHORT_WINDOW:
            # At full pace a window of a second is always nearly used up: that is no reason to slow down.
            return
        with self._lock:
            if remaining <= 0:
                self._pause(reset_seconds)
            else:
                self._budget_rate = remaining / reset_seconds
                self._budget_until = self._clock.monotonic() + reset_seconds

    def set_rate(self, rate: float) -> None:
        """Change the rate: the share of this run has changed."""
        with self._lock:
            self._rate = rate * HEADROOM

    def stop(self) -> None:
        """Nobody gets a turn any more."""
        self._stopped.set()

    def _pause(self, seconds: float) -> None:
        self._next_turn = max(self._next_turn, self._clock.monotonic() + seconds)
        self._pauses += 1

    def _pace(self, now: float) -> float:
        rate = self._rate
        if now < self._budget_until:
            rate = min(rate, self._budget_rate)
        if self._cut_at is not None:
            recovered = min(max(now - self._cut_at, 0.0) / RECOVERY, 1.0)
            rate *= CUT + (1 - CUT) * recovered
        return rate
