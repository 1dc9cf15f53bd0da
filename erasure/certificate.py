"""The certificate of an erasure: what was done when, by whom and why, and what each platform confirmed.

It holds nothing of the person but the number of the erasure and the beginning of the address's hash.
"""

from __future__ import annotations

from typing import Any

from curation_sdk.statuses import SyncStatus
from erasure.models import Deletion, Erasure
from scrapersky.platforms import PLATFORMS

#: Characters of the hash's hex digits: enough to tell two erasures apart, too few for anything else.
SHOWN = 12

LABELS = {job.platform: job.label for job in PLATFORMS}

CONFIRMED, WAITS, NOT_ASKED = "confirmed", "waits", "not asked"


def certificate(erasure: Erasure) -> dict[str, Any]:
    """The certificate, ready for JSON."""
    platforms = [_platform(one) for one in erasure.deletions.order_by("pk")]
    return {
        "number": erasure.pk,
        "address_hash": fingerprint(erasure),
        "erased_at": erasure.requested_at,
        "by": erasure.by_name,
        "why": erasure.why,
        "here": erasure.done,
        "looked_again_at": erasure.closed_at,
        "platforms": platforms,
        "complete": erasure.closed_at is not None and all(one["state"] != WAITS for one in platforms),
    }


def fingerprint(erasure: Erasure) -> str:
    """The beginning of the hash, without the name of the key in front."""
    return erasure.key_hash.rpartition("$")[2][:SHOWN]


def _platform(deletion: Deletion) -> dict[str, Any]:
    shown: dict[str, Any] = {"platform": LABELS.get(deletion.platform, deletion.platform)}
    match deletion.status:
        case SyncStatus.COMPLETE:
            return {**shown, "state": CONFIRMED, "at": deletion.confirmed_at, "text": deletion.outcome}
        case SyncStatus.SKIPPED:
            return {**shown, "state": NOT_ASKED, "at": None, "text": deletion.reason or ""}
    due = f"{deletion.due_at:%Y-%m-%d %H:%M} UTC" if deletion.due_at else "soon"
    if not deletion.tries:
        text = f"Will be asked from {due} on."
    else:
        tries = f"{deletion.tries:,} {'try' if deletion.tries == 1 else 'tries'} so far, the next at {due}"
        # What a platform said may name the person, so it stands with the deletion and not here.
        text = f"Not confirmed yet: {tries}."
    return {**shown, "state": WAITS, "at": None, "text": text}


def sentence(shown: dict[str, Any]) -> str:
    """How far it is, in one sentence."""
    waiting = [one["platform"] for one in shown["platforms"] if one["state"] == WAITS]
    if waiting:
        return f"Erased here; {_listed(waiting)} {'has' if len(waiting) == 1 else 'have'} not confirmed yet."
    if not shown["complete"]:
        return "Erased here and on every platform that was asked. We look once more for what was on its way."
    return "Erased here and on every platform that was asked."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
