"""What the platforms tell us by themselves: every event as it came, and who has to be read again because of one."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class PlatformEvent(models.Model):
    """One event of a platform, stored before anything is done with it, and what became of it. Pruned by age."""

    class State(models.TextChoices):
        RECEIVED = "received", "Waits"
        APPLIED = "applied", "Applied"
        IGNORED = "ignored", "Nothing to do"
        UNREADABLE = "unreadable", "Unreadable"
        FAILED = "failed", "Failed"

    id = models.BigAutoField(primary_key=True)
    platform = models.CharField(max_length=20)
    # An event that comes again has the key of the first; see `webhooks.receiving.Piece`.
    key = models.CharField(max_length=64, editable=False)
    event = models.CharField(max_length=100, blank=True, default="")
    # As addresses are compared (`contacts.address_key`); blank where the event names none.
    email_key = models.CharField("e-mail", max_length=320, blank=True, default="")
    body = models.TextField()
    received_at = models.DateTimeField("received")
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    worked_at = models.DateTimeField("worked on", null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    result = models.CharField("what became of it", max_length=300, blank=True, default="")
    problem = models.TextField(blank=True, default="")

    class Meta:
        db_table = "platform_events"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["platform", "key"], name="platform_events_once_each")]
        indexes = [
            models.Index(fields=["id"], name="platform_events_waiting", condition=Q(state="received")),
            models.Index(fields=["email_key"], name="platform_events_address", condition=Q(email_key__gt="")),
            models.Index(fields=["platform"], name="platform_events_unreadable", condition=Q(state="unreadable")),
            models.Index(fields=["platform"], name="platform_events_failed", condition=Q(state="failed")),
        ]

    def __str__(self) -> str:
        return f"{self.event or 'unnamed'}, {self.received_at:%Y-%m-%d %H:%M}"


class Recheck(models.Model):
    """A contact that changed on a platform and has to be read there. One row, however often we are told.

    asked_at: the last time that we were told. due_at: when it is read; while somebody reads it, when that is taken
    for lost.
    """

    id = models.BigAutoField(primary_key=True)
    platform = models.CharField(max_length=20)
    email_key = models.CharField("e-mail", max_length=320)
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        db_table = "platform_rechecks"
        ordering = ["due_at", "id"]
        constraints = [models.UniqueConstraint(fields=["platform", "email_key"], name="platform_rechecks_once_each")]
        indexes = [models.Index(fields=["platform", "due_at"], name="platform_rechecks_due")]

    def __str__(self) -> str:
        return f"{self.email_key} ({self.platform})"
