"""The HTTP Request node of the stand-in's workflow: calls back later, repeats, tries again, or is lost in a crash."""

import heapq
import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.messages import JsonObject

#: As on the node with "Retry on fail": every answer outside 2xx is a failure, and so is none.
TRIES = 3
TIMEOUT = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Call:
    """One callback to make. `body` is asked anew for each try: its timestamp changes, its ids do not."""

    url: str
    secret: str
    body: Callable[[], JsonObject]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One try of a callback: what was sent, and the status that came (0: no answer)."""

    body: JsonObject
    status: int


class Callbacks:
    """A thread that makes the calls when they are due. Nothing of it holds the sandbox lock while it waits."""

    def __init__(self, wait_between_tries: float) -> None:
        self.wait_between_tries = wait_between_tries
        self._due: list[tuple[float, int, int, Call]] = []  # when, order, tries left, what
        self._made: list[CallRecord] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._calling = self._stopped = False

    def later(self, seconds: float, call: Call, tries: int = TRIES) -> None:
        """Make the call after so many seconds."""
        with self._changed:
            if self._stopped:
                return
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), tries, call))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="sandbox-n8n-callbacks", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def made(self) -> list[CallRecord]:
        """Every try so far, oldest first."""
        with self._changed:
            return list(self._made)

    def wait(self, tries: int, timeout: float = 5.0) -> list[CallRecord]:
        """Wait until so many tries have been made; whatever there is when the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._made) >= tries and not self._calling, timeout)
            return list(self._made)

    def forget(self, *, made: bool = False) -> None:
        """Drop what is not yet made, as a killed n8n does; with `made` also the memory of what was."""
        with self._changed:
            self._due.clear()
            if made:
                self._made.clear()

    def stop(self) -> None:
        """No further calls. One that is on the wire is not waited for longer than a moment."""
        with self._changed:
            self._stopped = True
            self._due.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(1.0)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (not self._due or self._due[0][0] > time.monotonic()):
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._stopped:
                    return
                _, _, tries, call = heapq.heappop(self._due)
                self._calling = True
            record = _make(call)
            with self._changed:
                self._made.append(record)
                self._calling = False
                self._changed.notify_all()
            if not 200 <= record.status < 300 and tries > 1:
                self.later(self.wait_between_tries, call, tries - 1)


def _make(call: Call) -> CallRecord:
    body = call.body()
    parts = urlsplit(call.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
    headers = {
        "Accept": "application/json,text/html,application/xhtml+xml,application/xml,text/*;q=0.9, image/*;q=0.8",
        "Content-Type": "application/json",
        "User-Agent": "axios/1.8.3",
        "Connection": "close",
    }
    if call.secret:
        headers["Authorization"] = f"Bearer {call.secret}"
    try:
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request("POST", path, json.dumps(body).encode(), headers)
        answer = connection.getresponse()
        answer.read()
        return CallRecord(body, answer.status)
    except (OSError, http.client.HTTPException):
        return CallRecord(body, 0)
    finally:
        connection.close()
