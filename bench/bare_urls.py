"""The project's addresses, and beside the webhook the least that a view can do with an event: one row, by the ORM."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from scrapersky.urls import urlpatterns as ours
from webhooks.models import PlatformEvent


@csrf_exempt
def bare(request: HttpRequest) -> HttpResponse:
    """Store the body; ask nobody anything."""
    PlatformEvent.objects.create(
        platform="bare", key=uuid.uuid4().hex, body=request.body.decode(), received_at=timezone.now(), state="ignored"
    )
    return JsonResponse({"received": 1})


urlpatterns = [path("bare", bare), *ours]
