"""How a comparison begins, who holds it, and whose turn it is."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from curation_sdk.job import SyncJob
from reconciliation.held import Comparison
from reconciliation.models import Reconciliation
from reconciliation.people import settled

State = Reconciliation.State

#: A comparison whose worker has not been heard of for so long goes to the next one.
LOST_AFTER = timedelta(minutes=3)

#: One that was stopped, by a wrong key for instance, goes on where it was if somebody asks for it so soon.
GOES_ON_WITHIN = timedelta(hours=12)


def under_way(job: SyncJob) -> Reconciliation | None:
    """The platform's comparison that has not ended."""
    return Reconciliation.objects.filter(platform=job.platform, state=State.RUNNING).first()


def begin(
    comparison: Comparison, *, trigger: Reconciliation.Trigger, by: str, now: datetime
) -> tuple[Reconciliation, bool]:
    """Begin a comparison, or go on with one that was stopped. False: one is under way already, the one returned."""
    job = comparison.job
    if current := under_way(job):
        return current, False
    last = Reconciliation.objects.filter(platform=job.platform).first()
    try:
        with transaction.atomic():
            if last and last.state == State.STOPPED and last.started_at > now - GOES_ON_WITHIN:
                stopped = Reconciliation.objects.filter(pk=last.pk, state=State.STOPPED)
                asked = {"trigger": trigger, "asked_by": by, "problem": "", "failures": 0, "resume_at": None}
                stopped.update(state=State.RUNNING, token=None, finished_at=None, heartbeat_at=now, **asked)
                last.refresh_from_db()
                return last, True
            made = Reconciliation(platform=job.platform, trigger=trigger, asked_by=by, started_at=now)
            made.heartbeat_at, made.against = now, comparison.against()[:500]
            made.save(force_insert=True)
            return made, True
    except IntegrityError:
        # Somebody else has just begun one.
        return Reconciliation.objects.filter(platform=job.platform).first() or last or made, False


def take(current: Reconciliation, *, now: datetime) -> bool:
    """Make it ours. Of two that try at once, one gets it. False also while it has to wait."""
    free = Q(token__isnull=True) | Q(heartbeat_at__lt=now - LOST_AFTER)
    may = Q(resume_at__isnull=True) | Q(resume_at__lte=now)
    token = uuid.uuid4()
    mine = Reconciliation.objects.filter(free & may, pk=current.pk, state=State.RUNNING)
    taken = bool(mine.update(token=token, heartbeat_at=now, resume_at=None))
    current.refresh_from_db()
    return taken and current.token == token


def ours(current: Reconciliation) -> QuerySet[Reconciliation]:
    """Its row, as long as it is ours."""
    return Reconciliation.objects.filter(pk=current.pk, state=State.RUNNING, token=current.token)


def let_go(current: Reconciliation, **changes: object) -> None:
    """Leave it to the next worker, with these changes."""
    ours(current).update(token=None, **changes)


def is_due(job: SyncJob, *, now: datetime) -> bool:
    """Has tonight's comparison not begun yet, although its hour has come? Only where there was something by then."""
    hour: int = settings.RECONCILE_HOUR
    if not settings.RECONCILE_NIGHTLY:
        return False
    here = timezone.localtime(now)
    turn = here.replace(hour=hour, minute=0, second=0, microsecond=0)
    if turn > here:
        turn -= timedelta(days=1)
    if Reconciliation.objects.filter(platform=job.platform, started_at__gte=turn).exists():
        return False
    return job.contacts.filter(settled(job, turn)).exists()
