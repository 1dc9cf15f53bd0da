"""Contacts and requests about them, as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied

from contacts.curation import announce, save_columns, with_curation
from contacts.emails import classify_email, is_gmail
from contacts.erased import erased_fault
from contacts.lawful_basis import BASIS, LONGEST_SOURCE, cleaned, problems
from contacts.lawful_basis import COLUMNS as BASIS_COLUMNS
from contacts.models import Contact, CurationStatus, Domain, EmailType, LawfulBasis, Page
from contacts.permissions import CURATE, refusal
from curation_sdk.models import SyncRun
from curation_sdk.serializers import ContactIdsSerializer, FiltersSerializer, StrictFields, TextUUIDField

#: What a browser opens as a page, in one line.
_WEB_ADDRESS = re.compile(r"https?://[^/?#\s][^\x00-\x1f\x7f]*", re.IGNORECASE)

PERSON_FIELDS = (
    "email",
    "email_type",
    "has_gmail",
    "name",
    "phone_number",
    "context",
    "source_url",
    "source_job_id",
    "domain_id",
    "page_id",
    *BASIS_COLUMNS,
)
READ_ONLY_FIELDS = (
    "id",
    "created_at",
    "updated_at",
    "contact_processing_status",
    "contact_processing_error",
    "contact_retry_count",
    "contact_next_attempt_at",
    "contact_curated_at",
    "brevo_sync_status",
    "brevo_processing_status",
    "brevo_processing_error",
    "brevo_contact_id",
    "brevo_retry_count",
    "brevo_next_attempt_at",
    "brevo_synced_at",
    "hubspot_sync_status",
    "hubspot_processing_status",
    "hubspot_processing_error",
    "hubspot_contact_id",
    "hubspot_retry_count",
    "hubspot_next_attempt_at",
    "hubspot_synced_at",
    "mautic_sync_status",
    "mautic_processing_status",
    "mautic_processing_error",
    "mautic_contact_id",
    "mautic_retry_count",
    "mautic_next_attempt_at",
    "mautic_synced_at",
    "n8n_sync_status",
    "n8n_processing_status",
    "n8n_processing_error",
    "n8n_contact_id",
    "n8n_retry_count",
    "n8n_next_attempt_at",
    "n8n_synced_at",
)


class ContactSerializer(StrictFields, serializers.ModelSerializer[Contact]):
    """A contact. The sync columns are the job loop's: they can be read here, and changed by the sync endpoints."""

    source_job_id = TextUUIDField(allow_null=True, required=False)
    domain_id = serializers.PrimaryKeyRelatedField(
        source="domain", queryset=Domain.objects.all(), pk_field=TextUUIDField(), allow_null=True, required=False
    )
    page_id = serializers.PrimaryKeyRelatedField(
        source="page", queryset=Page.objects.all(), pk_field=TextUUIDField(), allow_null=True, required=False
    )

    class Meta:
        model = Contact
        fields = ("id", *PERSON_FIELDS, "contact_curation_status", *READ_ONLY_FIELDS[1:])
        read_only_fields = READ_ONLY_FIELDS

    def create(self, validated_data: dict[str, Any]) -> Contact:
        """As in the CSV import, the kind of mailbox is worked out where the request is silent about it."""
        email = validated_data.get("email")
        worked_out = {"email_type": classify_email(email), "has_gmail": is_gmail(email)}
        columns = with_curation({**worked_out, **validated_data})
        contact = super().create(columns)
        announce(Contact.objects.filter(pk=contact.pk), columns, SyncRun.Trigger.API)
        return contact

    def update(self, instance: Contact, validated_data: dict[str, Any]) -> Contact:
        """Write only what was sent: a worker may be writing the other columns at this moment."""
        status = validated_data.get("contact_curation_status")
        if status == instance.contact_curation_status and (status != CurationStatus.QUEUED or not self._may_curate()):
            # Sent back as it was read: no decision, and no reason to forget what the curation said.
            validated_data = {k: value for k, value in validated_data.items() if k != "contact_curation_status"}
        if not save_columns(instance, validated_data, trigger=SyncRun.Trigger.API):
            raise NotFound("This contact has just been deleted.")
        return instance

    def validate_contact_curation_status(self, status: str) -> str:
        """To decide about curation takes a permission of its own. Sent back as it was read it is no decision."""
        stands = self.instance.contact_curation_status if self.instance else CurationStatus.NEW
        if status != stands and not self._may_curate():
            raise PermissionDenied(refusal(CURATE))
        return status

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A lawful basis comes with its source and a date. Sent back as they were read they are no news."""
        given = cleaned(attrs)
        there = {name: getattr(self.instance, name, None) for name in BASIS_COLUMNS}
        if BASIS in given and given[BASIS] is None:
            # Taken back: with it goes what belongs to it, where the request says nothing else.
            given = {**dict.fromkeys(BASIS_COLUMNS), **given}
        after = {**there, **given}
        if after != there and (wrong := problems(*after.values(), today=timezone.localdate())):
            raise serializers.ValidationError({name: [problem] for name, problem in wrong.items()})
        return {**attrs, **given}

    def _may_curate(self) -> bool:
        return bool(self.context["request"].user.has_perm(CURATE))

    def validate_email(self, email: str | None) -> str | None:
        """Scrapers store what they find; what comes in here has to look like an address, or stay as it was."""
        if email and email != getattr(self.instance, "email", None) and classify_email(email) == EmailType.UNKNOWN:
            raise serializers.ValidationError("This is not an e-mail address.")
        if fault := erased_fault(email, getattr(self.instance, "email", None)):
            raise serializers.ValidationError(fault)
        return email

    def validate_source_url(self, url: str | None) -> str | None:
        """Web addresses only: a javascript: link must not get into anybody's page."""
        if url and url != getattr(self.instance, "source_url", None) and not _WEB_ADDRESS.fullmatch(url):
            raise serializers.ValidationError("Give an address that begins with http:// or https://.")
        return url


class CurationStatusSerializer(ContactIdsSerializer):
    """`PUT /contacts/status`."""

    status = serializers.ChoiceField(choices=CurationStatus.choices)


class FilteredCurationStatusSerializer(FiltersSerializer):
    """`PUT /contacts/status/filtered`: the status beside the filters."""

    status = serializers.ChoiceField(choices=CurationStatus.choices)


class CurationResultSerializer(serializers.Serializer[Mapping[str, int]]):
    """How many contacts got the status, and how many of them wait for curation now."""

    updated_count = serializers.IntegerField()
    queued_count = serializers.IntegerField()


class LawfulBasisSerializer(ContactIdsSerializer):
    """`PUT /contacts/lawful-basis`."""

    lawful_basis = serializers.ChoiceField(choices=LawfulBasis.choices)
    lawful_basis_source = serializers.CharField(max_length=LONGEST_SOURCE)
    lawful_basis_date = serializers.DateField(help_text="Not in the future.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        values = [attrs[name] for name in BASIS_COLUMNS]
        if wrong := problems(*values, today=timezone.localdate()):
            raise serializers.ValidationError({name: [problem] for name, problem in wrong.items()})
        return attrs


class UpdatedSerializer(serializers.Serializer[Mapping[str, int]]):
    """How many contacts were changed."""

    updated_count = serializers.IntegerField()
