"""What every request to the API passes through."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse

import brevo_sync.receiving
import mautic_sync.receiving

#: They read such a body themselves: a platform drops an event that is refused.
READ_IN_CHUNKS = (brevo_sync.receiving.PATH, mautic_sync.receiving.PATH)


def limit_api_body(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Answer 413 to an API request whose body is larger than API_MAX_BODY_BYTES, before reading it.

    Django's own limit covers form data only: the JSON parser reads the request as a stream.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith("/api/"):
            try:
                length = int(request.META.get("CONTENT_LENGTH") or 0)
            except ValueError:
                return JsonResponse({"detail": "The Content-Length header is not a number."}, status=400)
            in_chunks = "HTTP_TRANSFER_ENCODING" in request.META and not length
            if in_chunks and request.path.rstrip("/") not in READ_IN_CHUNKS:
                # Django reads as many bytes as Content-Length says: the body would pass for an empty one.
                return JsonResponse({"detail": "Send the body with a Content-Length header."}, status=411)
            if length > settings.API_MAX_BODY_BYTES:
                limit = settings.API_MAX_BODY_BYTES // (1024 * 1024)
                return JsonResponse(
                    {"detail": f"The body is larger than {limit} MB. Send it in smaller parts."}, status=413
                )
        return get_response(request)

    return middleware
