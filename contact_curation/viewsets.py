"""The curation endpoints, under /api/v3/contacts/curation. Setting a status is the contacts' own: `PUT …/status`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from contact_curation.job import CURATION
from contacts.filters import filter_contacts
from contacts.models import Contact
from contacts.permissions import CurationPermissions
from curation_sdk.viewsets import SyncViewSet


class CurationViewSet(SyncViewSet):
    """Queue contacts for curation, take them out again, and see how far it is."""

    queryset = Contact.objects.all()
    permission_classes = [CurationPermissions]
    job = CURATION

    def filter_contacts(self, filters: Mapping[str, Any]) -> QuerySet[Contact]:
        return filter_contacts(filters)
