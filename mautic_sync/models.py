"""What we have told Mautic about people who must not be mailed."""

from __future__ import annotations

from django.db import models

from contacts.models import Suppression


class MauticOptOut(models.Model):
    """A suppression of ours that Mautic has, or was to have, as "do not contact". It goes with the suppression.

    told_at: None until Mautic knows. tried_at: the last try, of those since this is kept.
    """

    suppression = models.OneToOneField(Suppression, on_delete=models.CASCADE, related_name="mautic_opt_out")
    told_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "mautic_opt_outs"
        ordering = ["-told_at", "-id"]
        verbose_name = "opt-out told to Mautic"
        verbose_name_plural = "opt-outs told to Mautic"

    def __str__(self) -> str:
        return str(self.suppression)
