"""Brevo's sending of events, with its rules: what is tried again, what is dropped for good, what comes in batches.

Source: https://developers.brevo.com/docs/how-to-use-webhooks (retries, batches). Times are shortened: `minute` says
how many seconds one of Brevo's minutes takes here.
"""

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sandbox.messages import JsonObject, JsonValue

#: Minutes after each failure; then the event is dropped.
RETRIES = (10, 60, 120, 480)

#: Nothing at all is sent for so many minutes when nobody answered.
PAUSE = 10

#: Events are collected for so many minutes, and sent so many at once.
WINDOW = 5
MOST_AT_ONCE = 500

TIMEOUT = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Target:
    """Where events go. batch: "" one a call; "array", or "object" that holds one."""

    url: str
    token: str = ""
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One call: what was sent, and the status that came (0: no answer)."""

    body: JsonValue
    status: int


@dataclass(slots=True)
class _Call:
    due: float
    target: Target
    body: JsonValue
    failures: int = 0


@dataclass(slots=True)
class _Held:
    """Events that are collected: for a batch, or to be sent in another order."""

    until: float
    events: list[JsonObject] = field(default_factory=list)


class Sender:
    """A thread that sends. Nothing of it holds the sandbox lock while it waits."""

    def __init__(self) -> None:
        self.minute = 0.1
        self._calls: list[_Call] = []
        self._held: dict[Target, _Held] = {}
        self._made: list[Delivery] = []
        self._paused_until = 0.0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._sending = self._stopped = False

    def send(self, target: Target, event: JsonObject, *, copies: int = 1, shuffled: bool = False) -> None:
        """Send an event, `copies` times. `shuffled`: with others of the same window, the last one first."""
        with self._changed:
            if self._stopped:
                return
            if target.batch or shuffled:
                held = self._held.setdefault(target, _Held(time.monotonic() + WINDOW * self.minute))
                place = 0 if shuffled else len(held.events)
                held.events[place:place] = [event] * copies
            else:
                self._calls += [_Call(time.monotonic(), target, event) for _ in range(copies)]
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="sandbox-brevo-webhooks", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def made(self) -> list[Delivery]:
        """Every call so far, oldest first."""
        with self._changed:
            return list(self._made)

    def wait(self, calls: int, timeout: float = 10.0) -> list[Delivery]:
        """Wait until so many calls have been made; whatever there is when the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._made) >= calls and not self._sending, timeout)
            return list(self._made)

    def idle(self, timeout: float = 10.0) -> bool:
        """Wait until nothing is left to send. False when the time is up."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._calls and not self._held and not self._sending, timeout)

    def by_status(self) -> dict[str, int]:
        """How many calls got which answer, and how many wait."""
        with self._changed:
            counts = Counter(str(one.status) if one.status else "no answer" for one in self._made)
            waiting = len(self._calls) + sum(len(held.events) for held in self._held.values())
        return {**dict(sorted(counts.items())), "waiting": waiting}

    def reset(self) -> None:
        """Nothing waits and nothing was sent."""
        with self._changed:
            self._calls.clear()
            self._held.clear()
            self._made.clear()
            self._paused_until = 0.0
            self._changed.notify_all()

    def stop(self) -> None:
        """No further calls. One that is on the wire is not waited for longer than a moment."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(1.0)

    def _work(self) -> None:
        while True:
            with self._changed:
                call = None
                while not self._stopped and (call := self._next()) is None:
                    self._changed.wait(self._rest())
                if self._stopped or call is None:
                    return
                self._calls.remove(call)
                self._sending = True
            status = _post(call)
            with self._changed:
                self._made.append(Delivery(call.body, status))
                self._sending = False
                self._after(call, status)
                self._changed.notify_all()

    def _next(self) -> _Call | None:
        """The call that is due, after what was collected long enough has become calls."""
        now = time.monotonic()
        for target, held in list(self._held.items()):
            if held.until <= now:
                del self._held[target]
                self._calls += [_Call(now, target, body) for body in _bodies(target, held.events)]
        if now < self._paused_until:
            return None
        due = [call for call in self._calls if call.due <= now]
        return min(due, key=lambda call: call.due, default=None)

    def _rest(self) -> float | None:
        times = [*(max(call.due, self._paused_until) for call in self._calls)]
        times += [held.until for held in self._held.values()]
        return max(min(times) - time.monotonic(), 0.0) + 0.001 if times else None

    def _after(self, call: _Call, status: int) -> None:
        """429 and no answer are tried again; every other answer that is no success drops the event for good."""
        now = time.monotonic()
        if status == 0:
            self._paused_until = now + PAUSE * self.minute
        if status in (0, 429) and call.failures < len(RETRIES):
            call.due = now + RETRIES[call.failures] * self.minute
            call.failures += 1
            self._calls.append(call)


def _bodies(target: Target, events: list[JsonObject]) -> list[JsonValue]:
    if not target.batch:
        return [*events]
    parts = [events[start : start + MOST_AT_ONCE] for start in range(0, len(events), MOST_AT_ONCE)]
    return [[*part] if target.batch == "array" else {"events": [*part]} for part in parts]


def _post(call: _Call) -> int:
    parts = urlsplit(call.target.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {"Content-Type": "application/json", "User-Agent": "Brevo-sandbox", "Connection": "close"}
    if call.target.token:
        headers["Authorization"] = f"Bearer {call.target.token}"
    connection = None
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request("POST", path, json.dumps(call.body).encode(), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, ValueError, http.client.HTTPException):
        return 0
    finally:
        if connection is not None:
            connection.close()
