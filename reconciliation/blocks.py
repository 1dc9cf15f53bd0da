"""People whom a platform does not mail, found on the way: they become suppressed here. Never the other way."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from contacts.address_key import email_key
from contacts.models import Suppression
from contacts.suppression import suppress
from curation_sdk.job import SyncJob
from reconciliation.held import Held


def record(job: SyncJob, found: Iterable[tuple[str, Held]], *, now: datetime) -> int:
    """Suppress each address whose contact there is blocked. Returns how many are suppressed newly.

    An address may differ from that of the contact there. A block that a person lifted here after the contact's last
    change there stays lifted.
    """
    blocked = {
        key: held for address, held in found if held.block and not held.block.ours and (key := email_key(address))
    }
    if not blocked:
        return 0
    there = set(Suppression.objects.filter(email_key__in=blocked).values_list("email_key", flat=True))
    new = {key: held.block for key, held in blocked.items() if key not in there and held.block}
    by_reason: dict[str, list[tuple[str, str]]] = {}
    for key, block in new.items():
        by_reason.setdefault(block.reason, []).append((key, block.note))
    for reason, pairs in by_reason.items():
        suppress(pairs, job.label, Suppression.Reason(reason))
    return len(new)


def not_to_be_kept(keys: Collection[str]) -> set[str]:
    """Those of the addresses (as `email_key` gives them) that are suppressed: nobody's address comes back by what a
    platform still holds."""
    return set(Suppression.objects.filter(email_key__in=keys).values_list("email_key", flat=True))
