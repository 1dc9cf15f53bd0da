"""CSV files that people uploaded."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class ContactImport(models.Model):
    """A CSV file that somebody uploaded, what a check found in it, and how far its import is.

    Check and import go through the file in its order, chunk by chunk. Each chunk is one transaction that also moves
    `cursor` and the counts, so whatever ends it, nothing is lost or counted twice.
    """

    class State(models.TextChoices):
        UPLOADED = "uploaded", "Waits for the check"
        CHECKING = "checking", "Being checked"
        CHECKED = "checked", "Waits to be confirmed"
        CONFIRMED = "confirmed", "Waits for a worker"
        IMPORTING = "importing", "Being imported"
        DONE = "done", "Imported"
        FAILED = "failed", "Failed"  # `problem` says why
        CANCELLED = "cancelled", "Cancelled"  # by a person, or because a day has passed

    #: There is something to do for a worker: nobody has begun, or somebody is at it.
    WAITING = (State.UPLOADED, State.CONFIRMED)
    RUNNING = (State.CHECKING, State.IMPORTING)
    UNFINISHED = (*WAITING, *RUNNING, State.CHECKED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    file_name = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()  # bytes
    lines = models.PositiveIntegerField()  # with the header
    parts = models.PositiveIntegerField()
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    uploaded_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    checked_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.UPLOADED)
    # Whoever holds it. A worker that finds another value here has lost it.
    token = models.UUIDField(null=True, blank=True, editable=False)
    worker = models.CharField(max_length=255, blank=True, default="", editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The line of the first row that has not been dealt with.
    cursor = models.PositiveIntegerField(default=0, editable=False)
    # What the check found, in rows.
    new = models.PositiveIntegerField(default=0)
    new_for_address = models.PositiveIntegerField(default=0)
    there = models.PositiveIntegerField(default=0)
    wrong = models.PositiveIntegerField(default=0)
    preview = models.JSONField(default=list)  # the first rows, see contacts.importing.check
    # What the import did, in rows.
    imported = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField("there already", default=0)
    refused = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True, default="")

    class Meta:
        db_table = "contact_imports"
        ordering = ["-uploaded_at", "-id"]
        default_permissions = ()  # those of contacts count

    def __str__(self) -> str:
        return self.file_name


class ContactImportPart(models.Model):
    """A piece of an uploaded file, compressed. Gone when the import has ended."""

    id = models.BigAutoField(primary_key=True)
    contact_import = models.ForeignKey(ContactImport, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        db_table = "contact_import_parts"
        constraints = [models.UniqueConstraint(fields=["contact_import", "number"], name="contact_import_part_once")]
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.number)


class RefusedRow(models.Model):
    """A row of an uploaded file that is not imported, with the reason. Gone a day after the import has ended."""

    id = models.BigAutoField(primary_key=True)
    contact_import = models.ForeignKey(ContactImport, on_delete=models.CASCADE, related_name="+")
    line = models.PositiveIntegerField()
    reason = models.TextField()
    text = models.TextField()  # as it stands in the file

    class Meta:
        db_table = "contact_import_refused"
        ordering = ["line"]
        constraints = [models.UniqueConstraint(fields=["contact_import", "line"], name="contact_import_line_once")]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.line}: {self.reason}"
