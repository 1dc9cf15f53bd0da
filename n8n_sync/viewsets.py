"""The n8n endpoints, under /api/v3/contacts/n8n."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.authentication import JWTAuthentication

from contacts.filters import filter_contacts, known_filters
from contacts.models import Contact
from contacts.permissions import SyncPermissions
from curation_sdk.jobs import jobs
from curation_sdk.viewsets import SyncViewSet
from curation_sdk.wording import count_of
from n8n_sync.authentication import IsN8n, SharedSecret
from n8n_sync.fetching import fetch, take_results
from n8n_sync.job import N8N
from n8n_sync.serializers import ResultSerializer, TallySerializer, job_named, read_results

#: Contacts that n8n fetches at once.
FETCH, MOST = 50, 500

#: Without the browser's session: a GET is checked for no CSRF token, and this one takes contacts out of the queue.
BY_SECRET_OR_TOKEN = [SharedSecret, JWTAuthentication]


class N8nSyncViewSet(SyncViewSet):
    """Queue contacts for n8n, take them out again, and see how far it is. For n8n: fetch contacts and report."""

    queryset = Contact.objects.all()
    permission_classes = [SyncPermissions]
    job = N8N

    def filter_contacts(self, filters: Mapping[str, Any]) -> QuerySet[Contact]:
        return filter_contacts(filters)

    @extend_schema(
        parameters=[
            OpenApiParameter("platform", OpenApiTypes.STR, description="Whose queue. Default: n8n"),
            OpenApiParameter("limit", OpenApiTypes.INT, description=f"1 to {MOST}. Default: {FETCH}"),
            *(OpenApiParameter(name, OpenApiTypes.STR) for name in known_filters()),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    @action(
        detail=False,
        methods=["get"],
        url_path="queue",
        pagination_class=None,
        authentication_classes=BY_SECRET_OR_TOKEN,
        permission_classes=[IsN8n],
        renderer_classes=[JSONRenderer],
    )
    def fetch_queue(self, request: Request) -> Response:
        """Fetch due contacts of a platform's queue, to deal with them and report on each.

        Nobody else has them until `report_until`; after that they are due again. With the `N8N_WEBHOOK_SECRET` as a
        bearer token, or with the token of a user who may queue contacts. HEAD fetches nobody.
        """
        given = {name: str(value) for name, value in request.query_params.items() if value != ""}
        job = job_named(given.pop("platform", N8N.platform), _jobs())
        limit = _limit(given.pop("limit", str(FETCH)))
        given.pop("format", None)
        contacts = filter_contacts(given) if given else None
        if request.method == "HEAD":
            return Response({"contacts": []})
        return Response({"contacts": fetch(job, limit=limit, contacts=contacts, now=timezone.now())})

    @extend_schema(request=ResultSerializer(many=True), responses=TallySerializer)
    @action(
        detail=False,
        methods=["post"],
        url_path="results",
        pagination_class=None,
        serializer_class=ResultSerializer,
        authentication_classes=[*BY_SECRET_OR_TOKEN, SessionAuthentication],
        permission_classes=[IsN8n],
    )
    def results(self, request: Request) -> Response:
        """Report what became of contacts that were fetched: a list of results, or one.

        What comes too late is counted and changes nothing.
        """
        now = timezone.now()
        tally = take_results(read_results(request.data, _jobs(), now=now), now=now)
        parts = [f"{count_of(tally.applied, 'result')} taken."]
        if tally.late:
            parts.append(f"{tally.late:,} came too late and changed nothing.")
        if tally.unknown:
            parts.append(f"{tally.unknown:,} named no contact.")
        counts = {"applied_count": tally.applied, "late_count": tally.late, "unknown_count": tally.unknown}
        return Response({**counts, "message": " ".join(parts)})


def _jobs() -> dict[str, Any]:
    """Every platform's job by name, as the project lists them. A job without ids of another system is none."""
    return {job.platform: job for job in jobs() if job.contact_id}


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST):
        raise ValidationError({"limit": [f"Give a number from 1 to {MOST}."]})
    return int(text)
