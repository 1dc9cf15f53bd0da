"""The suppressions through the API: list, add, lift. Nothing is changed or deleted: it is a ledger."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.address_key import email_key
from contacts.filters import StrictBooleanField
from contacts.models import Suppression
from contacts.pagination import OffsetPagination
from contacts.permissions import ContactPermissions, LiftPermissions
from contacts.suppression import OptOut, lift, of_person, suppress
from curation_sdk.serializers import StrictFields, TextUUIDField

#: Who says so where a request does not.
SOURCE = "API"

REASONS = [(value, label) for value, label in Suppression.Reason.choices if value != Suppression.Reason.ERASED]


class SuppressionSerializer(serializers.ModelSerializer[Suppression]):
    """A row of the ledger. Of an erased person there is no address."""

    email = serializers.CharField(source="email_key")
    in_force = serializers.BooleanField()
    erased = serializers.SerializerMethodField(help_text="Only a keyed hash of the address is kept.")

    class Meta:
        model = Suppression
        fields = (
            *("id", "email", "erased", "reason", "source", "note", "since", "recorded_at"),
            *("in_force", "lifted_at", "lifted_by", "lift_reason"),
        )
        read_only_fields = fields

    def get_erased(self, row: Suppression) -> bool:
        return not row.email_key


class EmailField(serializers.CharField):
    """An address in any spelling, as it is compared."""

    def to_internal_value(self, data: Any) -> str:
        key = email_key(super().to_internal_value(data)) or ""
        if "@" not in key.strip("@"):
            raise serializers.ValidationError("This is not an e-mail address.")
        return key


class NewSuppressionSerializer(StrictFields):
    """An address that is not to be pushed any more, and why."""

    email = EmailField(max_length=320)
    reason = serializers.ChoiceField(choices=REASONS, default=Suppression.Reason.REQUEST)
    source = serializers.CharField(max_length=100, default=SOURCE)  # type: ignore[assignment]
    note = serializers.CharField(max_length=10_000, default="", allow_blank=True, help_text="How we know.")
    since = serializers.DateTimeField(required=False, help_text="When the person said so; now, where it is left out.")

    def validate_since(self, since: Any) -> Any:
        if since > timezone.now():
            raise serializers.ValidationError("This is in the future.")
        return since


class LiftSerializer(StrictFields):
    """Whose suppressions are lifted, which of them, and why."""

    email = EmailField(max_length=320)
    ids = serializers.ListField(
        child=TextUUIDField(),
        allow_empty=False,
        max_length=1_000,
        help_text="The ids of the suppressions that you have seen. What was recorded since then stays in force.",
    )
    reason = serializers.CharField(max_length=10_000, help_text="Kept for good, with your name.")


class LiftedSerializer(serializers.Serializer[Any]):
    """How many rows were lifted, and how many of the person are in force still."""

    lifted_count = serializers.IntegerField()
    in_force_count = serializers.IntegerField()


class SuppressionFilter(django_filters.FilterSet):
    """What the list can be filtered by."""

    email = django_filters.CharFilter(method="of_email")
    reason = django_filters.ChoiceFilter(choices=Suppression.Reason)
    source = django_filters.CharFilter()
    in_force = django_filters.Filter(method="that_hold")
    in_force.field_class = StrictBooleanField

    class Meta:
        model = Suppression
        fields: tuple[str, ...] = ()

    def of_email(self, rows: QuerySet[Suppression], name: str, value: str) -> QuerySet[Suppression]:
        """Everything of the person, also after an erasure."""
        return rows.filter(pk__in=of_person(email_key(value) or "").order_by().values("pk"))

    def that_hold(self, rows: QuerySet[Suppression], name: str, value: bool) -> QuerySet[Suppression]:
        return rows.filter(lifted_at__isnull=value)


#: Query parameters that are not filters.
_OTHERS = {"limit", "offset", "format"}


class SuppressionViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Suppression]):
    """People who must not be pushed to any platform: list them, add one, lift what is recorded of one.

    Nothing is changed or deleted here. What a person lifts stays on record.
    """

    queryset = Suppression.objects.order_by("-since", "-id")
    serializer_class = SuppressionSerializer
    permission_classes = [ContactPermissions]
    pagination_class = OffsetPagination

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        given = {name: value for name, value in self.request.query_params.items() if name not in _OTHERS and value}
        known = SuppressionFilter.base_filters
        if unknown := {name: ["This field is not known here."] for name in given if name not in known}:
            raise ValidationError(unknown)
        chosen = SuppressionFilter(given, queryset=queryset)
        if not chosen.is_valid():
            raise ValidationError(chosen.errors)
        return chosen.qs

    @extend_schema(parameters=[OpenApiParameter(name, OpenApiTypes.STR) for name in SuppressionFilter.base_filters])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The ledger, the latest first. `email` finds everything of a person, also of one who was erased."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=NewSuppressionSerializer, responses={201: SuppressionSerializer, 200: SuppressionSerializer}
    )
    def create(self, request: Request) -> Response:
        """Suppress an address. 200 with what is there when it is in force already, or the person was erased."""
        body = NewSuppressionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        opt_out = OptOut(data["email"], Suppression.Reason(data["reason"]), data["note"], data.get("since"))
        added = suppress([opt_out], data["source"], now=timezone.now())
        held = of_person(data["email"]).filter(lifted_at=None)
        row = held.filter(reason=data["reason"], source=data["source"]).first() or held.first()
        if row is None:  # lifted at this very moment
            raise NotFound("The suppression was lifted at the same moment. Send it again if it is to hold.")
        answer = SuppressionSerializer(row).data
        return Response(answer, status=status.HTTP_201_CREATED if added else status.HTTP_200_OK)

    @extend_schema(request=LiftSerializer, responses=LiftedSerializer)
    @action(
        detail=False,
        methods=["post"],
        url_path="lift",
        serializer_class=LiftSerializer,
        permission_classes=[LiftPermissions],
    )
    def lift(self, request: Request) -> Response:
        """Lift suppressions of an address. It un-blocks nobody on a platform."""
        body = LiftSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        by = request.user.get_username()
        lifted = lift(data["email"], by=by, why=data["reason"], now=timezone.now(), only=data["ids"])
        if not lifted:
            raise NotFound("None of these suppressions is in force for this address.")
        left = of_person(data["email"]).filter(lifted_at=None).count()
        return Response({"lifted_count": lifted, "in_force_count": left})
