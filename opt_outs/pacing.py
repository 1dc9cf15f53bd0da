"""How fast a platform is called for opt-outs: at its rate, and at a small share of it beside a run."""

from __future__ import annotations

from datetime import datetime

from curation_sdk import runs, steering
from curation_sdk.job import SyncJob
from curation_sdk.wording import moment

#: The share of the account's rate that is taken while a run of the platform is under way.
BESIDE_A_RUN = 0.1


def rate(job: SyncJob, *, now: datetime) -> float:
    """Calls a second."""
    whole = job.policy().rate_per_second
    return whole * BESIDE_A_RUN if runs.running(job, now=now).exists() else whole


def left_alone(job: SyncJob, *, now: datetime, even_if_paused: bool = False) -> str:
    """Why the platform is not to be called now, as a sentence; "" when it may be."""
    if off := job.off_reason():
        return off
    if not even_if_paused and (pause := steering.paused(job)):
        return steering.pause_sentence(pause)
    if until := runs.resume_at(job, now=now):
        return f"{job.label} asked to be left alone until {moment(until, now=now)}."
    return ""
