"""Pages of the contact list."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response

LARGEST_OFFSET = 2**31 - 1


class PlainListPagination(LimitOffsetPagination):
    """`limit` (1 to 1000, normally 100) and `offset`; the answer is a plain list, the total a header.

    A limit or offset that makes no sense is refused: DRF's own class would fall back to the first page, and a client
    that pages with it would never come to an end.
    """

    default_limit = 100
    max_limit = 1000

    def get_limit(self, request: Request) -> int:
        return _number(request, "limit", 1, self.max_limit, self.default_limit)

    def get_offset(self, request: Request) -> int:
        return _number(request, "offset", 0, LARGEST_OFFSET, 0)

    def get_paginated_response(self, data: Any) -> Response:
        response = Response(data, headers={"X-Total-Count": str(self.count)})
        links = {"next": self.get_next_link(), "prev": self.get_previous_link()}
        if link := ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items() if url):
            response["Link"] = link
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return schema


def _number(request: Request, name: str, smallest: int, largest: int, otherwise: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) < 12 and smallest <= int(text) <= largest):
        raise ValidationError({name: [f"Give a whole number from {smallest} to {largest}."]})
    return int(text)
