from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from curation_sdk.clock import SystemClock
from curation_sdk.outcomes import NotPushed
from curation_sdk.ratelimit import CUT, MARGIN, RateLimiter
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
    assert times[-1] == pytest.approx(100 / (10 / (1 + MARGIN)), rel=1e-3)
    gaps = {round(later - earlier, 3) for earlier, later in pairwise(times)}
    assert gaps <= {0.102}


def test_a_turn_not_used_is_not_saved_up(clock: FakeClock) -> None:
    limiter = RateLimiter(10, clock)
    turns(limiter, clock, 1)
    clock.advance(seconds=60)
    times = turns(limiter, clock, 3)
    assert times[2] - times[0] == pytest.approx(2 / (10 / (1 + MARGIN)), rel=1e-2)


def test_a_refusal_pauses_and_then_slows_down_for_a_while(clock: FakeClock) -> None:
    limiter = RateLimiter(10, clock)
    turns(limiter, clock, 1)
    limiter.refused(5)
    times = turns(limiter, clock, 400)
    assert times[0] == pytest.approx(5)
    assert times[2] - times[1] == pytest.approx(1 / (10 / (1 + MARGIN) * CUT), rel=0.02)
    assert times[-1] - times[-2] == pytest.approx(1 / (10 / (1 + MARGIN)), rel=0.02)


def test_a_long_budget_that_runs_low_sets_the_pace(clock: FakeClock) -> None:
    limiter = RateLimiter(10, clock)
    limiter.observe(remaining=100, reset_seconds=100)
    times = turns(limiter, clock, 12)
    assert times[-1] - times[1] == pytest.approx(10 * (1 + MARGIN), rel=0.01)


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
    assert turns(limiter, clock, 2)[1] == pytest.approx(1 / (10 / (1 + MARGIN)), rel=0.01)


def test_the_rate_can_be_shared(clock: FakeClock) -> None:
    limiter = RateLimiter(10, clock)
    limiter.set_rate(5)
    times = turns(limiter, clock, 3)
    assert times[2] - times[1] == pytest.approx(1 / (5 / (1 + MARGIN)), rel=0.01)


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
    assert clock.monotonic() - first == pytest.approx(1 / (10 / (1 + MARGIN) * CUT), rel=0.02)


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


class Platform:
    """Counts the calls of any one second, refuses what is too much, and says what is left."""

    def __init__(self, clock: FakeClock, limit: int) -> None:
        self.clock, self.limit, self.others = clock, limit, 0
        self.taken: list[float] = []
        self.refused = 0

    def call(self, limiter: RateLimiter, *, headers: bool = True) -> None:
        turn = limiter.acquire()
        now = self.clock.monotonic()
        left = self.limit - self.others - sum(taken > now - 1.0 for taken in self.taken)
        if left <= 0:
            self.refused += 1
            limiter.refused(1.0)
            return
        self.taken.append(now)
        if headers:
            limiter.observe(limit=self.limit, remaining=left - 1, reset_seconds=1, turn=turn)


@pytest.mark.parametrize("rate", [1, 2, 10, 60])
@pytest.mark.parametrize("headers", [True, False])
def test_no_second_ever_holds_more_than_the_rate(clock: FakeClock, rate: int, headers: bool) -> None:
    platform, limiter = Platform(clock, rate), RateLimiter(rate, clock)
    for _ in range(rate * 20):
        platform.call(limiter, headers=headers)
    assert platform.refused == 0
    assert len(platform.taken) / clock.monotonic() > rate * 0.97


def test_once_the_headers_show_a_free_second_it_is_used_at_once(clock: FakeClock) -> None:
    platform, limiter = Platform(clock, 60), RateLimiter(60, clock)
    for _ in range(60):
        platform.call(limiter)
    assert clock.monotonic() < 0.5
    platform.call(limiter)
    assert clock.monotonic() > 1


@pytest.mark.parametrize(("others", "least"), [(5, 4.5), (1, 8.4), (9, 0.8)])
def test_what_the_headers_show_others_to_use_is_left_to_them(clock: FakeClock, others: int, least: float) -> None:
    platform, limiter = Platform(clock, 10), RateLimiter(10, clock)
    for _ in range(50):
        platform.call(limiter)
    platform.others, begun, before = others, clock.monotonic(), len(platform.taken)
    while clock.monotonic() - begun < 120:
        platform.call(limiter)
    assert platform.refused <= 2
    assert (len(platform.taken) - before) / 120 > least


def test_the_pace_comes_back_when_the_others_have_gone(clock: FakeClock) -> None:
    platform, limiter = Platform(clock, 10), RateLimiter(10, clock)
    platform.others = 5
    for _ in range(50):
        platform.call(limiter)
    platform.others, begun = 0, clock.monotonic()
    for _ in range(300):
        platform.call(limiter)
    assert clock.monotonic() - begun < 300 / 9.5


def test_a_platform_that_allows_less_than_the_setting_is_heeded(clock: FakeClock) -> None:
    platform, limiter = Platform(clock, 10), RateLimiter(20, clock)
    for _ in range(100):
        platform.call(limiter)
    assert platform.refused <= 1


def test_an_answer_that_took_long_tells_nothing(clock: FakeClock) -> None:
    limiter = RateLimiter(10, clock)
    turn = limiter.acquire()
    clock.advance(seconds=25)
    limiter.acquire()
    limiter.observe(limit=10, remaining=0, reset_seconds=1, turn=turn)
    times = turns(limiter, clock, 21)
    assert times[-1] - times[0] < 2.1


def test_a_single_refusal_where_the_headers_are_known_costs_its_pause_only(clock: FakeClock) -> None:
    platform, limiter = Platform(clock, 10), RateLimiter(10, clock)
    for _ in range(30):
        platform.call(limiter)
    limiter.refused(1.0)
    begun = clock.monotonic()
    for _ in range(100):
        platform.call(limiter)
    assert clock.monotonic() - begun < 1 + 100 / 9.7
    limiter.refused(1.0)
    begun = clock.monotonic()
    for _ in range(100):
        platform.call(limiter)
    assert clock.monotonic() - begun > 1 + 100 / 9.5
