"""`POST /api/v3/contacts/mautic/webhook`: what Mautic sends by itself.

A plain view, not one of the API's: Mautic sends in the midst of its own users' requests, who wait meanwhile.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from mautic_sync.webhooks import MAUTIC_EVENTS, is_signed
from webhooks.receiving import body_of, receive, said
from webhooks.schema import webhook_operation

PATH = "/api/v3/contacts/mautic/webhook"

#: For the API's description.
OPERATION = webhook_operation(
    MAUTIC_EVENTS.label,
    known_by={"name": "Webhook-Signature", "description": "Of the raw bytes, with MAUTIC_WEBHOOK_SECRET"},
    description="Mautic's webhook. Events are stored as they come and applied afterwards; unknown ones are ignored.",
    body="An object with lists of events by name.",
)


@csrf_exempt
def webhook(request: HttpRequest) -> HttpResponse:
    """Take events in that are signed with MAUTIC_WEBHOOK_SECRET. Those of other kinds are kept and ignored."""
    if request.method != "POST":
        answer = said(405, "Send events with POST.")
        answer["Allow"] = "POST"
        return answer
    if not settings.MAUTIC_WEBHOOK_SECRET:
        return said(401, "MAUTIC_WEBHOOK_SECRET is not set, so no webhook is taken.")
    raw = body_of(request)
    if not isinstance(raw, bytes):
        return raw
    if not is_signed(raw, request.headers.get("Webhook-Signature", ""), settings.MAUTIC_WEBHOOK_SECRET):
        return said(401, "The Webhook-Signature is missing or does not fit MAUTIC_WEBHOOK_SECRET.")
    return receive(MAUTIC_EVENTS, raw)
