"""What the dashboard says of each queue, in words: for the page, and for its script that keeps it up to date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django_q.models import Schedule

from curation_sdk import operations, pace, runs
from curation_sdk.job import SyncJob
from curation_sdk.models import SyncRun
from curation_sdk.overview import Standing, standings
from curation_sdk.report import run_in_words
from curation_sdk.statuses import SyncStatus
from curation_sdk.waiting import Waiting, waiting
from curation_sdk.wording import count_of, how_long, moment
from reconciliation import standing as comparisons
from reconciliation.models import Reconciliation
from scrapersky.platforms import COMPARISONS

#: Runs in the table of each queue.
RUNS = 5

#: The statuses of the bar, from left to right. New ones are not in it: nobody has asked for them.
BAR = (SyncStatus.COMPLETE, SyncStatus.PROCESSING, SyncStatus.QUEUED, SyncStatus.SKIPPED, SyncStatus.ERROR)

NO_WORKER = 'No worker is running, so nothing is pushed. "manage.py qcluster" starts one.'


def board(jobs: Sequence[SyncJob], *, now: datetime, runs_linked: bool, for_a_start: bool) -> dict[str, Any]:
    """All queues, ready for JSON. runs_linked: the reader may open runs. for_a_start: see `standings`."""
    standing = standings(jobs, now=now, for_a_start=for_a_start)
    used = [one for one in standing if one.in_use]
    waits = waiting([one.job for one in used], now=now)
    schedules = {
        name: next_run if repeats else None
        for name, next_run, repeats in Schedule.objects.filter(
            name__in=[one.job.schedule for one in used]
        ).values_list("name", "next_run", "repeats")
    }
    workers = standing[0].workers
    recent = runs.recent({one.job.platform: RUNS + len(one.running) for one in used})
    compared = comparisons.finished_of([one.job.platform for one in COMPARISONS])
    return {
        "at": moment(now, now=now),
        "worker": f"{count_of(len(workers), 'worker')} at work: {', '.join(workers)}." if workers else "",
        "problem": "" if workers else NO_WORKER,
        "queues": [
            _queue(
                one,
                waits[one.job.platform],
                schedules.get(one.job.schedule),
                compared.get(one.job.platform),
                recent[one.job.platform],
                now=now,
                runs_linked=runs_linked,
            )
            for one in used
        ],
        "idle": [{"label": one.job.label, "why": one.closed} for one in standing if not one.in_use],
    }


def _queue(
    standing: Standing,
    waits: Waiting,
    next_run: datetime | None,
    compared: Reconciliation | None,
    recent: Sequence[SyncRun],
    *,
    now: datetime,
    runs_linked: bool,
) -> dict[str, Any]:
    job = standing.job
    return {
        "platform": job.platform,
        "label": job.label,
        "name": job.name,
        "state": _state(standing),
        "problem": standing.problem,
        "notes": standing.latest.notes if standing.latest else "",
        "bar": _bar(standing.counts),
        "legend": _legend(job, standing.counts),
        "facts": {
            "Run under way": _under_way(standing, now),
            "Next by schedule": _next_run(standing, next_run, now),
            **_pace(standing, recent, now),
            "Oldest waiting": _since(waits.oldest, now),
            "Backing off": _backing_off(waits, now),
            **_compared(job, compared, now),
        },
        "comparison": reverse("sync-comparison", args=[job.platform]) if _comparable(job) else "",
        "operations": [_operation(job, operation) for operation in standing.operations],
        "runs": [_run(job, run, now, linked=runs_linked) for run in recent if run not in standing.running][:RUNS],
        "controls": {
            "pause": not standing.pause,
            "resume": bool(standing.pause),
            "run": not standing.pause and not standing.running and not standing.closed,
            "cancel": any(not run.cancelled_by for run in standing.running),
        },
    }


def _state(standing: Standing) -> dict[str, str]:
    """In a word, with the class of its badge."""
    if standing.running:
        ending = standing.pause or all(run.cancelled_by for run in standing.running)
        return {"text": "ending" if ending else "running", "kind": "running"}
    if standing.closed:
        return {"text": "off", "kind": "none"}
    if standing.pause:
        return {"text": "paused", "kind": "skipped"}
    if standing.problem:
        return {"text": "waits", "kind": "error"}
    return {"text": "queued" if standing.waiting else "idle", "kind": "queued" if standing.waiting else "none"}


def _bar(counts: dict[str, int]) -> dict[str, Any]:
    """The parts of the bar as percentages, written so that they fit into attributes, and the bar in words."""
    asked_for = sum(counts[status] for status in BAR)
    parts, begins = [], 0.0
    for status in BAR:
        width = 100 * counts[status] / asked_for if asked_for else 0.0
        parts.append({"name": status.lower(), "x": f"{begins:.3f}%", "width": f"{width:.3f}%"})
        begins += width
    said = ", ".join(f"{counts[status]:,} {status}" for status in BAR if counts[status])
    return {"parts": parts, "text": f"Of {count_of(asked_for, 'contact')} asked for: {said or 'none'}."}


def _legend(job: SyncJob, counts: dict[str, int]) -> list[dict[str, Any]]:
    """Each status with its count and the list of its contacts."""
    contacts = reverse("admin:contacts_contact_changelist")
    return [
        {
            "name": status.lower(),
            "label": status.value,
            "count": counts[status],
            "text": f"{counts[status]:,}",
            "url": f"{contacts}?{job.sync_status}__exact={status.value}",
        }
        for status in (*BAR, SyncStatus.NEW)
    ]


def _under_way(standing: Standing, now: datetime) -> str:
    said = []
    for run in standing.running:
        did = run_in_words(run, standing.job.done) or "nothing pushed yet"
        since = f"Since {moment(run.started_at, now=now)} ({how_long(now - run.started_at)})"
        ending = f" Being cancelled by {run.cancelled_by}." if run.cancelled_by else ""
        said.append(f"{since} on {run.worker}, trigger {run.get_trigger_display()}: {did}.{ending}")
    return " ".join(said) or "None"


def _next_run(standing: Standing, next_run: datetime | None, now: datetime) -> str:
    if standing.pause:
        return "After the pause"
    if standing.closed:
        return "Not while it is off"
    return moment(next_run, now=now) if next_run else "The schedule is switched off"


def _pace(standing: Standing, recent: Sequence[SyncRun], now: datetime) -> dict[str, str]:
    """How fast it goes, and when the queue will be empty if it goes on so."""
    speed = pace.contacts_a_minute({run.pk: run for run in (*recent, *standing.running)}.values(), now=now)
    left = pace.time_left(standing.waiting, speed) if standing.running else None
    return {
        "Pace": "-" if speed is None else f"{count_of(round(speed), 'contact')} a minute",
        "Estimated end": f"In {how_long(left)}, at {moment(now + left, now=now)}" if left else "-",
    }


def _comparable(job: SyncJob) -> bool:
    return any(one.job is job for one in COMPARISONS)


def _compared(job: SyncJob, compared: Reconciliation | None, now: datetime) -> dict[str, str]:
    """What is Complete here beside what the platform holds, and as of when."""
    if not _comparable(job):
        return {}
    if compared is None:
        return {"Here and there": "Not compared yet"}
    ended = moment(compared.finished_at or compared.started_at, now=now)
    return {"Here and there": f"{comparisons.in_words(compared)} (compared {ended})"}


def _since(when: datetime | None, now: datetime) -> str:
    return f"Due since {moment(when, now=now)} ({how_long(now - when)})" if when else "None"


def _backing_off(waits: Waiting, now: datetime) -> str:
    if not waits.next_try:
        return "None"
    return f"{waits.backing_off_in_words}, the next try at {moment(waits.next_try, now=now)}"


def _operation(job: SyncJob, operation: Any) -> dict[str, str]:
    begun = f"{operation.get_action_display()}, {operation.get_state_display().lower()}"
    return {
        "id": str(operation.pk),
        "text": f"{begun}: {operations.sentence(job, operation)}",
        "stop": reverse("sync-stop-operation", args=[operation.pk]),
    }


def _run(job: SyncJob, run: SyncRun, now: datetime, *, linked: bool) -> dict[str, str]:
    return {
        "when": moment(run.started_at, now=now),
        "url": reverse("admin:curation_sdk_syncrun_change", args=[run.pk]) if linked else "",
        "took": how_long((run.finished_at or now) - run.started_at),
        "trigger": run.get_trigger_display(),
        "state": run.get_state_display(),
        "kind": run.state,
        "did": run_in_words(run, job.done) or "Nothing",
        "reason": run.reason or "Nothing more was due, or its time was up.",
    }
