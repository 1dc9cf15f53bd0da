"""Pacing: as many requests as a platform allows in any second, and no more than its own headers leave for us."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque

from curation_sdk.clock import Clock
from curation_sdk.outcomes import NotPushed

#: Our second is this much longer than the platform's: requests that leave evenly arrive a little unevenly.
MARGIN = 0.016

#: A start may be this much quicker than the rate, until a second's worth is sent. Only once the platform's headers
#: have shown that the second is ours: another run may have ended just now.
QUICK_START = 3.0

#: Seconds. What the headers say of so short a window is about this second; of a longer one, about the hour.
SHORT_WINDOW = 2

#: What others use of a second is what three quarters of the answers of so long a time showed at least: now and then a
#: request arrives late, and then its answer counts as others' what was ours.
HEED = 1.2  # seconds

#: The slowest that others can make us, as a share of the rate: somebody has to find out when they have gone.
SLOWEST = 0.05

#: After a refusal the pace drops to this share and climbs back over RECOVERY seconds: after each one where the
#: platform tells nothing of its budget, else after the second in that time. A single one comes from a late arrival.
CUT = 0.8
RECOVERY = 15.0

#: What others leave us we use only to this share: they are as uneven as we are.
LEFT_BY_OTHERS = 0.97

#: Our requests of so many seconds are remembered: an answer that took longer tells nothing about the present.
MEMORY = 5.0


#: Nobody waits for less than this.
TICK = 0.0001


class RateLimiter:
    """Gives out turns to any number of threads: at most `rate` of them in any second.

    What the platform reports of its budget slows the pace down or pauses it (`observe`), for instance because another
    program uses the same account. `stop` sends everybody home who still waits.
    """

    def __init__(self, rate: float, clock: Clock) -> None:
        if rate <= 0:
            raise ValueError("The rate must be above zero.")
        self._clock = clock
        self._gate = threading.Lock()  # who holds it has the next turn
        self._lock = threading.Lock()  # guards what follows
        self._stopped = threading.Event()
        self._rate = rate
        self._turns: deque[float] = deque()
        self._queued = 0
        self._not_before = clock.monotonic()
        self._refused_at = float("-inf")
        self._cut_at: float | None = None
        self._informed = False
        self._limit = float("inf")  # a second, as the platform says
        self._others: deque[tuple[float, float]] = deque()  # when seen, how many of that second
        self._budget_rate = float("inf")
        self._budget_until = self._not_before

    @property
    def clock(self) -> Clock:
        """What the turns go by."""
        return self._clock

    @property
    def queued(self) -> int:
        """How many wait for their turn at this moment."""
        return self._queued

    def turns_within(self, seconds: float) -> int:
        """How many turns there will be in the next `seconds`, at least one."""
        with self._lock:
            return int(self._pace(self._clock.monotonic()) * seconds) + 1

    def acquire(self) -> float:
        """Wait for a turn and return when it came (seconds of the clock). Raises NotPushed when the run ends first."""
        with self._lock:
            self._queued += 1
        try:
            with self._gate:
                return self._wait()
        finally:
            with self._lock:
                self._queued -= 1

    def refused(self, seconds: float) -> None:
        """No turn before `seconds` have passed, and a slower pace for a while after: the platform said no."""
        with self._lock:
            self._pause(seconds)
            before, self._refused_at = self._refused_at, self._not_before
            if not self._informed or self._not_before - before < RECOVERY + seconds:
                self._cut_at = self._not_before

    def observe(
        self,
        *,
        remaining: int | None,
        reset_seconds: float | None,
        limit: int | None = None,
        turn: float | None = None,
    ) -> None:
        """Take in what an answer said of the platform's budget: calls left, seconds until it is full again.

        `limit` is the size of the budget, `turn` when the answer's request had its turn: with both it shows how much
        of a short window others use.
        """
        if remaining is None or reset_seconds is None or reset_seconds <= 0:
            return
        with self._lock:
            if reset_seconds > SHORT_WINDOW:
                self._observe_budget(remaining, reset_seconds)
            elif limit and turn is not None:
                self._observe_second(limit, remaining, turn)

    def set_rate(self, rate: float) -> None:
        """Change the rate: the share of this run has changed."""
        with self._lock:
            self._rate = rate

    def stop(self) -> None:
        """Nobody gets a turn any more."""
        self._stopped.set()

    def _wait(self) -> float:
        while True:
            # A new look after each wait: a pause may have begun meanwhile.
            with self._lock:
                now = self._clock.monotonic()
                delay = self._next_turn(now) - now
                if delay < TICK and not self._stopped.is_set():
                    self._turns.append(now)
                    return now
            self._clock.wait(delay, self._stopped)
            if self._stopped.is_set():
                raise NotPushed

    def _next_turn(self, now: float) -> float:
        turns = self._turns
        while turns and turns[0] < now - MEMORY - 1 / self._rate:
            turns.popleft()
        if not turns:
            return self._not_before
        pace = self._pace(now)
        at_once = max(int(pace), 1)
        # A share of a turn more or less in each second would make the quick ones too many: then evenly.
        quick = self._informed and pace == self._rate == at_once
        earliest = turns[-1] + (1 + MARGIN) / pace / (QUICK_START if quick else 1.0)
        if len(turns) >= at_once:
            earliest = max(earliest, turns[-at_once] + at_once * (1 + MARGIN) / pace)
        return max(self._not_before, earliest)

    def _pace(self, now: float) -> float:
        rate = min(self._rate, self._limit)
        if now < self._budget_until:
            rate = min(rate, self._budget_rate)
        if self._cut_at is not None:
            recovered = min(max(now - self._cut_at, 0.0) / RECOVERY, 1.0)
            rate *= CUT + (1 - CUT) * recovered
        others = self._others
        while others and others[0][0] < now - HEED:
            others.popleft()
        theirs = sorted(count for _, count in others)[len(others) // 4] if others else 0
        if theirs <= 0:
            return rate
        return max(min(rate, (self._limit - theirs) * LEFT_BY_OTHERS), self._rate * SLOWEST)

    def _pause(self, seconds: float) -> None:
        self._not_before = max(self._not_before, self._clock.monotonic() + seconds)

    def _observe_budget(self, remaining: int, reset_seconds: float) -> None:
        if remaining <= 0:
            self._pause(reset_seconds)
        else:
            self._budget_rate = remaining / reset_seconds
            self._budget_until = self._clock.monotonic() + reset_seconds

    def _observe_second(self, limit: int, remaining: int, turn: float) -> None:
        """What is missing from the second that the request fell into, and was not taken by us, others took."""
        self._informed = True
        self._limit = limit
        turns = list(self._turns)
        if not turns or turn < turns[0]:
            return
        ours = bisect_right(turns, turn) - bisect_right(turns, turn - 1.0)
        self._others.append((self._clock.monotonic(), limit - remaining - ours))
