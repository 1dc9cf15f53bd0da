"""What a platform tells of the contacts that it holds, and what a platform's room gives so that they can be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from curation_sdk.job import SyncJob
from curation_sdk.ratelimit import RateLimiter


@dataclass(frozen=True, slots=True)
class Block:
    """The platform does not mail the person. `reason`: a value of Suppression.Reason; `note`: the evidence.

    `ours`: it is what we told the platform ourselves, and so no news.
    """

    reason: str
    note: str
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """One contact as the platform holds it.

    `address` is "" where it has none. `values`: its fields, by the account's names. `on_list`: is it on the list that
    our contacts join? None: there is no such list, or nobody can tell. `changed_at`: its last change there.
    """

    remote_id: str
    address: str
    values: Mapping[str, Any] = field(default_factory=dict)
    on_list: bool | None = None
    block: Block | None = None
    changed_at: datetime | None = None


#: An answer to `ask`: nobody can tell whether the platform holds the contact. Nothing is said of such a person.
UNREADABLE = Held("", "")


@dataclass(frozen=True, slots=True)
class Asked:
    """A contact to look for: by the platform's id where we have one, else by the address."""

    remote_id: str
    address: str


@dataclass(frozen=True, slots=True)
class Page:
    """Contacts that the platform holds, and where to read on; None after the last page."""

    held: Sequence[Held]
    next: dict[str, Any] | None


class Reader(Protocol):
    """A platform's account, open for reading. Each call raises what the platform's client raises; no database here.

    `asks`: contacts in one `ask`, at most.
    """

    asks: int

    def page(self, cursor: Mapping[str, Any]) -> Page:
        """The page at this place; {} is the first one. A platform whose contacts are only asked for by id has one
        page with nobody in it."""
        ...

    def ask(self, asked: Sequence[Asked]) -> Sequence[Held | None]:
        """Those contacts, in their order; None for each that the platform does not hold; or UNREADABLE."""
        ...

    def address(self, contact: Any) -> str:
        """The address under which we sent the contact."""
        ...

    def differing(self, contact: Any, held: Held) -> list[str]:
        """The names of the fields in which the platform holds something else than a push of the contact would
        write."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A platform whose contacts can be compared with ours.

    `task`: the dotted path of the function that the schedule calls. `against`: which account and list are read, for
    people ("list 12 in Brevo at https://…"); a reading that began with another one begins anew.
    """

    job: SyncJob
    open: Callable[[RateLimiter], AbstractContextManager[Reader]]
    against: Callable[[], str]
    task: str

    @property
    def schedule(self) -> str:
        """The schedule's name."""
        return f"{self.job.platform}_comparison"
