"""Erasing a person in HubSpot, for good: what is only deleted stays in its recycling bin for 90 days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial

from contacts.deliverable import skip_reason
from curation_sdk.clock import Clock
from curation_sdk.outcomes import NO_EVIDENCE
from curation_sdk.ratelimit import RateLimiter
from hubspot_sync import conf
from hubspot_sync.client import HubSpotClient
from hubspot_sync.refusals import HubSpotError


@contextmanager
def eraser(clock: Clock) -> Iterator[partial[bool]]:
    """`erase` for one run, with a pace of its own."""
    config = conf.load()
    with closing(HubSpotClient(config, RateLimiter(config.rate_per_second, clock))) as client:
        yield partial(erase, client)


def erase(client: HubSpotClient, address: str, remote_ids: Sequence[str]) -> bool:
    """Delete whoever has one of the ids or the address, and see that nobody has. Returns whether somebody was there.

    An address that HubSpot takes from nobody cannot be there. Raises what the client raises.
    """
    names = [(one, False) for one in remote_ids]
    if address and not skip_reason(address):
        names.append((address, True))
    # Looked for first: HubSpot answers an address that it does not have like one that it had.
    there = [client.has_contact(name, by_email=by_email) for name, by_email in names]
    for name, by_email in names:
        client.purge(name, by_email=by_email)
        if client.has_contact(name, by_email=by_email):
            raise HubSpotError("HubSpot still has the contact after it was deleted.", NO_EVIDENCE, transient=True)
    return any(there)
