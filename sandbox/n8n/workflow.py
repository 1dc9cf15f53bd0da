"""What the stand-in's workflow is set to do, and what it has received."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.messages import JsonObject, JsonValue
from sandbox.settings import COUNT, FLAG, SECONDS, TEXT, Kind, one_of

DEFAULT_SECRET = "sandbox-n8n-secret"  # noqa: S105 - the stand-in's, known to everybody
PATH = "scrapersky-contact"

#: How the Webhook node answers: at once; by a "Respond to Webhook" node (202); with the last node's item.
MODES = ("onReceived", "responseNode", "lastNode")
STATUSES = ("complete", "partial", "failed")


def _is_http_or_empty(value: JsonValue) -> bool:
    """Nothing, or an address that can be called."""
    if not isinstance(value, str):
        return False
    return not value or (urlsplit(value).scheme in ("http", "https") and bool(urlsplit(value).hostname))


#: What `POST /_sandbox/settings` can change.
SETTINGS = {
    "n8n_secret": TEXT,
    "n8n_mode": one_of(*MODES),
    "n8n_active": FLAG,
    "n8n_starting_seconds": SECONDS,
    "n8n_development": FLAG,
    "n8n_workflow_fails": FLAG,
    "n8n_payload_limit": COUNT,
    "n8n_callback_url": Kind("empty or an http address", _is_http_or_empty),
    "n8n_callback_delay_seconds": SECONDS,
    "n8n_callback_copies": COUNT,
    "n8n_callback_status": one_of(*STATUSES),
    "n8n_retry_wait_seconds": SECONDS,
}


@dataclass(frozen=True, slots=True)
class Workflow:
    """The settings, without "n8n_" in front.

    `secret`: header authentication, none when empty; also what is sent back.
    `active`: an inactive workflow is 404.
    `starting_seconds`: 404 for so long, from when it is set, while the readiness probe says 200 already.
    `development`: error bodies hold a stack trace.
    `workflow_fails`: a node fails; only mode lastNode tells.
    `payload_limit`: bytes.
    `callback_url`: where to call back; nowhere when empty.
    `callback_copies`: how often each callback is made; 0: it is lost.
    """

    secret: str = DEFAULT_SECRET
    mode: str = "onReceived"
    active: bool = True
    starting_seconds: float = 0.0
    development: bool = False
    workflow_fails: bool = False
    payload_limit: int = 16 * 1024 * 1024
    callback_url: str = ""
    callback_delay_seconds: float = 0.05
    callback_copies: int = 1
    callback_status: str = "complete"
    retry_wait_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of the workflow. `body` is what later nodes see as `$json.body`."""

    id: int
    body: JsonObject
    received: float

    @property
    def email(self) -> str:
        """Whom it is about; "" when the body does not say."""
        return self.text("email")

    def text(self, name: str) -> str:
        """A value of the body as text; "" when there is none."""
        value = self.body.get(name)
        return value if isinstance(value, str) else ""
