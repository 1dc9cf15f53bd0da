"""Uploaded files are personal data: they go when the import has ended, or after a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Coalesce

from contacts.importing.work import LOST_AFTER, cancel
from contacts.models import ContactImport, ContactImportPart, RefusedRow
from curation_sdk.retention import delete_in_parts
from curation_sdk.wording import count_of

#: How long a file waits to be confirmed or imported, and how long the refused rows can be fetched after that.
KEPT = timedelta(days=1)

_NOT_IMPORTED = "It was not imported within a day, so the file was deleted. Upload it again."


def forget(*, now: datetime, stop: Callable[[], bool] = lambda: False) -> int:
    """Delete files, refused rows and previews that have had their day; the imports themselves with the history."""
    # Since a person last said something: who confirms after 23 hours does not want it cancelled after the 24th.
    unfinished = ContactImport.objects.filter(state__in=ContactImport.UNFINISHED)
    waiting = unfinished.alias(since=Coalesce("confirmed_at", "uploaded_at")).filter(since__lt=now - KEPT)
    alive = Q(state__in=ContactImport.RUNNING, heartbeat_at__gte=now - LOST_AFTER)
    for upload in waiting.exclude(alive):
        cancel(upload, now=now, problem=_NOT_IMPORTED)
    ended = ContactImport.objects.exclude(state__in=ContactImport.UNFINISHED)
    # Whoever ended it deletes its file; this is for one that was killed in between.
    ContactImportPart.objects.filter(contact_import__in=ended).delete()
    old = ended.filter(finished_at__lt=now - KEPT)
    old.exclude(preview=[]).update(preview=[])
    forgotten = delete_in_parts(RefusedRow.objects.filter(contact_import__in=old).order_by("pk"), stop)
    if settings.SYNC_HISTORY_DAYS:
        before = now - timedelta(days=settings.SYNC_HISTORY_DAYS)
        delete_in_parts(old.filter(finished_at__lt=before).order_by("finished_at", "pk"), stop)
    return forgotten


def kept_for() -> str:
    """For people: "24 hours"."""
    return count_of(int(KEPT.total_seconds() // 3600), "hour")
