"""Erasing a person in Mautic, where several contacts may have one address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial

from curation_sdk.clock import Clock
from curation_sdk.outcomes import NO_EVIDENCE
from curation_sdk.ratelimit import RateLimiter
from mautic_sync import conf
from mautic_sync.client import MauticClient
from mautic_sync.payload import mautic_address
from mautic_sync.refusals import MauticError


@contextmanager
def eraser(clock: Clock) -> Iterator[partial[bool]]:
    """`erase` for one run, with a pace of its own."""
    config = conf.load()
    with closing(MauticClient(config, RateLimiter(config.rate_per_second, clock))) as client:
        yield partial(erase, client)


def erase(client: MauticClient, address: str, remote_ids: Sequence[str]) -> bool:
    """Delete whoever has one of the ids or the address, and see that nobody has. Returns whether somebody was there.

    Raises what the client raises.
    """
    deleted = [client.delete_contact(one) for one in remote_ids if one.isascii() and one.isdigit()]
    if address:
        theirs = mautic_address(address)
        deleted += [client.delete_contact(one) for one in client.find_contacts(theirs)]
        if client.find_contacts(theirs):
            raise MauticError("Mautic still has a contact after it was deleted.", NO_EVIDENCE, transient=True)
    return any(deleted)
