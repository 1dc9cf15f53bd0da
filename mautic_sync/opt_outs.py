"""Our opt-outs, told to Mautic: suppressed people whom it has from us get "do not contact" there.

A step before each run, of its own: a push never touches the database, and suppressed people are not pushed. It only
ever adds such entries. What it has done is kept (MauticOptOut), so that each suppression is told once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from contacts.models import Contact, Suppression
from curation_sdk.clock import SystemClock
from curation_sdk.http import Unanswered
from curation_sdk.outcomes import StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from mautic_sync import conf
from mautic_sync.client import MauticClient, MauticError
from mautic_sync.job import MAUTIC
from mautic_sync.models import MauticOptOut

logger = logging.getLogger(__name__)

#: In the task queue the step takes no longer than this, so that the run behind it ends in time.
WITHIN = timedelta(seconds=10)

#: Suppressions read at once.
AT_ONCE = 200

#: So many failures in a row are Mautic's trouble, not that of single people.
TROUBLE = 3


class Blocker(Protocol):
    """What is asked of the client."""

    def block_contact(self, contact_id: str, comments: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Told:
    """What a step did. problem: why some were not told; "" when all were. more: is there more to do, at once?"""

    count: int
    problem: str = ""
    more: bool = False


def untold() -> QuerySet[Suppression]:
    """The suppressions that Mautic does not know, of people whom it has from us; oldest first.

    Those that we have from Mautic it knows.
    """
    theirs = Contact.objects.filter(email_key=OuterRef("email_key"), mautic_contact_id__gt="")
    unknown = Suppression.objects.exclude(source=MAUTIC.label).filter(mautic_opt_out=None)
    return unknown.filter(Exists(theirs)).order_by("since", "email_key")


def tell_opt_outs(
    client: Blocker | None = None,
    *,
    within: timedelta | None = WITHIN,
    stop: Callable[[], bool] = lambda: False,
) -> Told:
    """Tell Mautic of every suppression it does not know. within: begin no call after this; None: no end.

    Each call is made outside of any transaction and recorded when it was answered: a step that is broken off repeats
    one call at most, and that changes nothing.
    """
    if conf.off_reason() or not untold().exists():
        return Told(0)
    if client is not None:
        return _tell(client, within, stop)
    config = conf.load()
    made = MauticClient(config, RateLimiter(config.rate_per_second, SystemClock()))
    try:
        return _tell(made, within, stop)
    finally:
        made.close()


def _tell(client: Blocker, within: timedelta | None, stop: Callable[[], bool]) -> Told:
    begun, count, failures, problem = time.monotonic(), 0, 0, ""
    failed: set[Any] = set()
    while suppressions := list(untold().exclude(pk__in=failed)[:AT_ONCE]):
        for suppression in suppressions:
            if stop() or (within is not None and time.monotonic() - begun > within.total_seconds()):
                return Told(count, problem, more=True)
            try:
                _tell_of(client, suppression)
            except (StopRun, Throttled) as error:
                return Told(count, error.reason)
            except (MauticError, Unanswered) as error:
                failed.add(suppression.pk)
                failures, problem = failures + 1, error.reason
                logger.warning("mautic: an opt-out could not be told and will be tried again: %s", error.reason)
                if failures >= TROUBLE:
                    return Told(count, problem)
            else:
                count, failures = count + 1, 0
    return Told(count, problem)


def _tell_of(client: Blocker, suppression: Suppression) -> None:
    """Tell of one, under every id that Mautic has for the address, and record it."""
    contacts = Contact.objects.filter(email_key=suppression.email_key, mautic_contact_id__gt="")
    for contact_id in contacts.order_by().values_list("mautic_contact_id", flat=True).distinct():
        if not str(contact_id).isdigit():
            continue  # not one of Mautic's: somebody wrote it here
        try:
            client.block_contact(str(contact_id), f"Suppressed in ScraperSky: {suppression.get_reason_display()}.")
        except MauticError as error:
            if not error.not_found:
                raise  # else the contact is gone there, and nobody mails it
    # Another step may have recorded it just now, or somebody may have deleted the suppression meanwhile.
    with suppress(IntegrityError), transaction.atomic():
        if Suppression.objects.select_for_update().filter(pk=suppression.pk).first():
            MauticOptOut.objects.create(suppression=suppression, told_at=timezone.now())
