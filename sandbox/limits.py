"""Request limits over sliding windows, as platforms count them. The clock is passed in, for tests."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Verdict:
    """May this call pass, and what the client may be told: limit, calls left, seconds until a reset."""

    allowed: bool
    limit: int
    remaining: int
    reset: int


class Window:
    """At most `limit` calls within any `seconds`. `reserved` of them belong to somebody else for good."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self.reserved = 0
        self._taken: deque[float] = deque()

    def left(self, now: float) -> int:
        """Calls still free at `now`; never below 0."""
        oldest_that_counts = now - self.seconds
        taken = self._taken
        while taken and taken[0] <= oldest_that_counts:
            taken.popleft()
        return max(0, self.limit - self.reserved - len(taken))

    def take(self, now: float) -> None:
        """Count one call made at `now`."""
        self._taken.append(now)

    def reset_in(self, now: float) -> int:
        """Whole seconds until the oldest counted call leaves the window, at least 1."""
        if not self._taken:
            return 1
        return max(1, math.ceil(self._taken[0] + self.seconds - now))


class Bucket:
    """Several windows that every call must pass, such as 10 a second and 36,000 an hour. None: no limit."""

    def __init__(self, windows: list[Window], clock: Clock) -> None:
        self._windows = windows
        self._clock = clock

    def take(self) -> Verdict | None:
        """Ask for one call; a refused one is not counted. The verdict speaks for the tightest window.

        Gives None when this bucket has no limit at all.
        """
        if not self._windows:
            return None
        now = self._clock()
        left, tightest = self._tightest(now)
        if left == 0:
            return Verdict(False, tightest.limit, 0, tightest.reset_in(now))
        for window in self._windows:
            window.take(now)
        return Verdict(True, tightest.limit, left - 1, tightest.reset_in(now))

    def use(self, calls: int) -> None:
        """Let another program spend calls of the same account just now; it may spend more than there are."""
        now = self._clock()
        for window in self._windows:
            for _ in range(calls):
                window.take(now)

    def reserve(self, calls_per_second: int) -> None:
        """Let another program take a steady share of the budget from now on. 0 gives it back."""
        for window in self._windows:
            window.reserved = int(calls_per_second * window.seconds)

    def _tightest(self, now: float) -> tuple[int, Window]:
        """The window with the fewest free calls; among empty ones, the one that stays empty longest."""
        left, _, window = min(
            ((window.left(now), -window.reset_in(now), window) for window in self._windows),
            key=lambda entry: entry[:2],
        )
        return left, window
