"""What every platform's stand-in is and does; a platform adds its answers, its data and its settings."""

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from sandbox.journal import Journal, RequestRecord
from sandbox.limits import Bucket
from sandbox.messages import JsonObject, JsonValue, Request, Response
from sandbox.settings import Kind


class Kept(Protocol):
    """What a stand-in keeps of a person."""

    @property
    def id(self) -> int | str:
        """The platform's own id."""
        ...

    @property
    def email(self) -> str | None:
        """The address; empty or None for somebody without one."""
        ...


C = TypeVar("C", bound=Kept)


@dataclass(frozen=True, slots=True)
class PageContact:
    """One contact as the page shows it."""

    id: str
    address: str
    attributes: dict[str, str]
    lists: list[str]
    blocked: bool
    created: float
    modified: float
    can_unsubscribe: bool = True
    more: tuple[str, ...] = ()  # what else can happen to it, at the press of a button


class StandIn(ABC, Generic[C]):
    """A stand-in.

    For tests, from any thread: `contacts`, `contact()`, `requests`, `unsubscribe()`, `set()`, `use_budget()`, and what
    a platform adds to them. The server calls the rest with the lock held.
    """

    name: ClassVar[str]
    slug: ClassVar[str]
    prefix: ClassVar[str]
    #: What the settings take, by their names.
    kinds: ClassVar[dict[str, Kind]]

    def __init__(self, lock: threading.RLock) -> None:
        self.journal = Journal()
        self._lock = lock

    # --- for tests ------------------------------------------------------------------------------------------

    @property
    def contacts(self) -> dict[str, C]:
        """The contacts by address (lower case), so without those that have none."""
        with self._lock:
            return {one.email.lower(): one for one in self.everybody() if one.email}

    def contact(self, address: str) -> C | None:
        """One contact by address, letter case aside."""
        return self.contacts.get(address.lower())

    @property
    def requests(self) -> list[RequestRecord]:
        """Every request received, oldest first."""
        with self._lock:
            return self.journal.all()

    def unsubscribe(self, address: str) -> None:
        """Block a contact as if its owner had used the unsubscribe link. KeyError when that cannot be."""
        with self._lock:
            contact = self.contact(address)
            if contact is None or not self.block(str(contact.id)):
                raise KeyError(address)

    def set(self, **settings: JsonValue) -> None:
        """Change settings by the names of `POST /_sandbox/settings`, such as `brevo_ip_blocked=True`."""
        unknown = set(settings) - set(self.kinds)
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        with self._lock:
            self.check(settings)
            self.change(settings)

    def use_budget(self, calls: int, bucket: str = "contacts") -> None:
        """Let another program spend calls of the account right now. ValueError for an unknown bucket."""
        with self._lock:
            buckets = self.buckets()
            if not buckets:
                raise ValueError(f"{self.name} has no budget of calls")
            if bucket not in buckets:
                raise ValueError(f"bucket must be {' or '.join(buckets)}")
            buckets[bucket].use(calls)

    # --- for the server -------------------------------------------------------------------------------------

    @abstractmethod
    def handle(self, request: Request, parts: list[str]) -> Response:
        """Answer a request; `parts` is the decoded path below `prefix`. Raises BadRequest at will."""

    @abstractmethod
    def error(self, status: int, message: str) -> Response:
        """This platform's error body for a request that the HTTP layer refuses."""

    @abstractmethod
    def fault(self, kind: str, reset_after: int) -> Response:
        """This platform's own answer for the fault kinds 500, 503, 425, 429, 401, 401_ip and those of its own."""

    def reset(self) -> None:
        """Back to a fresh account: no contacts, no requests, an unused budget. Settings stay."""
        self.journal.clear()

    @abstractmethod
    def settings(self) -> JsonObject:
        """What `POST /_sandbox/settings` can change, with the values."""

    def check(self, settings: JsonObject) -> None:
        """ValueError for a value that its setting does not take."""
        for name, value in settings.items():
            if not self.kinds[name].takes(value):
                raise ValueError(f"{name} must be {self.kinds[name].words}")

    @abstractmethod
    def change(self, settings: JsonObject) -> None:
        """Apply settings that `check` lets pass. Changed limits start counting anew."""

    @abstractmethod
    def counts(self) -> dict[str, JsonValue]:
        """Figures for `GET /_sandbox/state`, beyond the request counts."""

    def buckets(self) -> dict[str, Bucket]:
        """The budgets of calls that another program may spend from, by name."""
        return {}

    @abstractmethod
    def everybody(self) -> list[C]:
        """All that is kept, oldest first."""

    @abstractmethod
    def for_page(self, one: C) -> PageContact:
        """One of them as the page shows it."""

    def page_contacts(self, search: str, offset: int, limit: int) -> tuple[int, list[PageContact]]:
        """How many have the search text in their address, and one page of them, newest first."""
        wanted = search.lower()
        found = [one for one in reversed(self.everybody()) if wanted in (one.email or "").lower()]
        return len(found), [self.for_page(one) for one in found[offset : offset + limit]]

    @abstractmethod
    def block(self, contact_id: str) -> bool:
        """What an unsubscribe link does: the contact stays and gets no more mail. False when there is none."""

    def befall(self, contact_id: str, what: str) -> bool:
        """Something happens to a contact: "unsubscribe", or what the page offers. False when it cannot."""
        return what == "unsubscribe" and self.block(contact_id)


#: One of them, whatever it keeps.
Platform: TypeAlias = StandIn[Any]
