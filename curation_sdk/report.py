"""How a cycle went, for the caller and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from curation_sdk.models import SyncRun
from curation_sdk.wording import count_of

#: The counters of a run, in the order in which people read them.
COUNTERS = {
    "synced": "synced",
    "waiting": "waiting for an answer",
    "skipped": "skipped",
    "retried": "to be tried again",
    "failed": "failed",
    "released": "given back",
    "late": "answered too late",
}


def counts_in_words(counts: Mapping[str, int], done: str = "synced") -> str:
    """What a run did: "10 synced (1 warning), 1 to be tried again"; "" when it did nothing."""
    said = []
    for counter, words in COUNTERS.items():
        if counts[counter]:
            said.append(f"{counts[counter]:,} {done if counter == 'synced' else words}")
        if counter == "synced" and counts["synced"] and counts["warned"]:
            said[-1] += f" ({count_of(counts['warned'], 'warning')})"
    return ", ".join(said)


def run_in_words(run: SyncRun, done: str = "synced") -> str:
    """The same of a run's row."""
    return counts_in_words({name: getattr(run, name) for name in (*COUNTERS, "warned")}, done)


@dataclass(frozen=True, slots=True)
class CycleReport:
    """How a cycle went. `state` is None when no run was begun; `reason` then says why."""

    state: SyncRun.State | None
    counts: Counter[str] = field(default_factory=Counter)
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    later: bool = False  # another run has the slot, or the platform asked us to wait: try again in a while
    work_left: bool = False  # more is due, and nothing stands in its way
    held: bool = False  # a person has paused the queue, or cancelled the run
    done: str = "synced"  # the word for contacts that succeeded

    @property
    def stopped(self) -> bool:
        """A person has to act before anything can be pushed."""
        return self.state in (SyncRun.State.STOPPED, SyncRun.State.LOST)

    def sentence(self) -> str:
        """For people: "10 synced (1 warning), 1 to be tried again. Stopped: …"."""
        did = counts_in_words(self.counts, self.done)
        parts = [f"{did}."] if did else []
        if self.reason:
            parts.append(f"Stopped: {self.reason}" if self.stopped else self.reason)
        return " ".join([*parts, *self.notes]) or "Nothing pushed."
