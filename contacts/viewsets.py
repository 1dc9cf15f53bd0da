"""The contacts API."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.curation import set_curation_status
from contacts.deleting import deleting_many
from contacts.filters import filter_contacts, known_filters
from contacts.lawful_basis import By, set_basis
from contacts.models import BasisChange, Contact, CurationStatus, LawfulBasis
from contacts.pagination import PlainListPagination
from contacts.permissions import ContactPermissions, CurationPermissions
from contacts.serializers import (
    ContactSerializer,
    CurationResultSerializer,
    CurationStatusSerializer,
    FilteredCurationStatusSerializer,
    LawfulBasisSerializer,
    UpdatedSerializer,
)
from curation_sdk.database import atomic_with_retry
from curation_sdk.models import SyncRun
from curation_sdk.viewsets import in_parts, read_filters

#: Query parameters that are not filters.
LIST_PARAMETERS = {"limit", "offset", "after", "format"}


class ContactViewSet(viewsets.ModelViewSet[Contact]):
    """Scraped contacts: list, create, read, change, delete, and curate in bulk.

    The list takes `limit` (1 to 1000), `offset` and the filters. The header `Link` leads to the next page. The total
    is in the header `X-Total-Count`; where it is an estimate, `X-Total-Count-Estimated: true` says so.
    """

    queryset = Contact.objects.all()
    serializer_class = ContactSerializer
    permission_classes = [ContactPermissions]
    pagination_class = PlainListPagination

    def get_object(self) -> Contact:
        if "pk" not in self.kwargs:  # OPTIONS on a bulk call asks for one
            raise NotFound
        try:
            uuid.UUID(str(self.kwargs["pk"]))
        except ValueError:
            raise ValidationError({"id": ["This is not a valid UUID."]}) from None
        return super().get_object()

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters are for the list; in the address of one contact they mean nothing."""
        if self.action != "list":
            return queryset
        # An empty value in an address ("?name_contains=") is a form field left blank.
        given = {name: value for name, value in self.request.query_params.items() if value != ""}
        return filter_contacts({name: v for name, v in given.items() if name not in LIST_PARAMETERS}, queryset)

    @extend_schema(parameters=[OpenApiParameter(name, OpenApiTypes.STR) for name in known_filters()])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Contacts, newest first. Filters that are given all have to match."""
        return super().list(request, *args, **kwargs)

    def perform_destroy(self, instance: Contact) -> None:
        with deleting_many():
            super().perform_destroy(instance)

    @extend_schema(request=CurationStatusSerializer, responses=CurationResultSerializer)
    @action(
        detail=False,
        methods=["put"],
        url_path="status",
        serializer_class=CurationStatusSerializer,
        permission_classes=[CurationPermissions],
    )
    def curation_status(self, request: Request) -> Response:
        """Give the contacts with these ids a curation status."""
        body = CurationStatusSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        ids = list(dict.fromkeys(body.validated_data["contact_ids"]))
        parts = [Contact.objects.filter(pk__in=part) for part in in_parts(ids)]
        if ids and not any(part.exists() for part in parts):
            raise NotFound("None of these contacts exists.")
        return _curated(parts, body.validated_data["status"])

    @extend_schema(request=FilteredCurationStatusSerializer, responses=CurationResultSerializer)
    @action(
        detail=False,
        methods=["put"],
        url_path="status/filtered",
        serializer_class=FilteredCurationStatusSerializer,
        permission_classes=[CurationPermissions],
    )
    def filtered_curation_status(self, request: Request) -> Response:
        """Give every contact that matches the filters a curation status. Without a filter it needs `"all": true`."""
        body = FilteredCurationStatusSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        # The status is not a filter: with nothing beside it, no contact has been chosen.
        filters = read_filters(request.data, besides=("status",))
        return _curated([filter_contacts(filters)], body.validated_data["status"])

    @extend_schema(request=LawfulBasisSerializer, responses=UpdatedSerializer)
    @action(
        detail=False,
        methods=["put"],
        url_path="lawful-basis",
        serializer_class=LawfulBasisSerializer,
        permission_classes=[CurationPermissions],
    )
    def lawful_basis(self, request: Request) -> Response:
        """Record a lawful basis with the contacts with these ids, whatever they had before."""
        body = LawfulBasisSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        basis = LawfulBasis(data["lawful_basis"]), data["lawful_basis_source"], data["lawful_basis_date"]
        ids = list(dict.fromkeys(data["contact_ids"]))
        parts = [Contact.objects.filter(pk__in=part) for part in in_parts(ids)]
        by = By(request.user.get_username(), timezone.now(), BasisChange.Through.API, operation=uuid.uuid4())
        updated = atomic_with_retry(lambda: sum(set_basis(contacts, *basis, by=by) for contacts in parts))
        if ids and not updated:
            raise NotFound("None of these contacts exists.")
        return Response({"updated_count": updated})


def _curated(parts: Sequence[QuerySet[Contact]], status: str) -> Response:
    """Give every part the status, all or none, and say how many contacts that were."""
    trigger = SyncRun.Trigger.API

    def curate() -> list[tuple[int, int]]:
        return [set_curation_status(contacts, CurationStatus(status), trigger=trigger) for contacts in parts]

    counts = atomic_with_retry(curate)
    return Response(
        {"updated_count": sum(updated for updated, _ in counts), "queued_count": sum(queued for _, queued in counts)}
    )
