"""The HTTP layer: what no client should send, keep-alive, concurrency and shutdown."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from sandbox.server import running_sandbox
from sandbox.tests.client import KEY, Client


def talk(sandbox, data: bytes) -> bytes:
    """Send raw bytes, half-close, and read until the server closes."""
    parts = urlsplit(sandbox.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := sock.recv(65536):
            received += chunk
        return received


def post(body: bytes, *lines: str, path: str = "/brevo/v3/contacts") -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: x", f"api-key: {KEY}", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def status(answer: bytes) -> int:
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"application/json" in head and body:
        json.loads(body)
    return int(head.split(b" ")[1])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x00\x01\x02\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/3\r\n\r\n", 505),
        (b"GET nowhere HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX : spaced\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (post(b"", "Content-Length: -1"), 400),
        (post(b"", "Content-Length: 1x"), 400),
        (post(b"", "Content-Length: " + "9" * 30), 400),
        (post(b"{}", "Content-Length: 2", "Content-Length: 3"), 400),
        (post(b"0\r\n\r\n", "Transfer-Encoding: chunked"), 411),
        (post(b"{}", "Content-Length: 10485761"), 413),
        (post(b"", "Content-Length: 10485761", "Expect: 100-continue"), 413),
        (post(b"{\x00}", "Content-Length: 3"), 400),
        (post(b"\xff\xfe", "Content-Length: 2"), 400),
        (post(b"NaN", "Content-Length: 3"), 400),
        (post(b"[" * 200_000, "Content-Length: 200000"), 400),
        (post(b"", path="/brevo/v3/contacts/%zz"), 400),
        (post(b"", path="/brevo/v3/contacts/%ff"), 400),
        (post(b"", path="/%zz"), 400),
        (post(b"", path="/nowhere"), 404),
        (b"GET http://x/brevo/v3/contacts HTTP/1.1\r\napi-key: sandbox-brevo-key\r\n\r\n", 200),
        (b"GET http://x/brevo/v3/contacts?limit=%zz HTTP/1.0\r\napi-key: sandbox-brevo-key\r\n\r\n", 400),
        (b"GET /?q=%ff HTTP/1.0\r\n\r\n", 400),
    ],
)
def test_odd_requests_get_clean_answers(sandbox, data, expected):
    answer = talk(sandbox, data)
    assert status(answer) == expected
    assert b"Traceback" not in answer


def test_a_client_that_leaves_early_gets_no_answer(sandbox):
    assert talk(sandbox, b"") == b""
    assert talk(sandbox, b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab") == b""
    assert talk(sandbox, b"GET / HTTP/1.1\r\nHo") == b""


def test_bodies_of_up_to_10_mb_are_read(brevo):
    big = json.dumps({"email": "a@acme.example", "attributes": {"FIRSTNAME": "x" * 10_000_000}}).encode()
    assert brevo("POST", "/contacts", raw=big, headers={"Expect": ""}).status == 201
    too_big = Client(f"http://{brevo.connection.host}:{brevo.connection.port}")
    assert too_big("POST", "/contacts", raw=b"x" * (10 * 1024 * 1024 + 1)).status == 413
    too_big.close()


def test_expect_continue(sandbox):
    body = b'{"email":"a@acme.example"}'
    answer = talk(sandbox, post(body, f"Content-Length: {len(body)}", "Expect: 100-continue"))
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n")


def test_nul_bytes_and_lone_surrogates_are_only_text(brevo):
    text = "a\u0000b\ud800</script>"
    assert brevo.upsert("a@acme.example", attributes={"FIRSTNAME": text}).status == 201
    assert brevo.read("a%40acme.example")["attributes"]["FIRSTNAME"] == text
    assert brevo("GET", "/", root=True).status == 200
    assert brevo("GET", "/contacts/%00%40acme.example").status == 400
    assert brevo.upsert("b@acme.example", attributes={"FIRSTNAME": 1e308}).status == 201


def test_unknown_paths_and_wrong_methods(brevo):
    for path in ("/nowhere", "/contacts/", "//contacts", "", "/contacts/import", "/webhooks/1/x", "/contacts/1/x/y/z"):
        answer = brevo("GET", path)
        assert answer.status == 404
        assert answer.json()["code"] == "document_not_found"
    answer = brevo("DELETE", "/contacts")
    assert (answer.status, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"
    assert brevo("POST", "/contacts/attributes", {"type": "text"}).status == 405
    assert brevo("PUT", "/contacts/lists", {}).status == 405
    assert brevo("GET", "/brevo/v30/contacts", root=True).status == 404
    assert brevo("POST", "/", root=True).status == 405
    assert brevo("GET", "/contacts", headers={"x-other": "1"}).headers["sib-request-id"]


def test_head_has_no_body(brevo):
    answer = brevo("HEAD", "/contacts")
    assert (answer.status, answer.raw) == (200, b"")
    assert int(answer.headers["content-length"]) > 0
    assert brevo("GET", "/contacts").status == 200


def test_keep_alive_and_pipelining(sandbox):
    one = b"GET /brevo/v3/contacts HTTP/1.1\r\napi-key: sandbox-brevo-key\r\n\r\n"
    assert talk(sandbox, one * 3).count(b"HTTP/1.1 200 OK") == 3
    closing = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert talk(sandbox, closing * 2).count(b"HTTP/1.1 200 OK") == 1
    assert talk(sandbox, one.replace(b"1.1", b"1.0") * 2).count(b"HTTP/1.1 200 OK") == 1


def test_a_failure_inside_is_logged_and_never_shown(sandbox, brevo, monkeypatch, caplog):
    def fail(*args):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(sandbox.brevo.account.store, "put", fail)
    answer = brevo.upsert("a@acme.example")
    assert answer.status == 500
    assert b"secret" not in answer.raw
    assert "secret detail" in caplog.text


def test_many_threads_and_unique_phones(sandbox):
    def work(number):
        client = Client(sandbox.url)
        statuses = []
        for phone in range(20):
            attributes = {"SMS": f"336000000{phone:02d}"}
            statuses.append(client.upsert(f"a{number}-{phone}@acme.example", attributes=attributes).status)
            statuses.append(client.upsert("shared@acme.example", listIds=[2]).status)
        client.close()
        return statuses

    with ThreadPoolExecutor(16) as pool:
        statuses = [one for result in pool.map(work, range(16)) for one in result]
    assert statuses.count(201) == 20 + 1
    assert statuses.count(400) == 15 * 20
    phones = [one.attributes["SMS"] for one in sandbox.brevo.contacts.values() if "SMS" in one.attributes]
    assert len(phones) == len(set(phones)) == 20
    assert len(sandbox.brevo.requests) == 16 * 40
    assert len({one.id for one in sandbox.brevo.contacts.values()}) == 21


def test_the_limit_holds_under_concurrency(clock):
    with running_sandbox(clock=clock) as sandbox:

        def work(number):
            client = Client(sandbox.url)
            result = [client("GET", "/contacts").status for _ in range(5)]
            client.close()
            return result

        with ThreadPoolExecutor(8) as pool:
            statuses = [one for result in pool.map(work, range(8)) for one in result]
        assert (statuses.count(200), statuses.count(429)) == (10, 30)


def test_stop_is_prompt_with_a_hanging_request_and_idle_connections():
    before = set(threading.enumerate())  # sandboxes that tests share
    with running_sandbox(rate_limit=None) as sandbox:
        idle, hanging = Client(sandbox.url), Client(sandbox.url)
        assert idle("GET", "/contacts").status == 200
        failed = threading.Event()

        def hang():
            try:
                hanging("GET", "/contacts/hang%40acme.example")
            except OSError:
                failed.set()

        thread = threading.Thread(target=hang)
        sandbox.reset()
        sandbox.add_fault("hang", seconds=600)
        thread.start()
        deadline = time.monotonic() + 5
        while not sandbox.brevo.requests and time.monotonic() < deadline:
            time.sleep(0.005)
        started = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - started < 2
        thread.join(2)
        assert failed.is_set()
        idle.close()
        hanging.close()
    names = [one.name for one in threading.enumerate() if one not in before]
    assert "sandbox-accept" not in names


def test_latency_delays_answers_and_not_shutdown():
    with running_sandbox(rate_limit=None, latency_ms=30) as sandbox:
        client = Client(sandbox.url)
        started = time.monotonic()
        assert client("GET", "/contacts").status == 200
        assert time.monotonic() - started >= 0.03
        client.close()
