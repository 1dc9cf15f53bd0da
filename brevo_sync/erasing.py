"""Erasing a person in Brevo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial

from brevo_sync import conf
from brevo_sync.client import BrevoClient, BrevoError, Kind
from contacts.deliverable import skip_reason
from curation_sdk.clock import Clock
from curation_sdk.outcomes import NO_EVIDENCE
from curation_sdk.ratelimit import RateLimiter


@contextmanager
def eraser(clock: Clock) -> Iterator[partial[bool]]:
    """`erase` for one run, with a pace of its own."""
    config = conf.load()
    with closing(BrevoClient(config, RateLimiter(config.rate_per_second, clock))) as client:
        yield partial(erase, client)


def erase(client: BrevoClient, address: str, remote_ids: Sequence[str]) -> bool:
    """Delete whoever has one of the ids or the address, and see that nobody has. Returns whether somebody was there.

    With a contact Brevo forgets that it is blocked: that we never push the address again is our own ledger's work.
    An address that Brevo takes from nobody cannot be there. Raises what the client raises.
    """
    deleted = [client.delete_contact(one, "contact_id") for one in remote_ids if one.isascii() and one.isdigit()]
    if address and not skip_reason(address):
        deleted.append(client.delete_contact(address, "email_id"))
        if client.has_contact(address, "email_id"):
            raise BrevoError(Kind.TRANSIENT, "Brevo still has the contact after it was deleted.", NO_EVIDENCE)
    return any(deleted)
