"""Mautic's contact form: which values it takes and what it makes of them. Pure functions."""

import re

from sandbox.mautic.store import Field
from sandbox.messages import JsonValue

LONGEST_COLUMN = 191  # of text and lookup columns, whatever the field's own limit
LONGEST_EMAIL = 254

#: PHP's filter, roughly, and Mautic's ban on `^ & * %`.
_ADDRESS = re.compile(r"[A-Za-z0-9!#$'+/=?_`{|}~.-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}")
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9.!#$%&'*+/=?^_`{|}~@\[\]-]")
_URL = re.compile(r"https?://[^\s/?#]+\.[^\s/?#]+(?:[/?#]\S*)?", re.IGNORECASE)


def cleaned_email(value: JsonValue) -> str:
    """An address as Mautic keeps it: characters that none has are stripped first, so "a@b.c," matches "a@b.c"."""
    return _NOT_ALLOWED.sub("", str(value))[:LONGEST_EMAIL] if value is not None else ""


def problem(field: Field, value: JsonValue) -> str:
    """What the form says against a value; "" when it takes it."""
    text = str(value)
    if field.type == "email" and not _ADDRESS.fullmatch(text):
        return f"{text} is invalid."
    if field.type == "url" and not _URL.fullmatch(text):
        return "This value is not a valid URL."
    longest = field.length or LONGEST_COLUMN
    if field.type in ("text", "lookup", "email", "url", "tel") and len(text) > longest:
        return f"This value is too long. It should have {longest} characters or less."
    return ""


def is_blank(value: JsonValue) -> bool:
    """Does Mautic take the value for "nothing was sent"? A zero too never overwrites."""
    return value is None or value is False or value in ("", 0) or value == []
