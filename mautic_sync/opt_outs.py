"""Our opt-outs, told to Mautic: suppressed people whom it may have from us get "do not contact" there.

A step before each run, of its own: a push never touches the database, and suppressed people are not pushed. It only
ever adds such entries. What it has done is kept (MauticOptOut), so that each suppression is told once, and those that
could not be told come after all others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from contacts.models import Contact, Suppression
from contacts.suppression import in_force
from curation_sdk.clock import SystemClock
from curation_sdk.http import Unanswered
from curation_sdk.outcomes import StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.statuses import ProcessingStatus, SyncStatus
from mautic_sync import conf
from mautic_sync.client import MauticClient
from mautic_sync.job import MAUTIC
from mautic_sync.models import MauticOptOut
from mautic_sync.payload import mautic_address
from mautic_sync.refusals import MauticError, about_the_role

logger = logging.getLogger(__name__)

#: In the task queue the step takes no longer than this, so that the run behind it ends in time.
WITHIN = timedelta(seconds=10)

#: Suppressions read at once.
AT_ONCE = 200

#: So many failures in a row are Mautic's trouble, not that of single people.
TROUBLE = 3


class _Late(Exception):
    """The time is over in the midst of a person."""


class Blocker(Protocol):
    """What is asked of the client."""

    def block_contact(self, contact_id: str, comments: str) -> None: ...

    def find_contacts(self, address: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Told:
    """What a step did. problem: why some were not told; "" when all were. more: is there more to do, at once?

    A step that told of nobody has no more to do at once: the next would fare like it. The schedule brings the next.
    """

    count: int
    problem: str = ""
    more: bool = False


def untold() -> QuerySet[Suppression]:
    """The suppressions that Mautic does not know, of people whom it may have from us; oldest first.

    It may have whoever was queued for it: even without an id here, since an answer may get lost on the way back. Who
    is being pushed at this moment waits for the outcome. Those that were tried before come last, in the order of
    their last try: else the same few would be tried each time. Those that we have from Mautic it knows.
    """
    theirs = Contact.objects.filter(email_key=OuterRef("email_key"))
    queued_once = theirs.filter(Q(mautic_contact_id__gt="") | ~Q(mautic_sync_status=SyncStatus.NEW))
    on_the_way = theirs.filter(mautic_processing_status=ProcessingStatus.PROCESSING)
    ours = in_force().exclude(source=MAUTIC.label).filter(email_key__gt="")
    unknown = ours.filter(mautic_opt_out__told_at=None)
    last_try = F("mautic_opt_out__tried_at").asc(nulls_first=True)
    return unknown.filter(Exists(queued_once), ~Exists(on_the_way)).order_by(last_try, "since", "email_key")


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

    def late() -> bool:
        return within is not None and time.monotonic() - begun > within.total_seconds()

    while suppressions := list(untold().exclude(pk__in=failed)[:AT_ONCE]):
        for suppression in suppressions:
            if stop() or late():
                return Told(count, problem, more=count > 0)
            try:
                _tell_of(client, suppression, late)
            except _Late:
                _keep(suppression, tried_at=timezone.now())
                return Told(count, problem, more=count > 0)
            except (StopRun, Throttled, MauticError, Unanswered) as error:
                if isinstance(error, Throttled) or (isinstance(error, StopRun) and not about_the_role(error)):
                    return Told(count, error.reason)
                failed.add(suppression.pk)
                _keep(suppression, tried_at=timezone.now())
                failures, problem = failures + 1, error.reason
                logger.warning("mautic: an opt-out could not be told and will be tried again: %s", error.reason)
                if failures >= TROUBLE:
                    return Told(count, problem)
            else:
                count, failures = count + 1, 0
    return Told(count, problem)


def _tell_of(client: Blocker, suppression: Suppression, late: Callable[[], bool]) -> None:
    """Tell of one, under every id that Mautic has for the address, and record it.

    Looked up by the address is whose id we do not have, and whose id is gone there: it may have been merged into
    another contact, which lives on with the address.
    """
    comments = f"Suppressed in ScraperSky: {suppression.get_reason_display()}."
    known = _ids_here(suppression.email_key)
    look_up = not known
    for place, contact_id in enumerate(known):
        if place:
            _in_time(late)
        try:
            client.block_contact(contact_id, comments)
        except MauticError as error:
            if not error.not_found:
                raise
            look_up = True
    if look_up:
        if known:
            _in_time(late)
        for contact_id in client.find_contacts(mautic_address(suppression.email_key)):
            _in_time(late)
            client.block_contact(contact_id, comments)
    now = timezone.now()
    _keep(suppression, told_at=now, tried_at=now)


def _ids_here(email_key: str) -> list[str]:
    """The ids that we have for an address, without those that are none of Mautic's: somebody wrote them here."""
    contacts = Contact.objects.filter(email_key=email_key, mautic_contact_id__gt="")
    ids = map(str, contacts.order_by().values_list("mautic_contact_id", flat=True).distinct())
    return [one for one in ids if one.isascii() and one.isdigit()]


def _in_time(late: Callable[[], bool]) -> None:
    if late():
        raise _Late


def _keep(suppression: Suppression, **when: datetime) -> None:
    """Record it, unless somebody has deleted the suppression meanwhile. Another step may be doing the same."""
    with suppress(IntegrityError), transaction.atomic():
        if Suppression.objects.select_for_update().filter(pk=suppression.pk).first():
            MauticOptOut.objects.update_or_create(suppression=suppression, defaults=when)
