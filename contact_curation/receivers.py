"""What a person's decision about curation means for its queue."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from contact_curation.job import CURATION
from contacts.models import Contact, CurationStatus
from curation_sdk.models import SyncRun
from curation_sdk.sparing import spare
from curation_sdk.status_counts import statuses_changed
from curation_sdk.tasks import start_soon


def work_the_queue(contacts: QuerySet[Contact], status: CurationStatus, trigger: SyncRun.Trigger, **_: Any) -> None:
    """The later word stands before an operation on many contacts, and a cycle begins once this is committed."""
    spare(CURATION, contacts)
    statuses_changed(CURATION)
    if status == CurationStatus.QUEUED:
        start_soon(CURATION, trigger)
