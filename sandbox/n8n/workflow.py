"""What the stand-in's workflow is set to do, and what it has received."""

import math
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from sandbox.messages import JsonObject, JsonValue

DEFAULT_SECRET = "sandbox-n8n-secret"  # noqa: S105 - the stand-in's, known to everybody
PATH = "scrapersky-contact"

#: How the Webhook node answers: at once; by a "Respond to Webhook" node (202); with the last node's item.
MODES = ("onReceived", "responseNode", "lastNode")
STATUSES = ("complete", "partial", "failed")


@dataclass(slots=True)
class Workflow:
    """The settings of the stand-in, by the names of `POST /_sandbox/settings` without `n8n_`.

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

    def as_settings(self) -> JsonObject:
        """The values by their full names."""
        return {f"n8n_{one.name}": getattr(self, one.name) for one in fields(self)}


def checked(settings: JsonObject) -> Workflow:
    """A workflow with these settings (all of them, by their full names). ValueError says what is wrong."""
    values = {name.removeprefix("n8n_"): value for name, value in settings.items()}
    for one in fields(Workflow):
        if not _fits(values[one.name], one.default):
            raise ValueError(f"n8n_{one.name} must be {_wanted(one.default)}")
    if values["mode"] not in MODES:
        raise ValueError(f"n8n_mode must be one of {', '.join(MODES)}")
    if values["callback_status"] not in STATUSES:
        raise ValueError(f"n8n_callback_status must be one of {', '.join(STATUSES)}")
    url = str(values["callback_url"])
    if url and not (urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname):
        raise ValueError("n8n_callback_url must be empty or an http address")
    return Workflow(**values)  # type: ignore[arg-type]  # checked above


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


def _fits(value: JsonValue, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, str):
        return isinstance(value, str)
    if isinstance(default, int):
        return isinstance(value, int) and 0 <= value <= 1_000_000_000
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= 3600


def _wanted(default: object) -> str:
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, str):
        return "text"
    return "a whole number, 0 or more" if isinstance(default, int) else "a number of seconds from 0 to 3600"
