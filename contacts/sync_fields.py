"""The columns that each platform keeps on a contact, spelt out so that a search finds every use.

Defaults are the database's own: a scraper's plain INSERT leaves these columns out.
"""

from __future__ import annotations

from django.db import models

from curation_sdk.statuses import ProcessingStatus, SyncStatus


class BrevoSyncFields(models.Model):
    """What we know about a contact's way into Brevo."""

    brevo_sync_status = models.CharField(
        "Brevo status", max_length=10, choices=SyncStatus, default=SyncStatus.NEW, db_default=SyncStatus.NEW
    )
    brevo_processing_status = models.CharField(
        "Brevo processing", max_length=10, choices=ProcessingStatus, null=True, blank=True
    )
    brevo_processing_error = models.TextField("Brevo reason", null=True, blank=True)
    brevo_error_cause = models.CharField("Brevo cause", max_length=200, null=True, blank=True, editable=False)
    brevo_contact_id = models.CharField("Brevo id", max_length=255, null=True, blank=True)
    brevo_retry_count = models.PositiveSmallIntegerField("Brevo retries", default=0, db_default=0)
    brevo_next_attempt_at = models.DateTimeField("Brevo next attempt", null=True, blank=True)
    brevo_synced_at = models.DateTimeField("Brevo synced", null=True, blank=True)

    class Meta:
        abstract = True


class HubspotSyncFields(models.Model):
    """What we know about a contact's way into HubSpot."""

    hubspot_sync_status = models.CharField(
        "HubSpot status", max_length=10, choices=SyncStatus, default=SyncStatus.NEW, db_default=SyncStatus.NEW
    )
    hubspot_processing_status = models.CharField(
        "HubSpot processing", max_length=10, choices=ProcessingStatus, null=True, blank=True
    )
    hubspot_processing_error = models.TextField("HubSpot reason", null=True, blank=True)
    hubspot_error_cause = models.CharField("HubSpot cause", max_length=200, null=True, blank=True, editable=False)
    hubspot_contact_id = models.CharField("HubSpot id", max_length=255, null=True, blank=True)
    hubspot_retry_count = models.PositiveSmallIntegerField("HubSpot retries", default=0, db_default=0)
    hubspot_next_attempt_at = models.DateTimeField("HubSpot next attempt", null=True, blank=True)
    hubspot_synced_at = models.DateTimeField("HubSpot synced", null=True, blank=True)

    class Meta:
        abstract = True


class MauticSyncFields(models.Model):
    """What we know about a contact's way into Mautic."""

    mautic_sync_status = models.CharField(
        "Mautic status", max_length=10, choices=SyncStatus, default=SyncStatus.NEW, db_default=SyncStatus.NEW
    )
    mautic_processing_status = models.CharField(
        "Mautic processing", max_length=10, choices=ProcessingStatus, null=True, blank=True
    )
    mautic_processing_error = models.TextField("Mautic reason", null=True, blank=True)
    mautic_error_cause = models.CharField("Mautic cause", max_length=200, null=True, blank=True, editable=False)
    mautic_contact_id = models.CharField("Mautic id", max_length=255, null=True, blank=True)
    mautic_retry_count = models.PositiveSmallIntegerField("Mautic retries", default=0, db_default=0)
    mautic_next_attempt_at = models.DateTimeField("Mautic next attempt", null=True, blank=True)
    mautic_synced_at = models.DateTimeField("Mautic synced", null=True, blank=True)

    class Meta:
        abstract = True


class N8nSyncFields(models.Model):
    """What we know about a contact's way into n8n."""

    n8n_sync_status = models.CharField(
        "n8n status", max_length=10, choices=SyncStatus, default=SyncStatus.NEW, db_default=SyncStatus.NEW
    )
    n8n_processing_status = models.CharField(
        "n8n processing", max_length=10, choices=ProcessingStatus, null=True, blank=True
    )
    n8n_processing_error = models.TextField("n8n reason", null=True, blank=True)
    n8n_error_cause = models.CharField("n8n cause", max_length=200, null=True, blank=True, editable=False)
    n8n_contact_id = models.CharField("n8n id", max_length=255, null=True, blank=True)
    n8n_retry_count = models.PositiveSmallIntegerField("n8n retries", default=0, db_default=0)
    n8n_next_attempt_at = models.DateTimeField("n8n next attempt", null=True, blank=True)
    n8n_synced_at = models.DateTimeField("n8n synced", null=True, blank=True)
    # When the first try since the contact was queued began: all tries of a delivery share its id.
    n8n_begun_at = models.DateTimeField("n8n delivery begun", null=True, blank=True)

    class Meta:
        abstract = True
