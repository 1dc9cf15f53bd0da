"""What n8n reports: every report as it came, and what it found out about a contact."""

from __future__ import annotations

from django.db import models


class EnrichmentEvent(models.Model):
    """A report as it came in, kept before anything is done with it. Pruned by age."""

    class State(models.TextChoices):
        RECEIVED = "received", "Received"  # and not dealt with: our program failed on it
        APPLIED = "applied", "Applied"
        DUPLICATE = "duplicate", "Seen before"
        UNKNOWN = "unknown", "No such contact"
        REFUSED = "refused", "Not readable"

    id = models.BigAutoField(primary_key=True)
    received_at = models.DateTimeField("received", db_index=True)
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    problem = models.TextField(blank=True, default="")
    contact_id = models.UUIDField("contact", null=True, blank=True)  # no foreign key: it may name anybody
    body = models.TextField()

    class Meta:
        db_table = "n8n_enrichment_events"
        ordering = ["-received_at", "-id"]

    def __str__(self) -> str:
        return f"{self.get_state_display()}, {self.received_at:%Y-%m-%d %H:%M}"


class Enrichment(models.Model):
    """What one run of a workflow found out about a contact. The contact itself changes only when a person says so."""

    class Status(models.TextChoices):
        COMPLETE = "complete", "Complete"
        PARTIAL = "partial", "Partial"
        FAILED = "failed", "Failed"

    id = models.BigAutoField(primary_key=True)
    contact = models.ForeignKey("contacts.Contact", on_delete=models.CASCADE, related_name="enrichments")
    event = models.ForeignKey(
        EnrichmentEvent, on_delete=models.SET_NULL, null=True, blank=True, related_name="enrichments"
    )
    enrichment_id = models.CharField("enrichment", max_length=255)
    delivery_id = models.CharField("delivery", max_length=64, blank=True, default="")
    status = models.CharField(max_length=10, choices=Status)
    error = models.TextField(blank=True, default="")
    answered = models.BooleanField("answered a delivery", default=False)
    sent_at = models.DateTimeField("sent")
    received_at = models.DateTimeField("received")

    phone = models.CharField(max_length=255, blank=True, default="")
    street = models.CharField(max_length=500, blank=True, default="")
    city = models.CharField(max_length=255, blank=True, default="")
    state = models.CharField(max_length=255, blank=True, default="")
    zip_code = models.CharField("ZIP", max_length=64, blank=True, default="")
    country = models.CharField(max_length=255, blank=True, default="")
    company_name = models.CharField("company", max_length=255, blank=True, default="")
    company_website = models.CharField("website", max_length=2000, blank=True, default="")
    company_industry = models.CharField("industry", max_length=255, blank=True, default="")
    company_size = models.CharField("size", max_length=255, blank=True, default="")
    company_description = models.TextField("description", blank=True, default="")
    linkedin = models.CharField("LinkedIn", max_length=2000, blank=True, default="")
    twitter = models.CharField("Twitter", max_length=2000, blank=True, default="")
    facebook = models.CharField("Facebook", max_length=2000, blank=True, default="")
    instagram = models.CharField("Instagram", max_length=2000, blank=True, default="")
    github = models.CharField("GitHub", max_length=2000, blank=True, default="")
    additional_emails = models.JSONField("further e-mails", default=list, blank=True)
    confidence_score = models.FloatField("confidence", null=True, blank=True)
    sources = models.JSONField(default=list, blank=True)

    duration_seconds = models.FloatField("seconds", null=True, blank=True)
    api_calls = models.PositiveIntegerField("API calls", null=True, blank=True)
    cost_estimate = models.FloatField("cost", null=True, blank=True)

    class Meta:
        db_table = "n8n_enrichments"
        ordering = ["-received_at", "-id"]
        constraints = [
            # n8n's numbers of executions start again with a new database, so the contact and, where the workflow
            # echoes it, the delivery belong to it.
            models.UniqueConstraint(
                fields=["contact", "enrichment_id", "delivery_id"], name="n8n_enrichments_once_each"
            )
        ]
        indexes = [models.Index(fields=["-received_at", "-id"], name="n8n_enrichments_newest")]

    def __str__(self) -> str:
        return f"{self.enrichment_id}: {self.get_status_display()}"
