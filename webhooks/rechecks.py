"""Contacts to be read again on a platform, because it says that they changed: asked for, taken, done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q

from contacts.suppression import erased_keys
from curation_sdk.database import atomic_with_retry
from webhooks.models import Recheck

#: A contact is read so long after the first word of a change: what changes meanwhile comes with it.
COLLECT = timedelta(seconds=10)

#: Who has taken one and does not answer for so long has died.
LEASE = timedelta(minutes=5)

#: After a failure, and how often in all. A sweep over the account finds what is given up.
AGAIN_AFTER = timedelta(minutes=5)
MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Taken:
    """A contact to read now."""

    pk: int
    address: str
    asked_at: datetime


def ask(platform: str, addresses: Iterable[str], *, now: datetime) -> None:
    """Have these contacts read again. Those that wait already are read once, and people who were erased never."""
    wanted = set(addresses)
    Recheck.objects.bulk_create(
        [
            Recheck(platform=platform, email_key=address, asked_at=now, due_at=now + COLLECT)
            for address in sorted(wanted - erased_keys(wanted))
        ],
        update_conflicts=True,
        unique_fields=["platform", "email_key"],
        update_fields=["asked_at"],
    )


def take(platform: str, most: int, *, now: datetime) -> list[Taken]:
    """Those that are due, oldest first. They are ours until the lease is over."""
    with transaction.atomic():
        due = Recheck.objects.filter(platform=platform, due_at__lte=now).order_by("due_at", "id")
        if connection.vendor == "postgresql":
            due = due.select_for_update(skip_locked=True)
        taken = list(due[:most])
        Recheck.objects.filter(pk__in=[one.pk for one in taken]).update(due_at=now + LEASE)
    return [Taken(one.pk, one.email_key, one.asked_at) for one in taken]


def done(taken: Taken, *, now: datetime) -> None:
    """It was read. When we were told of another change meanwhile, it is read once more."""

    def store() -> None:
        mine = Recheck.objects.filter(pk=taken.pk)
        mine.filter(asked_at=taken.asked_at).delete()
        mine.update(due_at=now + COLLECT, tries=0)

    atomic_with_retry(store)


def failed(taken: Taken, *, now: datetime) -> None:
    """It could not be read: again later, or never."""

    def store() -> None:
        mine = Recheck.objects.filter(pk=taken.pk)
        mine.filter(tries__gte=MOST_TRIES - 1).delete()
        mine.update(due_at=now + AGAIN_AFTER, tries=F("tries") + 1)

    atomic_with_retry(store)


def give_back(taken: Sequence[Taken], *, now: datetime) -> None:
    """Not read, through no fault of theirs: the platform is away, or the time is over."""
    Recheck.objects.filter(pk__in=[one.pk for one in taken]).update(due_at=now)


def forget(*, before: datetime, addresses: Collection[str] = ()) -> int:
    """Delete what was asked before a time, for instance of a platform that was switched off. Returns how many."""
    deleted, _ = Recheck.objects.filter(Q(asked_at__lt=before) | Q(email_key__in=addresses)).delete()
    return deleted
