"""The account behind the API: its token, scopes, limits and data. Callers hold the sandbox lock."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.hubspot.errors import HubSpotError, missing_scopes, too_many
from sandbox.hubspot.store import Store
from sandbox.limits import Bucket, Clock, Verdict, Window
from sandbox.messages import Response
from sandbox.settings import FLAG, NON_EMPTY, OPTIONAL_LIMIT, TEXT, one_of

DEFAULT_KEY = "pat-eu1-sandbox-hubspot-key"
LIMIT = 100  # calls in any ten seconds, free accounts: https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
DAILY_LIMIT = 250_000
INTERVAL = 10.0  # seconds
DAY = 86_400.0  # seconds

READ_CONTACTS = "crm.objects.contacts.read"
WRITE_CONTACTS = "crm.objects.contacts.write"
READ_SCHEMAS = "crm.schemas.contacts.read"
WRITE_SCHEMAS = "crm.schemas.contacts.write"
READ_ACCOUNT = "oauth"
SCOPES = (READ_CONTACTS, WRITE_CONTACTS, READ_SCHEMAS, WRITE_SCHEMAS, READ_ACCOUNT)
PORTAL = 20250815

#: What `POST /_sandbox/settings` can change.
SETTINGS = {
    "hubspot_key": NON_EMPTY,
    "hubspot_limit": OPTIONAL_LIMIT,
    "hubspot_daily_limit": OPTIONAL_LIMIT,
    "hubspot_missing_scope": one_of("", *SCOPES),
    "hubspot_forgets": TEXT,
    "hubspot_traces": FLAG,
    "hubspot_unique_email": FLAG,
}


@dataclass(frozen=True, slots=True)
class Switches:
    """The settings, without "hubspot_" in front.

    `limit`: calls in ten seconds; `daily_limit`: calls a day; None: no such limit. `missing_scope`: what the token
    may not do. `forgets`: an address that an upsert names neither in its results nor in its errors. `traces`: does
    an upsert with trace ids take the good contacts when others are bad. `unique_email`: does an upsert take the
    address for an identifier; some accounts are said not to.
    """

    key: str = DEFAULT_KEY
    limit: int | None = LIMIT
    daily_limit: int | None = DAILY_LIMIT
    missing_scope: str = ""
    forgets: str = ""
    traces: bool = True
    unique_email: bool = True


class Account:
    """One HubSpot account."""

    def __init__(self, switches: Switches, clock: Clock, now: Callable[[], float]) -> None:
        self.switches = switches
        self.store = Store(now)
        self._clock = clock
        self.restart_limits()

    def restart_limits(self) -> None:
        """Apply changed limits. Starts counting anew."""
        self.burst = self._bucket(self.switches.limit, INTERVAL)
        self.day = self._bucket(self.switches.daily_limit, DAY)

    def _bucket(self, limit: int | None, seconds: float) -> Bucket:
        return Bucket([] if limit is None else [Window(limit, seconds)], self._clock)

    def reset(self) -> None:
        """A fresh account with an unused budget; key, switches and limits stay."""
        self.store.reset()
        self.restart_limits()

    def check_key(self, headers: dict[str, str]) -> Response | None:
        """The 401 for a missing token, whose body is empty, or for a wrong one; None when all is well."""
        kind, _, key = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not key:
            return Response(401)
        if not hmac.compare_digest(key.encode(), self.switches.key.encode()):
            return unauthorized().response()
        return None

    def require(self, scope: str) -> None:
        """Raise the 403 when the token may not do this."""
        if scope == self.switches.missing_scope:
            raise missing_scopes(scope)

    def spend(self) -> tuple[Response | None, list[tuple[str, str]]]:
        """Count one call: the 429 if there is no budget, and the headers that tell of it."""
        burst = self.burst.take()
        if burst is not None and not burst.allowed:
            return too_many("TEN_SECONDLY_ROLLING"), rate_headers(burst, None)
        day = self.day.take()
        refused = day is not None and not day.allowed
        return too_many("DAILY") if refused else None, rate_headers(burst, day)


def unauthorized() -> HubSpotError:
    """The 401 of a token that HubSpot does not know."""
    text = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
    return HubSpotError(401, "INVALID_AUTHENTICATION", text)


def rate_headers(burst: Verdict | None, day: Verdict | None) -> list[tuple[str, str]]:
    """The headers about the two budgets. The daily pair is missing where the call was not counted."""
    headers: list[tuple[str, str]] = []
    if burst is not None:
        headers += [
            ("X-HubSpot-RateLimit-Interval-Milliseconds", str(round(INTERVAL * 1000))),
            ("X-HubSpot-RateLimit-Max", str(burst.limit)),
            ("X-HubSpot-RateLimit-Remaining", str(burst.remaining)),
        ]
    if day is not None:
        headers += [
            ("X-HubSpot-RateLimit-Daily", str(day.limit)),
            ("X-HubSpot-RateLimit-Daily-Remaining", str(day.remaining)),
        ]
    return headers
