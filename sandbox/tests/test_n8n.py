"""n8n's stand-in: what callers of the webhook see, and how the workflow calls back."""

import http.server
import json
import threading

import pytest

from sandbox.n8n.workflow import DEFAULT_SECRET
from sandbox.server import running_sandbox
from sandbox.tests.client import Client

WEBHOOK = "/n8n/webhook/scrapersky-contact"
TEST_URL = "/n8n/webhook-test/scrapersky-contact"
BODY = {"contact_id": "c-1", "delivery_id": "d-1", "email": "ada@acme.example"}


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received.append((self.path, dict(self.headers), body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def receiver():
    """Where the workflow reports to."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.received, server.answers = [], []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def running(clock):
    with running_sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def n8n(running):
    return running.n8n


@pytest.fixture
def post(running):
    client = Client(running.url, None)

    def send(body=BODY, *, path=WEBHOOK, method="POST", secret=DEFAULT_SECRET, raw=None, kind="application/json"):
        headers = {"Content-Type": kind} if kind else {}
        if secret:
            headers["Authorization"] = f"Bearer {secret}"
        return client(method, path, None if raw else body, raw=raw, root=True, headers=headers)

    yield send
    client.close()


def reporting_to(n8n, receiver, **settings):
    url = f"http://127.0.0.1:{receiver.server_address[1]}/cb?x=1"
    n8n.set(n8n_callback_url=url, n8n_callback_delay_seconds=0.01, n8n_retry_wait_seconds=0.01, **settings)


@pytest.mark.parametrize(
    ("mode", "status", "names"),
    [
        ("onReceived", 200, {"message"}),
        ("responseNode", 202, {"execution_id"}),
        (
            "lastNode",
            200,
            {"contact_id", "delivery_id", "enrichment_id", "status", "timestamp", "metadata", "enriched_data"},
        ),
    ],
)
def test_what_a_mode_answers(post, n8n, mode, status, names):
    n8n.set(n8n_mode=mode)
    answer = post()
    assert (answer.status, set(answer.json())) == (status, names)
    assert [execution.body for execution in n8n.executions] == [BODY]


def test_a_failed_node_shows_only_in_mode_last_node(post, n8n):
    n8n.set(n8n_workflow_fails=True)
    assert post().status == 200
    n8n.set(n8n_mode="lastNode")
    answer = post()
    assert (answer.status, answer.json()) == (500, {"message": "Error in workflow"})


@pytest.mark.parametrize("secret", [None, "other"])
def test_header_authentication_says_403_in_plain_words(post, n8n, secret):
    answer = post(secret=secret)
    assert (answer.status, answer.raw) == (403, b"Authorization data is wrong!")
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert n8n.executions == []
    n8n.set(n8n_secret="")
    assert post(secret=None).status == 200


@pytest.mark.parametrize(
    ("path", "method", "words"),
    [
        ("/n8n/webhook/other", "POST", '"POST other" is not registered'),
        (TEST_URL, "POST", "is not registered"),
        (WEBHOOK, "GET", "Did you mean to make a POST request?"),
        ("/n8n/nothing", "POST", "is not registered"),
    ],
)
def test_what_is_not_there(post, path, method, words):
    answer = post(path=path, method=method)
    assert answer.status == 404
    assert words in answer.json()["message"]


def test_an_inactive_workflow_and_one_that_starts(post, n8n, clock):
    n8n.set(n8n_active=False)
    assert post().status == 404
    n8n.set(n8n_active=True, n8n_starting_seconds=4)
    assert post(path="/n8n/healthz/readiness", method="GET").json() == {"status": "ok"}
    assert post().status == 404
    clock.forward(4)
    assert post().status == 200


def test_the_test_url_works_once(post, n8n):
    n8n.listen_for_test_event()
    assert [post(path=TEST_URL).status for _ in range(2)] == [200, 404]


def test_a_body_that_is_no_json_or_too_large(post, n8n):
    answer = post(raw=b'{"a":')
    assert (answer.status, answer.json()["code"]) == (422, 422)
    n8n.set(n8n_payload_limit=10)
    answer = post()
    assert (answer.status, answer.json()["code"]) == (500, 0)


def test_without_the_content_type_the_fields_are_unusable(post, n8n):
    assert post(kind="").status == 200
    assert list(n8n.executions[0].body) == [json.dumps(BODY)]


@pytest.mark.parametrize("development", [True, False])
def test_stack_traces_outside_production_only(post, n8n, development):
    n8n.set(n8n_development=development)
    assert ("stacktrace" in post(path="/n8n/webhook/other").json()) == development


def test_it_calls_back_with_the_secret_and_echoes_the_delivery(post, n8n, receiver):
    reporting_to(n8n, receiver)
    post()
    assert [record.status for record in n8n.wait_for_callbacks(1)] == [200]
    ((path, headers, body),) = receiver.received
    assert (path, headers["Authorization"]) == ("/cb?x=1", f"Bearer {DEFAULT_SECRET}")
    assert headers["Content-Type"] == "application/json"
    assert (body["contact_id"], body["delivery_id"], body["enrichment_id"]) == ("c-1", "d-1", "n8n-1")
    assert body["status"] == "complete"


def test_a_refused_callback_is_tried_three_times_with_a_new_timestamp(post, n8n, receiver):
    reporting_to(n8n, receiver)
    receiver.answers += [500, 404]
    post()
    assert [record.status for record in n8n.wait_for_callbacks(3)] == [500, 404, 200]
    bodies = [body for _, _, body in receiver.received]
    assert {body["enrichment_id"] for body in bodies} == {"n8n-1"}
    assert len({body["timestamp"] for body in bodies}) == 3
    receiver.answers += [500] * 4
    post()
    assert [record.status for record in n8n.wait_for_callbacks(6)[3:]] == [500] * 3


def test_repeated_and_missing_callbacks(post, n8n, receiver):
    reporting_to(n8n, receiver, n8n_callback_copies=2, n8n_callback_status="failed")
    post()
    assert len(n8n.wait_for_callbacks(2)) == 2
    assert {body["error"] for _, _, body in receiver.received} == {"The sandbox found nothing"}
    n8n.set(n8n_callback_copies=0)
    assert post().status == 200
    assert len(n8n.wait_for_callbacks(3, timeout=0.1)) == 2


def test_a_killed_n8n_never_calls_back(post, n8n, receiver):
    reporting_to(n8n, receiver)
    n8n.set(n8n_callback_delay_seconds=0.2)
    post()
    n8n.kill()
    assert n8n.wait_for_callbacks(1, timeout=0.4) == []


def test_a_receiver_that_is_down_is_a_failed_try(post, n8n):
    n8n.set(n8n_callback_url="http://127.0.0.1:9/", n8n_callback_delay_seconds=0, n8n_retry_wait_seconds=0)
    post()
    assert [record.status for record in n8n.wait_for_callbacks(3)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("kind", "status"), [("500", 500), ("503", 503), ("425", 425), ("429", 429), ("401", 401), ("502_html", 502)]
)
def test_faults(running, post, n8n, kind, status):
    running.add_fault(kind, times=1, path=WEBHOOK, reset_after=9)
    answer = post()
    assert answer.status == status
    assert answer.headers.get("retry-after") == ("9" if kind == "429" else None)
    assert n8n.executions == []
    assert post().status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"n8n_mode": "x"},
        {"n8n_active": 1},
        {"n8n_callback_copies": -1},
        {"n8n_callback_copies": True},
        {"n8n_callback_status": "done"},
        {"n8n_callback_url": "ftp://x"},
        {"n8n_callback_delay_seconds": "1"},
        {"n8n_secret": None},
    ],
)
def test_bad_settings_change_nothing(n8n, change):
    before = n8n.settings()
    with pytest.raises(ValueError, match="n8n_"):
        n8n.set(**change)
    assert n8n.settings() == before


def test_the_page_and_the_counts(running, post):
    post()
    client = Client(running.url)
    text = client("GET", "/?platform=n8n", root=True).raw.decode()
    assert "This is not n8n." in text
    assert "ada@acme.example" in text
    assert "/n8n/contacts/" not in text, "nobody unsubscribes from a workflow"
    state = client("GET", "/_sandbox/state", root=True).json()["platforms"]["n8n"]
    assert (state["contacts"], state["requests"]) == (1, 1)
    assert client("POST", "/_sandbox/settings", {"n8n_mode": "lastNode"}, root=True).json()["n8n_mode"] == "lastNode"
    assert client("POST", "/_sandbox/budget", {"platform": "n8n", "calls": 1}, root=True).status == 400
    assert client("POST", "/n8n/contacts/1/unsubscribe", root=True).status == 404
    assert client("POST", "/_sandbox/reset", root=True).status == 204
    assert running.n8n.executions == []
    client.close()
