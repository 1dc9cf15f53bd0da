"""Keys, the refused IP address, and the request limits, on a clock that only moves by hand."""

import pytest

from sandbox.limits import Bucket, Window
from sandbox.server import running_sandbox
from sandbox.tests.client import Client
from sandbox.tests.test_contacts import refused

RATE_HEADERS = ("x-sib-ratelimit-limit", "x-sib-ratelimit-remaining", "x-sib-ratelimit-reset")


def rate(answer):
    return tuple(int(answer.headers[name]) for name in RATE_HEADERS)


@pytest.fixture
def limited(clock):
    with running_sandbox(clock=clock) as sandbox:
        sandbox.client = Client(sandbox.url)
        yield sandbox
        sandbox.client.close()


def test_missing_and_wrong_keys(sandbox):
    for key, message in [(None, "authentication not found in headers"), ("wrong", "Key not found"), ("é", None)]:
        client = Client(sandbox.url, key)
        body = refused(client("GET", "/contacts"), "unauthorized", 401)
        assert message in (None, body["message"])
        client.close()


def test_a_refused_ip_address(brevo, sandbox):
    sandbox.brevo.set(brevo_ip_blocked=True)
    try:
        body = refused(brevo("GET", "/contacts"), "unauthorized", 401)
        assert "authorised_ips" in body["message"]
    finally:
        sandbox.brevo.set(brevo_ip_blocked=False)
    with pytest.raises(ValueError):
        sandbox.brevo.set(odd=1)


def test_ten_a_second_and_the_headers(limited, clock):
    seen = [rate(limited.client.upsert(f"a{n}@acme.example")) for n in range(10)]
    assert seen == [(10, 9 - n, 1) for n in range(10)]
    answer = limited.client.upsert("late@acme.example")
    assert answer.status == 429
    assert rate(answer) == (10, 0, 1)
    assert "retry-after" not in answer.headers
    assert limited.brevo.contact("late@acme.example") is None
    clock.forward(0.99)
    assert limited.client.upsert("late@acme.example").status == 429
    clock.forward(0.02)
    assert limited.client.upsert("late@acme.example").status == 201


def test_the_hourly_limit():
    now = [0.0]
    with running_sandbox(clock=lambda: now[0], rate_limit=10, hourly_limit=15) as sandbox:
        client = Client(sandbox.url)
        statuses = []
        for _ in range(16):
            now[0] += 1.0
            statuses.append(client("GET", "/contacts").status)
        assert statuses == [200] * 15 + [429]
        assert rate(client("GET", "/contacts")) == (15, 0, 3585)
        now[0] = 3601.0
        assert client("GET", "/contacts").status == 200
        client.close()


def test_everything_else_shares_100_an_hour(limited):
    statuses = [limited.client("GET", "/account").status for _ in range(101)]
    assert statuses == [200] * 100 + [429]
    assert limited.client("GET", "/contacts/lists").status == 200


def test_calls_without_a_valid_key_cost_nothing(limited):
    stranger = Client(limited.url, "wrong")
    for _ in range(30):
        answer = stranger("GET", "/contacts")
        assert answer.status == 401
        assert not set(RATE_HEADERS) & set(answer.headers)
    stranger.close()
    assert limited.client("GET", "/contacts").status == 200


def test_another_program_eats_from_the_budget(limited, clock):
    limited.brevo.use_budget(8)
    assert [limited.client("GET", "/contacts").status for _ in range(3)] == [200, 200, 429]
    clock.forward(1.1)
    settings = {"brevo_other_program": 7}
    assert limited.client("POST", "/_sandbox/settings", settings, root=True).status == 200
    for _ in range(2):
        assert [limited.client("GET", "/contacts").status for _ in range(4)] == [200, 200, 200, 429]
        clock.forward(1.1)
    assert limited.client("POST", "/_sandbox/budget", {"calls": 100, "bucket": "other"}, root=True).status == 204
    assert limited.client("GET", "/account").status == 429


def test_errors_carry_the_headers_too(limited):
    assert rate(limited.client.upsert("bad"))[0] == 10
    assert rate(limited.client("GET", "/contacts/nobody%40acme.example"))[1] == 8
    assert limited.client("GET", "/contacts").headers["sib-request-id"]


def test_a_window_slides(clock):
    bucket = Bucket([Window(2, 1.0)], clock)
    assert bucket.take().allowed
    clock.forward(0.6)
    assert bucket.take().allowed
    clock.forward(0.3)
    assert not bucket.take().allowed
    clock.forward(0.2)  # 1.1 s after the first, 0.5 s after the second
    assert bucket.take().allowed
    assert not bucket.take().allowed


def test_a_bucket_without_windows_has_no_limit(clock):
    assert Bucket([], clock).take() is None
