"""Talking to a platform over HTTP. The only module that knows the HTTP library.

What every platform's client gets from here: a time-out nobody can forget, no redirects, our own User-Agent, one
second try when nothing was sent, answers of bounded size, and error texts without secrets.
"""

from __future__ import annotations

import json as json_module
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, LocationParseError, ReadTimeoutError
from urllib3.exceptions import SSLError as Urllib3SSLError
from urllib3.util.retry import Retry as Urllib3Retry

from curation_sdk.outcomes import Evidence, StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.wording import storable

USER_AGENT = "ScraperSky-contact-sync/1"
CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 25.0  # seconds without a byte
ANSWER_TIMEOUT = 30.0  # seconds for a whole answer, however slowly it drips
LARGEST_ANSWER = 16 * 1024 * 1024  # bytes; some platforms send 200 contacts back, each with all its fields


class Unanswered(Exception):
    """The platform did not answer, or not in full. The request may or may not have been carried out."""

    def __init__(self, reason: str, duration: timedelta) -> None:
        super().__init__(reason)
        self.reason = reason
        self.evidence = Evidence(message=reason, duration_ms=_milliseconds(duration))


@dataclass(frozen=True, slots=True)
class Answer:
    """A platform's answer. `json` is None when the body is empty or not JSON; `text` is fit to show."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    json: Any = field(repr=False)
    text: str = field(repr=False)
    empty: bool
    duration: timedelta
    turn: float  # when the request had its turn, by the rate limiter's clock

    @property
    def object(self) -> dict[str, Any]:
        """The body if it is a JSON object, else an empty one."""
        return self.json if isinstance(self.json, dict) else {}


class PlatformSession:
    """A connection pool to one platform. Safe to use from several threads.

    `headers` go with every request and may hold secrets; `secrets` are the strings that must never show up in a
    text that this class hands out. `within`: seconds for an answer where a request does not ask for others.
    """

    def __init__(
        self,
        *,
        base_url: str,
        headers: Mapping[str, str],
        secrets: tuple[str, ...],
        limiter: RateLimiter,
        connections: int,
        within: float = ANSWER_TIMEOUT,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Connection": "keep-alive",
            **headers,
        }
        self._secrets: tuple[str, ...] = ()
        self.keep_secret(*secrets)
        self._limiter = limiter
        self._within = within
        # The second try: only when no connection came about, so that nothing can have been sent. `read=False`,
        # unlike 0, hands on the library's own error, which tells silence from a connection that was closed.
        retry = Urllib3Retry(
            total=1,
            connect=1,
            read=False,
            redirect=0,
            status=0,
            other=0,
            backoff_factor=0.2,
            raise_on_status=False,
        )
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=retry)
        self._last = ("", ""), requests.PreparedRequest()

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        within: float | None = None,
        turn: float | None = None,
    ) -> Answer:
        """Send one request when its turn has come.

        json, form: the body, in one form or the other. headers: further ones, for this request. within: seconds for
        the whole answer; more than the usual for a request that makes the platform work long. turn: that of a
        request before, which this one completes: it goes at once, even when the run is ending.

        Raises Unanswered when no whole answer arrived, StopRun when the address itself is unusable, and
        NotPushed when the run ended while waiting for the turn.
        """
        within = self._within if within is None else within
        turn = self._limiter.acquire() if turn is None else turn
        begun = time.monotonic()
        silence = READ_TIMEOUT if within == ANSWER_TIMEOUT else within
        try:
            with self._adapter.send(
                self._prepared(method, path, json, form, headers or {}),
                stream=True,
                timeout=(CONNECT_TIMEOUT, silence),
                **self._environment,
            ) as response:
                body = _read(response, begun, silence, within)
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidHeader,
            requests.exceptions.InvalidProxyURL,
            LocationParseError,
            UnicodeError,
        ) as error:
            raise StopRun(f"The address or key in the settings cannot be used ({type(error).__name__}).") from None
        except (requests.RequestException, HTTPError, OSError) as error:
            # `from None`: the original text holds the address, and the address may hold a person's.
            raise Unanswered(
                _what_happened(error, silence, within), timedelta(seconds=time.monotonic() - begun)
            ) from None
        duration = timedelta(seconds=time.monotonic() - begun)
        return self._answer(response, body, duration, turn)

    def close(self) -> None:
        self._adapter.close()

    def heeded(self, error: Exception) -> Exception:
        """The error, to be raised; when it asks us to slow down, no thread has a turn before."""
        if isinstance(error, Throttled):
            self._limiter.refused(error.after.total_seconds())
        return error

    def keep_secret(self, *secrets: str) -> None:
        """Never show these strings either: a token, for instance, that was fetched on the way."""
        spelt = (form for secret in filter(None, secrets) for form in _spellings(secret))
        # The longest first: where one holds another, nothing of it is left over.
        self._secrets = tuple(sorted({*self._secrets, *spelt}, key=lambda form: (-len(form), form)))

    @cached_property
    def _environment(self) -> Any:
        """Proxies and certificates of this machine, as requests itself finds them; once, not for every request."""
        found = requests.Session().merge_environment_settings(self._base_url, {}, None, None, None)
        return {name: found[name] for name in ("proxies", "verify", "cert")}

    def _prepared(
        self, method: str, path: str, json: Any, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> requests.PreparedRequest:
        """The request, with nothing in it but what we put there.

        Not by way of a requests.Session: that one follows redirects, keeps cookies, which would tie our requests
        together, takes log-ins from a ~/.netrc, and costs as much time as all the rest of a push.
        """
        # Most likely it goes to the same place as the last one. Other threads read and write that, too.
        place, request = self._last
        if place != (method, path):
            request = requests.PreparedRequest()
            request.prepare(method=method, url=f"{self._base_url}{path}", headers=self._headers)
            self._last = (method, path), request
        request = request.copy()
        for name, value in headers.items():
            request.headers[name] = value
        if form is not None:
            _put_body(request, urlencode(form).encode(), "application/x-www-form-urlencoded")
        elif json is not None:
            _put_body(request, json_module.dumps(json, allow_nan=False).encode(), "application/json")
        return request

    def _answer(self, response: requests.Response, body: bytes, duration: timedelta, turn: float) -> Answer:
        try:
            parsed = json_module.loads(body) if body else None
        except (ValueError, RecursionError):
            parsed = None
        # Secrets first, then the cut: half a key is a secret, too.
        text = self._without_secrets(body.decode("utf-8", "replace"))[:4000]
        return Answer(response.status_code, response.headers, parsed, text, not body, duration, turn)

    def clean(self, text: str) -> str:
        """Text from the platform without our secrets, fit to store and to show."""
        return storable(self._without_secrets(text), 500)

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text


def _spellings(secret: str) -> set[str]:
    """A secret as it may stand in a text: as it is, in JSON of any kind, in an address."""
    spelt = {secret}
    for plain in (True, False):
        escaped = json_module.dumps(secret, ensure_ascii=plain)[1:-1]
        spelt |= {escaped, escaped.replace("/", "\\/")}
    return spelt | {quote(secret, errors="replace"), quote(secret, safe="", errors="replace")}


def evidence(answer: Answer, *, code: str, message: str, request_id: str) -> Evidence:
    """What is kept of an answer."""
    return Evidence(
        http_status=answer.status,
        code=code,
        message=message,
        request_id=request_id,
        duration_ms=_milliseconds(answer.duration),
    )


def _put_body(request: requests.PreparedRequest, body: bytes, kind: str) -> None:
    request.body = body
    request.headers["Content-Type"] = kind
    request.headers["Content-Length"] = str(len(body))


def _read(response: requests.Response, begun: float, silence: float, within: float) -> bytes:
    """The body, bounded in size and time.

    `read1` returns what has arrived; `iter_content` would wait for a full block, however slowly the bytes drip.
    """
    parts, size, left = [], 0, within - (time.monotonic() - begun)
    while part := _part(response, silence, left):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            raise requests.exceptions.ContentDecodingError("The answer is too large.")
        left = within - (time.monotonic() - begun)
        if left <= 0:
            raise TimeoutError
    body = b"".join(parts)
    return _unpacked(body) if response.headers.get("Content-Encoding", "").strip().lower() == "gzip" else body


def _part(response: requests.Response, silence: float, left: float) -> bytes:
    """What arrives next, waiting no longer than what is `left` of the time for the whole answer.

    A server that closes the connection after its answer is waited for up to `silence`: the library has let go of the
    socket by then.
    """
    socket: Any = getattr(response.raw.connection, "sock", None)
    last = socket is not None and left < silence
    if last:
        # The library sets its own again before the next request.
        socket.settimeout(max(left, 0.001))
    try:
        part: bytes = response.raw.read1(64 * 1024, decode_content=False)
    except ReadTimeoutError:
        if last:
            raise TimeoutError from None
        raise
    return part


def _unpacked(body: bytes) -> bytes:
    """The body without its gzip packing; no more than LARGEST_ANSWER is ever unpacked."""
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(body, LARGEST_ANSWER + 1)
    except zlib.error:
        raise requests.exceptions.ContentDecodingError("The answer is not gzip.") from None
    if len(unpacked) > LARGEST_ANSWER or (body and not unpacker.eof):
        raise requests.exceptions.ContentDecodingError("The answer is too large, or not whole.")
    return unpacked


def _what_happened(error: Exception, silence: float, within: float) -> str:
    """The fault in our own words: the library's text may name addresses, people and keys."""
    match error:
        case requests.exceptions.ConnectTimeout():
            return "No connection within 5 seconds."
        case requests.exceptions.SSLError() | Urllib3SSLError():
            return "The connection could not be secured (TLS)."
        case requests.exceptions.ProxyError():
            return "The proxy refused the connection."
        case requests.exceptions.Timeout() | ReadTimeoutError():
            return f"No answer within {silence:.0f} seconds."
        case TimeoutError():
            return f"No whole answer within {within:.0f} seconds."
        case requests.exceptions.ContentDecodingError():
            return "The answer could not be read: it is too large or wrongly encoded."
        case requests.exceptions.ConnectionError():
            return _connection_fault(error)
        case HTTPError() | OSError() if not isinstance(error, requests.RequestException):
            # Not wrapped by requests: it happened while we read the body.
            return "The connection broke in the middle of the answer."
        case _:
            return f"The request failed ({type(error).__name__})."


def _connection_fault(error: Exception) -> str:
    text = repr(error)
    if "NameResolutionError" in text or "getaddrinfo" in text:
        return "The platform's name could not be looked up (DNS)."
    if "NewConnectionError" in text or "refused" in text:
        return "The connection was refused."
    return "The connection was closed before the answer came."


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
