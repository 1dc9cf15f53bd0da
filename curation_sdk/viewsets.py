"""The sync endpoints, the same for every platform. A platform's viewset only names its job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from curation_sdk import operations, statements
from curation_sdk.database import atomic_with_retry
from curation_sdk.job import SyncJob
from curation_sdk.models import BulkOperation, SyncRun
from curation_sdk.overview import platform_state, status_summary
from curation_sdk.queueing import QueueResult, TakenOut, cancel_queued, closed_reason, queue_contacts
from curation_sdk.serializers import (
    CancelResultSerializer,
    ContactIdsSerializer,
    FiltersSerializer,
    OperationSerializer,
    QueueAcceptedSerializer,
    QueueResultSerializer,
    StatusSummarySerializer,
)
from curation_sdk.tasks import start_soon

#: Ids per statement: SQLite takes 32,766 values in one.
IDS_AT_ONCE = 10_000

#: Operations in the list of them.
LATEST = 50

OPERATION_ID = OpenApiParameter("operation_id", OpenApiTypes.UUID, OpenApiParameter.PATH)


class PlatformOff(APIException):
    """The platform has no credentials: nothing was done, and the text says which setting is missing."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "platform_off"


def read_filters(body: Any, *, besides: Sequence[str] = ()) -> dict[str, Any]:
    """The filters of a "filtered" request, without what stands `besides` them.

    Choosing every contact has to be said: `"all": true`.
    """
    if not isinstance(body, Mapping):
        raise ValidationError({"detail": ["Send a JSON object with the filters."]})
    filters = {name: value for name, value in body.items() if name not in besides}
    everything = filters.pop("all", False)
    if not isinstance(everything, bool):
        raise ValidationError({"all": ["Give true or false."]})
    if not filters and not everything:
        raise ValidationError({"all": ['No filter was given. To choose every contact, send "all": true.']})
    return filters


class SyncViewSet(viewsets.GenericViewSet[Any]):
    """Queue contacts for a platform, take them out again, and see how far it is."""

    job: ClassVar[SyncJob]

    def filter_contacts(self, filters: Mapping[str, Any]) -> QuerySet[Any]:
        """The contacts that match; raises ValidationError naming the field. The platform's viewset says how."""
        raise NotImplementedError

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def list(self, request: Request) -> Response:
        """Is the platform on, what is its run doing, and where are its endpoints?"""
        actions = ("sync-batch", "sync-filtered", "sync-cancel", "sync-operations", "status-summary")
        endpoints = {name: reverse(f"{self.basename}-{name}", request=request) for name in actions}
        return Response({**platform_state(self.job, now=timezone.now()), "endpoints": endpoints})

    @extend_schema(request=ContactIdsSerializer, responses=QueueResultSerializer)
    @action(detail=False, methods=["post"], url_path="sync/batch", serializer_class=ContactIdsSerializer)
    def sync_batch(self, request: Request) -> Response:
        """Queue the contacts with these ids."""
        ids = self._ids(request)
        self._must_be_on()
        if not ids:
            return _queued(QueueResult(0, 0), "No contact IDs provided")

        def queue() -> QueueResult:
            parts = [queue_contacts(self.job, contacts, now=timezone.now()) for contacts in self._found(ids)]
            start_soon(self.job, SyncRun.Trigger.API)
            return sum(parts, QueueResult(0, 0))

        result = atomic_with_retry(queue)
        return _queued(result, result.sentence(self.job.name))

    @extend_schema(request=OpenApiTypes.OBJECT, responses={200: QueueResultSerializer, 202: QueueAcceptedSerializer})
    @action(detail=False, methods=["post"], url_path="sync/filtered", serializer_class=FiltersSerializer)
    def sync_filtered(self, request: Request) -> Response:
        """Queue every contact that matches the filters: the same ones as in the contact list.

        `{"brevo_sync_status": "Error"}` tries again what failed. Without a filter it needs `"all": true`. More than
        10,000 contacts are queued in the background: the status is 202, and `operation` says where to look.
        """
        filters = read_filters(request.data)
        contacts = self.filter_contacts(filters)
        self._must_be_on()
        if operations.too_many(contacts):
            return self._in_background(request, filters)
        result = queue_contacts(self.job, contacts, now=timezone.now())
        start_soon(self.job, SyncRun.Trigger.API)
        return _queued(result, result.sentence(self.job.name))

    @extend_schema(request=ContactIdsSerializer, responses=CancelResultSerializer)
    @action(detail=False, methods=["post"], url_path="sync/cancel", serializer_class=ContactIdsSerializer)
    def sync_cancel(self, request: Request) -> Response:
        """Take the contacts with these ids out of the queue."""
        ids = self._ids(request)
        if not ids:
            return Response({"cancelled_count": 0, "message": "No contact IDs provided"})
        taken = atomic_with_retry(
            lambda: sum((cancel_queued(self.job, contacts) for contacts in self._found(ids)), TakenOut(0))
        )
        message = operations.taken_out(self.job, BulkOperation.Action.TAKE_OUT, taken.count)
        warning = taken.warning(self.job.name)
        return Response({"cancelled_count": taken.count, "message": f"{message} {warning}".strip()})

    @extend_schema(responses=OperationSerializer(many=True))
    @action(detail=False, methods=["get"], url_path="sync/operations", pagination_class=None)
    def sync_operations(self, request: Request) -> Response:
        """The latest operations on many contacts, newest first."""
        latest = BulkOperation.objects.filter(platform=self.job.platform, confirmed=True)[:LATEST]
        return Response(self._shown(request, latest, many=True))

    @extend_schema(parameters=[OPERATION_ID], responses=OperationSerializer)
    @action(detail=False, methods=["get"], url_path=r"sync/operations/(?P<operation_id>[^/.]+)")
    def sync_operation(self, request: Request, operation_id: str) -> Response:
        """How far an operation on many contacts is."""
        return Response(self._shown(request, self._operation(operation_id)))

    @extend_schema(parameters=[OPERATION_ID], request=None, responses=OperationSerializer)
    @action(detail=False, methods=["post"], url_path=r"sync/operations/(?P<operation_id>[^/.]+)/cancel")
    def sync_operation_cancel(self, request: Request, operation_id: str) -> Response:
        """Stop an operation on many contacts. What it has done stays; one that has ended is left as it is."""
        operations.cancel(self._operation(operation_id), now=timezone.now())
        return Response(self._shown(request, self._operation(operation_id)))

    @extend_schema(responses=StatusSummarySerializer)
    @action(detail=False, methods=["get"], url_path="status/summary", pagination_class=None)
    def status_summary(self, request: Request) -> Response:
        """How many contacts are in each sync status."""
        return Response(status_summary(self.job))

    def _in_background(self, request: Request, filters: Mapping[str, Any]) -> Response:
        operation = operations.request(
            self.job,
            BulkOperation.Action.QUEUE,
            {"filters": dict(filters)},
            trigger=SyncRun.Trigger.API,
            user=request.user,
            now=timezone.now(),
        )
        start_soon(self.job, SyncRun.Trigger.API)
        shown = self._shown(request, operation)
        message = f"These are many contacts: a worker queues them for {self.job.name}. See {shown['url']}"
        answer = _queued(operations.result(self.job, operation), message)
        return Response({**answer.data, "operation": shown}, status=status.HTTP_202_ACCEPTED)

    def _operation(self, operation_id: str) -> BulkOperation:
        try:
            return BulkOperation.objects.get(platform=self.job.platform, pk=UUID(operation_id), confirmed=True)
        except (ValueError, BulkOperation.DoesNotExist):
            raise NotFound("There is no such operation.") from None

    def _shown(self, request: Request, operation: Any, *, many: bool = False) -> Any:
        def url_of(one: BulkOperation) -> str:
            return reverse(f"{self.basename}-sync-operation", kwargs={"operation_id": one.pk}, request=request)

        return OperationSerializer(operation, many=many, context={"url_of": url_of}).data

    def _must_be_on(self) -> None:
        if reason := closed_reason(self.job):
            raise PlatformOff(reason)

    def _ids(self, request: Request) -> Sequence[UUID]:
        body = ContactIdsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return list(dict.fromkeys(body.validated_data["contact_ids"]))

    def _found(self, ids: Sequence[UUID]) -> Iterator[QuerySet[Any]]:
        """The contacts with these ids, in parts. Raises NotFound when there is none."""
        parts = [self.job.contacts.filter(pk__in=part) for part in in_parts(ids)]
        if not any(part.exists() for part in parts):
            raise NotFound("None of these contacts exists.")
        return iter(parts)


def in_parts(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """The ids in parts that one statement can take."""
    return statements.in_parts(ids, IDS_AT_ONCE)


def _queued(result: QueueResult, message: str) -> Response:
    return Response(
        {
            "queued_count": result.queued,
            "already_queued_count": result.already_queued,
            "skipped_count": result.skipped_count,
            "message": message,
        }
    )
