"""Reading and checking the settings that every platform has under its own prefix: `BREVO_…`, `HUBSPOT_…`.

Most come from the environment alone. A few may be changed in the admin; what was chosen there wins (`chosen`), from
the next run on. The environment's must make sense in any case: one can go back to them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from curation_sdk.job import SyncPolicy
from curation_sdk.models import PlatformSettings

#: Most requests under way at once, whatever the rate: each takes a thread and a connection.
MOST_AT_ONCE = 64

#: Settings that are whole numbers, the least and the most that make sense. Outside of it a run would never end, never
#: begin, or not fit into the database.
NUMBERS = (
    ("CONCURRENCY", 0, MOST_AT_ONCE),
    ("SYNC_SCHEDULER_INTERVAL_MINUTES", 1, 10_080),
    ("SYNC_SCHEDULER_BATCH_SIZE", 1, 1_000),
    ("SYNC_SCHEDULER_MAX_INSTANCES", 1, 100),
    ("SYNC_MAX_RETRIES", 0, 1_000),
    ("SYNC_RETRY_DELAY_MINUTES", 1, 1_440),
)

_LOCAL = ("localhost", "127.0.0.1", "::1")

#: Seconds for which "is the platform on?" goes by what was read last: pages ask it for every platform, more than once.
REMEMBER = 1.0

#: The longest name of a field that can be meant.
LONGEST_NAME = 255

_remembered: tuple[float, dict[str, dict[str, Any]]] | None = None


def chosen(platform: str) -> dict[str, Any]:
    """What people chose in the admin for this platform, as it is now, by the setting's name."""
    stored = PlatformSettings.objects.filter(pk=platform).values_list("values", flat=True).first()
    return _usable(stored)


def values(names: Iterable[str], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of these names: as chosen, else the environment's."""
    return {name: chosen.get(name, getattr(settings, name)) for name in names}


def fault_in_force(platform: str, settings_fault: Callable[[Mapping[str, Any]], str]) -> str:
    """What `settings_fault` says of the environment's values, then of those chosen in the admin; "" for neither."""
    if fault := settings_fault({}):
        return fault
    fault = settings_fault(_recently_chosen(platform))
    return f"{fault} It was set in the admin, on the connection page." if fault else ""


def forget() -> None:
    """This process has changed what is chosen."""
    global _remembered
    _remembered = None


def _recently_chosen(platform: str) -> dict[str, Any]:
    """As `chosen`, up to REMEMBER seconds old."""
    global _remembered
    remembered = _remembered
    if remembered is None or time.monotonic() - remembered[0] > REMEMBER:
        found = {row.platform: _usable(row.values) for row in PlatformSettings.objects.all()}
        _remembered = remembered = (time.monotonic(), found)
    return remembered[1].get(platform, {})


def _usable(stored: Any) -> dict[str, Any]:
    """What can be used of a row, which somebody's plain SQL may have written: values of the environment's kind."""
    found = stored if isinstance(stored, dict) else {}
    return {name: value for name, value in found.items() if _is_like(value, getattr(settings, name, None))}


def _is_like(value: Any, environments: Any) -> bool:
    if isinstance(value, dict):
        return isinstance(environments, dict) and all(isinstance(one, str) for one in value.values())
    return isinstance(value, str) and isinstance(environments, str)


def policy(prefix: str) -> SyncPolicy:
    """How a platform's runs go, from its settings as they are now. prefix: "BREVO"."""
    return SyncPolicy(
        batch_size=_setting(prefix, "SYNC_SCHEDULER_BATCH_SIZE"),
        max_instances=_setting(prefix, "SYNC_SCHEDULER_MAX_INSTANCES"),
        max_retries=_setting(prefix, "SYNC_MAX_RETRIES"),
        retry_delay=timedelta(minutes=_setting(prefix, "SYNC_RETRY_DELAY_MINUTES")),
        retry_exponential=_setting(prefix, "SYNC_RETRY_EXPONENTIAL"),
        rate_per_second=_setting(prefix, "RATE_LIMIT_PER_SECOND"),
        concurrency=concurrency(prefix),
    )


def concurrency(prefix: str) -> int:
    """Requests under way at once: as set, or enough to keep the rate with answers that take a second."""
    wanted: int = _setting(prefix, "CONCURRENCY")
    return wanted or min(max(math.ceil(_setting(prefix, "RATE_LIMIT_PER_SECOND")), 2), MOST_AT_ONCE)


def interval(prefix: str) -> int:
    """Minutes between two runs of the schedule."""
    minutes: int = _setting(prefix, "SYNC_SCHEDULER_INTERVAL_MINUTES")
    return minutes


def numbers_fault(prefix: str, more: Iterable[tuple[str, int, int]] = ()) -> str:
    """The first number that makes no sense, as a sentence; "" when all do.

    more: numbers that only this platform has, in the form of NUMBERS.
    """
    if not 0 < _setting(prefix, "RATE_LIMIT_PER_SECOND") < math.inf:
        return f"{prefix}_RATE_LIMIT_PER_SECOND must be above 0."
    for name, least, most in (*NUMBERS, *more):
        if not least <= _setting(prefix, name) <= most:
            return f"{prefix}_{name} must lie between {least} and {most:,}."
    return ""


def renamed(ours: Iterable[str], changes: Mapping[str, str]) -> dict[str, str]:
    """Our names for what we send -> the account's: the same, but for `changes`. An empty name leaves one out."""
    names = {name: changes.get(name, name).strip() for name in ours}
    return {mine: theirs for mine, theirs in names.items() if theirs}


def renaming_fault(name: str, ours: Collection[str], changes: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """What is wrong with the changes in the setting, given the names that come of them; "" when nothing is."""
    if unknown := set(changes) - set(ours):
        return f"{name} names {', '.join(sorted(unknown))}, which we do not send."
    for mine, used in theirs.items():
        if not used.isprintable() or len(used) > LONGEST_NAME:
            return f"{name} must give {mine} a name of at most {LONGEST_NAME} characters, all of them visible."
    for used in theirs.values():
        if list(theirs.values()).count(used) > 1:
            return f"{name} sends two values as {used}."
    return ""


def address_fault(name: str, example: str) -> str:
    """What is wrong with the platform's address in the setting; "" when it can be meant."""
    return "" if is_base_url(getattr(settings, name)) else f"{name} must be an address such as {example}."


def is_base_url(text: str) -> bool:
    """Can paths be put behind it?"""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    # urlsplit drops tabs and line breaks; a log-in, a query or a fragment have no place in front of our paths.
    return usable and text.isprintable() and not any(character in text for character in " @?#")


def without_path(url: str) -> str:
    """The address for those who may not know its path: "https://n8n.example.com/…"."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{'/…' if parts.path.strip('/') else ''}"


def readable_by_others(url: str) -> bool:
    """Would a key and people's data travel readable for others?"""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOCAL


def secret_fault(name: str) -> str:
    """What is wrong with the key in the setting, without showing it; "" when it can be meant."""
    key: str = getattr(settings, name)
    if not key.isascii() or not key.isprintable() or " " in key:
        return f"{name} holds characters that no key has. Copy it again."
    return ""


def _setting(prefix: str, name: str) -> Any:
    return getattr(settings, f"{prefix}_{name}")
