"""What the answers of a run, one after the other, mean for the run: go on, pause, or stop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from curation_sdk.decisions import Answer, cause_behind
from curation_sdk.outcomes import Rejected, Retry, StopRun, Synced, Throttled, Waiting

#: So many failed pushes in a row, or refusals in a row for the same cause, mean that it is not about the contacts: the
#: run ends before it uses up the whole queue. Causes are compared, as a sentence may quote what was refused.
TROUBLE = 20

#: A platform that says "slow down" again and again is asked less and less often, down to this.
RAREST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pause:
    """Push nobody for so long."""

    length: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Push nobody any more: a person has to act."""

    reason: str


class Brakes:
    """Watches the answers of one run.

    `proven`: the platform has shown that our key is good. `arrived`: it has taken a contact.
    """

    def __init__(self) -> None:
        self.proven = self.arrived = False
        self._failures = 0  # in a row
        self._last_failure = ""
        self._refusals = 0  # in a row, for the same cause
        self._refused_for = ""
        self._throttles = 0  # in a row

    def consider(self, answer: Answer, *, paused: bool) -> Pause | Stop | None:
        """What has to happen after this answer; None: go on. `paused`: a pause is under way already."""
        match answer:
            case StopRun():
                return Stop(answer.reason)
            case Throttled():
                return self._throttled(answer, paused=paused)
            case Synced() | Waiting():
                self.proven = self.arrived = True
                self._failures = self._refusals = self._throttles = 0
            case Rejected() if not answer.unasked:
                return self._rejected(answer.reason, cause_behind(answer))
            case Retry():
                return self._failed(answer.reason)
            case Exception():
                return self._failed(f"{type(answer).__name__} in our program")
        return None

    def nothing_worked(self) -> str:
        """The reason to stop a run whose time is up when all pushes failed, too slowly for TROUBLE of them."""
        if self._failures and not self.proven:
            return f"Every push failed. The last: {self._last_failure}"
        return ""

    def _throttled(self, throttled: Throttled, *, paused: bool) -> Pause:
        length = throttled.after
        if not paused:
            # Those that were under way when the first one came back say the same; they count as one.
            self._throttles += 1
            length = max(length, min(length * 2 ** min(self._throttles - 1, 10), RAREST))
        return Pause(length, throttled.reason)

    def _rejected(self, reason: str, cause: str) -> Stop | None:
        self.proven = True
        self._failures = self._throttles = 0
        self._refusals = self._refusals + 1 if cause == self._refused_for else 1
        self._refused_for = cause
        if self._refusals < TROUBLE:
            return None
        return Stop(f"{self._refusals} contacts in a row were refused for the same cause. The last: {reason}")

    def _failed(self, reason: str) -> Stop | None:
        self._failures += 1
        self._refusals = 0
        self._last_failure = reason
        if self._failures < TROUBLE:
            return None
        return Stop(f"{self._failures} pushes in a row failed. The last: {reason}")
