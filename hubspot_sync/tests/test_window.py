"""Our share of the rolling ten seconds."""

from __future__ import annotations

from hubspot_sync.window import Window


def test_calls_leave_the_window_after_ten_seconds() -> None:
    window = Window()
    assert [window.took(turn) for turn in (0.0, 1.0, 9.9)] == [1, 2, 3]
    assert window.took(10.0) == 3, "the one at 0.0 is exactly ten seconds old: it no longer counts"
    assert window.took(40.0) == 1


def test_answers_that_come_in_another_order() -> None:
    window = Window()
    window.took(5.0)
    assert window.took(1.0) == 2
    assert window.took(12.0) == 2
