"""Requests of n8n when it fetches contacts and reports on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from curation_sdk.job import SyncJob
from curation_sdk.serializers import TextUUIDField
from n8n_sync.fetching import Result
from n8n_sync.inbound import Unreadable, read_report
from n8n_sync.job import N8N

#: Results in one request.
MOST_RESULTS = 1_000

#: Result -> what the enrichment that comes with it is. Who was skipped or is to be tried again has none.
FOUND = {"complete": "complete", "failed": "failed"}


class ResultSerializer(serializers.Serializer[Mapping[str, Any]]):
    """What became of one contact. Names that are not known are passed over: workflows send whole items."""

    contact_id = TextUUIDField()
    delivery_id = serializers.CharField(max_length=64)
    platform = serializers.CharField(default=N8N.platform)
    status = serializers.ChoiceField(choices=["complete", "failed", "skipped", "retry"])
    remote_id = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)
    error = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=5000)
    enrichment_id = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)
    enriched_data = serializers.JSONField(required=False, allow_null=True)
    metadata = serializers.JSONField(required=False, allow_null=True)


class TallySerializer(serializers.Serializer[Mapping[str, int]]):
    """How many results were taken, came too late, or name nobody."""

    applied_count = serializers.IntegerField()
    late_count = serializers.IntegerField()
    unknown_count = serializers.IntegerField()
    message = serializers.CharField()


def read_results(body: Any, jobs: Mapping[str, SyncJob], *, now: datetime) -> list[Result]:
    """The results of a request: a list, an object with the list as `results`, or one result by itself.

    Raises ValidationError, naming the field; then none of them is taken.
    """
    given = body.get("results", [body]) if isinstance(body, Mapping) else body
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ValidationError({"results": ["Send a list of results."]})
    if len(given) > MOST_RESULTS:
        raise ValidationError({"results": [f"Send at most {MOST_RESULTS:,} results at once."]})
    items = ResultSerializer(data=list(given), many=True)
    items.is_valid(raise_exception=True)
    return [_result(item, jobs, now) for item in items.validated_data]


def job_named(name: str, jobs: Mapping[str, SyncJob]) -> SyncJob:
    """The platform's job. Raises ValidationError, naming those that there are."""
    if name not in jobs:
        raise ValidationError({"platform": [f"There is no such platform here. Give one of {', '.join(jobs)}."]})
    return jobs[name]


def _result(item: Mapping[str, Any], jobs: Mapping[str, SyncJob], now: datetime) -> Result:
    report = None
    if item["status"] in FOUND and item.get("enriched_data"):
        whole = {
            **item,
            "contact_id": str(item["contact_id"]),
            "enrichment_id": item.get("enrichment_id") or item["delivery_id"],
            "status": FOUND[item["status"]],
            "timestamp": now.isoformat(),
        }
        try:
            report = read_report(whole)
        except Unreadable as error:
            raise ValidationError({name: [text] for name, text in error.problems.items()}) from None
    return Result(
        job=job_named(item["platform"], jobs),
        contact_id=item["contact_id"],
        delivery_id=item["delivery_id"],
        status=item["status"],
        remote_id=item.get("remote_id") or "",
        error=item.get("error") or "",
        found=report,
    )
