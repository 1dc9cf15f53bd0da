"""Pages of the contact list."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import TupleLessThan
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from contacts import search
from contacts.filters import SEARCH_FILTERS
from curation_sdk.totals import EXACT_UP_TO, Total, total

LARGEST_OFFSET = 2**31 - 1

Position = tuple[datetime, uuid.UUID]


class OffsetPagination(LimitOffsetPagination):
    """`limit` (1 to 1000, normally 100) and `offset`; the answer is a plain list, the total the header X-Total-Count.

    For lists that people read from the beginning: far behind, an offset gets slow.

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
        return Response(data, headers={"X-Total-Count": str(self.count)})

    def get_paginated_response_schema(self, schema: Any) -> Any:
        return schema


class PlainListPagination(OffsetPagination):
    """`limit` (1 to 1000, normally 100) and `offset`; the answer is a plain list, the total a header.

    Who follows the `next` links goes from contact to contact (`after`): every page costs the same, however deep, and
    what is added or deleted meanwhile moves no page. Who names an `offset` gets offsets in the links too.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """The rows of the page that is asked for. `queryset` is ordered by `-created_at, -id`."""
        self.request: Request = request
        self.limit: int = self.get_limit(request)
        self.offset: int = self.get_offset(request)
        self.by_offset = "offset" in request.query_params
        self.after = _position(request)
        if self.after and self.by_offset:
            raise ValidationError({"offset": ['Give either "after" or "offset".']})
        rows: QuerySet[Any] = queryset
        if self.after:
            rows = rows.filter(TupleLessThan((F("created_at"), F("id")), self.after))
        # One row more than the page shows whether there is a next one; the total may be an estimate.
        found = list(rows[self.offset : self.offset + self.limit + 1])
        self.more, page = len(found) > self.limit, found[: self.limit]
        if self.more or self.after or self.offset:
            searched = SEARCH_FILTERS & request.query_params.keys()
            self.total = total(queryset, exact_up_to=search.EXACT_UP_TO if searched else EXACT_UP_TO)
        else:
            self.total = Total(len(page), exact=True)
        self.count = self.total.number
        self.display_page_controls = self.count > self.limit
        self.last = page[-1] if page else None
        return page

    def get_next_link(self) -> str | None:
        if not self.more or self.last is None:
            return None
        url = replace_query_param(self.request.build_absolute_uri(), self.limit_query_param, self.limit)
        if self.by_offset:
            return replace_query_param(url, self.offset_query_param, self.offset + self.limit)
        return replace_query_param(url, "after", _mark(self.last))

    def get_html_context(self) -> Any:
        context = super().get_html_context()
        # Numbered pages are offsets; a page reached by `after` does not know its number.
        return {**context, "page_links": []} if self.after else context

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        after = {
            "name": "after",
            "required": False,
            "in": "query",
            "description": 'Where the page begins, as the "next" link of the header "Link" gives it.',
            "schema": {"type": "string"},
        }
        return [*super().get_schema_operation_parameters(view), after]

    def get_paginated_response(self, data: Any) -> Response:
        response = Response(data, headers={"X-Total-Count": str(self.count)})
        if not self.total.exact:
            response["X-Total-Count-Estimated"] = "true"
        links = {"next": self.get_next_link(), "prev": self.get_previous_link()}
        if link := ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items() if url):
            response["Link"] = link
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return schema


def _mark(row: Any) -> str:
    """The place of a row in the list, for an address: its time and its key."""
    return f"{row.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}_{row.pk}"


def _position(request: Request) -> Position | None:
    text = request.query_params.get("after")
    if text is None:
        return None
    moment, _, key = text.partition("_")
    try:
        return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=UTC), uuid.UUID(key)
    except ValueError:
        raise ValidationError({"after": ['Take it from a "next" link of this list.']}) from None


def _number(request: Request, name: str, smallest: int, largest: int, otherwise: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) < 12 and smallest <= int(text) <= largest):
        raise ValidationError({name: [f"Give a whole number from {smallest} to {largest}."]})
    return int(text)
