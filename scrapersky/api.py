"""The API's manners: strict JSON in, one shape of error out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.response import Response
from rest_framework.views import exception_handler as rest_framework_handler
from rest_framework_simplejwt.serializers import TokenRefreshSerializer

#: Our requests are an object that holds a list. What is nested deeper breaks the code that words the error.
DEEPEST_NESTING = 32


_TOO_DEEP = "JSON parse error: nested too deeply."

#: JSON can spell it ("\\ud800"), UTF-8 cannot: neither the database nor an answer that quotes it takes it.
_LONE = re.compile("[\ud800-\udfff]")


class StrictJSONParser(JSONParser):
    """JSON as DRF reads it; what would break us later is refused here."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_TOO_DEEP) from error
        level: list[Any] = [data]
        for _ in range(DEEPEST_NESTING):
            values = list(chain.from_iterable(map(_parts, level)))
            if any(isinstance(value, str) and not value.isascii() and _LONE.search(value) for value in values):
                raise ParseError("JSON parse error: half of a character (a lone surrogate) in a text.")
            level = [value for value in values if isinstance(value, dict | list)]
            if not level:
                return data
        raise ParseError(_TOO_DEEP)


def _parts(value: Any) -> Iterable[Any]:
    """What a JSON object (its names too) or list holds; a plain value itself."""
    if isinstance(value, dict):
        return chain(value, value.values())
    return value if isinstance(value, list) else (value,)


class RefreshSerializer(TokenRefreshSerializer):
    """The library's, which takes a user who has been deleted meanwhile for a server error."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        try:
            return super().validate(attrs)
        except ObjectDoesNotExist as error:
            raise AuthenticationFailed(self.error_messages["no_active_account"], "no_active_account") from error


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler. A client that hangs up while we read its body is not an error of ours."""
    if isinstance(error, OSError) and type(error).__name__ == "UnreadablePostError":
        error = ParseError("The body could not be read to its end.")
    return rest_framework_handler(error, context)


def without_slash(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """For the schema: the addresses as they are written. The slash that is tolerated at their end is left out."""
    return [(path.rstrip("/"), regex, method, view) for path, regex, method, view in endpoints]


@csrf_exempt
def api_not_found(request: HttpRequest) -> HttpResponse:
    """JSON for a path under /api that does not exist."""
    return JsonResponse({"detail": f"There is nothing at {request.path}. See /api/docs."}, status=404)
