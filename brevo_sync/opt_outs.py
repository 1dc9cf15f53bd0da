"""Opt-outs, both ways: Brevo is told of ours, and the daily sweep reads whom it does not mail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from brevo_sync import conf
from brevo_sync.blocks import blocks, moment
from brevo_sync.client import MOST_ON_A_PAGE, BrevoClient, BrevoError, Kind, contact_id
from brevo_sync.job import BREVO
from contacts.deliverable import skip_reason
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.wording import storable
from opt_outs.news import Person
from opt_outs.sweeping import Page, Sweeper
from opt_outs.telling import Teller

#: Seconds for the answer to a call for one contact, before a run.
SHORT_WITHIN = 10.0


class BrevoBlocker:
    """Blocks contacts in Brevo. Its methods: see `opt_outs.telling.Blocker`."""

    def __init__(self, client: BrevoClient) -> None:
        self.client = client

    def block(self, contact_id: str, why: str) -> bool:
        """Brevo keeps no reason, so `why` stays here."""
        try:
            self.client.block_contact(contact_id)
        except BrevoError as error:
            if error.kind is Kind.NOT_FOUND:
                return False
            raise
        return True

    def find(self, address: str) -> list[str]:
        if skip_reason(address):
            return []  # no push ever sent it, and Brevo takes it for no address
        try:
            found = contact_id(self.client.get_contact(address))
        except BrevoError as error:
            if error.kind is Kind.NOT_FOUND:
                return []
            raise
        return [found] if found.isascii() and found.isdigit() else []


class BrevoReader:
    """Reads the account's contacts. `page`: see `opt_outs.sweeping.Reader`."""

    def __init__(self, client: BrevoClient, list_id: int | None) -> None:
        self.client = client
        self.list_id = list_id

    def page(self, since: datetime | None, offset: int, size: int) -> Page:
        contacts, total = self.client.get_contacts(since, offset, size)
        return Page([person(one, self.list_id) for one in contacts], total)


def person(found: dict[str, Any], list_id: int | None) -> Person:
    """One of Brevo's contacts. list_id: our list; who unsubscribed from another one only, may still be mailed."""
    address, number = found.get("email"), storable(contact_id(found), 100)
    return Person(
        number, address if isinstance(address, str) else "", moment(found.get("modifiedAt")), blocks(found, list_id)
    )


@contextmanager
def _blocker(limiter: RateLimiter) -> Iterator[BrevoBlocker]:
    with closing(BrevoClient(conf.load(), limiter, within=SHORT_WITHIN)) as client:
        yield BrevoBlocker(client)


@contextmanager
def _reader(limiter: RateLimiter) -> Iterator[BrevoReader]:
    config = conf.load()
    with closing(BrevoClient(config, limiter)) as client:
        yield BrevoReader(client, config.list_id)


TELLER = Teller(job=BREVO, open=_blocker)

SWEEPER = Sweeper(job=BREVO, open=_reader, size=MOST_ON_A_PAGE)
