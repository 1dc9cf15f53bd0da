"""What of the blocks that a platform shows is news to us? One rule for sweep, comparison and recheck.

No news is what a person has lifted here since, what we told the platform ourselves, and a block of somebody of whom
the platform has told us why already.
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


@dataclass(frozen=True, slots=True)
class _Known:
    """By the address. held: we have it from the platform, and it is in force. lifted: when what we had from there was
    last lifted. told: when we told the platform of a suppression, in force or not.
    """

    held: set[str]
    lifted: dict[str, datetime]
    told: dict[str, list[datetime]]


def news(job: SyncJob, people: Sequence[Person]) -> list[OptOut]:
    """The opt-outs that say something new, by the address."""
    blocked = [(key, one) for one in people if one.opt_outs and (key := email_key(one.address))]
    known = _known(job, {key for key, _ in blocked})
    return [
        OptOut(one.address, reason, note, one.changed)
        for key, one in sorted(blocked, key=lambda pair: pair[0])
        for reason, note in one.opt_outs
        if not _is_settled(one, known.lifted.get(key))
        and not (reason is Reason.BLOCKED and (key in known.held or _is_ours(one, known.told.get(key, ()))))
    ]


def _is_settled(one: Person, lifted: datetime | None) -> bool:
    """Has a person lifted here what the platform holds against this one, which has not changed there since?"""
    return one.changed is not None and lifted is not None and one.changed <= lifted


def _is_ours(one: Person, told: Sequence[datetime]) -> bool:
    """Is the block what we told the platform ourselves: has nothing changed there since, but by that?"""
    return one.changed is not None and any(abs(one.changed - when) <= CLOCKS for when in told)


def _known(job: SyncJob, keys: set[str]) -> _Known:
    told_it = FilteredRelation("told", condition=Q(told__platform=job.platform))
    rows = Suppression.objects.filter(email_key__in=keys).annotate(theirs=told_it).order_by()
    known = _Known(set(), {}, {})
    for key, source, lifted_at, told_at in rows.values_list("email_key", "source", "lifted_at", "theirs__told_at"):
        if source == job.label and lifted_at:
            known.lifted[key] = max(lifted_at, known.lifted.get(key, lifted_at))
        elif source == job.label:
            known.held.add(key)
        if told_at:
            known.told.setdefault(key, []).append(told_at)
    return known
