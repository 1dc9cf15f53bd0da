"""What of the blocks that a platform shows is news to us? One rule for sweep, comparison and recheck.

No news is what a person has lifted here since, and what we told the platform ourselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import FilteredRelation, Q

from contacts.address_key import email_key
from contacts.models import Suppression
from contacts.suppression import OptOut
from curation_sdk.job import SyncJob

Reason = Suppression.Reason

#: What we tell a platform is dated by its clock, which may differ from ours by so much.
CLOCKS = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as the platform holds it. changed: when it last changed there; None: not to be read.

    opt_outs: why the platform does not mail it, as reason and evidence; empty: it does.
    """

    id: str
    address: str
    changed: datetime | None
    opt_outs: Sequence[tuple[Suppression.Reason, str]] = ()


def news(job: SyncJob, people: Sequence[Person]) -> list[OptOut]:
    """The opt-outs that say something new, by the address."""
    blocked = [(key, one) for one in people if one.opt_outs and (key := email_key(one.address))]
    lifted, told = _known(job, {key for key, _ in blocked})
    return [
        OptOut(one.address, reason, note, one.changed)
        for key, one in sorted(blocked, key=lambda pair: pair[0])
        for reason, note in one.opt_outs
        if not _is_settled(one, lifted.get(key))
        and not (reason is Reason.BLOCKED and _is_ours(one, told.get(key, ())))
    ]


def _is_settled(one: Person, lifted: datetime | None) -> bool:
    """Has a person lifted here what the platform holds against this one, which has not changed there since?"""
    return one.changed is not None and lifted is not None and one.changed <= lifted


def _is_ours(one: Person, told: Sequence[datetime]) -> bool:
    """Is the block what we told the platform ourselves: has nothing changed there since, but by that?"""
    return one.changed is not None and any(abs(one.changed - when) <= CLOCKS for when in told)


def _known(job: SyncJob, keys: set[str]) -> tuple[dict[str, datetime], dict[str, list[datetime]]]:
    """By the address: when what we have from the platform was last lifted; when we told the platform of a suppression,
    in force or not."""
    told_it = FilteredRelation("told", condition=Q(told__platform=job.platform))
    rows = Suppression.objects.filter(email_key__in=keys).annotate(theirs=told_it).order_by()
    lifted: dict[str, datetime] = {}
    told: dict[str, list[datetime]] = {}
    for key, source, lifted_at, told_at in rows.values_list("email_key", "source", "lifted_at", "theirs__told_at"):
        if lifted_at and source == job.label:
            lifted[key] = max(lifted_at, lifted.get(key, lifted_at))
        if told_at:
            told.setdefault(key, []).append(told_at)
    return lifted, told
