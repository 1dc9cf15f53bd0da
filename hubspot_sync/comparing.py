"""HubSpot's contacts, read back: what it holds of the people whom we call Complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from contacts.address_key import BLANKS
from contacts.models import Suppression
from curation_sdk.ratelimit import RateLimiter
from hubspot_sync import conf
from hubspot_sync.client import HubSpotClient, contact_id
from hubspot_sync.job import HUBSPOT
from hubspot_sync.payload import MOST_AT_ONCE, parcel
from reconciliation import same
from reconciliation.held import Asked, Block, Comparison, Held, Page

if TYPE_CHECKING:
    from contacts.models import Contact

#: "Unsubscribed from all email", and why mail to the address came back for good.
OPTED_OUT, BOUNCED = "hs_email_optout", "hs_email_hard_bounce_reason_enum"


@contextmanager
def open_reader(limiter: RateLimiter) -> Iterator[HubSpotReader]:
    """The account, open for reading."""
    config = conf.load()
    with closing(HubSpotClient(config, limiter)) as client:
        yield HubSpotReader(client, config)


class HubSpotReader:
    """Asks for our contacts by their ids, a hundred in a call. The account may hold many more, which concern nobody
    here, and its day has a limit of calls. See `reconciliation.held.Reader`."""

    asks = MOST_AT_ONCE

    def __init__(self, client: HubSpotClient, config: conf.HubSpotConfig) -> None:
        self.client, self.config = client, config
        # Another date each day, so it says nothing.
        self._compared = [name for ours, name in config.properties.items() if ours != "scrapersky_sync_date"]

    def page(self, cursor: Mapping[str, Any]) -> Page:
        return Page((), None)

    def ask(self, asked: Sequence[Asked]) -> list[Held | None]:
        """By id; then those who are not found, or have none, by their address: a contact that was merged into another
        one lives on there."""
        answers: dict[Asked, Held] = {}
        ids = list(dict.fromkeys(one.remote_id for one in asked if one.remote_id.isdigit()))
        by_id = {held.remote_id: held for held in self._read(ids)} if ids else {}
        answers.update({one: by_id[one.remote_id] for one in asked if one.remote_id in by_id})
        rest = [one for one in asked if one not in answers]
        addresses = list(dict.fromkeys(_key(one.address) for one in rest if _key(one.address)))
        if addresses:
            by_address = {_key(held.address): held for held in self._read(addresses, by_email=True)}
            answers.update({one: by_address[_key(one.address)] for one in rest if _key(one.address) in by_address})
        return [answers.get(one) for one in asked]

    def address(self, contact: Contact) -> str:
        return (contact.email or "").strip(BLANKS)

    def differing(self, contact: Contact, held: Held) -> list[str]:
        sent = parcel(contact, self.config, today=date.min, mark="").properties
        return same.differing({name: sent[name] for name in self._compared if name in sent}, held.values)

    def _read(self, names: Sequence[str], *, by_email: bool = False) -> list[Held]:
        properties = ["email", OPTED_OUT, BOUNCED, *self._compared]
        return [_held(one) for one in self.client.read_contacts(names, properties, by_email=by_email)]


def _held(contact: dict[str, Any]) -> Held:
    found = contact.get("properties")
    values = found if isinstance(found, dict) else {}
    address = values.get("email")
    return Held(
        remote_id=contact_id(contact),
        address=address if isinstance(address, str) else "",
        values=values,
        block=_block(values),
        changed_at=_moment(contact.get("updatedAt")),
    )


def _block(values: Mapping[str, Any]) -> Block | None:
    if str(values.get(OPTED_OUT) or "").lower() == "true":
        return Block(Suppression.Reason.UNSUBSCRIBED, "Opted out of all e-mail in HubSpot.")
    if bounced := str(values.get(BOUNCED) or "").strip():
        return Block(Suppression.Reason.HARD_BOUNCE, f"A mail from HubSpot bounced: {bounced}.")
    return None


def _key(address: str) -> str:
    """The form in which HubSpot compares addresses."""
    return address.strip(BLANKS).lower()


def _moment(text: Any) -> datetime | None:
    try:
        when = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return when if when.tzinfo else None


def against() -> str:
    """Which account is read. The key is not part of it: it may be a new one of the same account."""
    return f"HubSpot at {conf.load().base_url}"


COMPARISON = Comparison(job=HUBSPOT, open=open_reader, against=against, task="hubspot_sync.tasks.compare_with_hubspot")
