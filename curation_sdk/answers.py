"""Reading what platforms answer: the parts that are the same for all of them."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

from curation_sdk.backoff import bounded
from curation_sdk.http import Answer
from curation_sdk.outcomes import Evidence, Throttled
from curation_sdk.wording import count_of

#: Status codes that say "not now": the request may be repeated. 425 was seen while Brevo still works on the account;
#: 52x come from the networks in front of a platform.
TRANSIENT = {408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524}


class PlatformError(Exception):
    """A platform did not do what was asked, for a reason that concerns this one request.

    `reason` is for people and names the status and the platform's own words. `transient`: it may work later.
    """

    def __init__(self, reason: str, evidence: Evidence, *, transient: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.evidence = evidence
        self.transient = transient


def quoted(message: str) -> str:
    """The platform's words within a sentence of ours."""
    return f'"{message}"' if message else "without a message"


def in_trouble(label: str, status: int, message: str) -> str:
    """The sentence for a status that says "not now"; "" for any other."""
    if status in (408, 425):
        return f"{label} is not ready for it yet ({status}): {quoted(message)}."
    if status in TRANSIENT or status >= 500:
        return f"{label} is in trouble ({status}): {quoted(message)}."
    return ""


def slow_down(label: str, wish: timedelta, seen: Evidence, *, longest: timedelta, otherwise: timedelta) -> Throttled:
    """What a 429 means. wish: how long the platform wants us to wait; without one (zero), `otherwise`."""
    wait = bounded(wish, longest=longest, otherwise=otherwise)
    return Throttled(wait, f"{label} asked us to slow down (429) for {count_of(wait.seconds, 'second')}.", seen)


def retry_after(answer: Answer) -> timedelta:
    """The header of that name; zero when there is none, or when it is a date."""
    return timedelta(seconds=header_number(answer, "retry-after") or 0)


def redirected(label: str, status: int, setting: str) -> str:
    """The sentence for a redirect; "" for any other status. None is followed: it would take the key and a person's
    data to another place."""
    if not 300 <= status < 400:
        return ""
    return f"{label} answered with a redirect ({status}), which its API never does. Check {setting}."


def header_number(answer: Answer, name: str) -> int | None:
    """A header that is a whole number; None when it is missing or anything else."""
    text = answer.headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def without_markup(text: str) -> str:
    """The words of an HTML page: what an edge server sends instead of JSON."""
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())[:200]
