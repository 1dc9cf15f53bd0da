"""People who were erased are not stored again, whatever they come in by: forms and the API ask here."""

from __future__ import annotations

from contacts.address_key import email_key
from contacts.suppression import erased_keys

ERASED_ADDRESS = "The person with this address asked to be forgotten, so it is not stored again."


def erased_fault(email: str | None, before: str | None = None) -> str:
    """Why the address must not be stored; "" when it may be. `before`: the one that stands there already."""
    key = email_key(email)
    if not key or key == email_key(before) or not erased_keys({key}):
        return ""
    return ERASED_ADDRESS
