"""What people say about a queue's runs: pause it and go on, run now, cancel the run.

All of it stands in the database, so it reaches every worker on every machine. A run asks each second whether somebody
wants it to end (`word_on`); whoever would begin one asks first (`held_back`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import OuterRef, Subquery

from curation_sdk.job import SyncJob
from curation_sdk.models import QueuePause, SyncRun
from curation_sdk.wording import storable

#: These begin after a run was cancelled. All others follow from something that was asked for before, or by somebody
#: who may know nothing of it, and would bring the run back at once.
AFTER_A_CANCEL = (SyncRun.Trigger.SCHEDULE, SyncRun.Trigger.COMMAND, SyncRun.Trigger.HAND)

LONGEST_REASON = 200


def pause(job: SyncJob, *, by: str, reason: str, now: datetime) -> tuple[QueuePause, bool]:
    """Let no run of the queue begin, and have those under way end. False: it was paused already, as the pause says."""
    said = {"paused_by": by, "paused_at": now, "reason": storable(reason.strip(), LONGEST_REASON)}
    return QueuePause.objects.get_or_create(platform=job.platform, defaults=said)


def resume(job: SyncJob) -> bool:
    """Lift the pause. False: there was none, or somebody else has just lifted it."""
    deleted, _ = QueuePause.objects.filter(platform=job.platform).delete()
    return bool(deleted)


def paused(job: SyncJob) -> QueuePause | None:
    """The queue's pause, if there is one."""
    return QueuePause.objects.filter(platform=job.platform).first()


def pause_sentence(pause: QueuePause) -> str:
    """For people: "Paused by ada since 2026-11-24 12:00 UTC: the list is being changed."."""
    reason = f": {pause.reason.rstrip('.')}" if pause.reason else ""
    return f"Paused by {pause.paused_by} since {pause.paused_at:%Y-%m-%d %H:%M} UTC{reason}."


def cancel_runs(job: SyncJob, *, by: str) -> int:
    """Have the queue's runs end within seconds. Contacts stay queued. Returns how many there were to tell."""
    under_way = SyncRun.objects.filter(platform=job.platform, state=SyncRun.State.RUNNING, cancelled_by="")
    return under_way.update(cancelled_by=by)


def cancelled(job: SyncJob, *, now: datetime) -> SyncRun | None:
    """The queue's last run, if somebody cancelled it and the schedule has not had its turn since."""
    return still_cancelled(job, SyncRun.objects.filter(platform=job.platform).first(), now=now)


def still_cancelled(job: SyncJob, latest: SyncRun | None, *, now: datetime) -> SyncRun | None:
    """The same, of a queue whose last run is known."""
    turn = now - timedelta(minutes=job.interval())
    if latest is None or not latest.cancelled_by or (latest.finished_at and latest.finished_at <= turn):
        return None
    return latest


def cancel_sentence(run: SyncRun) -> str:
    """For people, about the last run."""
    return f"The last run was cancelled by {run.cancelled_by}. The next one begins with the schedule, or by hand."


def held_back(job: SyncJob, trigger: str, *, now: datetime) -> str:
    """Why a run with this trigger must not begin, as people have said; "" when it may."""
    if pause := paused(job):
        return pause_sentence(pause)
    if trigger in AFTER_A_CANCEL:
        return ""
    run = cancelled(job, now=now)
    return cancel_sentence(run) if run else ""


def word_on(run: SyncRun, *, even_if_paused: bool) -> str:
    """Why people want this run to end; "" when they do not."""
    its_queue = QueuePause.objects.filter(platform=OuterRef("platform"))
    asked = SyncRun.objects.filter(pk=run.pk).annotate(paused_by=Subquery(its_queue.values("paused_by")))
    found = asked.values("cancelled_by", "paused_by").first()
    if found and found["cancelled_by"]:
        return f"Cancelled by {found['cancelled_by']}."
    if found and found["paused_by"] and not even_if_paused:
        return f"Paused by {found['paused_by']}."
    return ""
