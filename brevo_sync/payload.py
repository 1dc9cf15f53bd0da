"""From a contact to the body of Brevo's `POST /contacts`. Pure: no network, no database, no settings.

Source: https://developers.brevo.com/reference/createcontact
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brevo_sync.conf import BrevoConfig
from contacts.address_key import BLANKS
from contacts.person import crm_values, under_names
from contacts.phones import read_phone

if TYPE_CHECKING:
    from contacts.models import Contact


@dataclass(frozen=True, slots=True)
class Payload:
    """A request body, and what had to be left out of it, for people."""

    body: dict[str, Any]
    warning: str = ""

    def without(self, attribute: str) -> dict[str, Any]:
        """The body without one attribute (by the account's name)."""
        attributes = {name: value for name, value in self.body["attributes"].items() if name != attribute}
        return {**self.body, "attributes": attributes}


def contact_payload(contact: Contact, config: BrevoConfig) -> Payload:
    """The upsert of one contact, who must have an address.

    Absent values are not sent, so that nothing in Brevo is blanked. `emailBlacklisted` and `ext_id` are never sent:
    a block belongs to the person, and an existing record may belong to somebody else's form.
    """
    phone, warning = _e164(contact.phone_number, config.phone_region)
    values = {name.removeprefix("scrapersky_").upper(): value for name, value in crm_values(contact).items()}
    attributes = under_names({**values, "SMS": phone}, config.attributes)
    body: dict[str, Any] = {
        "email": (contact.email or "").strip(BLANKS),
        "attributes": attributes,
        "updateEnabled": True,
    }
    if config.list_id is not None:
        body["listIds"] = [config.list_id]
    return Payload(body, warning if "SMS" in config.attributes else "")


def _e164(phone: str | None, region: str) -> tuple[str | None, str]:
    """The number as Brevo takes it for SMS (E.164), or None and the reason why there is none.

    Brevo refuses a whole contact for a phone that it cannot read, so only sure numbers are sent. An extension is
    dropped: Brevo takes none.
    """
    read = read_phone(phone, region)
    hint = " BREVO_PHONE_REGION would help with national numbers." if read.national else ""
    return read.number, f"{read.oddity}; sent without SMS.{hint}" if read.oddity else ""
