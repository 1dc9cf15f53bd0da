"""The Mautic endpoints, under /api/v3/contacts/mautic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from contacts.filters import filter_contacts
from contacts.models import Contact
from contacts.permissions import SyncPermissions
from curation_sdk.viewsets import SyncViewSet
from mautic_sync.job import MAUTIC


class MauticSyncViewSet(SyncViewSet):
    """Queue contacts for Mautic, take them out again, and see how far it is."""

    queryset = Contact.objects.all()
    permission_classes = [SyncPermissions]
    job = MAUTIC

    def filter_contacts(self, filters: Mapping[str, Any]) -> QuerySet[Contact]:
        return filter_contacts(filters)
