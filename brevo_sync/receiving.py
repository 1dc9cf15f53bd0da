"""`POST /api/v3/contacts/brevo/webhook`: what Brevo sends by itself.

A plain view, not one of the API's: Brevo waits for the answer, and drops an event for good when it is a wrong one.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from brevo_sync.webhooks import BREVO_EVENTS
from webhooks.receiving import body_of, receive, said
from webhooks.schema import webhook_operation

PATH = "/api/v3/contacts/brevo/webhook"

#: For the API's description.
OPERATION = webhook_operation(
    BREVO_EVENTS.label,
    known_by={"name": "Authorization", "description": '"Bearer" and one of BREVO_WEBHOOK_TOKENS'},
    description="Brevo's webhook. Events are stored as they come and applied afterwards; unknown ones are ignored.",
    body="An event, an array of events, or an object that holds such an array.",
)


@csrf_exempt
def webhook(request: HttpRequest) -> HttpResponse:
    """Take events in: who sends them has to show one of the tokens in BREVO_WEBHOOK_TOKENS."""
    if request.method != "POST":
        answer = said(405, "Send events with POST.")
        answer["Allow"] = "POST"
        return answer
    if not settings.BREVO_WEBHOOK_TOKENS:
        return said(401, "BREVO_WEBHOOK_TOKENS is not set, so no webhook is taken.")
    if not knows_a_token(request.headers.get("Authorization", "")):
        refusal = said(401, "The token is missing, or is none of those in BREVO_WEBHOOK_TOKENS.")
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    raw = body_of(request)
    return receive(BREVO_EVENTS, raw) if isinstance(raw, bytes) else raw


def knows_a_token(header: str) -> bool:
    """Is it `Bearer` and one of our tokens? Each is compared, in a time that tells nothing of it."""
    scheme, _, given = header.strip().partition(" ")
    # A header's bytes come as the characters with their numbers.
    shown = given.strip().encode("latin-1", "replace")
    right = [hmac.compare_digest(shown, token.encode()) for token in settings.BREVO_WEBHOOK_TOKENS if token]
    return any(right) and scheme.lower() == "bearer"
