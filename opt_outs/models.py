"""What the platforms have been told of our opt-outs, and what we have read of theirs."""

from __future__ import annotations

from django.db import models

from contacts.models import Suppression


class ToldOptOut(models.Model):
    """A suppression of ours that a platform knows, or was to know. It goes with the suppression.

    told_at: None until the platform knows. tried_at: the last try.
    """

    id = models.BigAutoField(primary_key=True)
    platform = models.CharField(max_length=20)
    suppression = models.ForeignKey(Suppression, on_delete=models.CASCADE, related_name="told")
    told_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "told_opt_outs"
        ordering = ["-told_at", "-id"]
        verbose_name = "opt-out told to a platform"
        verbose_name_plural = "opt-outs told to platforms"
        constraints = [
            models.UniqueConstraint(fields=["platform", "suppression"], name="told_opt_outs_once_for_each_platform")
        ]

    def __str__(self) -> str:
        return f"{self.platform}: {self.suppression}"


class LastTelling(models.Model):
    """The last time that somebody was to be told to a platform, and the lock of whoever does it.

    problem: why some were not; "" when all were. clear_at: when it was last seen that nobody waits; NULL when somebody
    does, or did. busy_until: when whoever tells at this moment is taken for lost.
    """

    platform = models.CharField(primary_key=True, max_length=20)
    at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True, default="")
    clear_at = models.DateTimeField(null=True)
    busy_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "last_tellings"

    def __str__(self) -> str:
        return self.platform


class Sweep(models.Model):
    """One reading of what changed on a platform, page by page, for people whom it does not mail.

    While it is unfinished, the row is also the lock: a platform has one of them at most, and whoever works on it holds
    its token. Each page is one transaction that also moves the offset and the counts; so whatever ends the work,
    somebody else goes on at that page.
    """

    id = models.BigAutoField(primary_key=True)
    platform = models.CharField(max_length=20)
    # Read is what changed there since then; NULL: everything.
    since = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    # So many of the platform's list have been read; the last of them was this one.
    offset = models.PositiveIntegerField(default=0)
    last_id = models.CharField(max_length=100, blank=True, default="")
    total = models.PositiveIntegerField(default=0)
    read = models.PositiveIntegerField(default=0)
    suppressed = models.PositiveIntegerField(default=0)
    # How often it went back because the list had changed under it.
    went_back = models.PositiveSmallIntegerField(default=0)
    # Why it did not go on, the last time; of a finished one, why it was given up.
    problem = models.TextField(blank=True, default="")
    token = models.UUIDField(null=True, blank=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "opt_out_sweeps"
        ordering = ["-started_at", "-id"]
        get_latest_by = "started_at"
        constraints = [
            models.UniqueConstraint(
                fields=["platform"], condition=models.Q(finished_at__isnull=True), name="opt_out_sweeps_one_unfinished"
            )
        ]
        indexes = [models.Index(fields=["platform", "-started_at"], name="opt_out_sweeps_latest")]

    def __str__(self) -> str:
        return f"{self.platform}, {self.started_at:%Y-%m-%d %H:%M}"
