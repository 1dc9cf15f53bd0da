"""What the operator's page about a platform's account has to know: one `Connection` each, written out by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from curation_sdk import platform_settings
from curation_sdk.job import SyncJob
from curation_sdk.models import LastWebhook
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.setup import Finding


@dataclass(slots=True)
class Seen:
    """What a look at the account has shown so far.

    choices: number and name of each list or segment; None: not asked. budget: what is left of the rate limit, as a
    sentence; "": the platform does not say.
    """

    findings: list[Finding] = field(default_factory=list)
    choices: list[tuple[str, str]] | None = None
    budget: str = ""


class Look(Protocol):
    """Asks the account and adds to `seen` what it finds, as it comes; with `create`, makes missing fields.

    Raises StopRun, Throttled, PlatformError, Unanswered or NotPushed. `within`: seconds for each answer.
    """

    def __call__(self, seen: Seen, limiter: RateLimiter, *, create: bool, within: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting that holds the number of a list or segment. Empty: contacts join none."""

    setting: str
    noun: str


@dataclass(frozen=True, slots=True)
class Renaming:
    """A setting that renames what we send.

    fields: our names, and the type that each has in the account. names: the setting -> our names: the account's.
    """

    setting: str
    noun: str
    plural: str
    fields: Mapping[str, str]
    names: Callable[[Mapping[str, str]], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Webhook:
    """How the platform tells us something by itself.

    ok: False when a person has to do something. exists: False when there is none. received_at: when it last came.
    """

    ok: bool
    text: str
    received_at: datetime | None = None
    exists: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A platform's account, as its page sees it.

    address, secrets: the settings that hold them. settings_fault: what is wrong with the environment's values and
    these in their place. request: what a push of the contact would send with these, or why it would not.
    """

    job: SyncJob
    address: str
    secrets: tuple[str, ...]
    look: Look
    settings_fault: Callable[[Mapping[str, Any]], str]
    request: Callable[[Any, Mapping[str, Any]], dict[str, Any] | str]
    webhook: Callable[[], Webhook]
    choice: Choice | None = None
    mapping: Renaming | None = None

    @property
    def changeable(self) -> tuple[str, ...]:
        """The settings that can be changed on the page."""
        return tuple(part.setting for part in (self.choice, self.mapping) if part)

    def in_force(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """The values of these settings, given what was chosen in the admin."""
        return platform_settings.values(self.changeable, chosen)


def webhook_came(platform: str, *, now: datetime) -> None:
    """Remember that the platform's webhook brought something of its own."""
    LastWebhook.objects.update_or_create(pk=platform, defaults={"received_at": now})


def last_webhook(platform: str) -> datetime | None:
    """When it last did."""
    return LastWebhook.objects.filter(pk=platform).values_list("received_at", flat=True).first()


def budget_sentence(left: int | None, limit: int | None, window: str) -> str:
    """ "9 of 10 calls left in this second."; "" when the platform did not say."""
    if left is None:
        return ""
    return f"{left:,} of {limit:,} calls left {window}." if limit else f"{left:,} calls left {window}."
