"""The installation's data: contacts, fields and segments. Callers hold the sandbox lock.

Contacts are immutable and replaced as a whole, so a snapshot of them never changes later.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox.messages import JsonObject, JsonValue

FIRST_SEGMENT_ID = 1

UNSUBSCRIBED, BOUNCED, MANUAL = 1, 2, 3
STATUS_NAMES = {UNSUBSCRIBED: "unsubscribed", BOUNCED: "bounced", MANUAL: "manual"}


@dataclass(frozen=True, slots=True)
class Field:
    """A contact field. `length` is the field's own limit, 0 for none."""

    id: int
    alias: str
    label: str
    type: str = "text"
    group: str = "core"
    length: int = 0

    def as_json(self) -> JsonObject:
        """How the field lists show it: without its length."""
        return {"id": self.id, "alias": self.alias, "label": self.label, "type": self.type, "group": self.group}


@dataclass(frozen=True, slots=True)
class DoNotContact:
    """An entry that keeps a channel from being used."""

    id: int
    reason: int
    channel: str = "email"
    comments: str = ""

    def as_json(self) -> JsonObject:
        """How `doNotContact` shows it."""
        return {
            "id": self.id,
            "reason": self.reason,
            "comments": self.comments,
            "channel": self.channel,
            "channelId": None,
        }


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact. Times are Unix seconds. Without an address it is anonymous."""

    id: int
    created_at: float
    modified_at: float
    values: dict[str, JsonValue] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    segment_ids: tuple[int, ...] = ()
    blocks: tuple[DoNotContact, ...] = ()

    @property
    def email(self) -> str:
        """The address as it is kept; "" without one."""
        return str(self.values.get("email") or "")

    @property
    def blocked(self) -> bool:
        """Is e-mail closed?"""
        return any(entry.channel == "email" for entry in self.blocks)


@dataclass(slots=True)
class Segment:
    """A segment; `members` holds contact ids in the order of joining."""

    id: int
    name: str
    alias: str
    members: dict[int, None] = field(default_factory=dict)

    def as_json(self) -> JsonObject:
        """How the segment list shows it."""
        return {"id": self.id, "name": self.name, "alias": self.alias, "isPublished": True, "description": None}


#: The core fields of a fresh installation that clients of ours may write to.
_TEXTS = ("firstname", "lastname", "position", "city", "zipcode", "address1", "address2", "fax")
_CORE = {
    "title": "lookup",
    "company": "lookup",
    **dict.fromkeys(_TEXTS, "text"),
    "email": "email",
    "mobile": "tel",
    "phone": "tel",
    "points": "number",
    "country": "country",
    "website": "url",
    "linkedin": "text",
}


class Store:
    """Everything a fresh installation has, and everything that was added."""

    def __init__(self, now: Callable[[], float], core_length: int) -> None:
        self.now = now
        self.core_length = core_length
        self.contacts: dict[int, Contact] = {}
        self.fields: dict[str, Field] = {}
        self.segments: dict[int, Segment] = {}
        self._by_email: dict[str, int] = {}
        self._last_id = 0
        self._last_block = 0
        self.reset()

    def reset(self) -> None:
        """A fresh installation. Our own fields are missing: creating them is the set-up command's work."""
        self.contacts.clear()
        self._by_email.clear()
        self._last_id = self._last_block = 0
        self.fields = {}
        for alias, kind in _CORE.items():
            limited = kind in ("text", "lookup", "email", "url", "tel")
            self.add_field(alias, alias.capitalize(), kind, length=self.core_length if limited else 0)
        self.segments = {FIRST_SEGMENT_ID: Segment(FIRST_SEGMENT_ID, "ScraperSky demo", "scrapersky-demo")}

    def set_core_length(self, length: int) -> None:
        """Give the core fields another limit, as an administrator would under "max. character length"."""
        self.core_length = length
        for alias, one in self.fields.items():
            if alias in _CORE and one.length:
                self.fields[alias] = Field(one.id, alias, one.label, one.type, one.group, length)

    def add_field(self, alias: str, label: str, kind: str, *, length: int = 0) -> Field:
        """Make a contact field."""
        new = Field(len(self.fields) + 1, alias, label, kind, length=length)
        self.fields[alias] = new
        return new

    def next_id(self) -> int:
        """An id that no contact has had."""
        self._last_id += 1
        return self._last_id

    def block(self, contact: Contact, reason: int, channel: str = "email", comments: str = "") -> Contact:
        """The contact with the channel closed; one entry per channel."""
        self._last_block += 1
        others = tuple(entry for entry in contact.blocks if entry.channel != channel)
        entry = DoNotContact(self._last_block, reason, channel, comments)
        return self.put(_changed(contact, blocks=(*others, entry), modified_at=self.now()))

    def by_email(self, email: str) -> Contact | None:
        """Whose address this is; of several the newest. The database compares without regard to case."""
        contact_id = self._by_email.get(email.lower())
        return None if contact_id is None else self.contacts[contact_id]

    def put(self, contact: Contact) -> Contact:
        """Store a new or changed contact and keep address and memberships in step."""
        before = self.contacts.get(contact.id)
        if before is not None and self._by_email.get(before.email.lower()) == contact.id:
            del self._by_email[before.email.lower()]
        if contact.email:
            self._by_email[contact.email.lower()] = contact.id
        for segment in self.segments.values():
            if segment.id in contact.segment_ids:
                segment.members.setdefault(contact.id)
            else:
                segment.members.pop(contact.id, None)
        self.contacts[contact.id] = contact
        return contact

    def delete(self, contact: Contact) -> None:
        """Forget a contact."""
        if self._by_email.get(contact.email.lower()) == contact.id:
            del self._by_email[contact.email.lower()]
        for segment in self.segments.values():
            segment.members.pop(contact.id, None)
        del self.contacts[contact.id]


def _changed(contact: Contact, *, blocks: tuple[DoNotContact, ...], modified_at: float) -> Contact:
    return Contact(
        contact.id, contact.created_at, modified_at, contact.values, contact.tags, contact.segment_ids, blocks
    )


def shown(store: Store, contact: Contact) -> JsonObject:
    """A contact as the API gives it: the fields by group, and all of them flat."""
    core: JsonObject = {
        alias: {**one.as_json(), "id": str(one.id), "value": contact.values.get(alias)}
        for alias, one in store.fields.items()
    }
    everything: JsonObject = {"id": contact.id, **{alias: contact.values.get(alias) for alias in store.fields}}
    tags: list[JsonValue] = [{"id": place, "tag": tag, "description": None} for place, tag in enumerate(contact.tags)]
    return {
        "id": contact.id,
        "points": 0,
        "dateAdded": utc_text(contact.created_at),
        "dateModified": utc_text(contact.modified_at),
        "owner": None,
        "stage": None,
        "tags": tags,
        "doNotContact": [entry.as_json() for entry in contact.blocks],
        "fields": {"core": core, "social": [], "personal": [], "professional": [], "all": everything},
    }


def utc_text(seconds: float) -> str:
    """Unix seconds in, `2026-11-24T10:15:00+00:00` out."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()
