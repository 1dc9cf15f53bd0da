"""The HTTP session that every platform's client uses, against servers that misbehave.

Most of them are raw sockets: what is tested is what really goes over the wire, and how often.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
import responses

from curation_sdk import http
from curation_sdk.http import PlatformSession, Unanswered
from curation_sdk.outcomes import NotPushed, StopRun
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.testing import FakeClock

SECRET = "s3cr3t-of-the-platform"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Talk = Callable[[socket.socket], None]


def read_request(connection: socket.socket) -> bytes:
    """One request, head and body; empty when the client has hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


class Server:
    """Answers each connection with the next of the given talks, the last one again and again."""

    def __init__(self, *talks: Talk) -> None:
        self._talks = list(talks)
        self.requests: list[bytes] = []
        self.connections = 0
        self._socket = self._current = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            talk = self._talks.pop(0) if len(self._talks) > 1 else self._talks[0]
            with connection:
                self._current = connection
                # The client has gone: that is what some of these tests are about.
                with contextlib.suppress(OSError):
                    talk(connection)

    def read(self, connection: socket.socket) -> bytes:
        """One request, kept for the test."""
        request = read_request(connection)
        if request:
            self.requests.append(request)
        return request

    def close(self) -> None:
        # Shut down first: a close alone does not wake a thread that waits in accept.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        # The client keeps its connection for as long as an exception remembers it.
        with contextlib.suppress(OSError):
            self._current.shutdown(socket.SHUT_RDWR)
        self._thread.join()


@contextmanager
def serving(*answers: bytes) -> Iterator[Server]:
    """A server that answers every request on a connection with the same bytes, and keeps it open."""

    def talk(connection: socket.socket, answer: bytes) -> None:
        while server.read(connection):
            connection.sendall(answer)

    with talking(*(lambda connection, answer=answer: talk(connection, answer) for answer in answers)) as server:
        yield server


@contextmanager
def talking(*talks: Talk) -> Iterator[Server]:
    server = Server(*talks)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def session(base_url: str, **changes: Any) -> Iterator[PlatformSession]:
    options: dict[str, Any] = {
        "headers": {"api-key": SECRET},
        "secrets": (SECRET,),
        "limiter": RateLimiter(1000.0, FakeClock()),
        "connections": 2,
    }
    made = PlatformSession(base_url=base_url, **{**options, **changes})
    try:
        yield made
    finally:
        made.close()


def unanswered(base_url: str, method: str = "POST", **request: Any) -> Unanswered:
    with session(base_url) as platform, pytest.raises(Unanswered) as caught:
        platform.request(method, "/contacts", json={"a": 1}, **request)
    return caught.value


def closing(answer: bytes) -> Talk:
    """Read the request, answer, and hang up."""

    def talk(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)

    return talk


# --- what is sent --------------------------------------------------------------------------------------------


def test_what_goes_over_the_wire() -> None:
    with serving(OK + b'Content-Length: 9\r\n\r\n{"id": 1}') as server, session(f"{server.url}/v3/") as platform:
        answer = platform.request("POST", "/contacts?x=1", json={"name": "Jérôme"})
    assert (answer.status, answer.json, answer.object, answer.empty) == (200, {"id": 1}, {"id": 1}, False)
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v3/contacts?x=1 HTTP/1.1"
    assert "User-Agent: ScraperSky-contact-sync/1" in lines
    assert "Accept: application/json" in lines
    assert "Content-Type: application/json" in lines
    assert f"api-key: {SECRET}" in lines
    assert not [line for line in lines if line.lower().startswith(("authorization:", "cookie:"))]
    assert body == b'{"name": "J\\u00e9r\\u00f4me"}'


def test_a_request_without_a_body_sends_none() -> None:
    with serving(OK + b"Content-Length: 2\r\n\r\n{}") as server, session(server.url) as platform:
        platform.request("GET", "/account")
    assert b"Content-Type" not in server.requests[0]


def test_every_request_has_time_outs_and_follows_no_redirect(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def send(self: Any, request: Any, **options: Any) -> Any:
        seen.append(options)
        raise requests.exceptions.ConnectionError

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with session("http://127.0.0.1:9") as platform:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(Unanswered):
                platform.request(method, "/x")
    assert [options["timeout"] for options in seen] == [(http.CONNECT_TIMEOUT, http.READ_TIMEOUT)] * 5
    assert all(options["stream"] and options["verify"] for options in seen)


def test_one_connection_serves_many_requests() -> None:
    with serving(OK + b"Content-Length: 2\r\n\r\n{}") as server, session(server.url) as platform:
        for _ in range(5):
            platform.request("GET", "/x")
    assert (server.connections, len(server.requests)) == (1, 5)


def test_cookies_are_not_kept() -> None:
    cookies = b"Set-Cookie: a=1\r\nSet-Cookie: __cf_bm=2; Path=/; HttpOnly\r\n"
    with serving(OK + cookies + b"Content-Length: 2\r\n\r\n{}") as server, session(server.url) as platform:
        for _ in range(2):
            platform.request("GET", "/x")
    assert b"cookie" not in server.requests[1].lower()


def test_a_netrc_is_never_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login ada password word\ndefault login ada password word\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth("http://127.0.0.1/") == ("ada", "word"), "requests itself would use it"
    with serving(OK + b"Content-Length: 2\r\n\r\n{}") as server, session(server.url) as platform:
        platform.request("GET", "/x")
    assert b"authorization" not in server.requests[0].lower()


def test_the_proxy_of_the_environment_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(OK + b"Content-Length: 2\r\n\r\n{}") as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        with session("http://platform.test/v3") as platform:
            assert platform.request("GET", "/x").json == {}
    assert proxy.requests[0].startswith(b"GET http://platform.test/v3/x HTTP/1.1\r\n")


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(OK + b"Content-Length: 2\r\n\r\n{}") as server, session(server.url) as platform:
        assert platform.request("GET", "/x").json == {}


def test_a_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with talking(closing(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:{SECRET}@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        error = unanswered("https://platform.test/v3")
    assert error.reason == "The proxy refused the connection."
    assert SECRET not in str(error)


def test_the_turn_comes_first() -> None:
    limiter = RateLimiter(10, FakeClock())
    limiter.stop()
    with serving(OK) as server, session(server.url, limiter=limiter) as platform, pytest.raises(NotPushed):
        platform.request("GET", "/x")
    assert server.connections == 0


def test_a_request_that_completes_another_needs_no_turn_of_its_own() -> None:
    limiter = RateLimiter(10, FakeClock())
    with serving(OK + b"Content-Length: 0\r\n\r\n") as server, session(server.url, limiter=limiter) as platform:
        first = platform.request("GET", "/x")
        limiter.stop()
        assert platform.request("GET", "/y", turn=first.turn).turn == first.turn
    assert len(server.requests) == 2


def test_a_form_and_headers_for_one_request() -> None:
    with serving(OK + b"Content-Length: 0\r\n\r\n") as server, session(server.url) as platform:
        platform.request("POST", "/x", form={"a b": "ü&=", "c": ""}, headers={"Authorization": "Bearer t"})
        platform.request("POST", "/x")
    first, second = server.requests
    assert first.endswith(b"\r\n\r\na+b=%C3%BC%26%3D&c=")
    assert b"Content-Type: application/x-www-form-urlencoded\r\n" in first
    assert b"Content-Length: 19\r\n" in first
    assert b"Authorization: Bearer t\r\n" in first
    assert b"Authorization" not in second


# --- redirects -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/elsewhere", "http://[bad", "http://:0/", "ftp://x", "\xff", ""])
def test_redirects_are_not_followed(status: int, location: str) -> None:
    head = f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 4\r\n\r\nmore"
    with serving(head.encode("latin-1")) as server, session(server.url) as platform:
        answer = platform.request("POST", "/contacts", json={"a": 1})
    assert (answer.status, answer.text) == (status, "more")
    assert len(server.requests) == 1


# --- one second try, only when nothing was sent --------------------------------------------------------------


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every connection that was tried."""
    tried: list[Any] = []
    connect = socket.socket.connect

    def counted(self: socket.socket, address: Any) -> None:
        tried.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", counted)
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the pause before the second try
    return tried


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_connection_is_tried_twice(attempts: list[Any], method: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with session(f"http://127.0.0.1:{port}") as platform, pytest.raises(Unanswered) as caught:
        platform.request(method, "/x")
    assert len(attempts) == 2
    assert caught.value.reason == "The connection was refused."


def test_a_connection_that_comes_about_the_second_time_is_used(
    attempts: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = socket.socket.connect
    failures = [ConnectionRefusedError(111, "refused")]

    def flaky(self: socket.socket, address: Any) -> None:
        if failures:
            attempts.append(address)
            raise failures.pop()
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", flaky)
    with serving(OK + b'Content-Length: 9\r\n\r\n{"id": 1}') as server, session(server.url) as platform:
        assert platform.request("POST", "/contacts", json={}).json == {"id": 1}
    assert len(attempts) == 2
    assert len(server.requests) == 1


def hang_up(connection: socket.socket) -> None:
    read_request(connection)


def reset(connection: socket.socket) -> None:
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


CUT = "The connection broke in the middle of the answer."
GONE = "The connection was closed before the answer came."
BAD = "The answer could not be read: it is too large or wrongly encoded."


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (hang_up, GONE),
        (reset, GONE),
        (closing(b"\x16\x03\x01garbage\r\n\r\n"), GONE),
        (closing(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n"), GONE),
        (closing(OK + b'Content-Length: 100\r\n\r\n{"id": 1'), CUT),
        (closing(OK + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"id"'), CUT),
        (closing(OK + b"Transfer-Encoding: chunked\r\n\r\nno number\r\n"), CUT),
        (closing(OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"), BAD),
        (closing(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b'{"id": 1}')[:-4]), BAD),
    ],
    ids=["hang-up", "reset", "no HTTP", "endless head", "cut", "cut chunk", "bad chunk", "no gzip", "cut gzip"],
)
def test_once_something_was_sent_there_is_no_second_try(method: str, talk: Talk, reason: str) -> None:
    with talking(talk) as server, session(server.url) as platform, pytest.raises(Unanswered) as caught:
        platform.request(method, "/contacts", json={"a": 1})
    assert caught.value.reason == reason
    assert caught.value.evidence.message == reason
    assert server.connections == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_retry_after_is_no_reason_for_a_second_try(method: str, status: int) -> None:
    head = f"HTTP/1.1 {status} No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
    with serving(head.encode()) as server, session(server.url) as platform:
        answer = platform.request(method, "/x")
    assert (answer.status, answer.empty, answer.json, answer.object) == (status, True, None, {})
    assert len(server.requests) == 1


def test_after_a_broken_answer_the_next_request_gets_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of an answer that was not read must not be taken for the next answer."""
    monkeypatch.setattr(http, "LARGEST_ANSWER", 10)
    large = OK + b"Content-Length: 200000\r\n\r\n" + b"x" * 200_000
    with serving(large, OK + b'Content-Length: 9\r\n\r\n{"id": 1}') as server, session(server.url) as platform:
        with pytest.raises(Unanswered):
            platform.request("GET", "/x")
        assert platform.request("GET", "/y").json == {"id": 1}
    assert server.connections == 2


# --- size and time -------------------------------------------------------------------------------------------


def test_an_answer_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 100_000)
    with talking(closing(OK + b"\r\n" + b"x" * 100_000)) as server, session(server.url) as platform:
        assert platform.request("GET", "/x").status == 200
    with talking(closing(OK + b"\r\n" + b"x" * 100_001)) as server:
        assert unanswered(server.url).reason == BAD


def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"0" * (http.LARGEST_ANSWER + 1))
    assert len(bomb) < 20_000
    with talking(closing(OK + b"Content-Encoding: gzip\r\n\r\n" + bomb)) as server:
        assert unanswered(server.url).reason == BAD


@pytest.mark.parametrize("size", [0, 5, 100_000, 1_000_000])
@pytest.mark.parametrize("framing", ["length", "chunked", "until closed"])
@pytest.mark.parametrize("packed", [True, False], ids=["gzip", "plain"])
def test_good_answers_of_every_shape(size: int, framing: str, packed: bool) -> None:
    plain = b'"' + b"x" * size + b'"'
    body = gzip.compress(plain) if packed else plain
    head = OK + (b"Content-Encoding: GZip\r\n" if packed else b"")
    if framing == "length":
        answer = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    elif framing == "chunked":
        parts = [body[start : start + 7000] for start in range(0, len(body), 7000)]
        chunks = b"".join(b"%x\r\n" % len(part) + part + b"\r\n" for part in parts)
        answer = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    else:
        answer = head + b"Connection: close\r\n\r\n" + body
    with talking(closing(answer)) as server, session(server.url) as platform:
        assert platform.request("GET", "/x").json == "x" * size


def test_an_encoding_that_nobody_asked_for_is_no_json() -> None:
    packed = zlib.compress(b'{"id": 1}')
    answer = OK + b"Content-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    with serving(answer) as server, session(server.url) as platform:
        assert platform.request("GET", "/x").json is None
    assert b"Accept-Encoding: gzip\r\n" in server.requests[0]


@pytest.mark.parametrize("framing", ["Content-Length: 65000", "Transfer-Encoding: chunked", "Content-Encoding: gzip"])
def test_a_slow_drip_ends(monkeypatch: pytest.MonkeyPatch, framing: str) -> None:
    """A byte now and then satisfies every socket time-out: only the whole answer's own limit ends it."""
    clock = iter(range(0, 100_000, 5))
    monkeypatch.setattr("curation_sdk.http.time.monotonic", lambda: float(next(clock)))

    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK + framing.encode() + b"\r\n\r\n" + (b"fde8\r\n" if "chunked" in framing else b""))
        while True:
            connection.sendall(b" ")
            # Until the client has read it: what is sent in one go is read in one go.
            threading.Event().wait(0.002)

    with talking(drip) as server:
        assert unanswered(server.url).reason == "No whole answer within 30 seconds."


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_silence_before_the_answer(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setattr(http, "READ_TIMEOUT", 0.05)

    def silent(connection: socket.socket) -> None:
        read_request(connection)
        connection.recv(65536)

    with talking(silent) as server:
        error = unanswered(server.url, method)
        assert error.reason.startswith("No answer within ")
        assert server.connections == 1
    assert error.evidence.duration_ms is not None
    assert error.evidence.duration_ms >= 50


def test_a_request_may_be_given_more_time_or_less() -> None:
    def silent(connection: socket.socket) -> None:
        read_request(connection)
        connection.recv(65536)

    with talking(silent) as server:
        assert unanswered(server.url, within=0.05).reason == "No answer within 0 seconds."

    def late(connection: socket.socket) -> None:
        read_request(connection)
        threading.Event().wait(0.2)
        connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")

    with pytest.MonkeyPatch.context() as patch, talking(late) as server, session(server.url) as platform:
        patch.setattr(http, "READ_TIMEOUT", 0.05)
        assert platform.request("GET", "/x", within=5.0).json == {}


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_silence_late_in_the_answer_does_not_outlast_its_time(framing: str) -> None:
    def stall(connection: socket.socket) -> None:
        read_request(connection)
        threading.Event().wait(0.6)
        connection.sendall(OK + framing.encode() + b"\r\n\r\n1\r\n{\r\n")
        connection.recv(65536)

    with talking(stall) as server:
        error = unanswered(server.url, within=1.0)
    assert error.reason == "No whole answer within 1 seconds."
    assert error.evidence.duration_ms is not None
    assert error.evidence.duration_ms < 1400


def test_silence_in_the_middle_of_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_TIMEOUT", 0.05)

    def stall(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK + b"Content-Length: 100\r\n\r\n{")
        connection.recv(65536)

    with talking(stall) as server:
        assert unanswered(server.url).reason.startswith("No answer within ")
        assert server.connections == 1


def test_tls_with_a_server_that_speaks_none() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with talking(refuse) as server:
        assert unanswered(f"https://127.0.0.1:{server.port}").reason == "The connection could not be secured (TLS)."


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (requests.exceptions.ConnectTimeout("x"), "No connection within 5 seconds."),
        (requests.exceptions.ReadTimeout("x"), "No answer within 25 seconds."),
        (requests.exceptions.ConnectionError("NameResolutionError"), "name could not be looked up (DNS)"),
        (requests.exceptions.ConnectionError("x"), GONE),
        (requests.exceptions.TooManyRedirects("x"), "The request failed (TooManyRedirects)."),
        (OSError("x"), CUT),
    ],
    ids=str,
)
@responses.activate
def test_faults_in_our_own_words(error: Exception, reason: str) -> None:
    responses.add("POST", "https://platform.test/contacts", body=error)
    assert reason in unanswered("https://platform.test").reason


# --- addresses and secrets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base_url",
    [
        "", "platform.test", "/v3", "https://", "https:///v3", "http://:80", "http://[::1", "http://*bad",
        "ftp://platform.test", "file:///etc/passwd", "http://.example", "http://a..example",
        "http://" + "a" * 64 + ".x",
        "http://xn--a\u0301.example", "http://127.0.0.1:port", "http://127.0.0.1:99999", f"http://127.0.0.1:{SECRET}",
    ],
)  # fmt: skip
def test_an_address_that_is_none_stops_the_run(base_url: str) -> None:
    with session(base_url) as platform, pytest.raises(StopRun) as caught:
        platform.request("GET", "/x")
    assert caught.value.reason.startswith("The address or key in the settings cannot be used (")
    assert SECRET not in f"{caught.value!r} {caught.value.reason} {caught.value.__cause__}"


@pytest.mark.parametrize("body", ["x" + SECRET + "x", "<p>" * 1330 + SECRET, '{"a": "' + SECRET + '"}'])
@responses.activate
def test_secrets_are_not_in_the_text_of_an_answer(body: str) -> None:
    responses.add("GET", "https://platform.test/x", body=body)
    with session("https://platform.test") as platform:
        answer = platform.request("GET", "/x")
    for part in (SECRET, SECRET[:6]):
        assert part not in answer.text
        assert part not in repr(answer)
    assert platform.clean(f"{SECRET} and {SECRET}\x00") == "[secret] and [secret] "


ODD = 'pä"ss/w\\ord+ =\t'


@pytest.mark.parametrize(
    "shown",
    [
        ODD,
        json.dumps(ODD),
        json.dumps(ODD, ensure_ascii=False),
        json.dumps(ODD).replace("/", "\\/"),
        json.dumps(ODD, ensure_ascii=False).replace("/", "\\/"),
        quote(ODD),
        quote(ODD, safe=""),
    ],
    ids=[
        "plain",
        "JSON",
        "JSON with letters",
        "PHP's JSON",
        "PHP's JSON with letters",
        "address",
        "part of an address",
    ],
)
@pytest.mark.parametrize("learnt", [False, True], ids=["given", "learnt"])
def test_secrets_are_found_however_they_are_spelt(shown: str, learnt: bool) -> None:
    with session("https://platform.test", secrets=() if learnt else (ODD,)) as platform:
        if learnt:
            platform.keep_secret(ODD)
        assert platform.clean(f"<{shown}>").replace('"', "") == "<[secret]>"


def test_a_secret_within_another() -> None:
    with session("https://platform.test", secrets=("abc", "abc-def")) as platform:
        assert platform.clean("abc-def abc") == "[secret] [secret]"


@responses.activate
def test_a_secret_that_is_learnt_on_the_way() -> None:
    responses.add("GET", "https://platform.test/x", body="token-1 token-2")
    with session("https://platform.test") as platform:
        platform.keep_secret("token-1", "")
        assert platform.request("GET", "/x").text == "[secret] token-2"


def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")
    with serving(OK + b"Content-Length: 2\r\n\r\n{}") as server, session(server.url) as platform:
        platform.request("GET", "/x")
    with talking(reset) as server:
        unanswered(server.url)
    assert "urllib3" in caplog.text, "the library's own log was looked at"
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("body", "parsed"),
    [
        (b"", None), (b"{}", {}), (b"[1]", [1]), (b"null", None), (b"{", None), (b"\xff\xfe", None),
        (b"[" * 100_000, None), (b"1" * 5_000, None), (b'{"a": "\xff"}', None),
    ],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
@responses.activate
def test_json_or_none(body: bytes, parsed: Any) -> None:
    responses.add("GET", "https://platform.test/x", body=body)
    with session("https://platform.test") as platform:
        answer = platform.request("GET", "/x")
    assert answer.json == parsed
    assert answer.empty == (body == b"")
    assert len(answer.text) <= 4000


def test_many_threads_share_a_session() -> None:
    from sandbox.brevo.account import DEFAULT_KEY
    from sandbox.server import running_sandbox

    with running_sandbox(rate_limit=None) as sandbox:
        limiter = RateLimiter(100_000.0, FakeClock())
        options = {"headers": {"api-key": DEFAULT_KEY}, "limiter": limiter, "connections": 4}
        with session(sandbox.brevo_url, **options) as platform:

            def work(first: int) -> None:
                for number in range(first, first + 25):
                    body = {"email": f"p{number}@acme.example", "updateEnabled": True}
                    assert platform.request("POST", "/contacts", json=body).status == 201

            threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 200, 25)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(sandbox.brevo.contacts) == 200
