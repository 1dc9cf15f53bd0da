"""What we have told Mautic about people who must not be mailed."""

from __future__ import annotations

from django.db import models


class MauticOptOut(models.Model):
    """A suppression of ours that Mautic has as "do not contact"."""

    email_key = models.CharField("e-mail", max_length=320, unique=True)
    since = models.DateTimeField(help_text="That of the suppression: one that is made anew is told anew.")
    told_at = models.DateTimeField()

    class Meta:
        db_table = "mautic_opt_outs"
        ordering = ["-told_at", "-id"]
        verbose_name = "opt-out told to Mautic"
        verbose_name_plural = "opt-outs told to Mautic"

    def __str__(self) -> str:
        return self.email_key
