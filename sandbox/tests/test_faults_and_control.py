"""Faults on demand and the other control endpoints."""

import http.client
import time

import pytest

from sandbox.faults import KINDS, Fault
from sandbox.server import running_sandbox
from sandbox.tests.client import Client

STATUS = {"500": 500, "502_html": 502, "503": 503, "425": 425, "429": 429, "401": 401, "401_ip": 401}
STATUS |= {"403_html": 403, "524_html": 524, "truncated_json": 201, "empty_200": 200, "garbage_200": 200}
STATUS |= {"redirect": 302}


def fault(client, **body):
    answer = client("POST", "/_sandbox/faults", body, root=True)
    assert answer.status == 201, answer
    return answer.json()


@pytest.mark.parametrize("kind", STATUS)
def test_faults_answer_as_named_and_do_no_work(brevo, sandbox, kind):
    fault(brevo, kind=kind, times=1)
    answer = brevo.upsert("a@acme.example")
    assert answer.status == STATUS[kind]
    assert sandbox.brevo.contacts == {}
    if kind.endswith("_html"):
        assert answer.headers["content-type"].startswith("text/html")
    if kind in ("truncated_json", "empty_200", "garbage_200"):
        with pytest.raises(ValueError):
            answer.json()
    record = sandbox.brevo.requests[-1]
    assert (record.status, record.fault) == (STATUS[kind], kind)
    assert brevo.upsert("a@acme.example").status == 201


def test_reset_and_lost_answer(brevo, sandbox):
    fault(brevo, kind="reset", times=1)
    with pytest.raises(ConnectionResetError):
        brevo.upsert("a@acme.example")
    assert sandbox.brevo.contacts == {}
    fault(brevo, kind="lost_answer", times=1)
    with pytest.raises(http.client.RemoteDisconnected):
        brevo.upsert("a@acme.example")
    assert list(sandbox.brevo.contacts) == ["a@acme.example"]
    assert [record.status for record in sandbox.brevo.requests] == [0, 0]


def test_hang_ends_without_an_answer(brevo, sandbox):
    fault(brevo, kind="hang", times=1, seconds=0.05)
    with pytest.raises(http.client.RemoteDisconnected):
        brevo.upsert("a@acme.example")
    fault(brevo, kind="hang", seconds=60)
    impatient = Client(sandbox.url, timeout=0.1)
    with pytest.raises(TimeoutError):
        impatient.upsert("a@acme.example")
    impatient.close()
    assert sandbox.brevo.contacts == {}


def test_429_says_when_to_come_back(brevo):
    fault(brevo, kind="429", reset_after=17, times=1)
    answer = brevo.upsert("a@acme.example")
    assert answer.headers["x-sib-ratelimit-reset"] == "17"
    assert answer.headers["x-sib-ratelimit-remaining"] == "0"


def test_redirects_lead_to_a_trap_that_is_counted(brevo):
    fault(brevo, kind="redirect", times=1)
    target = brevo.upsert("a@acme.example").headers["location"]
    assert brevo("POST", target, {}, root=True).status == 200
    assert brevo("GET", "/_sandbox/state", root=True).json()["redirects_followed"] == 1


def test_faults_for_one_address_or_path(brevo):
    fault(brevo, kind="500", email="Bad@acme.example")
    assert brevo.upsert("bad@ACME.example").status == 500
    assert brevo("GET", "/contacts/bad%40acme.example").status == 500
    assert brevo("POST", "/contacts/lists/2/contacts/add", {"emails": ["bad@acme.example"]}).status == 500
    assert brevo.upsert("notbad@acme.example").status == 201
    fault(brevo, kind="503", path="/contacts/lists")
    fault(brevo, kind="425", path="/brevo/v3/account")
    assert brevo("GET", "/contacts/lists").status == 503
    assert brevo("GET", "/account").status == 425
    assert brevo("GET", "/contacts").status == 200


def test_a_share_can_be_repeated(brevo):
    def run():
        brevo("DELETE", "/_sandbox/faults", root=True)
        fault(brevo, kind="500", share=0.5, seed=7)
        return [brevo("GET", "/contacts").status for _ in range(40)]

    first = run()
    assert set(first) == {200, 500}
    assert run() == first


def test_clearing_and_resetting(brevo, sandbox):
    fault(brevo, kind="500")
    assert brevo("DELETE", "/_sandbox/faults", root=True).status == 204
    assert brevo.upsert("a@acme.example").status == 201
    sandbox.add_fault("500")
    sandbox.clear_faults()
    brevo.define("COMPANY", type="text")
    assert brevo("POST", "/_sandbox/reset", root=True).status == 204
    assert sandbox.brevo.contacts == {}
    assert sandbox.brevo.requests == []
    assert len(brevo("GET", "/contacts/attributes").json()["attributes"]) == 3
    assert brevo.upsert("a@acme.example").json() == {"id": 1}


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"kind": "odd"},
        {"kind": "500", "times": 0},
        {"kind": "500", "share": 2},
        {"kind": 500, "x": 1},
        {"kind": "hang", "seconds": -1},
        {"kind": "hang", "seconds": 10**400},
        {"kind": "500", "times": "2"},
        {"kind": "500", "share": True},
        {"kind": "500", "path": 5},
    ],
)
def test_bad_faults_are_refused(brevo, body):
    answer = brevo("POST", "/_sandbox/faults", body, root=True)
    assert answer.status == 400
    assert answer.json()["message"]


def test_every_kind_is_covered_here():
    assert set(KINDS) == set(STATUS) | {"reset", "hang", "lost_answer"}
    with pytest.raises(ValueError):
        Fault("odd")


def test_state_counts(brevo, sandbox):
    brevo.upsert("a@acme.example", listIds=[2], emailBlacklisted=True)
    brevo.upsert("bad")
    fault(brevo, kind="429", times=1)
    brevo.upsert("b@acme.example")
    state = brevo("GET", "/_sandbox/state", root=True).json()
    seen = state["platforms"]["brevo"]
    assert seen["by_status"] == {"201": 1, "400": 1, "429": 1}
    assert (seen["contacts"], seen["blocked"], seen["refused"], seen["requests"]) == (1, 1, 1, 3)
    assert state["faults"][0]["fired"] == 1
    record = sandbox.brevo.requests[0]
    assert (record.method, record.path, record.status) == ("POST", "/contacts", 201)
    assert record.body["email"] == "a@acme.example"
    assert abs(record.time - time.time()) < 60


def test_settings():
    with running_sandbox() as sandbox:
        client = Client(sandbox.url)
        change = {"rate_limit": 2, "brevo_key": "other", "latency_ms": 1, "brevo_duplicate_code": "invalid_parameter"}
        answer = client("POST", "/_sandbox/settings", change, root=True)
        assert answer.status == 200
        assert answer.json() == client("GET", "/_sandbox/settings", root=True).json()
        assert client("GET", "/contacts").status == 401
        client.key = "other"
        assert client("GET", "/contacts").headers["x-sib-ratelimit-limit"] == "2"
        client("POST", "/_sandbox/settings", {"rate_limit": None}, root=True)
        client.upsert("a@acme.example")
        body = client("POST", "/contacts", {"email": "a@acme.example"}).json()
        assert (body["code"], body["metadata"]) == ("invalid_parameter", {"duplicate_identifiers": ["email"]})
        client("POST", "/_sandbox/settings", {"brevo_ip_blocked": True}, root=True)
        assert client("GET", "/contacts").status == 401
        client.close()


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"odd": 1},
        {"rate_limit": 0},
        {"rate_limit": "x"},
        {"brevo_key": ""},
        {"latency_ms": -1},
        {"latency_ms": "x"},
        {"latency_ms": 1e309},
        {"latency_ms": 10**400},
        {"brevo_ip_blocked": 1},
        {"brevo_other_program": -1},
        {"brevo_duplicate_code": "x"},
        {"brevo_key": "changed", "latency_ms": 1000000000.0},
        {"brevo_key": "changed", "n8n_active": 1},
        {"brevo_key": "changed", "n8n_starting_seconds": 10**400},
    ],
)
def test_bad_settings_change_nothing(brevo, body):
    before = brevo("GET", "/_sandbox/settings", root=True).json()
    assert brevo("POST", "/_sandbox/settings", body, root=True).status == 400
    assert brevo("GET", "/_sandbox/settings", root=True).json() == before


def test_settings_can_be_sent_back_as_they_were_read():
    with running_sandbox() as sandbox:
        client = Client(sandbox.url)
        read = client("GET", "/_sandbox/settings", root=True).json()
        answer = client("POST", "/_sandbox/settings", read, root=True)
        assert (answer.status, answer.json()) == (200, read)
        client.close()


def test_a_refused_setting_says_what_it_takes(brevo):
    answer = brevo("POST", "/_sandbox/settings", {"mautic_api_enabled": "yes"}, root=True)
    assert answer.json()["message"] == "mautic_api_enabled must be true or false"


@pytest.mark.parametrize("body", [None, {"calls": "x"}, {"calls": -1}, {"calls": 1, "bucket": "x"}, {"platform": "x"}])
def test_bad_budgets_are_refused(brevo, body):
    assert brevo("POST", "/_sandbox/budget", body, root=True).status == 400
