"""Where workflows report, at the addresses that old ones call: /api/v3/webhooks/n8n/…"""

from __future__ import annotations

from io import BytesIO
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from n8n_sync.authentication import AnyAnswer, IsN8n, SharedSecret
from n8n_sync.receiving import receive

TOO_LARGE = "The report is larger than {} MB, so it was not stored. Report only what is needed of the contact."


class N8nWebhook(APIView):
    """For n8n alone: 401 without the secret, or when none is set here."""

    authentication_classes = [SharedSecret]
    permission_classes = [IsN8n]
    content_negotiation_class = AnyAnswer
    renderer_classes = [JSONRenderer]

    def permission_denied(self, request: Request, message: str | None = None, code: str | None = None) -> NoReturn:
        unset = "" if settings.N8N_WEBHOOK_SECRET else " N8N_WEBHOOK_SECRET is not set here, so all are refused."
        raise AuthenticationFailed(f"Send the header Authorization with Bearer and the secret.{unset}")


class EnrichmentComplete(N8nWebhook):
    """A workflow has finished with a contact."""

    @extend_schema(
        operation_id="n8n_enrichment_complete",
        request=OpenApiTypes.OBJECT,
        responses=dict.fromkeys([200, 404, 413, 422], OpenApiTypes.OBJECT),
    )
    def post(self, request: Request) -> Response:
        """Report what was found out about a contact.

        Needed: `contact_id`, `enrichment_id`, `status` (complete, partial, failed) and `timestamp`; and the
        `delivery_id` that came with the contact. Besides: `error`, `enriched_data` and `metadata`. What was reported
        before is answered with 200 and no `updated_fields`.
        """

        def parse(raw: bytes) -> Any:
            # Whatever the content type says: some workflows send none.
            return self.get_parsers()[0].parse(BytesIO(raw), "application/json", {"encoding": "utf-8"})

        try:
            raw = request._request.body
        except RequestDataTooBig:
            return Response({"success": False, "detail": TOO_LARGE.format(_megabytes())}, status=413)
        receipt = receive(raw, parse, now=timezone.now())
        return Response(receipt.body, status=receipt.status)


def _megabytes() -> str:
    return f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE / (1024 * 1024):g}"


class WebhookHealth(N8nWebhook):
    """Is the secret right, and are we here?"""

    @extend_schema(operation_id="n8n_webhook_health", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """For a workflow's test: 200 with the right secret."""
        service = {"status": "healthy", "service": "n8n-webhook", "timestamp": timezone.now().isoformat()}
        return Response({**service, "expects_callback": settings.N8N_EXPECT_CALLBACK})
