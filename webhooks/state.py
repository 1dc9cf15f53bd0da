"""How events stand, for people: what waits, what nobody could read, and since when a platform has been silent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from curation_sdk.connection import last_webhook
from curation_sdk.wording import count_of
from webhooks.models import PlatformEvent

State = PlatformEvent.State


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one platform. last: when the newest event came; None: none has."""

    last: datetime | None
    waiting: int
    unreadable: int
    failed: int

    def sentences(self) -> str:
        """What of it is worth saying; "" when all is done."""
        said = []
        if self.waiting:
            said.append(f"{count_of(self.waiting, 'event waits', 'events wait')} for a worker.")
        if self.unreadable:
            said.append(f"{count_of(self.unreadable, 'event was', 'events were')} unreadable.")
        if self.failed:
            said.append(f"{count_of(self.failed, 'event')} could not be applied.")
        if self.unreadable or self.failed:
            said.append("See Platform events.")
        return " ".join(said)


def standing(platform: str) -> Standing:
    """How the events of a platform stand."""
    theirs = PlatformEvent.objects.filter(platform=platform)
    return Standing(
        last=last_webhook(platform),
        waiting=theirs.filter(state=State.RECEIVED).count(),
        unreadable=theirs.filter(state=State.UNREADABLE).count(),
        failed=theirs.filter(state=State.FAILED).count(),
    )


def is_silent(last: datetime | None, *, days: int, now: datetime) -> bool:
    """Has nothing come for so many days? 0 days: never mind."""
    return bool(days) and (last is None or last < now - timedelta(days=days))
