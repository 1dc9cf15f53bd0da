"""How much of HubSpot's rolling ten seconds is ours."""

from __future__ import annotations

import threading
from bisect import bisect_right, insort

LENGTH = 10.0  # seconds: `X-HubSpot-RateLimit-Interval-Milliseconds`


class Window:
    """Remembers when our calls of the last ten seconds had their turn. Safe to use from several threads."""

    def __init__(self, length: float = LENGTH) -> None:
        self._length = length
        self._turns: list[float] = []
        self._lock = threading.Lock()

    def took(self, turn: float) -> int:
        """Note a call whose turn came at `turn`; how many of the ten seconds before were ours, this one included."""
        with self._lock:
            insort(self._turns, turn)
            del self._turns[: bisect_right(self._turns, self._turns[-1] - self._length)]
            return len(self._turns)
