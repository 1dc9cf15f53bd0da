"""From a contact to its entry in `POST /api/contacts/batch/new`. Pure: no network, no database, no settings.

Source: Mautic's `app/bundles/LeadBundle/Controller/Api/LeadApiController.php`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from email_validator import EmailNotValidError, validate_email

from contacts.address_key import BLANKS
from contacts.person import crm_values, under_names
from mautic_sync.conf import MauticConfig

if TYPE_CHECKING:
    from contacts.models import Contact

#: What fresh installations of Mautic 5.1 and later take in a text field, e-mail and website included.
SHORT = 64

#: What only people read may be cut. An address, an id or the address of a page would be another one.
DISPLAY = ("firstname", "lastname", "company")


#: What PHP's FILTER_SANITIZE_EMAIL, through which Mautic puts an address, leaves in it. All else vanishes.
KEPT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-=?^_`{|}~@.[]")


@dataclass(frozen=True, slots=True)
class Payload:
    """One entry of a batch. `display`: the aliases (not our names) of what may be cut."""

    body: dict[str, Any]
    display: frozenset[str] = frozenset()

    def shortened(self, aliases: Collection[str]) -> Payload:
        """The entry with these values cut to what every Mautic takes."""
        cut = {alias: str(self.body[alias])[:SHORT].rstrip() for alias in aliases}
        return Payload({**self.body, **cut}, self.display)


def mautic_address(email: str | None) -> str:
    """The address as Mautic gets it: a domain with other letters in its ASCII form (IDNA)."""
    address = (email or "").strip(BLANKS)
    if address.isascii():
        return address
    local = address.rpartition("@")[0]
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        return address
    return f"{local}@{found.ascii_domain}"


def unsendable(email: str | None) -> str:
    """Why Mautic cannot be given this address; "" when it can.

    Mautic takes out what it does not allow and then looks for whose address the rest is: somebody else's.
    Source: `InputHelper::email` in `app/bundles/CoreBundle/Helper/InputHelper.php`.
    """
    lost = "".join(dict.fromkeys(letter for letter in mautic_address(email) if letter not in KEPT))
    if not lost:
        return ""
    return f'Mautic leaves out "{lost}" in this address, which makes it that of another person. Nothing was sent.'


def contact_payload(contact: Contact, config: MauticConfig) -> Payload:
    """What we send of one contact, who must have an address: without one Mautic makes a new contact every time.

    Absent values are not sent; blanks would not overwrite anyway. Never sent: `doNotContact`, since reason 0 lifts a
    block, and `id`, `owner`, `stage` and `tags`, which belong to the people who work in Mautic.
    """
    body = {"email": mautic_address(contact.email), **under_names(crm_values(contact), config.fields)}
    display = frozenset(config.fields[name] for name in DISPLAY if name in config.fields)
    return Payload(body, display)
