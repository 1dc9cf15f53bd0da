"""How a comparison stands and what the last one found, for pages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from curation_sdk.job import SyncJob
from reconciliation.models import HeldContact, Reconciliation
from reconciliation.people import settled

State, Kind = Reconciliation.State, HeldContact.Kind

#: Kinds whose people are contacts of ours, in the order in which pages show them.
OURS = (Kind.MISSING, Kind.OFF_LIST, Kind.BLOCKED, Kind.CHANGED, Kind.NEWER)

#: The kinds as parts of a sentence, in the order in which people see them.
WORDS = {
    Kind.MISSING: "missing there",
    Kind.OFF_LIST: "not on the list",
    Kind.BLOCKED: "blocked or unsubscribed there",
    Kind.CHANGED: "changed there",
    Kind.NEWER: "changed here since the push",
    Kind.UNKNOWN: "unknown to us",
}


def finished(job: SyncJob) -> Reconciliation | None:
    """The last comparison that was finished."""
    return Reconciliation.objects.filter(platform=job.platform, state=State.FINISHED).first()


def latest(job: SyncJob) -> Reconciliation | None:
    """The last one of all."""
    return Reconciliation.objects.filter(platform=job.platform).first()


def finished_of(platforms: Collection[str]) -> dict[str, Reconciliation]:
    """The last finished one of each platform. One query."""
    later = Reconciliation.objects.filter(
        platform=OuterRef("platform"), state=State.FINISHED, started_at__gt=OuterRef("started_at")
    )
    found = Reconciliation.objects.filter(~Exists(later), platform__in=platforms, state=State.FINISHED)
    return {one.platform: one for one in found}


def people(current: Reconciliation, kind: str) -> QuerySet[HeldContact]:
    """Those of this kind, in the order in which they were found."""
    return HeldContact.objects.filter(reconciliation=current, kind=kind).order_by("pk")


def contacts(job: SyncJob, current: Reconciliation, kinds: Collection[str]) -> QuerySet[Any]:
    """Our contacts of these kinds of whom it still holds: none that was queued or pushed since."""
    return job.contacts.filter(still(job, current, kinds))


def still(job: SyncJob, current: Reconciliation, kinds: Collection[str]) -> Q:
    """The condition for them."""
    rows = HeldContact.objects.filter(reconciliation=current, kind__in=kinds, email_key=OuterRef(job.identity))
    return settled(job, current.started_at) & Q(Exists(rows.order_by()))


def both(job: SyncJob) -> tuple[Reconciliation | None, Reconciliation | None]:
    """The last comparison of all, and the last one that was finished. One query, as a rule."""
    last = latest(job)
    if last is None or last.state == State.FINISHED:
        return last, last
    return last, finished(job)


def in_words(current: Reconciliation) -> str:
    """The counts of a finished comparison side by side, for people: "1,000 here, 998 there: 2 missing there"."""
    found = [f"{current.count(kind):,} {words}" for kind, words in WORDS.items() if current.count(kind)]
    return f"{current.here:,} here, {current.there:,} there: {', '.join(found) or 'nothing differs'}"
