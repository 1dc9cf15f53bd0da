"""What HubSpot's error bodies say, in plain words. Pure.

The interesting part is often JSON inside the message: `Property values were not valid: [{"name": …, "error": …}]`.
Every field may be missing. Source: https://developers.hubspot.com/docs/api-reference/error-handling
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

DOES_NOT_EXIST = "PROPERTY_DOESNT_EXIST"


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that is wrong. Each field may be empty."""

    name: str  # of a property
    code: str
    message: str

    def words(self) -> str:
        """ "email: Email address ada@ is invalid (INVALID_EMAIL)"."""
        named = f"{self.name}: {self.message}" if self.name and self.message else self.name or self.message
        return f"{named} ({self.code})".strip() if self.code else named


@dataclass(frozen=True, slots=True)
class Said:
    """An error body, read."""

    category: str = ""
    message: str = ""
    details: tuple[Detail, ...] = ()
    scopes: tuple[str, ...] = ()  # that the token would need
    policy: str = ""  # which limit was reached
    existing_id: str = ""  # of the contact that has the address already
    correlation_id: str = ""  # what HubSpot's support asks for

    def cleaned(self, clean: Callable[[str], str]) -> Said:
        """The same, each text made fit to store and to show."""
        details = (Detail(clean(one.name), clean(one.code), clean(one.message)) for one in self.details)
        return replace(
            self,
            category=clean(self.category),
            message=clean(self.message),
            details=tuple(details),
            scopes=tuple(map(clean, self.scopes)),
            correlation_id=clean(self.correlation_id),
        )

    @property
    def code(self) -> str:
        """The most telling of its codes."""
        return next((detail.code for detail in self.details if detail.code), self.category)

    @property
    def properties(self) -> list[str]:
        """The properties that something is wrong with."""
        return list(dict.fromkeys(detail.name for detail in self.details if detail.name))

    @property
    def refused(self) -> str:
        """ "email (INVALID_EMAIL)": what is not taken and why, without the value; "" where that is not all named."""
        if not all(detail.name and detail.code for detail in self.details):
            return ""
        return ", ".join(sorted({f"{detail.name} ({detail.code})" for detail in self.details}))

    @property
    def lacks_property(self) -> bool:
        """Does the account not have a property that we send? HubSpot need not say which."""
        return self.category == DOES_NOT_EXIST or any(detail.code == DOES_NOT_EXIST for detail in self.details)

    @property
    def missing_properties(self) -> list[str]:
        """The properties that the account does not have, as far as they are named."""
        named = (detail.name for detail in self.details if detail.code == DOES_NOT_EXIST and detail.name)
        return list(dict.fromkeys(named))


#: What a body says that is not HubSpot's.
NOTHING = Said()


def read(body: Any) -> Said:
    """An error body, or one entry of a 207's `errors`, of whatever form."""
    if not isinstance(body, dict):
        return NOTHING
    details: dict[tuple[str, str], Detail] = {}
    for detail in _details(body):
        details.setdefault((detail.name, detail.code), detail)
    message = _text(body, "message")
    existing = re.search(r"Existing ID: (\d+)", message)
    return Said(
        category=_text(body, "category") or _text(body, "errorType"),
        message="; ".join(detail.words() for detail in details.values()) or message,
        details=tuple(details.values()),
        scopes=tuple(dict.fromkeys(_scopes(body))),
        policy=_text(body, "policyName"),
        existing_id=existing[1] if existing else next(iter(_context(body, "existingId")), ""),
        correlation_id=_text(body, "correlationId"),
    )


def _details(body: dict[str, Any]) -> Iterator[Detail]:
    yield from _inside(_text(body, "message"))
    for error in _dicts(body.get("errors")):
        message, code = _text(error, "message"), _text(error, "code")
        inside = list(_inside(message))
        yield from inside
        named = _context(error, "propertyName")
        if named:
            yield from (Detail(name, code, message) for name in named)
        elif (message or code == DOES_NOT_EXIST) and not inside and not list(_scopes(error)):
            yield Detail("", code, message)


def _inside(message: str) -> Iterator[Detail]:
    """The details that sit as JSON inside a message."""
    start = message.find("[{")
    if start < 0:
        return
    try:
        found, _ = json.JSONDecoder().raw_decode(message, start)
    except (ValueError, RecursionError):
        return
    for item in _dicts(found):
        yield Detail(_text(item, "name"), _text(item, "error"), _text(item, "message"))


def _scopes(body: dict[str, Any]) -> Iterator[str]:
    for holder in (body, *_dicts(body.get("errors"))):
        for name in ("requiredGranularScopes", "requiredScopes", "missingScopes"):
            yield from _context(holder, name)


def _context(body: dict[str, Any], name: str) -> list[str]:
    """What the context says of something: a list of strings, by the specification."""
    context = body.get("context")
    found = context.get(name) if isinstance(context, dict) else None
    values = found if isinstance(found, list) else [found]
    return [str(value) for value in values if isinstance(value, str | int) and not isinstance(value, bool)]


def trace_ids(body: dict[str, Any]) -> list[str]:
    """Whom one entry of a 207's `errors` is about."""
    return _context(body, "objectWriteTraceId")


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
