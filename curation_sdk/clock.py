"""Time, passed in, so that tests set it instead of waiting for it."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Protocol

from django.utils import timezone


class Clock(Protocol):
    """Wall time for what is stored, monotonic seconds for what is measured, and the only way to wait."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Return after `seconds`, or as soon as `wake` is set."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return timezone.now()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float, wake: threading.Event) -> None:
        wake.wait(seconds)


class SteadyClock(SystemClock):
    """The machine's time, read once; from then on it goes evenly, also when somebody sets the machine's clock.

    For one run: over weeks it would go wrong.
    """

    def __init__(self) -> None:
        self._zero = timezone.now() - timedelta(seconds=time.monotonic())

    def now(self) -> datetime:
        return self._zero + timedelta(seconds=time.monotonic())
