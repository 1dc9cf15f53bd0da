"""Brevo's contacts, read back: what it holds of the people whom we call Complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from brevo_sync import conf
from brevo_sync.blocks import blocks, moment
from brevo_sync.client import MOST_ON_A_PAGE, BrevoClient, BrevoError, contact_id
from brevo_sync.job import BREVO
from brevo_sync.payload import contact_payload
from contacts.address_key import BLANKS
from curation_sdk.ratelimit import RateLimiter
from reconciliation import same
from reconciliation.held import UNREADABLE, Asked, Block, Comparison, Held, Page

if TYPE_CHECKING:
    from contacts.models import Contact

#: Contacts asked for by one step, if the rate allows as many in ten seconds. One call each.
ASKS = 20


@contextmanager
def open_reader(limiter: RateLimiter) -> Iterator[BrevoReader]:
    """The account, open for reading."""
    config = conf.load()
    with closing(BrevoClient(config, limiter)) as client:
        yield BrevoReader(client, config)


class BrevoReader:
    """Reads the account page by page: one page tells of a thousand contacts whether they are on our list, blocked, or
    changed. See `reconciliation.held.Reader`."""

    def __init__(self, client: BrevoClient, config: conf.BrevoConfig) -> None:
        self.client, self.config = client, config
        self.asks = max(1, min(ASKS, int(config.rate_per_second * 10)))
        self._kept: set[str] | None = None

    def page(self, cursor: Mapping[str, Any]) -> Page:
        """A page by its place. A whole one is followed by another."""
        offset = int(cursor.get("offset", 0))
        found, _ = self.client.get_contacts(None, offset, MOST_ON_A_PAGE)
        last = len(found) < MOST_ON_A_PAGE
        return Page([self._held(one) for one in found], None if last else {"offset": offset + len(found)})

    def ask(self, asked: Sequence[Asked]) -> list[Held | None]:
        """One call for each, side by side."""
        with ThreadPoolExecutor(max_workers=max(1, self.config.concurrency)) as threads:
            return list(threads.map(self._ask, asked))

    def address(self, contact: Contact) -> str:
        return (contact.email or "").strip(BLANKS)

    def differing(self, contact: Contact, held: Held) -> list[str]:
        """Without attributes that Brevo drops: the account lacks them, or has them with another type."""
        sent = contact_payload(contact, self.config).body["attributes"]
        kept = self._attributes()
        # A number that belongs to somebody else there is refused, and the contact sent without.
        may_lack = {self.config.attributes.get("SMS", "")}
        return same.differing(
            {name: value for name, value in sent.items() if name in kept}, held.values, may_lack=may_lack
        )

    def _ask(self, one: Asked) -> Held | None:
        remote_id = one.remote_id if one.remote_id.isdigit() else ""
        try:
            found = self.client.find_contact(remote_id, one.address.strip(BLANKS))
        except BrevoError as error:
            # What stands in front of Brevo refuses addresses that look like names of files: "info@acme.old".
            if remote_id or error.evidence.http_status != 403:
                raise
            return UNREADABLE
        return self._held(found) if found else None

    def _attributes(self) -> set[str]:
        """The names of ours that the account keeps; asked for once."""
        if self._kept is None:
            there = self.client.get_attributes()
            wanted = {theirs: conf.ATTRIBUTE_TYPES[ours] for ours, theirs in self.config.attributes.items()}
            self._kept = {name for name, kind in wanted.items() if there.get(name) == kind}
        return self._kept

    def _held(self, contact: dict[str, Any]) -> Held:
        address, attributes = contact.get("email"), contact.get("attributes")
        values = attributes if isinstance(attributes, dict) else {}
        list_id = self.config.list_id
        return Held(
            remote_id=contact_id(contact),
            address=address if isinstance(address, str) else "",
            values={str(name).upper(): value for name, value in values.items()},
            on_list=None if list_id is None else list_id in _numbers(contact.get("listIds")),
            block=self._block(contact),
            changed_at=moment(contact.get("modifiedAt")),
        )

    def _block(self, contact: dict[str, Any]) -> Block | None:
        """Blocked for all mail, or unsubscribed from our list: such a person is not merely "not on the list"."""
        found = blocks(contact, self.config.list_id)
        return Block(*found[0]) if found else None


def _numbers(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def against() -> str:
    """Which account and list are read."""
    config = conf.load()
    account = f"Brevo at {config.base_url}"
    return account if config.list_id is None else f"list {config.list_id} in {account}"


COMPARISON = Comparison(
    job=BREVO,
    open=open_reader,
    against=against,
    task="brevo_sync.tasks.compare_with_brevo",
)
