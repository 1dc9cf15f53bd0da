from __future__ import annotations

from datetime import timedelta

import pytest

from curation_sdk.backoff import LONGEST, bounded, retry_delay

FIVE = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("tries", "exponential", "minutes"),
    [(1, True, 5), (2, True, 10), (3, True, 20), (4, True, 40), (1, False, 5), (2, False, 10), (3, False, 15)],
)
def test_the_wait_grows(tries: int, exponential: bool, minutes: int) -> None:
    assert retry_delay(tries, base=FIVE, exponential=exponential, chance=0.0) == timedelta(minutes=minutes)


def test_jitter_adds_up_to_a_tenth() -> None:
    assert retry_delay(1, base=FIVE, exponential=True, chance=1.0) == timedelta(minutes=5, seconds=30)


def test_nobody_waits_for_ever() -> None:
    assert retry_delay(500, base=FIVE, exponential=True, chance=0.0) == LONGEST


@pytest.mark.parametrize(
    ("wish", "result"), [(30, 30), (0, 7), (-3, 7), (61, 60)], ids=["sensible", "none", "negative", "too long"]
)
def test_a_platforms_wish_is_bounded(wish: int, result: int) -> None:
    otherwise, longest = timedelta(seconds=7), timedelta(seconds=60)
    assert bounded(timedelta(seconds=wish), longest=longest, otherwise=otherwise) == timedelta(seconds=result)
