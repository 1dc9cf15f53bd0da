"""What the server asks of a platform's stand-in. Brevo is the first; others fill the same methods."""

from dataclasses import dataclass
from typing import Protocol

from sandbox.journal import Journal
from sandbox.messages import JsonObject, JsonValue, Request, Response


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


class Platform(Protocol):
    """A stand-in. The server calls every method here with the sandbox lock held."""

    name: str
    slug: str
    prefix: str
    journal: Journal

    def handle(self, request: Request, parts: list[str]) -> Response:
        """Answer a request; `parts` is the decoded path below `prefix`. Raises BadRequest at will."""
        ...

    def error(self, status: int, message: str) -> Response:
        """This platform's error body for a request that the HTTP layer refuses."""
        ...

    def fault(self, kind: str, reset_after: int) -> Response:
        """This platform's own answer for the fault kinds 500, 503, 425, 429, 401, 401_ip and those of its own."""
        ...

    def reset(self) -> None:
        """Back to a fresh account: no contacts, no requests, an unused budget. Settings stay."""
        ...

    def change(self, settings: JsonObject) -> None:
        """Apply settings whose names the server has checked. ValueError, nothing done, for a bad one."""
        ...

    def settings(self) -> JsonObject:
        """The settings that `change` understands, with their values."""
        ...

    def counts(self) -> dict[str, JsonValue]:
        """Figures for `GET /_sandbox/state`, beyond the request counts."""
        ...

    def use_budget(self, calls: int, bucket: str) -> None:
        """Let another program spend calls of the account. ValueError for an unknown bucket."""
        ...

    def page_contacts(self, search: str, offset: int, limit: int) -> tuple[int, list[PageContact]]:
        """How many contacts match, and one page of them, newest first."""
        ...

    def block(self, contact_id: str) -> bool:
        """Unsubscribe one contact, as its owner would. False when there is no such contact."""
        ...
