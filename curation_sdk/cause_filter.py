"""A filter of the contact list that nobody chooses from: the pages with the causes lead there."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from curation_sdk.job import SyncJob
from curation_sdk.jobs import jobs
from curation_sdk.statuses import SyncStatus


class CauseFilter(admin.SimpleListFilter):
    """Contacts with one cause, as "brevo:Brevo refused it …". Shown only while it is in force: there are too many."""

    title = "cause"
    parameter_name = "cause"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = request.GET.get(self.parameter_name, "")
        return [(value, value.partition(":")[2])] if value else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        platform, _, cause = value.partition(":")
        job = next((job for job in jobs() if job.platform == platform), None)
        if job is None or "\x00" in cause:
            raise IncorrectLookupParameters(self.parameter_name)
        return queryset.filter(**{job.error_cause: cause})


def list_query(job: SyncJob, status: SyncStatus, cause: str = "") -> str:
    """The query of the contact list that shows the contacts with this status, and this cause if one is given."""
    wanted = {f"{job.sync_status}__exact": status.value}
    return urlencode({**wanted, CauseFilter.parameter_name: f"{job.platform}:{cause}"} if cause else wanted)


def list_address(job: SyncJob, status: SyncStatus, cause: str = "") -> str:
    """The address of that list."""
    return f"{reverse('admin:contacts_contact_changelist')}?{list_query(job, status, cause)}"
