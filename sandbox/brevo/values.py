"""Which addresses, phones and attribute values Brevo takes. Pure functions; nothing here knows an account."""

import math
import re
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from sandbox.brevo.errors import invalid
from sandbox.messages import JsonObject, JsonValue
from sandbox.values import is_number, is_whole

AttributeValue: TypeAlias = str | int | float | bool | list[str]

# Unique across contacts: help centre, "About contact attributes"; EMAIL and EXT_ID are handled on their own.
PHONE_IDENTIFIERS = ("SMS", "WHATSAPP", "LANDLINE_NUMBER")

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]")
# POST /contacts: digits with the country code, bare or after "+" or "00". A country code never starts with 0.
_PHONE = re.compile(r"(?:\+|00)?([1-9][0-9]{7,14})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Attribute:
    """A contact attribute as the account defines it."""

    name: str
    category: str = "normal"
    type: str = "text"
    enumeration: tuple[tuple[int, str], ...] = ()
    options: tuple[str, ...] = ()
    formula: str = ""

    def as_json(self) -> JsonObject:
        """How `GET /contacts/attributes` lists it; `type` is absent on category attributes there."""
        shown: JsonObject = {"name": self.name, "category": self.category}
        if self.category in ("normal", "transactional"):
            shown["type"] = self.type
        if self.enumeration:
            shown["enumeration"] = [{"value": value, "label": label} for value, label in self.enumeration]
        if self.options:
            shown["multiCategoryOptions"] = [*self.options]
        if self.formula:
            shown["calculatedValue"] = self.formula
        return shown


def clean_email(value: JsonValue) -> str:
    """An address in, its lower case out: Brevo matches addresses without regard to case. 400 if bad."""
    if not isinstance(value, str) or len(value) > 254:
        raise invalid("Invalid email address")
    local, at, domain = value.rpartition("@")
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise invalid("Invalid email address")
    return value.lower()


def clean_phone(name: str, value: JsonValue) -> str:
    """A phone for SMS, WHATSAPP or LANDLINE_NUMBER in, digits only out (POST /contacts). 400 if bad."""
    text = str(value) if is_whole(value) else value
    match = _PHONE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise invalid("Invalid WHATSAPP format" if name == "WHATSAPP" else "Invalid phone number")
    return match.group(1)


def clean_value(attribute: Attribute, value: JsonValue) -> AttributeValue | None:
    """The value to store, or None when its type does not fit: Brevo drops such values without a word."""
    if attribute.category == "category":
        return _enumerated(attribute, value)
    if attribute.category != "normal":
        return None  # calculated and global ones are computed, transactional ones belong to orders
    if attribute.type in ("text", "user"):
        return value if isinstance(value, str) else None
    if attribute.type == "boolean":
        return value if isinstance(value, bool) else None
    if attribute.type == "float":
        return _number(value)
    if attribute.type == "date":
        return _day(value)
    return _choices(attribute, value)


def _number(value: JsonValue) -> int | float | None:
    if not is_number(value):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _day(value: JsonValue) -> str | None:
    """YYYY-MM-DD, and a day that exists."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        date.fromisoformat(value)
    except ValueError:
        return None
    return value


def _enumerated(attribute: Attribute, value: JsonValue) -> int | None:
    """A category attribute takes the number or the label and keeps the number."""
    if isinstance(value, bool):
        return None
    for number, label in attribute.enumeration:
        if value in (number, label):
            return number
    return None


def _choices(attribute: Attribute, value: JsonValue) -> list[str] | None:
    """A multiple-choice attribute takes an array of known labels."""
    if not isinstance(value, list):
        return None
    known = [choice for choice in value if isinstance(choice, str) and choice in attribute.options]
    return known or None
