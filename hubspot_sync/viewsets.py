"""The HubSpot endpoints, under /api/v3/contacts/hubspot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from contacts.filters import filter_contacts
from contacts.models import Contact
from contacts.permissions import SyncPermissions
from curation_sdk.viewsets import SyncViewSet
from hubspot_sync.job import HUBSPOT


class HubSpotSyncViewSet(SyncViewSet):
    """Queue contacts for HubSpot, take them out again, and see how far it is."""

    queryset = Contact.objects.all()
    permission_classes = [SyncPermissions]
    job = HUBSPOT

    def filter_contacts(self, filters: Mapping[str, Any]) -> QuerySet[Contact]:
        return filter_contacts(filters)
