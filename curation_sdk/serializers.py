"""Requests and answers of the sync endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rest_framework import serializers

from curation_sdk.models import BulkOperation


class StrictFields(serializers.Serializer[Any]):
    """A serializer that refuses fields it does not know: a typing error must not pass for "leave as it is"."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = {str(name): ["This field is not known here."] for name in data if name not in self.fields}
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)


class TextUUIDField(serializers.UUIDField):
    """A UUID written as text. DRF's own field takes numbers too, and so makes 1 and true into an id."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class ContactIdsSerializer(StrictFields):
    """The contacts that a request is about."""

    contact_ids = serializers.ListField(child=TextUUIDField(), allow_empty=True)


class FiltersSerializer(serializers.Serializer[Mapping[str, Any]]):
    """The form of a "filtered" request, beside the filters themselves, which the contacts' own code checks."""

    all = serializers.BooleanField(required=False, help_text="true: every contact. Needed when there is no filter.")


class QueueResultSerializer(serializers.Serializer[Mapping[str, Any]]):
    """What became of a request to queue contacts."""

    queued_count = serializers.IntegerField()
    already_queued_count = serializers.IntegerField()
    skipped_count = serializers.IntegerField()
    message = serializers.CharField()


class OperationSerializer(serializers.ModelSerializer[BulkOperation]):
    """An operation on many contacts, and how far it is."""

    queued_count = serializers.IntegerField(source="queued")
    already_queued_count = serializers.IntegerField(source="already_queued")
    skipped_count = serializers.IntegerField()
    skipped = serializers.DictField(child=serializers.IntegerField(), help_text="The skipped ones by reason.")
    spared_count = serializers.IntegerField(
        source="spared", help_text="Left alone: somebody decided about them after the operation was asked for."
    )
    url = serializers.SerializerMethodField(help_text="Where to look again.")

    class Meta:
        model = BulkOperation
        fields = (
            *("id", "action", "state", "requested_at", "started_at", "finished_at", "problem"),
            *("queued_count", "already_queued_count", "skipped_count", "skipped", "spared_count", "url"),
        )
        read_only_fields = fields

    def get_url(self, operation: BulkOperation) -> str:
        address: str = self.context["url_of"](operation)
        return address


class QueueAcceptedSerializer(QueueResultSerializer):
    """The same when they are very many: a worker does it, and the counts are those so far."""

    operation = OperationSerializer()


class CancelResultSerializer(serializers.Serializer[Mapping[str, Any]]):
    """How many contacts left the queue."""

    cancelled_count = serializers.IntegerField()
    message = serializers.CharField()


class StatusSummarySerializer(serializers.Serializer[Mapping[str, int]]):
    """How many contacts are in each sync status."""

    new = serializers.IntegerField()
    queued = serializers.IntegerField()
    processing = serializers.IntegerField()
    complete = serializers.IntegerField()
    error = serializers.IntegerField()
    skipped = serializers.IntegerField()
    total_contacts = serializers.IntegerField()
