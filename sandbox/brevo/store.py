"""The account's data: contacts with their unique identifiers, attributes, lists and folders.

Only storage and its invariants live here; which requests are legal is decided by the handlers. Callers hold
the sandbox lock. Contacts are immutable and replaced as a whole, so a snapshot of them never changes later.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sandbox.brevo.values import PHONE_IDENTIFIERS, Attribute, AttributeValue
from sandbox.messages import JsonObject, JsonValue
from sandbox.values import utc_text

FIRST_FOLDER_ID = 1
FIRST_LIST_ID = 2


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact. Times are Unix seconds; `email` is in lower case, None if there is only an ext_id."""

    id: int
    email: str | None
    created_at: float
    modified_at: float
    ext_id: str | None = None
    attributes: dict[str, AttributeValue] = field(default_factory=dict)
    list_ids: tuple[int, ...] = ()
    email_blacklisted: bool = False
    sms_blacklisted: bool = False

    def shown_attributes(self) -> dict[str, JsonValue]:
        """The attributes as an answer gives them: the ext_id comes along as EXT_ID."""
        shown: dict[str, JsonValue] = {}
        for name, value in self.attributes.items():
            shown[name] = [*value] if isinstance(value, list) else value
        if self.ext_id is not None:
            shown["EXT_ID"] = self.ext_id
        return shown

    def as_json(self) -> JsonObject:
        """The contact as `GET /contacts` and `GET /contacts/{identifier}` show it."""
        shown: JsonObject = {
            "id": self.id,
            "emailBlacklisted": self.email_blacklisted,
            "smsBlacklisted": self.sms_blacklisted,
            "whatsappBlacklisted": False,
            "createdAt": utc_text(self.created_at),
            "modifiedAt": utc_text(self.modified_at),
            "listIds": [*self.list_ids],
            "listUnsubscribed": [],
            "attributes": self.shown_attributes(),
        }
        if self.email is not None:
            shown["email"] = self.email
        return shown

    def identifiers(self) -> Iterator[tuple[str, str]]:
        """The (name, value) pairs that no other contact may have."""
        if self.email is not None:
            yield "email", self.email
        if self.ext_id is not None:
            yield "ext_id", self.ext_id
        for name in PHONE_IDENTIFIERS:
            value = self.attributes.get(name)
            if isinstance(value, str):
                yield name, value


@dataclass(slots=True)
class ContactList:
    """A list; `members` holds contact ids in the order of joining."""

    id: int
    name: str
    folder_id: int
    created_at: float
    members: dict[int, None] = field(default_factory=dict)


class Store:
    """Everything a fresh account has, and everything that was added."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.contacts: dict[int, Contact] = {}
        self.attributes: dict[str, Attribute] = {}
        self.lists: dict[int, ContactList] = {}
        self.folders: dict[int, str] = {}
        self._owner: dict[tuple[str, str], int] = {}
        self._last_id = 0
        #: Called with the contact before and after each change; None where there is none.
        self.on_change: Callable[[Contact | None, Contact | None], None] = lambda before, after: None
        self.reset()

    def reset(self) -> None:
        """A fresh account. Our own attributes are missing: creating them is the set-up command's work."""
        self.contacts.clear()
        self._owner.clear()
        self._last_id = 0
        self.attributes = {name: Attribute(name) for name in ("FIRSTNAME", "LASTNAME", "SMS")}
        self.folders = {FIRST_FOLDER_ID: "ScraperSky"}
        first_list = ContactList(FIRST_LIST_ID, "ScraperSky demo", FIRST_FOLDER_ID, self.now())
        self.lists = {FIRST_LIST_ID: first_list}

    def next_id(self) -> int:
        """An id that no contact has had."""
        return self._last_id + 1

    def owner(self, identifier: str, value: str) -> Contact | None:
        """Who holds this identifier."""
        contact_id = self._owner.get((identifier, value))
        return None if contact_id is None else self.contacts[contact_id]

    def taken(self, contact: Contact) -> list[str]:
        """The names of this contact's identifiers that belong to somebody else."""
        return [
            name for name, value in contact.identifiers() if self._owner.get((name, value), contact.id) != contact.id
        ]

    def put(self, contact: Contact) -> None:
        """Store a new or changed contact and keep identifiers and memberships in step."""
        before = self.contacts.get(contact.id)
        if before is not None:
            for identifier in before.identifiers():
                del self._owner[identifier]
            for list_id in set(before.list_ids).difference(contact.list_ids):
                self.lists[list_id].members.pop(contact.id, None)
        for identifier in contact.identifiers():
            self._owner[identifier] = contact.id
        for list_id in contact.list_ids:
            self.lists[list_id].members.setdefault(contact.id)
        self.contacts[contact.id] = contact
        self._last_id = max(self._last_id, contact.id)
        self.on_change(before, contact)

    def delete(self, contact: Contact) -> None:
        """Forget a contact, its block included: adding it again later makes it mailable (help centre)."""
        for identifier in contact.identifiers():
            del self._owner[identifier]
        for list_id in contact.list_ids:
            self.lists[list_id].members.pop(contact.id, None)
        del self.contacts[contact.id]
        self.on_change(contact, None)
