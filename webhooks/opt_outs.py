"""Opt-outs that we hear of, on their way into the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contacts.address_key import email_key
from contacts.models import Suppression


@dataclass(frozen=True, slots=True)
class OptOut:
    """Somebody who must not be pushed any more. note: the evidence, as a sentence. since: None: now."""

    address: str
    reason: Suppression.Reason
    note: str
    since: datetime | None = None


def suppress(opt_outs: Sequence[OptOut], source: str, *, now: datetime) -> int:
    """Record them. What is recorded already stays. Returns how many were not."""
    rows = {
        key: Suppression(email_key=key, reason=one.reason, source=source, note=one.note, since=one.since or now)
        for one in opt_outs
        if (key := email_key(one.address))
    }
    there = set(Suppression.objects.filter(email_key__in=rows).values_list("email_key", flat=True))
    new = [rows[key] for key in sorted(rows.keys() - there)]
    Suppression.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)
