"""Something that is asked in a thread of its own, so that the one who asks can do other things meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Reply = TypeVar("Reply")


class Question(Generic[Reply]):
    """Calls `ask` in a thread that nobody has to wait for, not even the end of the program."""

    def __init__(self, ask: Callable[[], Reply]) -> None:
        self._ask = ask
        self._done = threading.Event()
        self._replies: list[Reply] = []
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="question", daemon=True).start()

    def answered(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds; is the reply there?"""
        return self._done.wait(timeout)

    def reply(self) -> Reply:
        """What `ask` returned; what it raised is raised here. Waits for it."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._replies[0]

    def _run(self) -> None:
        try:
            self._replies.append(self._ask())
        except BaseException as error:  # noqa: BLE001 - it is raised where the reply is wanted
            self._error = error
        finally:
            self._done.set()
