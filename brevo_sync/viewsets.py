"""The Brevo endpoints, under /api/v3/contacts/brevo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from brevo_sync.job import BREVO
from contacts.filters import filter_contacts
from contacts.models import Contact
from contacts.permissions import SyncPermissions
from curation_sdk.viewsets import SyncViewSet


class BrevoSyncViewSet(SyncViewSet):
    """Queue contacts for Brevo, take them out again, and see how far it is."""

    queryset = Contact.objects.all()
    permission_classes = [SyncPermissions]
    job = BREVO

    def filter_contacts(self, filters: Mapping[str, Any]) -> QuerySet[Contact]:
        return filter_contacts(filters)
