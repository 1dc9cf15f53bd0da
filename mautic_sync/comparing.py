"""Mautic's contacts, read back: what it holds of the people whom we call Complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from contacts.models import Suppression
from curation_sdk.ratelimit import RateLimiter
from mautic_sync import conf, details
from mautic_sync.client import MauticClient
from mautic_sync.job import MAUTIC
from mautic_sync.payload import SHORT, contact_payload, mautic_address
from opt_outs.telling import OURS
from reconciliation import same
from reconciliation.held import Asked, Block, Comparison, Held, Page

if TYPE_CHECKING:
    from contacts.models import Contact

#: Contacts on a page. Each comes with all its fields, so more would make the answer large and slow.
ON_A_PAGE = 100

#: Contacts asked for by one step, if the rate allows as many in ten seconds. A call or two each.
ASKS = 20

#: Mautic's reason of a "do not contact" entry -> ours.
REASONS = {
    details.UNSUBSCRIBED: Suppression.Reason.UNSUBSCRIBED,
    details.BOUNCED: Suppression.Reason.HARD_BOUNCE,
    details.MANUAL: Suppression.Reason.BLOCKED,
}


@contextmanager
def open_reader(limiter: RateLimiter) -> Iterator[MauticReader]:
    """The installation, open for reading."""
    config = conf.load()
    with closing(MauticClient(config, limiter)) as client:
        yield MauticReader(client, config)


class MauticReader:
    """Reads all contacts that have an address, in the order of their ids. Their segments are not in the answers, so
    they are not compared. See `reconciliation.held.Reader`."""

    def __init__(self, client: MauticClient, config: conf.MauticConfig) -> None:
        self.client, self.config = client, config
        self.asks = max(1, min(ASKS, int(config.rate_per_second * 5)))

    def page(self, cursor: Mapping[str, Any]) -> Page:
        found = self.client.contacts_after(int(cursor.get("after", 0)), ON_A_PAGE)
        if not found:
            return Page((), None)
        last = max(int(details.contact_id(one)) for one in found)
        return Page([_held(one) for one in found], {"after": last} if len(found) == ON_A_PAGE else None)

    def ask(self, asked: Sequence[Asked]) -> list[Held | None]:
        """By id; then by address: a contact that was merged into another one lives on there."""
        return [self._ask(one) for one in asked]

    def address(self, contact: Contact) -> str:
        return mautic_address(contact.email)

    def differing(self, contact: Contact, held: Held) -> list[str]:
        """Without fields that the installation does not have: their aliases are in no answer."""
        payload = contact_payload(contact, self.config)
        sent = {name: value for name, value in payload.body.items() if name != "email" and name in held.values}
        found = same.differing(sent, held.values)
        # What only people read may have been cut when it was pushed.
        cut = {name for name in found if name in payload.display and len(str(sent[name])) > SHORT}
        return [
            name
            for name in found
            if name not in cut or not same.same(str(sent[name])[:SHORT].rstrip(), held.values.get(name))
        ]

    def _ask(self, one: Asked) -> Held | None:
        if one.remote_id.isascii() and one.remote_id.isdigit() and (found := self.client.get_contact(one.remote_id)):
            return _held(found)
        ids = self.client.find_contacts(mautic_address(one.address))
        found = self.client.get_contact(ids[0]) if ids else None
        return _held(found) if found else None


def _held(contact: dict[str, Any]) -> Held:
    fields = contact.get("fields")
    everything = fields.get("all") if isinstance(fields, dict) else None
    entry = _blocking(contact)
    return Held(
        remote_id=details.contact_id(contact),
        address=details.address_of(contact),
        values=everything if isinstance(everything, dict) else {},
        block=_block(contact, entry),
        changed_at=_moment(entry.get("dateAdded")) or _moment(contact.get("dateModified")),
    )


def _blocking(contact: dict[str, Any]) -> dict[str, Any]:
    """The entry that keeps e-mail from being sent; empty when there is none."""
    found = details.entries(contact.get("doNotContact"))
    return next((one for one in found if one.get("channel") == "email"), {})


def _block(contact: dict[str, Any], entry: dict[str, Any]) -> Block | None:
    if not (why := details.blocked(contact)):
        return None
    number = str(entry.get("reason", ""))
    reason = REASONS.get(int(number) if number.isascii() and number.isdigit() else 0, Suppression.Reason.BLOCKED)
    return Block(reason, why, ours=str(entry.get("comments") or "").startswith(OURS))


def _moment(text: Any) -> datetime | None:
    try:
        when = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def against() -> str:
    """Which installation is read."""
    return f"Mautic at {conf.load().site_url}"


COMPARISON = Comparison(job=MAUTIC, open=open_reader, against=against, task="mautic_sync.tasks.compare_with_mautic")
