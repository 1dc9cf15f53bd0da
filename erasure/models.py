"""Who was erased, when, by whom and why; and what each platform has still to confirm. No personal data stays here."""

from __future__ import annotations

from django.db import models

from curation_sdk.statuses import ACTIVE, ProcessingStatus, SyncStatus


class Erasure(models.Model):
    """A person who was erased, and all that the certificate says.

    `key_hash` is the address's keyed hash, as in the ledger; "" where there was no address. `contact_ids` are the rows
    that were emptied, which tell nothing by themselves.
    """

    id = models.BigAutoField(primary_key=True)
    key_hash = models.CharField(max_length=128, blank=True, default="", db_index=True)
    requested_at = models.DateTimeField("erased here")
    by_name = models.CharField("by", max_length=150)  # by name, which outlives the account
    why = models.CharField(max_length=500)
    contact_ids = models.JSONField(default=list)
    done = models.JSONField(default=dict)  # what was done here -> table -> rows
    # Nothing that was on its way when the person was erased can come in after this: then we look once more.
    look_again_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)  # when we looked once more

    class Meta:
        db_table = "erasures"
        ordering = ["-id"]
        default_permissions = ("view",)
        permissions = [
            ("erase_person", "Can erase people, here and in the platforms"),
            ("export_person", "Can export everything that is held about a person"),
        ]
        indexes = [
            models.Index(fields=["look_again_at"], name="erasures_open", condition=models.Q(closed_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"Erasure {self.pk}"


class Deletion(models.Model):
    """What one platform has to do for an erasure. The job loop works it off; see `erasure.job`.

    `address` and `remote_ids` (one a line) are there until the platform has confirmed. One that is not to be asked is
    Skipped, with the reason.
    """

    id = models.BigAutoField(primary_key=True)
    erasure = models.ForeignKey(Erasure, on_delete=models.CASCADE, related_name="deletions")
    platform = models.CharField(max_length=20)
    address = models.CharField(max_length=320, blank=True, default="")
    remote_ids = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=SyncStatus)
    processing_status = models.CharField(max_length=10, choices=ProcessingStatus, null=True, blank=True)
    reason = models.TextField(null=True, blank=True)
    cause = models.CharField(max_length=200, null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=200, blank=True, default="")  # what the platform confirmed

    class Meta:
        db_table = "erasure_deletions"
        ordering = ["id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["erasure", "platform"], name="erasure_deletions_one_each")]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                name="erasure_deletions_due",
                condition=models.Q(processing_status__in=ACTIVE),
            )
        ]

    def __str__(self) -> str:
        return f"{self.platform}: {self.status}"
