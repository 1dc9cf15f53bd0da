"""Faults on demand: what goes wrong, how often, and for whom. What each answers is in `app.py`."""

import random
from dataclasses import dataclass, field

from sandbox.messages import BadRequest, JsonObject, JsonValue, Request, split_path
from sandbox.values import is_number, is_whole

KINDS = (
    "500",
    "502_html",
    "503",
    "425",
    "429",
    "401",
    "401_ip",
    "403_html",
    "524_html",
    "truncated_json",
    "empty_200",
    "garbage_200",
    "reset",
    "hang",
    "redirect",
    "lost_answer",
)
#: HubSpot's own. From another platform they come out as a 500.
HUBSPOT_KINDS = ("423", "429_daily", "429_secondly", "477")

_FIELDS = ("kind", "times", "share", "seed", "path", "email", "seconds", "reset_after")
_LONGEST_HANG = 3600.0


@dataclass(slots=True)
class Fault:
    """One fault.

    `times`: how often it strikes; None for ever. `share`: the part of matching requests it strikes, drawn
    from a generator started with `seed`, so that a run can be repeated. `path`: a prefix of the full path or
    of the path below the platform's base URL. `email`: only requests that name this address, in path or body.
    `seconds`: how long a hang lasts. `reset_after`: what a 429 says in its reset header.
    """

    kind: str
    times: int | None = None
    share: float = 1.0
    seed: int | None = None
    path: str = ""
    email: str = ""
    seconds: float = 30.0
    reset_after: int = 1
    fired: int = 0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.kind not in (known := KINDS + HUBSPOT_KINDS):
            raise ValueError(f"kind must be one of {', '.join(known)}")
        if self.times is not None and self.times < 1:
            raise ValueError("times must be 1 or more, or null")
        if not 0 <= self.share <= 1:
            raise ValueError("share must lie between 0 and 1")
        if not 0 <= self.seconds <= _LONGEST_HANG:
            raise ValueError("seconds must lie between 0 and 3600")
        self._random = random.Random(self.seed)  # noqa: S311 - a die for tests, no secret

    def strikes(self, request: Request, relative_path: str) -> bool:
        """Does this fault hit this request? Counts the hit."""
        if self.times is not None and self.fired >= self.times:
            return False
        if not (request.path.startswith(self.path) or relative_path.startswith(self.path)):
            return False
        if self.email and not _mentions(request, self.email.lower()):
            return False
        if self.share < 1 and self._random.random() >= self.share:
            return False
        self.fired += 1
        return True

    def as_json(self) -> JsonObject:
        """How `GET /_sandbox/state` shows it."""
        return {
            "kind": self.kind,
            "times": self.times,
            "share": self.share,
            "path": self.path,
            "email": self.email,
            "fired": self.fired,
        }


class Faults:
    """The faults in force; the first that matches strikes. Callers hold the sandbox lock."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put one more fault in force, behind those already there."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Let everything work again."""
        self._faults.clear()

    def pick(self, request: Request, relative_path: str) -> Fault | None:
        """The fault that hits this request, if any."""
        for fault in self._faults:
            if fault.strikes(request, relative_path):
                return fault
        return None

    def all(self) -> list[Fault]:
        """The faults in force, used-up ones included, so that `fired` stays readable."""
        return list(self._faults)


def fault_from_json(value: JsonValue) -> Fault:
    """The body of `POST /_sandbox/faults` in, a Fault out. Raises BadRequest that says what is wrong."""
    if not isinstance(value, dict):
        raise BadRequest(400, "Send a JSON object with at least a kind")
    unknown = sorted(set(value) - set(_FIELDS))
    if unknown:
        raise BadRequest(400, f"Unknown fields: {', '.join(unknown)}. Known: {', '.join(_FIELDS)}")
    times = value.get("times")
    try:
        return Fault(
            kind=str(value.get("kind", "")),
            times=None if times is None else _whole(value, "times", 1),
            share=_number(value, "share", 1.0),
            seed=None if value.get("seed") is None else _whole(value, "seed", 0),
            path=_text(value, "path"),
            email=_text(value, "email"),
            seconds=_number(value, "seconds", 30.0),
            reset_after=_whole(value, "reset_after", 1),
        )
    except (ValueError, OverflowError) as error:
        raise BadRequest(400, str(error)) from error


def _whole(value: JsonObject, name: str, default: int) -> int:
    number = value.get(name, default)
    if not is_whole(number):
        raise ValueError(f"{name} must be a whole number")
    return number


def _number(value: JsonObject, name: str, default: float) -> float:
    number = value.get(name, default)
    if not is_number(number):
        raise ValueError(f"{name} must be a number")
    return float(number)


def _text(value: JsonObject, name: str) -> str:
    text = value.get(name, "")
    if not isinstance(text, str):
        raise ValueError(f"{name} must be text")
    return text


def _mentions(request: Request, address: str) -> bool:
    """Does a part of the path or any text in the body equal this address (letter case aside)?"""
    try:
        waiting: list[JsonValue] = [request.json(), *split_path(request.path)]
    except BadRequest:
        return False
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and value.lower() == address:
            return True
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False
