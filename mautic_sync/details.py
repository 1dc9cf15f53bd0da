"""Reading Mautic's answers, as PHP writes them. Pure.

Source: Mautic's `app/bundles/ApiBundle` (errors) and `app/bundles/LeadBundle` (contacts, "do not contact").
"""

from __future__ import annotations

from typing import Any

from curation_sdk.http import Answer

#: Reasons of a "do not contact" entry. 0 would lift one, so nothing here ever sends it.
UNSUBSCRIBED, BOUNCED, MANUAL = 1, 2, 3
REASONS = {UNSUBSCRIBED: "unsubscribed there", BOUNCED: "bounced", MANUAL: "set by hand"}


def contact_id(contact: dict[str, Any]) -> str:
    """The id in one of Mautic's contacts; "" when there is none."""
    number = contact.get("id")
    found = "" if isinstance(number, bool) or not isinstance(number, int | str) else str(number)
    return found if found.isascii() and found.isdigit() and len(found) < 19 else ""


def address_of(contact: dict[str, Any]) -> str:
    """The address in one of Mautic's contacts, from the flat fields of an answer; "" when there is none."""
    fields = contact.get("fields")
    everything = fields.get("all") if isinstance(fields, dict) else None
    address = everything.get("email") if isinstance(everything, dict) else None
    return address if isinstance(address, str) else ""


def blocked(contact: dict[str, Any]) -> str:
    """Why Mautic does not mail the contact, from its "do not contact" entries; "" when it does."""
    for entry in entries(contact.get("doNotContact")):
        if entry.get("channel") == "email":
            number = str(entry.get("reason", ""))
            reason = int(number) if number.isascii() and number.isdigit() else 0
            if reason:
                return f"Mautic does not mail this address: {REASONS.get(reason, 'blocked')}."
    return ""


def first_error(answer: Answer) -> dict[str, Any]:
    """Mautic's own words on what went wrong; empty when the answer is not Mautic's."""
    errors = answer.object.get("errors")
    first = next(iter(by_place(errors).values()), None)
    return first if isinstance(first, dict) else {}


def by_place(found: Any) -> dict[int, Any]:
    """PHP writes an array whose keys run from 0 without a gap as a list, any other as an object: both, by place."""
    if isinstance(found, list):
        return dict(enumerate(found))
    if not isinstance(found, dict):
        return {}
    return {int(key): value for key, value in found.items() if key.isascii() and key.isdigit()}


def entries(found: Any) -> list[dict[str, Any]]:
    """The objects in a list, or in an object by id."""
    listed = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return [one for one in listed if isinstance(one, dict)]


def text(said: Any) -> str:
    """A message, or a list of them."""
    if isinstance(said, list):
        return " ".join(map(text, said))
    return said if isinstance(said, str) else ""
