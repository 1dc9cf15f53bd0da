"""Deletions as the shared job loop sees them: a user of it like the platforms, on a table of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from curation_sdk.job import SyncJob, SyncPolicy
from erasure.models import Deletion
from erasure.services import erasure_service

ERASE = "erasure.erase_person"
EXPORT = "erasure.export_person"
SEE = "erasure.view_erasure"

#: Nobody is given up: a deletion is tried until the platform confirms, in the end once a day.
FOR_EVER = 1_000_000_000


def policy() -> SyncPolicy:
    """How the runs go. Each platform has a pace of its own beside this one's."""
    return SyncPolicy(
        batch_size=20,
        max_instances=1,
        max_retries=FOR_EVER,
        retry_delay=timedelta(minutes=1),
        retry_exponential=True,
        rate_per_second=100.0,
        concurrency=4,
    )


def the_row(rows: Sequence[Deletion], remote_id: str) -> Deletion:
    """Each is for itself."""
    (row,) = rows
    return row


def _nobody(selection: Mapping[str, Any], user: Any) -> QuerySet[Deletion]:
    """No operations on many are offered here."""
    return Deletion.objects.none()


def _in_words(selection: Mapping[str, Any]) -> str:
    return ""


def _not_blocked(blocked: Sequence[tuple[str, str]], source: str, now: datetime) -> None:
    """No deletion ever comes back as blocked."""


def _preview(deletion: Deletion) -> str:
    return f"{deletion.platform} is asked to delete a person."


def _destination() -> str:
    return "To every platform that is on, which deletes the person there."


ERASURE = SyncJob(
    platform="erasure",
    label="Erasure",
    model=Deletion,
    sync_status="status",
    processing_status="processing_status",
    processing_error="reason",
    error_cause="cause",
    contact_id="",
    retry_count="tries",
    next_attempt_at="due_at",
    synced_at="confirmed_at",
    identity="",
    related=(),
    merge=the_row,
    select=_nobody,
    in_words=_in_words,
    skip_rules=tuple,
    suppress=_not_blocked,
    task="erasure.tasks.process_erasures",
    schedule="erasure_processor",
    interval=lambda: 5,
    off_reason=lambda: "",
    policy=policy,
    open=erasure_service,
    preview=_preview,
    destination=_destination,
    learned=("address", "remote_ids", "outcome"),
    done="confirmed",
    permission=ERASE,
)
