"""The account's data: contacts with their unique addresses, and the properties a contact may have.

Only storage and its invariants live here. Callers hold the sandbox lock. Contacts are immutable and replaced as a
whole, so a snapshot of them never changes later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.messages import JsonObject
from sandbox.values import utc_text

#: Ids are numbers beyond 32 bits, as strings: a client must not take them for ints.
FIRST_ID = 176_557_805_001


@dataclass(frozen=True, slots=True)
class Property:
    """A property that contacts may have. `options` are an enumeration's internal names."""

    name: str
    type: str = "string"
    field_type: str = "text"
    label: str = ""
    group: str = "contactinformation"
    options: tuple[str, ...] = ()
    read_only: bool = False
    ours: bool = False  # made by a client, not by HubSpot

    def as_json(self) -> JsonObject:
        """The property as `GET …/properties/contacts` shows it."""
        return {
            "name": self.name,
            "label": self.label or self.name,
            "type": self.type,
            "fieldType": self.field_type,
            "groupName": self.group,
            "options": [{"label": option, "value": option} for option in self.options],
            "hubspotDefined": not self.ours,
            "modificationMetadata": {"readOnlyValue": self.read_only},
        }


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact. Times are Unix seconds; `email`, in lower case, is None when there is only a name."""

    id: str
    email: str | None
    created_at: float
    updated_at: float
    properties: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> JsonObject:
        """The contact as every answer shows it: all its properties, as strings."""
        shown: JsonObject = {
            **self.properties,
            "hs_object_id": self.id,
            "createdate": utc_text(self.created_at),
            "lastmodifieddate": utc_text(self.updated_at),
        }
        return {
            "id": self.id,
            "properties": shown,
            "createdAt": utc_text(self.created_at),
            "updatedAt": utc_text(self.updated_at),
            "archived": False,
        }


_TEXTS = "firstname lastname phone mobilephone fax jobtitle company website address city state zip country message"
_BOUNCES = ("UNKNOWN_USER", "MAILBOX_FULL", "CONTENT", "POLICY", "OTHER")
_STAGES = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer")


def _fresh_properties() -> dict[str, Property]:
    """What every account has. The custom ones are missing: creating them is the set-up command's work."""
    made = [Property("email"), *(Property(name) for name in _TEXTS.split())]
    made.append(Property("lifecyclestage", "enumeration", "radio", options=_STAGES))
    made.append(Property("hs_email_optout", "bool", "booleancheckbox"))
    made.append(Property("hs_email_hard_bounce_reason_enum", "enumeration", "select", options=_BOUNCES))
    made += [Property(name, read_only=True) for name in ("hs_object_id", "hs_additional_emails")]
    made += [Property(name, "datetime", "date", read_only=True) for name in ("createdate", "lastmodifieddate")]
    return {one.name: one for one in made}


class Store:
    """Everything a fresh account has, and everything that was added."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.contacts: dict[str, Contact] = {}
        self.archived: dict[str, Contact] = {}
        self.properties: dict[str, Property] = {}
        #: Addresses that were to be deleted for good and that nobody had.
        self.blocklist: set[str] = set()
        self._by_email: dict[str, str] = {}
        self._last_id = 0
        self.reset()

    def reset(self) -> None:
        """A fresh account."""
        self.contacts.clear()
        self.archived.clear()
        self.blocklist.clear()
        self._by_email.clear()
        self._last_id = FIRST_ID - 1
        self.properties = _fresh_properties()

    def by_email(self, email: str) -> Contact | None:
        """Who has this address, letter case and blanks around it aside."""
        contact_id = self._by_email.get(address_key(email))
        return None if contact_id is None else self.contacts[contact_id]

    def create(self, properties: dict[str, str]) -> Contact:
        """A new contact with these properties, which nobody else's address is among."""
        self._last_id += 1
        now = self.now()
        return self._put(Contact(str(self._last_id), None, now, now), properties)

    def update(self, contact: Contact, properties: dict[str, str]) -> Contact:
        """The contact with these properties changed; "" clears one. What is not named stays."""
        return self._put(contact, properties)

    def _put(self, before: Contact, changes: dict[str, str]) -> Contact:
        properties = {name: value for name, value in {**before.properties, **changes}.items() if value}
        email = address_key(properties["email"]) if "email" in properties else None
        if email is not None:
            properties["email"] = email
        after = Contact(before.id, email, before.created_at, self.now(), properties)
        if before.email is not None:
            self._by_email.pop(before.email, None)
        if email is not None:
            self._by_email[email] = after.id
        self.contacts[after.id] = after
        return after

    def delete(self, contact: Contact) -> None:
        """Archive a contact: its address is free again."""
        if contact.email is not None:
            del self._by_email[contact.email]
        del self.contacts[contact.id]
        self.archived[contact.id] = contact

    def purge(self, contact: Contact) -> None:
        """Delete a contact for good."""
        self.delete(contact)
        del self.archived[contact.id]


def address_key(email: str) -> str:
    """The form in which HubSpot keeps and compares addresses."""
    return email.strip().lower()
