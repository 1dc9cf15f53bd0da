"""People whom a platform does not mail, found on the way: they become suppressed here. Never the other way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contacts.address_key import email_key
from contacts.models import Suppression
from contacts.suppression import in_force, suppress
from curation_sdk.job import SyncJob
from opt_outs.news import Person, news
from reconciliation.held import Held


def record(job: SyncJob, found: Iterable[tuple[str, Held]], *, now: datetime) -> int:
    """Suppress each address whose contact there is blocked. Returns how many rows the ledger has got.

    An address may differ from that of the contact there. Left alone is what we know from the platform already, and
    what is no news (`opt_outs.news`).
    """
    blocked: dict[str, Held] = {}
    for address, held in found:
        key = email_key(address)
        if key and held.block and not held.block.ours:
            blocked.setdefault(key, held)
    if not blocked:
        return 0
    known = set(in_force().filter(email_key__in=blocked, source=job.label).values_list("email_key", flat=True))
    people = [
        Person(held.remote_id, key, held.changed_at, [(Suppression.Reason(held.block.reason), held.block.note)])
        for key, held in blocked.items()
        if held.block and key not in known
    ]
    return suppress(news(job, people), job.label, now=now)
