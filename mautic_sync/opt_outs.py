"""Our opt-outs, told to Mautic: suppressed people get "do not contact" there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from curation_sdk.answers import PlatformError
from curation_sdk.outcomes import StopRun
from curation_sdk.ratelimit import RateLimiter
from mautic_sync import conf
from mautic_sync.client import MauticClient
from mautic_sync.job import MAUTIC
from mautic_sync.payload import mautic_address
from mautic_sync.refusals import MauticError, about_the_role
from opt_outs.telling import Teller


class MauticBlocker:
    """Sets "do not contact" in Mautic. Its methods: see `opt_outs.telling.Blocker`."""

    def __init__(self, client: MauticClient) -> None:
        self.client = client

    def block(self, contact_id: str, why: str) -> bool:
        try:
            self.client.block_contact(contact_id, why)
        except MauticError as error:
            if error.not_found:
                return False
            raise
        except StopRun as error:
            # Our role may not change this contact: with another one it may be allowed.
            if about_the_role(error):
                raise PlatformError(error.reason, error.evidence) from error
            raise
        return True

    def find(self, address: str) -> list[str]:
        try:
            return self.client.find_contacts(mautic_address(address))
        except StopRun as error:
            if about_the_role(error):
                raise PlatformError(error.reason, error.evidence) from error
            raise


@contextmanager
def _blocker(limiter: RateLimiter) -> Iterator[MauticBlocker]:
    with closing(MauticClient(conf.load(), limiter)) as client:
        yield MauticBlocker(client)


TELLER = Teller(job=MAUTIC, open=_blocker)
