from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from curation_sdk.clock import SystemClock
from curation_sdk.outcomes import NotPushed
from curation_sdk.ratelimit import HEADROOM, RateLimiter
from curation_sdk.testing import FakeClock


def turns(limiter: RateLimiter, clock: FakeClock, number: int) -> list[float]:
    times = []
    for _ in range(number):
        limiter.acquire()
        times.append(clock.monotonic())
    return times


def test_turns_are_evenly_spaced_just_below_the_rate(clock: FakeClock) -> None:
    times = turns(RateLimiter(10, clock), clock, 101)
    assert times[0] == 0
    assert times[-1] == pytest.approx(100 / (10 * HEADROOM), rel=1e-3)
    gaps = {round(later - earlier, 3) for earlier, later in pairwise(times)}
    assert gaps <= {0.101, 0.102}


def test_a_turn_not_used_is_not_saved_up(clock: FakeClock) -> None:
    limiter = RateLimiter(10, clock)
    turns(limiter, clock, 1)
    clock.advance(seconds=60)
    times = turns(limiter, clock, 3)
    assert times[2] - times[0] == pytest.approx(2 / (10 * HEADROOM), rel=1e-2)


def test_a_refusal_pauses_and_then_slows_down_for_a_while(clock: FakeClock) -> None:
    limiter = RateLimiter(10, clock)
    turns(limiter, clock, 1)
    limiter.refused(5)
    times = turns(limiter, clock, 400)
    assert times[0] == pytest.approx(5)
    assert times[1] - times[0] == pytest.approx(1 / (10 * HEADROOM * 0.7), rel=0.01)
    assert times[-1] - times[-2] == pytest.approx(1 / (10 * HEADROOM), rel=0.02)


def test_a_long_budget_that_runs_low_sets_the_pace(clock: FakeClock) -> None:
    limiter = RateLimiter(10, clock)
    limiter.observe(remaining=100, reset_seconds=100)
    times = turns(limiter, clock, 12)
    assert times[-1] - times[1] == pytest.approx(10, rel=0.01)


def test_a_long_budget_that_is_used_up_pauses(clock: FakeClock) -> None:
    limiter = RateLimiter(10, clock)
    limiter.observe(remaining=0, reset_seconds=30)
    assert turns(limiter, clock, 1) == [pytest.approx(30)]


@pytest.mark.parametrize(
    ("remaining", "reset"), [(0, 1), (None, 30), (5, None), (0, 0), (0, -4)], ids=["short", "?", "??", "0", "negative"]
)
def test_headers_that_say_nothing_change_nothing(clock: FakeClock, remaining: int | None, reset: float | None) -> None:
    limiter = RateLimiter(10, clock)
    limiter.observe(remaining=remaining, reset_seconds=reset)
    assert turns(limiter, clock, 2)[1] == pytest.approx(1 / (10 * HEADROOM), rel=0.01)


def test_the_rate_can_be_shared(clock: FakeClock) -> None:
    limiter = RateLimiter(10, clock)
    limiter.set_rate(5)
    times = turns(limiter, clock, 3)
    assert times[2] - times[1] == pytest.approx(1 / (5 * HEADROOM), rel=0.01)


def test_after_a_stop_nobody_gets_a_turn(clock: FakeClock) -> None:
    limiter = RateLimiter(10, clock)
    limiter.stop()
    with pytest.raises(NotPushed):
        limiter.acquire()


def test_a_stop_wakes_those_who_wait() -> None:
    limiter = RateLimiter(0.01, SystemClock())
    limiter.acquire()
    sent_home = []

    def wait() -> None:
        try:
            limiter.acquire()
        except NotPushed:
            sent_home.append(True)

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    limiter.stop()
    for thread in threads:
        thread.join(5)
    assert sent_home == [True] * 4


def test_those_who_sleep_when_a_pause_begins_line_up_again_behind_it() -> None:
    """Else they would all start at once when it ends."""
    clock = SleepingClock()
    limiter = RateLimiter(10, clock)
    limiter.acquire()
    clock.on_wait = lambda: limiter.refused(5)  # refused while this one sleeps
    limiter.acquire()
    first = clock.monotonic()
    limiter.acquire()
    assert first >= 5
    assert clock.monotonic() - first == pytest.approx(1 / (10 * HEADROOM * 0.7), rel=0.02)


class SleepingClock(FakeClock):
    """Lets something happen during the first wait."""

    def wait(self, seconds: float, wake: threading.Event) -> None:
        happens, self.on_wait = self.on_wait, lambda: None
        happens()
        super().wait(seconds, wake)

    @staticmethod
    def on_wait() -> None: ...


def test_a_rate_of_nothing_is_refused(clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="above zero"):
        RateLimiter(0, clock)
