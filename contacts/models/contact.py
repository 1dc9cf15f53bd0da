"""The scraped people, and where they were found."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now

from contacts.address_key import AddressKey
from contacts.sync_fields import BrevoSyncFields, HubspotSyncFields, MauticSyncFields, N8nSyncFields
from curation_sdk.statuses import ACTIVE, ProcessingStatus, SyncStatus


class EmailType(models.TextChoices):
    """What kind of mailbox an address is."""

    SERVICE = "SERVICE", "Service (info@, sales@ …)"
    CORPORATE = "CORPORATE", "Corporate"
    FREE = "FREE", "Free-mail provider"
    UNKNOWN = "UNKNOWN", "Unknown"


class LawfulBasis(models.TextChoices):
    """On what a contact's data may be used (GDPR, article 6, 1), of those that businesses rely on."""

    CONSENT = "consent", "Consent"
    LEGITIMATE_INTEREST = "legitimate_interest", "Legitimate interest"
    CONTRACT = "contract", "Contract"
    LEGAL_OBLIGATION = "legal_obligation", "Legal obligation"


class CurationStatus(models.TextChoices):
    """What a person decided about a contact, before any platform comes into it."""

    NEW = "New"
    QUEUED = "Queued"
    PROCESSING = "Processing"
    COMPLETE = "Complete"
    ERROR = "Error"
    SKIPPED = "Skipped"


class Domain(models.Model):
    """A website's domain that was scraped."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    domain = models.CharField(max_length=255, unique=True)
    company_name = models.CharField(max_length=255, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())

    class Meta:
        db_table = "domains"
        ordering = ["domain"]

    def __str__(self) -> str:
        return self.domain


class Page(models.Model):
    """A page of a website that was scraped."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, null=True, blank=True, related_name="pages")
    url = models.CharField("URL", max_length=2000, unique=True)
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())

    class Meta:
        db_table = "pages"
        ordering = ["url"]

    def __str__(self) -> str:
        return self.url


def _statuses(column: str, values: type[models.TextChoices]) -> models.CheckConstraint:
    """A constraint that lets `column` hold the given values only (or NULL, where the column allows it)."""
    return models.CheckConstraint(
        name=f"contacts_{column}_valid", condition=models.Q(**{f"{column}__in": values.values})
    )


class Contact(BrevoSyncFields, HubspotSyncFields, MauticSyncFields, N8nSyncFields, models.Model):
    """One scraped row about a person. Rows with the same address are one person to the platforms.

    Write to an existing contact with `update()` or `save(update_fields=…)` only: a bare `save()` writes every
    column and so undoes what a worker wrote meanwhile. `updated_at` means "the person's data changed";
    status changes leave it alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    email = models.CharField("e-mail", max_length=320, null=True, blank=True)
    email_key = models.GeneratedField(
        # The address as we compare it. The database keeps it, so a scraper's INSERT gets it as well.
        verbose_name="e-mail, as compared",
        expression=AddressKey("email"),
        output_field=models.CharField(max_length=320, null=True),
        db_persist=True,
    )
    email_type = models.CharField(
        "e-mail type",
        max_length=10,
        choices=EmailType,
        default=EmailType.UNKNOWN,
        db_default=EmailType.UNKNOWN,
    )
    has_gmail = models.BooleanField("has Gmail", default=False, db_default=False)
    name = models.CharField(max_length=255, null=True, blank=True)
    phone_number = models.CharField(max_length=64, null=True, blank=True)
    context = models.TextField(null=True, blank=True, help_text="The text around the address on the page.")
    source_url = models.CharField("source URL", max_length=2000, null=True, blank=True)
    source_job_id = models.UUIDField("source job", null=True, blank=True)
    domain = models.ForeignKey(Domain, on_delete=models.SET_NULL, null=True, blank=True, related_name="contacts")
    page = models.ForeignKey(Page, on_delete=models.SET_NULL, null=True, blank=True, related_name="contacts")
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())

    # NULL: none is recorded.
    lawful_basis = models.CharField(max_length=20, choices=LawfulBasis, null=True, blank=True)
    lawful_basis_source = models.CharField(
        "source of the lawful basis",
        max_length=500,
        null=True,
        blank=True,
        help_text="Where it comes from: the form, the contract, the weighing of interests.",
    )
    lawful_basis_date = models.DateField("date of the lawful basis", null=True, blank=True)

    contact_curation_status = models.CharField(
        "curation",
        max_length=10,
        choices=CurationStatus,
        default=CurationStatus.NEW,
        db_default=CurationStatus.NEW,
    )
    contact_processing_status = models.CharField(
        "curation processing", max_length=10, choices=ProcessingStatus, null=True, blank=True
    )
    contact_processing_error = models.TextField("curation reason", null=True, blank=True)
    contact_error_cause = models.CharField("curation cause", max_length=200, null=True, blank=True, editable=False)
    contact_retry_count = models.PositiveSmallIntegerField("curation retries", default=0, db_default=0)
    contact_next_attempt_at = models.DateTimeField("curation next attempt", null=True, blank=True)
    contact_curated_at = models.DateTimeField("curated", null=True, blank=True)

    class Meta:
        db_table = "contacts"
        ordering = ["-created_at", "-id"]
        permissions = [
            ("curate_contact", "Can curate contacts"),
            ("push_contact", "Can queue contacts for platforms"),
            ("set_up_platform", "Can set up platforms"),
        ]
        indexes = [
            # The list, newest first.
            models.Index(fields=["-created_at", "-id"], name="contacts_newest"),
            # Rows of one person; suppression.
            models.Index(fields=["email_key"], name="contacts_email_key"),
            # What the next claim takes, of curation and of each platform: one small index each.
            models.Index(
                fields=["contact_next_attempt_at", "id"],
                name="contacts_curation_due",
                condition=models.Q(contact_processing_status__in=ACTIVE),
            ),
            models.Index(
                fields=["brevo_next_attempt_at", "id"],
                name="contacts_brevo_due",
                condition=models.Q(brevo_processing_status__in=ACTIVE),
            ),
            models.Index(
                fields=["hubspot_next_attempt_at", "id"],
                name="contacts_hubspot_due",
                condition=models.Q(hubspot_processing_status__in=ACTIVE),
            ),
            models.Index(
                fields=["mautic_next_attempt_at", "id"],
                name="contacts_mautic_due",
                condition=models.Q(mautic_processing_status__in=ACTIVE),
            ),
            models.Index(
                fields=["n8n_next_attempt_at", "id"],
                name="contacts_n8n_due",
                condition=models.Q(n8n_processing_status__in=ACTIVE),
            ),
            # The list filtered by a status, newest first, however rare the status and wherever its contacts stand.
            models.Index(fields=["brevo_sync_status", "-created_at", "-id"], name="contacts_brevo_status"),
            # The counts per status. Equal entries, so PostgreSQL keeps it an eighth of the size, and reads it in the
            # order of the table: twice as fast as the one above.
            models.Index(fields=["brevo_sync_status"], name="contacts_brevo_counts"),
            models.Index(fields=["hubspot_sync_status", "-created_at", "-id"], name="contacts_hubspot_status"),
            models.Index(fields=["hubspot_sync_status"], name="contacts_hubspot_counts"),
            models.Index(fields=["mautic_sync_status", "-created_at", "-id"], name="contacts_mautic_status"),
            models.Index(fields=["mautic_sync_status"], name="contacts_mautic_counts"),
            # Whom a webhook of Mautic is about, and who is there at all. Empty as long as the platform is not in use.
            models.Index(
                fields=["mautic_contact_id"],
                name="contacts_mautic_id",
                condition=models.Q(mautic_contact_id__isnull=False),
            ),
            models.Index(fields=["n8n_sync_status", "-created_at", "-id"], name="contacts_n8n_status"),
            models.Index(fields=["n8n_sync_status"], name="contacts_n8n_counts"),
            models.Index(fields=["contact_curation_status", "-created_at", "-id"], name="contacts_curation_status"),
            models.Index(fields=["contact_curation_status"], name="contacts_curation_counts"),
            models.Index(
                fields=["contact_processing_status", "-created_at", "-id"],
                name="contacts_curation_processing",
                condition=models.Q(contact_processing_status__isnull=False),
            ),
            # Contacts by what is wrong with them. Among those that failed or were skipped the entries of a cause are
            # equal, so PostgreSQL keeps it small. The time is for those that wait: who comes first.
            models.Index(
                fields=["contact_curation_status", "contact_error_cause", "contact_next_attempt_at"],
                name="contacts_curation_causes",
                condition=models.Q(contact_error_cause__isnull=False),
            ),
            models.Index(
                fields=["brevo_sync_status", "brevo_error_cause", "brevo_next_attempt_at"],
                name="contacts_brevo_causes",
                condition=models.Q(brevo_error_cause__isnull=False),
            ),
            models.Index(
                fields=["hubspot_sync_status", "hubspot_error_cause", "hubspot_next_attempt_at"],
                name="contacts_hubspot_causes",
                condition=models.Q(hubspot_error_cause__isnull=False),
            ),
            models.Index(
                fields=["mautic_sync_status", "mautic_error_cause", "mautic_next_attempt_at"],
                name="contacts_mautic_causes",
                condition=models.Q(mautic_error_cause__isnull=False),
            ),
            models.Index(
                fields=["n8n_sync_status", "n8n_error_cause", "n8n_next_attempt_at"],
                name="contacts_n8n_causes",
                condition=models.Q(n8n_error_cause__isnull=False),
            ),
            # Few values, evenly spread: for the rare ones an index of equal entries, which PostgreSQL keeps small.
            models.Index(fields=["email_type"], name="contacts_email_type"),
            models.Index(fields=["-created_at", "-id"], name="contacts_gmail", condition=models.Q(has_gmail=True)),
            # Empty as long as nobody records any.
            models.Index(
                fields=["lawful_basis", "-created_at", "-id"],
                name="contacts_lawful_basis",
                condition=models.Q(lawful_basis__isnull=False),
            ),
        ]
        # Besides, on PostgreSQL: contacts.search_index, for "contains".
        constraints = [
            _statuses("email_type", EmailType),
            _statuses("lawful_basis", LawfulBasis),
            _statuses("contact_curation_status", CurationStatus),
            _statuses("contact_processing_status", ProcessingStatus),
            _statuses("brevo_sync_status", SyncStatus),
            _statuses("brevo_processing_status", ProcessingStatus),
            _statuses("hubspot_sync_status", SyncStatus),
            _statuses("hubspot_processing_status", ProcessingStatus),
            _statuses("mautic_sync_status", SyncStatus),
            _statuses("mautic_processing_status", ProcessingStatus),
            _statuses("n8n_sync_status", SyncStatus),
            _statuses("n8n_processing_status", ProcessingStatus),
        ]

    def __str__(self) -> str:
        return self.email or self.name or str(self.pk)
