"""How a running cycle learns that its worker is to stop.

django-q2 lets a worker finish its task, however long, before it stops; an orchestrator kills it after ten seconds.
Our `qcluster` command sets this flag when it is told to stop. It is made before the workers are forked, so that they
all see it.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_stop = multiprocessing.get_context("fork").Event()


def request_stop() -> None:
    """Ask all cycles of this worker process and its children to end."""
    _stop.set()


def stop_requested() -> bool:
    """Has this worker been told to stop?"""
    return _stop.is_set()


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Within it Ctrl-C or SIGTERM ask for a stop instead of breaking off; the value tells whether one came.

    A second Ctrl-C breaks off.
    """
    asked = False

    def ask(signum: int, frame: Any) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
