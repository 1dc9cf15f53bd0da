"""The installation behind the API: who may log in, which switches are on, and its data.

Callers hold the sandbox lock.
"""

import base64
import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.limits import Bucket, Clock, Window
from sandbox.mautic.errors import MauticError, forbidden
from sandbox.mautic.store import Store
from sandbox.mautic.webhooks import as_php_writes_it, deliver
from sandbox.messages import BadRequest, JsonObject, Request, Response, json_response, parse_form
from sandbox.settings import FLAG, ONE_OR_MORE, OPTIONAL_LIMIT, TEXT

DEFAULT_USERNAME = "sandbox"
DEFAULT_PASSWORD = "sandbox-mautic-password"  # noqa: S105 - of a stand-in
DEFAULT_CLIENT_ID = "1_sandboxclient"
DEFAULT_CLIENT_SECRET = "sandbox-mautic-client-secret"  # noqa: S105 - of a stand-in
BATCH_LIMIT = 200  # api_batch_max_limit
CORE_LENGTH = 64  # what fresh installations of 5.1 and later give to the core fields
SECONDS_PER_HOUR = 3600

#: What `POST /_sandbox/settings` can change.
SETTINGS = {
    "mautic_username": TEXT,
    "mautic_password": TEXT,
    "mautic_client_id": TEXT,
    "mautic_client_secret": TEXT,
    "mautic_api_enabled": FLAG,
    "mautic_basic_auth_enabled": FLAG,
    "mautic_token_calls": OPTIONAL_LIMIT,
    "mautic_hourly_limit": OPTIONAL_LIMIT,
    "mautic_batch_limit": ONE_OR_MORE,
    "mautic_core_length": ONE_OR_MORE,
    "mautic_with_type": FLAG,
    "mautic_https_only": FLAG,
    "mautic_may_create": FLAG,
    "mautic_may_segment": FLAG,
    "mautic_may_read_fields": FLAG,
    "mautic_crash_at": TEXT,
    "mautic_version": TEXT,
    "mautic_webhook_url": TEXT,
    "mautic_webhook_secret": TEXT,
}


@dataclass(frozen=True, slots=True)
class Switches:
    """The settings, without "mautic_" in front.

    `token_calls`: a token is good for so many calls; None for ever. `hourly_limit`: api_rate_limiter_limit, None for
    none. `with_type`: do errors hold `type`? `https_only`: plain requests are redirected, as with an https `site_url`.
    `may_create`, `may_segment`, `may_read_fields`: permissions of the role. `crash_at`: an address at which PHP gives
    up in the middle of a request. `webhook_url`: where opt-outs and deletions are reported, signed with
    `webhook_secret`.
    """

    username: str = DEFAULT_USERNAME
    password: str = DEFAULT_PASSWORD
    client_id: str = DEFAULT_CLIENT_ID
    client_secret: str = DEFAULT_CLIENT_SECRET
    api_enabled: bool = True
    basic_auth_enabled: bool = True
    token_calls: int | None = None
    hourly_limit: int | None = None
    batch_limit: int = BATCH_LIMIT
    core_length: int = CORE_LENGTH
    with_type: bool = True
    https_only: bool = False
    may_create: bool = True
    may_segment: bool = True
    may_read_fields: bool = True
    crash_at: str = ""
    version: str = "5.2.1"
    webhook_url: str = ""
    webhook_secret: str = ""


class Account:
    """One Mautic installation."""

    def __init__(self, switches: Switches, clock: Clock, now: Callable[[], float]) -> None:
        self.switches = switches
        self.store = Store(now, switches.core_length)
        self.tokens: dict[str, int] = {}  # token -> calls made with it
        self._tokens_given = 0
        self._clock = clock
        self.restart_limits()

    def restart_limits(self) -> None:
        """Apply a changed limit. Starts counting anew."""
        limit = self.switches.hourly_limit
        self.bucket = Bucket([] if limit is None else [Window(limit, SECONDS_PER_HOUR)], self._clock)

    def reset(self) -> None:
        """A fresh installation; log-ins and switches stay."""
        self.store.reset()
        self.tokens.clear()
        self.restart_limits()

    def check_access(self, headers: dict[str, str]) -> None:
        """Raise the error of a switched-off API, of a wrong log-in or of a token that is bad or used up."""
        if not self.switches.api_enabled:
            raise forbidden("api_disabled", "API is not enabled.")
        kind, _, credentials = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            self._check_token(credentials.strip())
        elif not self.switches.basic_auth_enabled:
            raise forbidden("access_denied", "API authorization denied.")
        elif kind.lower() != "basic" or not self._may_log_in(credentials.strip()):
            raise denied()

    def give_token(self, request: Request) -> Response:
        """`POST /oauth/v2/token`, form-encoded, with the client credentials grant."""
        try:
            form = parse_form(request.body)
        except BadRequest:
            form = {}
        same = (form.get("client_id"), form.get("client_secret")) == (
            self.switches.client_id,
            self.switches.client_secret,
        )
        if not same:
            return _oauth_error("invalid_client", "The client credentials are invalid")
        if form.get("grant_type") != "client_credentials":
            return _oauth_error("unsupported_grant_type", "Grant type is not supported.")
        self._tokens_given += 1
        token = f"sandbox-token-{self._tokens_given:04d}-{'x' * 64}"
        self.tokens[token] = 0
        answer: JsonObject = {"access_token": token, "expires_in": 3600, "token_type": "bearer", "scope": None}
        return json_response(200, answer)

    def report(self, event: JsonObject) -> None:
        """Deliver a webhook, if one is set up; in a thread of its own, for the receiver may ask us something."""
        if self.switches.webhook_url:
            arguments = (self.switches.webhook_url, as_php_writes_it(event), self.switches.webhook_secret)
            threading.Thread(target=deliver, args=arguments, name="mautic-webhook", daemon=True).start()

    def _check_token(self, token: str) -> None:
        used, most = self.tokens.get(token), self.switches.token_calls
        if used is None or (most is not None and used >= most):
            self.tokens.pop(token, None)
            raise expired()
        self.tokens[token] = used + 1

    def _may_log_in(self, credentials: str) -> bool:
        wanted = base64.b64encode(f"{self.switches.username}:{self.switches.password}".encode())
        return hmac.compare_digest(credentials.encode(), wanted)


def denied() -> MauticError:
    """401 for a wrong user or password."""
    return MauticError(401, "API authorization denied.", kind="access_denied")


def expired() -> MauticError:
    """401 for a token that is bad or has expired."""
    return MauticError(401, "The access token provided has expired.", kind="invalid_grant")


def _oauth_error(kind: str, message: str) -> Response:
    """400 at the token's address."""
    return MauticError(400, message, kind=kind).response()
