"""The two statuses that every platform keeps for a contact."""

from __future__ import annotations

from django.db import models


class SyncStatus(models.TextChoices):
    """What was decided about the contact for one platform: the column a person reads and filters by."""

    NEW = "New"  # nobody has asked for it yet
    QUEUED = "Queued"  # asked for; waits for its turn or for its next try
    PROCESSING = "Processing"  # a worker is pushing it now
    COMPLETE = "Complete"  # the platform has it
    ERROR = "Error"  # the platform refused it, or every try failed: a person has to look
    SKIPPED = "Skipped"  # not pushed, on purpose; the reason stands beside it


class ProcessingStatus(models.TextChoices):
    """Where the machine is with the contact. NULL: it has nothing to do with it."""

    QUEUED = "Queued"
    PROCESSING = "Processing"
    COMPLETE = "Complete"
    ERROR = "Error"


#: The machine still owes the contact an answer.
ACTIVE = (ProcessingStatus.QUEUED, ProcessingStatus.PROCESSING)
