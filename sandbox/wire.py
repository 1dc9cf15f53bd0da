"""Reading HTTP/1.1 requests from a socket and writing answers to it. Knows no platform and no route.

Hand-written instead of `http.server`, whose header parser costs more than our whole answer: the sandbox must
not be the slow side when a benchmark pushes 20,000 contacts at it.
"""

import socket
from dataclasses import dataclass

from sandbox.messages import REASONS, BadRequest, Response
from sandbox.values import number_in

MAX_HEAD = 64 * 1024
MAX_BODY = 10 * 1024 * 1024  # Brevo takes import bodies of up to 10 MB (POST /contacts/import)
_CHUNK = 64 * 1024
_MAX_DRAIN = 8 * MAX_BODY


@dataclass(slots=True)
class Head:
    """The request line and the headers (names in lower case)."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    keep_alive: bool


class Reader:
    """Takes requests off one socket, one after the other, keeping what arrived too early."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()

    def head(self) -> Head | None:
        """The next request's head, or None when the client has gone."""
        end = self._buffer.find(b"\r\n\r\n")
        while end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise BadRequest(431, "The request headers are too long")
            data = self._sock.recv(_CHUNK)
            if not data:
                return None
            self._buffer += data
            end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HEAD:
            raise BadRequest(431, "The request headers are too long")
        text = self._buffer[:end].decode("latin-1")
        del self._buffer[: end + 4]
        return parse_head(text)

    def body(self, length: int) -> bytes | None:
        """Exactly `length` bytes, or None when the client left before sending them all."""
        while len(self._buffer) < length:
            data = self._sock.recv(_CHUNK)
            if not data:
                return None
            self._buffer += data
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def discard(self) -> None:
        """Swallow what a refused client still sends, for a while.

        Closing a socket with unread data makes the kernel reset it, and the client would see a broken
        connection instead of our refusal.
        """
        self._sock.settimeout(1.0)
        left = _MAX_DRAIN
        while left > 0:
            data = self._sock.recv(_CHUNK)
            if not data:
                return
            left -= len(data)


def parse_head(text: str) -> Head:
    """Request line and header lines in, Head out. Raises BadRequest for what HTTP/1.1 does not allow."""
    request_line, *lines = text.lstrip("\r\n").split("\r\n")
    words = request_line.split(" ")
    if len(words) != 3 or not words[0].isalpha():
        raise BadRequest(400, "The request line cannot be read")
    method, target, version = words
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(400, "A header line cannot be read")
        name, value = name.lower(), value.strip()
        if name == "content-length" and headers.get(name, value) != value:
            raise BadRequest(400, "Two different Content-Length headers")
        headers[name] = value
    path, _, query_string = _origin_form(target).partition("?")
    wish = headers.get("connection", "").lower()
    keep_alive = wish != "close" if version == "HTTP/1.1" else wish == "keep-alive"
    return Head(method.upper(), path, query_string, headers, keep_alive)


def _origin_form(target: str) -> str:
    """The path part of a request target: proxies send the whole address."""
    if target.startswith("http://"):
        _, slash, rest = target[len("http://") :].partition("/")
        return slash + rest or "/"
    if not target.startswith("/"):
        raise BadRequest(400, "The request target must begin with a slash")
    return target


def body_length(headers: dict[str, str]) -> int:
    """How many body bytes follow the head. Raises BadRequest when that is unclear or too much."""
    if "transfer-encoding" in headers:
        raise BadRequest(411, "Send a Content-Length; chunked bodies are not read here")
    length = number_in(headers.get("content-length", "0"))
    if length is None:
        raise BadRequest(400, "Content-Length is not a number")
    if length > MAX_BODY:
        raise BadRequest(413, "The body is larger than 10 MB")
    return length


def encode_response(response: Response, *, head_only: bool, keep_alive: bool) -> bytes:
    """The whole answer as bytes, so that it leaves in one send. A 204 carries neither body nor length."""
    status = response.status
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if status != 204:
        lines.append(f"Content-Type: {response.content_type}")
        lines.append(f"Content-Length: {len(response.body)}")
    if not keep_alive:
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    return head if head_only or status == 204 else head + response.body
