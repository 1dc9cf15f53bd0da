"""What one HTTP exchange is made of: the request a handler reads and the answer it gives back."""

import json
import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import parse_qs, parse_qsl, unquote

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    207: "Multi-Status",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    422: "Unprocessable Content",
    423: "Locked",
    425: "Too Early",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    477: "Migration In Progress",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
    524: "A Timeout Occurred",
}

_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class BadRequest(Exception):
    """A request nobody can act on: carries the status and the sentence for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(slots=True)
class Request:
    """One request as it came off the wire. `path` is still percent-encoded and holds no query."""

    method: str
    path: str
    query_string: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    received: float = 0.0
    _parsed: JsonValue = None
    _is_parsed: bool = False

    def json(self) -> JsonValue:
        """The body as JSON, read once. An empty body is None. Raises BadRequest on anything unreadable."""
        if not self._is_parsed:
            self._parsed = parse_json(self.body) if self.body else None
            self._is_parsed = True
        return self._parsed

    def query(self) -> dict[str, list[str]]:
        """The query parameters, each with all its values. Raises BadRequest on bad percent-encoding."""
        if not self.query_string:
            return {}
        if _LONE_PERCENT.search(self.query_string):
            raise BadRequest(400, "The query holds a broken percent-encoding")
        try:
            return parse_qs(self.query_string, keep_blank_values=True, errors="strict", max_num_fields=200)
        except ValueError as error:
            raise BadRequest(400, "The query cannot be read") from error


@dataclass(slots=True)
class Response:
    """One answer. `abort` ends the connection without sending it: politely ("close") or with a TCP reset."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: list[tuple[str, str]] = field(default_factory=list)
    abort: Literal["", "close", "reset"] = ""


def parse_json(text: bytes) -> JsonValue:
    """JSON text in, value out. Refuses NaN and Infinity, which are no JSON, and survives absurd nesting."""
    try:
        parsed: JsonValue = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, "The body is not valid JSON") from error
    return parsed


def parse_form(body: bytes) -> dict[str, str]:
    """A form-encoded body in, its fields out; of a repeated one the last. Raises BadRequest on anything unreadable."""
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=200))
    except ValueError as error:
        raise BadRequest(400, "The form cannot be read") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def json_response(status: int, value: JsonValue, headers: list[tuple[str, str]] | None = None) -> Response:
    """An answer with a JSON body. ASCII only, so that lone surrogates in stored text cannot break it."""
    return Response(status, json.dumps(value, separators=(",", ":")).encode(), headers=headers or [])


def html_response(status: int, text: str) -> Response:
    """An answer with an HTML page. Characters that UTF-8 cannot hold become question marks."""
    return Response(status, text.encode("utf-8", "replace"), "text/html; charset=utf-8")


def split_path(path: str) -> list[str]:
    """`/contacts/a%40b` in, `["contacts", "a@b"]` out. Splits before decoding, so %2F stays inside a part."""
    parts = path.split("/")[1:]
    if "%" not in path:
        return parts
    if _LONE_PERCENT.search(path):
        raise BadRequest(400, "The path holds a broken percent-encoding")
    try:
        return [unquote(part, errors="strict") for part in parts]
    except UnicodeDecodeError as error:
        raise BadRequest(400, "The path is not valid UTF-8") from error
