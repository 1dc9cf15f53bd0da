"""What a platform may say about a contact that was pushed.

A platform returns one of five outcomes for each contact, or raises `Throttled` or `StopRun` for all that it was
given. What happens next is decided in one place, `curation_sdk.settling`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen on the wire. Kept with the attempt, for people; nothing decides anything from it."""

    http_status: int | None = None
    code: str = ""
    message: str = ""
    request_id: str = ""
    duration_ms: int | None = None


NO_EVIDENCE = Evidence()


@dataclass(frozen=True, slots=True)
class Synced:
    """The platform has the contact under `remote_id` ("" when it did not tell).

    `warning` says what did not arrive as it should. `blocked` is the platform's reason not to mail the person:
    they are then suppressed here too. `learned` are values for the job's `learned` columns; one that is not among
    them, or None, stays as it is.
    """

    remote_id: str
    warning: str = ""
    blocked: str = ""
    evidence: Evidence = NO_EVIDENCE
    learned: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Not pushed, on purpose. `cause`: see Rejected."""

    reason: str
    evidence: Evidence = NO_EVIDENCE
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """It may work later. `after` is the platform's own wish; without it the backoff decides. `cause`: see Rejected."""

    reason: str
    after: timedelta | None = None
    evidence: Evidence = NO_EVIDENCE
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The platform will not take this contact as it is: a person has to change something.

    `unasked`: we saw it ourselves, so however often it is said, it tells nothing about the platform. `cause`: what all
    contacts that are refused for the same thing have in common; "": what `causes.cause_of` makes of the reason.
    """

    reason: str
    evidence: Evidence = NO_EVIDENCE
    unasked: bool = False
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The platform took the contact and will say later what became of it: see `curation_sdk.handed_over`.

    Without an answer `within` that time the contact is pushed again, as long as there are tries left.
    """

    reason: str
    within: timedelta
    evidence: Evidence = NO_EVIDENCE


Outcome = Synced | Skipped | Retry | Rejected | Waiting


class Throttled(Exception):
    """The platform asks us to slow down. No contact is to blame, so no try is counted."""

    def __init__(self, after: timedelta, reason: str, evidence: Evidence = NO_EVIDENCE) -> None:
        super().__init__(reason)
        self.after = after
        self.reason = reason
        self.evidence = evidence


class StopRun(Exception):
    """Nothing can be pushed until a person acts: a wrong key, no rights, an unknown list."""

    def __init__(self, reason: str, evidence: Evidence = NO_EVIDENCE) -> None:
        super().__init__(reason)
        self.reason = reason
        self.evidence = evidence


class NotPushed(Exception):
    """The run is ending and this push was still waiting for its turn: nothing was sent."""
