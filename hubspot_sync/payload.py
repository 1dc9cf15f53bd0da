"""From contacts to the body of HubSpot's batch upsert. Pure: no network, no database, no settings.

Source: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from contacts.address_key import BLANKS
from contacts.person import crm_values, under_names
from hubspot_sync.conf import HubSpotConfig

if TYPE_CHECKING:
    from contacts.models import Contact


One = TypeVar("One")

#: Contacts in one batch; HubSpot refuses a longer one as a whole.
MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Parcel:
    """One contact as it is sent. `trace_id` comes back with its answer, and tells whose answer it is."""

    trace_id: str
    email: str
    properties: dict[str, str]

    def without(self, name: str) -> Parcel:
        """The same without one property (by the account's name)."""
        properties = {ours: value for ours, value in self.properties.items() if ours != name}
        return Parcel(self.trace_id, self.email, properties)


def parcel(contact: Contact, config: HubSpotConfig, *, today: date, mark: str) -> Parcel:
    """What is sent of one contact, who must have an address. `mark` tells the trace ids of one run from another's.

    HubSpot takes strings only. Absent values are not sent: "" would blank what the account has. Never sent is what
    `properties.NEVER_SENT` lists.
    """
    values: dict[str, str | bool | None] = {name: _text(value) for name, value in crm_values(contact).items()}
    values["scrapersky_sync_date"] = today.isoformat()
    properties = under_names(values, config.properties)
    return Parcel(f"{contact.pk}-{mark}", (contact.email or "").strip(BLANKS), properties)


def _text(value: str | bool | None) -> str | None:
    return str(value).lower() if isinstance(value, bool) else value


def upsert_body(parcels: Iterable[Parcel]) -> dict[str, Any]:
    """The body of one batch upsert."""
    return {
        "inputs": [
            {
                "idProperty": "email",
                "id": one.email,
                "objectWriteTraceId": one.trace_id,
                "properties": {"email": one.email, **one.properties},
            }
            for one in parcels
        ]
    }


def apart(sent: Iterable[One], address: Callable[[One], str]) -> list[list[One]]:
    """Groups in none of which two addresses are the same to HubSpot: it refuses such a request as a whole.

    HubSpot lowers every letter; we compare addresses with A to Z lowered only, so two people of ours may be one there.
    """
    requests: list[list[One]] = []
    times: dict[str, int] = {}
    for one in sent:
        key = address(one).lower()
        place = times.get(key, 0)
        times[key] = place + 1
        if place == len(requests):
            requests.append([])
        requests[place].append(one)
    return requests
