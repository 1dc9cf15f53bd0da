"""The ledger of people who must not be pushed."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now


class Suppression(models.Model):
    """That a person must not be pushed to any platform: why, since when, who said so, and with what evidence.

    Rows are only added: one for each address, reason and source in force. A person may lift them; then they stay,
    with his reason. Of people who were erased there is no address, only a keyed hash (`contacts.address_hash`).
    """

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        HARD_BOUNCE = "hard_bounce", "Hard bounce"
        COMPLAINT = "complaint", "Spam complaint"
        BLOCKED = "blocked", "Blocked on a platform"
        REQUEST = "request", "Asked not to be contacted"
        MANUAL = "manual", "Our decision"
        ERASED = "erased", "Asked to be forgotten"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email_key = models.CharField(
        "e-mail",
        max_length=320,
        blank=True,
        default="",
        db_default="",
        help_text="Kept without spaces around it and in lower case.",
    )
    key_hash = models.CharField("hash of the e-mail", max_length=80, blank=True, default="", db_default="")
    reason = models.CharField(max_length=20, choices=Reason, default=Reason.MANUAL, db_default=Reason.MANUAL)
    source = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="Who told us: Brevo, a person …"
    )
    note = models.TextField("evidence", blank=True, default="", db_default="")
    since = models.DateTimeField(db_default=Now())
    recorded_at = models.DateTimeField("recorded", db_default=Now(), editable=False)
    lifted_at = models.DateTimeField("lifted", null=True, blank=True, editable=False)
    lifted_by = models.CharField(max_length=150, blank=True, default="", db_default="", editable=False)  # by name
    lift_reason = models.TextField("why it was lifted", blank=True, default="", db_default="", editable=False)

    class Meta:
        db_table = "suppressions"
        ordering = ["-since", "email_key"]
        permissions = [("lift_suppression", "Can lift suppressions")]
        constraints = [
            # Also the index by which people are found.
            models.UniqueConstraint(
                fields=["email_key", "key_hash", "reason", "source"],
                condition=models.Q(lifted_at__isnull=True),
                name="suppressions_once_in_force",
            ),
            models.CheckConstraint(
                condition=models.Q(email_key="") ^ models.Q(key_hash=""), name="suppressions_address_or_hash"
            ),
        ]
        indexes = [
            models.Index(fields=["key_hash"], name="suppressions_erased", condition=models.Q(key_hash__gt="")),
            # What was lifted, of one person.
            models.Index(
                fields=["email_key", "lifted_at"],
                name="suppressions_lifted",
                condition=models.Q(lifted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email_key or 'an erased person'} ({self.get_reason_display()})"

    @property
    def in_force(self) -> bool:
        return self.lifted_at is None
