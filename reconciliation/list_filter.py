"""A filter of the contact list that nobody chooses from: the pages with comparisons lead there."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from curation_sdk.job import SyncJob
from curation_sdk.jobs import job_named
from reconciliation.standing import OURS, finished, still


class ComparisonFilter(admin.SimpleListFilter):
    """Contacts of whom the last comparison found something, as "brevo:missing". Shown only while it is in force."""

    title = "comparison"
    parameter_name = "comparison"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = request.GET.get(self.parameter_name, "")
        platform, _, kind = value.partition(":")
        job, label = job_named(platform), dict(OURS_IN_WORDS).get(kind, kind)
        return [(value, f"{job.label if job else platform}: {label}")] if value else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        platform, _, kind = value.partition(":")
        job = job_named(platform)
        if job is None or kind not in dict(OURS_IN_WORDS):
            raise IncorrectLookupParameters(self.parameter_name)
        last = finished(job)
        return queryset.filter(still(job, last, [kind])) if last else queryset.none()


OURS_IN_WORDS = [(kind.value, str(kind.label)) for kind in OURS]


def list_query(job: SyncJob, kind: str) -> str:
    """The query of the contact list that shows those of this kind of whom it still holds."""
    return urlencode({ComparisonFilter.parameter_name: f"{job.platform}:{kind}"})


def list_address(job: SyncJob, kind: str) -> str:
    """The address of that list."""
    return f"{reverse('admin:contacts_contact_changelist')}?{list_query(job, kind)}"
