"""The Mautic endpoints, under /api/v3/contacts/mautic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ParseError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.filters import filter_contacts
from contacts.models import Contact
from contacts.permissions import SyncPermissions
from curation_sdk.connection import webhook_came
from curation_sdk.viewsets import SyncViewSet
from mautic_sync import webhooks
from mautic_sync.job import MAUTIC

SIGNATURE = OpenApiParameter("Webhook-Signature", OpenApiTypes.STR, OpenApiParameter.HEADER, required=True)


class NotMautic(APIException):
    """A webhook that is not known to come from our Mautic."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "not_mautic"


class MauticSyncViewSet(SyncViewSet):
    """Queue contacts for Mautic, take them out again, and see how far it is."""

    queryset = Contact.objects.all()
    permission_classes = [SyncPermissions]
    job = MAUTIC

    def filter_contacts(self, filters: Mapping[str, Any]) -> QuerySet[Contact]:
        return filter_contacts(filters)

    @extend_schema(parameters=[SIGNATURE], request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT, auth=[])
    @action(detail=False, methods=["post"], authentication_classes=[], permission_classes=[AllowAny])
    def webhook(self, request: Request) -> Response:
        """Mautic's webhook: people who can no longer be mailed become suppressions, deleted contacts lose their id.

        Known by its signature (`MAUTIC_WEBHOOK_SECRET`), not by a token. Events of other kinds are taken and ignored.
        """
        body = request.body  # the raw bytes, before anything parses them
        signature = request.headers.get("Webhook-Signature", "")
        if not settings.MAUTIC_WEBHOOK_SECRET:
            raise NotMautic("MAUTIC_WEBHOOK_SECRET is not set, so no webhook is taken.")
        if not webhooks.is_signed(body, signature, settings.MAUTIC_WEBHOOK_SECRET):
            raise NotMautic("The Webhook-Signature is missing or does not fit MAUTIC_WEBHOOK_SECRET.")
        if not body or not isinstance(request.data, dict):
            raise ParseError("Send a JSON object with lists of events by name.")
        now = timezone.now()
        taken = webhooks.take(webhooks.read(request.data), now=now)
        webhook_came(MAUTIC.platform, now=now)
        return Response(taken)
