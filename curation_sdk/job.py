"""What the shared code has to know about a platform: one `SyncJob` each, written out by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db import models
from django.db.models.expressions import BaseExpression, Combinable

from curation_sdk.outcomes import Outcome
from curation_sdk.ratelimit import RateLimiter

#: A claimed contact without an answer is due again after this.
LEASE = timedelta(minutes=6)

#: A run in the task queue ends after this; its successor goes on.
BUDGET = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class SkipRule:
    """Contacts that match `condition` are not pushed.

    `label` names the rule in counts ("2 suppressed"); `reason`, text or SQL that makes it, stands with each contact.
    `cause`: what `cause_of` makes of such a reason; needed where that is SQL.
    """

    label: str
    condition: models.Q
    reason: str | BaseExpression | Combinable
    cause: str | BaseExpression | Combinable = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPolicy:
    """The numbers a platform's runs go by, read from the settings when a run begins."""

    batch_size: int  # contacts per claim
    max_instances: int  # runs at the same time
    max_retries: int
    retry_delay: timedelta
    retry_exponential: bool
    rate_per_second: float  # for all runs together
    concurrency: int  # pushes under way at the same time
    lease: timedelta = LEASE
    answer_within: timedelta = timedelta(0)  # the longest that a platform which answers later is waited for
    budget: timedelta = BUDGET


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a platform's service found out before the first push.

    `notes` are for the people who read the run. `proven`: the platform answered, so the key is right; otherwise the
    first contacts go one by one, until one has arrived. Pushes of many go one by one until then in any case.
    """

    notes: list[str] = field(default_factory=list)
    proven: bool = False


class Pusher(Protocol):
    """A platform's service, open for one run. `push` is called from several threads; no database in there."""

    def prepare(self) -> Preparation:
        """Check what every push depends on, before any is made.

        Raises StopRun when no push could succeed, Throttled when the platform is not to be called now.
        """
        ...

    def push(self, contacts: Sequence[Any]) -> Sequence[Outcome | Exception]:
        """Push contacts (one per person, already merged) and return an outcome for each, in their order.

        Raises Throttled or StopRun for all of them. Any other exception is a bug and recorded as one; where it is
        about one contact alone, it stands among the outcomes, so that it costs the others nothing. So does NotPushed
        for those whose turn did not come.
        """
        ...


def _died(row: Any) -> str:
    return "The worker died while pushing this contact"


def _usable(identity: str) -> str:
    return ""


def _safe() -> str:
    return ""


def _no_page(contact_id: str) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncJob:
    """A platform, as the shared code sees it. The only place where its column names are strings.

    Not every user of the loop is a platform. What one has no use for is "" (or empty): a remote id, an identity.
    """

    platform: str  # "brevo": in SyncRun, in logs
    label: str  # "Brevo": in front of people
    model: type[Any]

    sync_status: str
    processing_status: str
    processing_error: str
    error_cause: str  # the reason without its particulars: see `curation_sdk.causes`
    contact_id: str  # what the platform calls a contact; "": it has no names of its own
    retry_count: str
    next_attempt_at: str
    synced_at: str

    identity: str  # rows with the same value here are one person; "": each row is for itself
    related: tuple[str, ...]  # read along with a claim, so that a push needs no query
    merge: Callable[[Sequence[Any], str], Any]  # rows of one person, remote id column -> one contact to push
    select: Callable[[Mapping[str, Any], Any], models.QuerySet[Any]]  # a selection as JSON, who made it -> contacts
    in_words: Callable[[Mapping[str, Any]], str]  # a selection as JSON, for people
    skip_rules: Callable[[], Sequence[SkipRule]]  # those that hold now: they may depend on the settings
    suppress: Callable[[Sequence[tuple[str, str]], str, datetime], None]  # (address, why) pairs, source, now

    task: str  # dotted path of the function that the schedule calls
    schedule: str  # the schedule's name
    interval: Callable[[], int]  # its minutes
    off_reason: Callable[[], str]  # why the platform is off, naming the setting; "" when it is on
    policy: Callable[[], SyncPolicy]
    open: Callable[[RateLimiter], AbstractContextManager[Pusher]]
    # The request that a push of this contact would send, as `method`, `path` and `body`. A text instead when the push
    # would end without a request: the reason. Only while the platform is on.
    preview: Callable[[Any], dict[str, Any] | str]
    destination: Callable[[], str]  # where contacts go, as a sentence; only while the platform is on
    push_size: int = 1  # people per push, at most; never more than a claim takes
    begun_at: str = ""  # column: when the first try since the contact was queued began; "": the platform needs none
    lapsed: Callable[[Any], str] = _died  # what happened to a row that was Processing and got no answer in time
    created_at: str = "created_at"  # contacts are walked through in this order
    updated_at: str = "updated_at"  # when the person's data changed
    # Why an identity cannot be pushed, which the push finds out before it calls anybody; "" when it can.
    unusable: Callable[[str], str] = _usable
    # Further columns that a success may write (`Synced.learned`), by the same guarded write as the statuses.
    learned: tuple[str, ...] = ()
    # Texts that an answer is about: it is not stored when one of them has changed since the contact was claimed.
    judged: tuple[str, ...] = ()
    # Why nobody may be pushed now, as the database knows it, asked once by each run; "" when people may.
    unsafe: Callable[[], str] = _safe
    done: str = "synced"  # how counts call a contact that succeeded
    permission: str = "contacts.push_contact"  # what a person needs to queue contacts and to steer the runs
    # The page of a contact in the platform's own site, by what it calls the contact; "": there is none that we know.
    page_of: Callable[[str], str] = _no_page

    def person(self, row: Any) -> Any:
        """What rows of one person share, and no others."""
        return (self.identity and getattr(row, self.identity)) or row.pk

    @property
    def contacts(self) -> models.QuerySet[Any]:
        """All contacts."""
        contacts: models.QuerySet[Any] = self.model._default_manager.all()
        return contacts
