"""Reading request bodies and query parameters the way Brevo does, with its 400s for what it does not take."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from sandbox.brevo.errors import BrevoError, invalid, missing, out_of_range
from sandbox.messages import JsonObject, JsonValue, Request
from sandbox.values import is_whole, number_in

Item = TypeVar("Item")


def object_body(request: Request) -> JsonObject:
    """The JSON object in the body. 400 without one."""
    body = request.json()
    if body is None:
        raise missing("The request needs a JSON body")
    if not isinstance(body, dict):
        raise BrevoError(400, "bad_request", "The body must be a JSON object")
    return body


def flag(body: JsonObject, name: str) -> bool | None:
    """A boolean field, None when it is absent or null."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(f"{name} must be true or false")
    return value


def text(body: JsonObject, name: str) -> str | None:
    """A text field, None when it is absent or null. Empty text is refused."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise invalid(f"{name} must be non-empty text")
    return value


def integers(body: JsonObject, name: str) -> list[int]:
    """A field that holds an array of ids; empty when absent."""
    value: JsonValue = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(f"{name} must be an array of numbers")
    return [whole_number(item, name) for item in value]


def whole_number(value: JsonValue, name: str) -> int:
    """A JSON integer; true and false are none."""
    if not is_whole(value):
        raise invalid(f"{name} must hold whole numbers")
    return value


def number(text: str, complaint: str) -> int:
    """The number in a part of a path or a query. 400 with the complaint for any other text."""
    found = number_in(text)
    if found is None:
        raise invalid(complaint)
    return found


class Paging:
    """`limit`, `offset` and `sort` of a paged endpoint.

    The bounds are in the reference of each endpoint: contacts 50 and 1000, list contacts 50 and 500, lists
    and folders 10 and 50. Newest first unless `sort=asc`.
    """

    def __init__(self, query: dict[str, list[str]], default: int, most: int) -> None:
        self.limit = _bounded(query, "limit", default, most)
        self.offset = _bounded(query, "offset", 0, None)
        sort = query.get("sort", ["desc"])[-1]
        if sort not in ("asc", "desc"):
            raise invalid("sort must be asc or desc")
        self.newest_first = sort == "desc"

    def cut(self, items: list[Item]) -> list[Item]:
        """One page of a list that is given oldest first."""
        if not self.newest_first:
            return items[self.offset : self.offset + self.limit]
        end = max(0, len(items) - self.offset)
        start = max(0, end - self.limit)
        return items[start:end][::-1]


def _bounded(query: dict[str, list[str]], name: str, default: int, most: int | None) -> int:
    value = number(query.get(name, [str(default)])[-1], f"{name} must be a number, 0 or more")
    if most is not None and value > most:
        raise out_of_range(f"{name} must not exceed {most}")
    return value


def since(query: dict[str, list[str]], name: str) -> Callable[[float], bool] | None:
    """A `modifiedSince` or `createdSince` parameter as a test for Unix seconds; None when absent.

    Times without an offset count as UTC. Compared in whole milliseconds, which is what our answers show.
    """
    if name not in query:
        return None
    try:
        moment = datetime.fromisoformat(query[name][-1])
    except ValueError as error:
        raise invalid(f"{name} must be a date-time such as 2026-11-24T10:15:00.000Z") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        earliest = int(moment.timestamp() * 1000)
    except OverflowError as error:
        raise invalid(f"{name} lies too far away") from error
    return lambda seconds: int(seconds * 1000) >= earliest
