"""The account behind the API: its key, its limits and its data. Callers hold the sandbox lock."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.brevo.errors import BrevoError
from sandbox.brevo.store import Store
from sandbox.brevo.webhook import Webhook
from sandbox.limits import Bucket, Clock, Verdict, Window
from sandbox.messages import Response
from sandbox.settings import COUNT, FLAG, NON_EMPTY, ONE_OR_MORE, OPTIONAL_LIMIT, SECONDS, one_of

DEFAULT_KEY = "sandbox-brevo-key"
RATE_LIMIT = 10  # a second for /contacts on every plan: https://developers.brevo.com/docs/api-limits
OTHER_HOURLY_LIMIT = 100  # everything that has no line of its own on that page, together
SECONDS_PER_HOUR = 3600

#: What `POST /_sandbox/settings` can change.
SETTINGS = {
    "rate_limit": OPTIONAL_LIMIT,
    "hourly_limit": OPTIONAL_LIMIT,
    "brevo_key": NON_EMPTY,
    "brevo_ip_blocked": FLAG,
    "brevo_duplicate_code": one_of("duplicate_parameter", "invalid_parameter"),
    "brevo_other_program": COUNT,
    "brevo_webhook_variant": COUNT,
    "brevo_webhook_copies": ONE_OR_MORE,
    "brevo_webhook_shuffled": FLAG,
    "brevo_webhook_batch_form": one_of("array", "object"),
    "brevo_webhook_echo": FLAG,
    "brevo_webhook_minute": SECONDS,
}


@dataclass(frozen=True, slots=True)
class Switches:
    """The settings, without "brevo_" in front.

    `rate_limit`: calls a second to `/contacts`; None lifts every limit. `hourly_limit`: calls an hour; None
    means 3600 times the rate, as on Brevo's plans. `ip_blocked`: answer as for an unknown IP address.
    `duplicate_code`: the code of duplicate errors, which became `invalid_parameter` for some since May 2026.
    `other_program`: calls a second that another program makes.

    `webhook_variant`: in which of its forms each event comes (`sandbox.brevo.events`). `webhook_copies`: how often it
    comes. `webhook_shuffled`: the last event of five minutes comes first. `webhook_batch_form`: how webhooks that are
    registered as batched are sent. `webhook_echo`: writes through the API are events as well. `webhook_minute`: the
    seconds that a minute takes here, for retries and batches.
    """

    rate_limit: int | None = RATE_LIMIT
    hourly_limit: int | None = None
    key: str = DEFAULT_KEY
    ip_blocked: bool = False
    duplicate_code: str = "duplicate_parameter"
    other_program: int = 0
    webhook_variant: int = 0
    webhook_copies: int = 1
    webhook_shuffled: bool = False
    webhook_batch_form: str = "array"
    webhook_echo: bool = False
    webhook_minute: float = 0.1


class Account:
    """One Brevo account."""

    def __init__(self, switches: Switches, clock: Clock, now: Callable[[], float]) -> None:
        self.switches = switches
        self.store = Store(now)
        self.webhooks: dict[int, Webhook] = {}
        self._clock = clock
        self.contacts_bucket, self.other_bucket = self._fresh_buckets()

    def _fresh_buckets(self) -> tuple[Bucket, Bucket]:
        rate, hourly = self.switches.rate_limit, self.switches.hourly_limit
        if hourly is None and rate is not None:
            hourly = rate * SECONDS_PER_HOUR
        windows: list[Window] = []
        if rate is not None:
            windows.append(Window(rate, 1.0))
        if hourly is not None:
            windows.append(Window(hourly, SECONDS_PER_HOUR))
        contacts_bucket = Bucket(windows, self._clock)
        contacts_bucket.reserve(self.switches.other_program)
        other_windows = [] if rate is None else [Window(OTHER_HOURLY_LIMIT, SECONDS_PER_HOUR)]
        return contacts_bucket, Bucket(other_windows, self._clock)

    def restart_limits(self) -> None:
        """Apply changed limits. Starts counting anew."""
        self.contacts_bucket, self.other_bucket = self._fresh_buckets()

    def reset(self) -> None:
        """A fresh account with an unused budget; key, switches and limits stay."""
        self.store.reset()
        self.webhooks.clear()
        self.restart_limits()

    def check_key(self, headers: dict[str, str]) -> None:
        """Raise the 401 for a missing key, a wrong key or a refused IP address, in that order."""
        key = headers.get("api-key", "")
        if not key:
            raise unauthorized("authentication not found in headers")
        if not hmac.compare_digest(key.encode(), self.switches.key.encode()):
            raise unauthorized("Key not found")
        if self.switches.ip_blocked:
            raise ip_refused()

    def bucket_for(self, first_part: str) -> Bucket:
        """The bucket that pays for a path; lists, folders and attributes lie below /contacts."""
        return self.contacts_bucket if first_part == "contacts" else self.other_bucket


def unauthorized(message: str) -> BrevoError:
    """401: the account, never the contact, is the trouble."""
    return BrevoError(401, "unauthorized", message)


def ip_refused() -> BrevoError:
    """The 401 of an account that blocks unknown IP addresses. 192.0.2.1 is a documentation address."""
    return unauthorized(
        "Unrecognised IP address 192.0.2.1; authorise it at https://app.brevo.com/security/authorised_ips"
    )


def too_many() -> BrevoError:
    """429. Its body is not documented; clients must not rely on this one."""
    return BrevoError(429, "too_many_requests", "Too many requests for this account")


def add_rate_headers(response: Response, verdict: Verdict | None) -> Response:
    """The three rate limit headers. `reset` is a duration in seconds, and there is no Retry-After."""
    if verdict is not None:
        response.headers += [
            ("x-sib-ratelimit-limit", str(verdict.limit)),
            ("x-sib-ratelimit-remaining", str(verdict.remaining)),
            ("x-sib-ratelimit-reset", str(verdict.reset)),
        ]
    return response
