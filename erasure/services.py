"""Telling the platforms to delete people: what each answer means for a deletion. No database in here."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from curation_sdk.answers import PlatformError
from curation_sdk.clock import Clock
from curation_sdk.http import Unanswered
from curation_sdk.job import Preparation
from curation_sdk.outcomes import NO_EVIDENCE, Evidence, Outcome, Retry, StopRun, Synced, Throttled
from curation_sdk.ratelimit import RateLimiter
from erasure.platforms import ERASERS, Erase
from erasure.traces import Traces

if TYPE_CHECKING:
    from erasure.models import Deletion

DELETED = "Deleted, and gone when we looked again."
NOBODY = "There was nobody to delete."


@contextmanager
def erasure_service(limiter: RateLimiter) -> Iterator[ErasureService]:
    """The service for one run, with a client for each platform that is on."""
    with ExitStack() as stack:
        erasers: dict[str, Erase] = {}
        off: dict[str, str] = {}
        for one in ERASERS:
            if reason := one.job.off_reason():
                off[one.job.platform] = reason
            else:
                erasers[one.job.platform] = stack.enter_context(one.open(limiter.clock))
        yield ErasureService(erasers, off, limiter.clock)


@dataclass(slots=True)
class _Away:
    """A platform that is not asked again in this run, or for a while."""

    reason: str
    until: float = field(default=float("inf"))  # by the clock


class ErasureService:
    """Deletes people, in whichever platform. What is not a confirmation is a Retry, whatever the platform says.

    Neither a wrong key nor a "slow down" of one platform ends the run: the others are asked all the same, and this one
    is left alone for the rest of the run, or as long as it wishes.
    """

    def __init__(self, erasers: dict[str, Erase], off: dict[str, str], clock: Clock) -> None:
        self._erasers, self._clock = erasers, clock
        self._away = {platform: _Away(reason) for platform, reason in off.items()}
        self._lock = threading.Lock()

    def prepare(self) -> Preparation:
        """Nothing has to be there."""
        return Preparation(proven=True)

    def push(self, deletions: Sequence[Deletion]) -> list[Outcome]:
        """An outcome for each, in their order."""
        return [self._delete(one) for one in deletions]

    def _delete(self, deletion: Deletion) -> Outcome:
        platform = deletion.platform
        if away := self._still_away(platform):
            return away
        said = Traces(deletion.address, words=(deletion.address,) if deletion.address else ())
        try:
            found = self._erasers[platform](deletion.address, deletion.remote_ids.split())
        except StopRun as error:
            return self._leave(platform, said.without(error.reason), error.evidence)
        except Unanswered as error:
            return self._leave(platform, said.without(f"No answer: {error.reason}"), error.evidence)
        except Throttled as error:
            return self._leave(platform, said.without(error.reason), error.evidence, error.after)
        except PlatformError as error:
            # What stops a run stands in its history: nobody's address is to be there once it is erased.
            return Retry(said.without(error.reason), evidence=error.evidence)
        # With the confirmation goes the last that we know of the person.
        learned = {"address": "", "remote_ids": "", "outcome": DELETED if found else NOBODY}
        return Synced("", learned=learned)

    def _leave(
        self, platform: str, reason: str, evidence: Evidence = NO_EVIDENCE, after: timedelta | None = None
    ) -> Retry:
        until = float("inf") if after is None else self._clock.monotonic() + after.total_seconds()
        with self._lock:
            self._away[platform] = _Away(reason, until)
        return Retry(reason, after, evidence)

    def _still_away(self, platform: str) -> Retry | None:
        with self._lock:
            away = self._away.get(platform)
            if away is None:
                return None
            rest = away.until - self._clock.monotonic()
            if rest <= 0:
                del self._away[platform]
                return None
        return Retry(away.reason, None if rest == float("inf") else timedelta(seconds=rest))
