"""Comparisons of what platforms hold with what we call Complete, and what each of them found."""

from __future__ import annotations

import uuid

from django.db import models


class Reconciliation(models.Model):
    """One reading of a platform's contacts, and how far it is.

    Each step, a page that was read or some contacts that were asked for, is one transaction which also moves the
    cursor: whatever ends the worker, the next one goes on, and nothing is counted twice.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Under way"
        FINISHED = "finished", "Finished"
        STOPPED = "stopped", "Stopped"  # `problem` says why; a person has to act

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", "Schedule"
        HAND = "hand", "By hand"
        COMMAND = "command", "Command"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    platform = models.CharField(max_length=20)
    trigger = models.CharField(max_length=10, choices=Trigger)
    asked_by = models.CharField(max_length=150, blank=True, default="")  # by name, which outlives the account
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    # Contacts that were pushed later are left out.
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField(editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Whoever holds it. A worker that finds another value here has lost it.
    token = models.UUIDField(null=True, blank=True, editable=False)
    against = models.CharField(max_length=500, blank=True, default="")  # see Comparison
    cursor = models.JSONField(default=dict)
    read = models.PositiveIntegerField("contacts read there", default=0)
    there = models.PositiveIntegerField("contacts there", default=0)  # on our list, or all
    to_ask = models.PositiveIntegerField("contacts to be asked for", default=0)
    suppressed = models.PositiveIntegerField("newly suppressed", default=0)
    counts = models.JSONField(default=dict)  # kind -> people, once it is finished
    failures = models.PositiveSmallIntegerField("failures in a row", default=0)
    resume_at = models.DateTimeField(null=True, blank=True)  # not before then
    problem = models.TextField(blank=True, default="")

    class Meta:
        db_table = "reconciliations"
        ordering = ["-started_at", "-id"]
        get_latest_by = "started_at"
        default_permissions = ()  # those of contacts count
        constraints = [
            models.UniqueConstraint(
                fields=["platform"], condition=models.Q(state="running"), name="reconciliations_one_running"
            )
        ]
        indexes = [models.Index(fields=["platform", "-started_at"], name="reconciliations_latest")]

    def __str__(self) -> str:
        return f"{self.platform}, {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def here(self) -> int:
        """People who are Complete with us and were compared."""
        return sum(count for kind, count in self.counts.items() if kind != HeldContact.Kind.UNKNOWN)

    def count(self, kind: str) -> int:
        """People of this kind; 0 until it is finished."""
        return int(self.counts.get(kind, 0))


class HeldContact(models.Model):
    """What a comparison found of one person: one row for an address. Those in whom nothing differs go at its end."""

    class Kind(models.TextChoices):
        SAME = "same", "As it should be"
        UNASKED = "unasked", "To be asked for"
        MISSING = "missing", "Missing there"
        OFF_LIST = "off_list", "Not on the list"
        BLOCKED = "blocked", "Blocked or unsubscribed there"
        CHANGED = "changed", "Changed there"
        NEWER = "newer", "Changed here since the push"
        UNKNOWN = "unknown", "On the list, unknown to us"

    id = models.BigAutoField(primary_key=True)
    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="+", db_index=False)
    email_key = models.CharField(max_length=320)
    remote_id = models.CharField(max_length=255, blank=True, default="")
    kind = models.CharField(max_length=10, choices=Kind)
    details = models.TextField(blank=True, default="")  # the fields that differ, or why the person is blocked
    contact_id = models.UUIDField(null=True)  # one of our rows; no foreign key: it may be deleted

    class Meta:
        db_table = "reconciliation_contacts"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["reconciliation", "email_key"], name="reconciliation_contacts_once")
        ]
        indexes = [
            models.Index(fields=["reconciliation", "kind", "id"], name="reconciliation_contacts_kind"),
            # Those who turn out to be ours under another address.
            models.Index(
                fields=["reconciliation", "remote_id"],
                name="reconciliation_contacts_new",
                condition=models.Q(kind="unknown"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email_key}: {self.get_kind_display()}"
