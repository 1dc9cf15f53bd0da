"""How a platform stands: for its page in the API and the strip above the contact list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from curation_sdk import runs
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, SyncRun
from curation_sdk.operations import sentence, unfinished
from curation_sdk.queueing import closed_reason
from curation_sdk.status_counts import status_counts
from curation_sdk.statuses import SyncStatus
from curation_sdk.workers import worker_alive


def status_summary(job: SyncJob) -> dict[str, int]:
    """How many contacts are in each status: `new`, `queued` …, and `total_contacts`."""
    counts = {name.lower(): count for name, count in status_counts(job).items()}
    return {**counts, "total_contacts": sum(counts.values())}


def in_use(job: SyncJob) -> bool:
    """Is it switched on, or does it know of contacts from a time when it was?"""
    if not closed_reason(job):
        return True
    counts = status_counts(job)
    return any(count for status, count in counts.items() if status != SyncStatus.NEW)


def platform_state(job: SyncJob, *, now: datetime) -> dict[str, Any]:
    """Is the platform on, what is it doing, and what does a person have to know? Ready for JSON."""
    closed = closed_reason(job)
    running = runs.running(job, now=now).exists()
    latest = SyncRun.objects.filter(platform=job.platform).exclude(state=SyncRun.State.RUNNING).first()
    summary = status_summary(job)
    operations = list(unfinished(job).filter(confirmed=True))
    problem = closed or _problem(job, latest, summary["queued"], operating=bool(operations), running=running, now=now)
    return {
        "platform": job.platform,
        "label": job.label,
        "on": not closed,
        "running": running,
        "problem": problem,
        "notes": latest.notes if latest else "",
        "last_run": _run(latest) if latest else None,
        "operations": [_operation(job, operation) for operation in operations],
        "summary": summary,
    }


def hindrance(job: SyncJob, *, now: datetime) -> str:
    """Why contacts that are queued now would wait longer than for their turn; "" when they would not."""
    latest = SyncRun.objects.filter(platform=job.platform).exclude(state=SyncRun.State.RUNNING).first()
    running = runs.running(job, now=now).exists()
    return closed_reason(job) or _problem(job, latest, 1, operating=False, running=running, now=now)


def _problem(
    job: SyncJob, latest: SyncRun | None, waiting: int, *, operating: bool, running: bool, now: datetime
) -> str:
    """Why contacts wait although they should not; "" when all is well."""
    if waiting and latest and latest.state == SyncRun.State.STOPPED and not running:
        return f"The last run stopped: {latest.reason}"
    if not waiting and not operating:
        return ""
    if until := runs.resume_at(job, now=now):
        return f"{job.label} asked us to wait until {until:%H:%M:%S} UTC."
    needs_worker = bool(waiting) and not job.off_reason()  # else another program fetches them
    if (needs_worker or operating) and not worker_alive(now=now):
        return "No worker is running, so queued contacts wait. `manage.py qcluster` starts one."
    return ""


def _operation(job: SyncJob, operation: BulkOperation) -> dict[str, Any]:
    begun = f"{operation.get_action_display()}, {operation.get_state_display().lower()}"
    return {"id": operation.pk, "text": f"{begun}: {sentence(job, operation)}"}


def _run(run: SyncRun) -> dict[str, Any]:
    return {"state": run.state, "started_at": run.started_at, "finished_at": run.finished_at, "reason": run.reason}
