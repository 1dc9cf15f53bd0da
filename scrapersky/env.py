"""Typed reading of the environment: a blank means the default, and a typing error is named instead of guessed at."""

from __future__ import annotations

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()


def text(name: str, default: str = "") -> str:
    """The value without blanks around it."""
    return str(env.str(name, default="")).strip() or default


def flag(name: str, default: bool) -> bool:
    """true or false (yes, no, on, off, 1, 0). Raises ImproperlyConfigured for anything else."""
    match text(name).lower():
        case "":
            return default
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {text(name)!r}.")


def whole_number(name: str, default: int, *, least: int) -> int:
    """A whole number, `least` or more. Raises ImproperlyConfigured for anything else."""
    value = text(name) or str(default)
    if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value) >= least):
        raise ImproperlyConfigured(f"{name} must be a whole number, {least} or more, not {value!r}.")
    return int(value)


def number_above_zero(name: str, default: float) -> float:
    """A number above zero. Raises ImproperlyConfigured for anything else."""
    value = text(name) or str(default)
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < 1_000_000:
        raise ImproperlyConfigured(f"{name} must be a number above zero, not {value!r}.")
    return number


def words(name: str, default: list[str]) -> list[str]:
    """Values separated by commas."""
    return [word for part in text(name).split(",") if (word := part.strip())] or default


def pairs(name: str) -> dict[str, str]:
    """`A=B` pairs separated by commas; `A=` stands for an empty value. Raises ImproperlyConfigured for other text."""
    found: dict[str, str] = {}
    for part in words(name, []):
        key, equals, value = part.partition("=")
        if not (equals and key.strip()):
            raise ImproperlyConfigured(f"{name} must be pairs such as FIRSTNAME=PRENOM,SMS=, not {part!r}.")
        found[key.strip()] = value.strip()
    return found


def database(name: str, default: str) -> dict[str, Any]:
    """The address of a PostgreSQL or SQLite database as Django's settings for it.

    Raises ImproperlyConfigured for anything else, without repeating the address: it may hold a password.
    """
    address = text(name, default)
    if not address.startswith(("postgres://", "postgresql://", "sqlite:///", "sqlite://:memory:")):
        raise ImproperlyConfigured(
            f"{name} must be an address such as postgres://user:password@host:5432/name or sqlite:///db.sqlite3."
        )
    settings: dict[str, Any] = env.db_url_config(address)
    return settings
