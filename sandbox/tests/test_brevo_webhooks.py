"""Brevo's webhooks in the sandbox: registration, every form of an event, and the rules of sending."""

import http.server
import json
import threading

import pytest

from sandbox.brevo.events import FORMS, NAMES
from sandbox.brevo.store import Contact
from sandbox.server import running_sandbox

EVENTS = ["unsubscribed", "hardBounce", "softBounce", "spam", "contactUpdated", "contactDeleted", "listAddition"]


class Receiver:
    """Takes what is sent, and answers as it is told: the statuses in turn, the last one again and again."""

    def __init__(self):
        self.statuses = [200]
        self.bodies = []
        self.tokens = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.bodies.append(json.loads(body))
                receiver.tokens.append(self.headers.get("Authorization"))
                statuses = receiver.statuses
                self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def sandbox():
    """One of its own: settings are changed."""
    with running_sandbox(rate_limit=None) as running:
        yield running


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def register(brevo, url, **more):
    body = {"type": "marketing", "url": url, "events": EVENTS, "auth": {"type": "bearer", "token": "t0ken"}, **more}
    answer = brevo("POST", "/webhooks", body)
    assert answer.status == 201, answer.json()
    return answer.json()["id"]


@pytest.fixture
def fast(sandbox):
    """A minute of Brevo's takes a millisecond."""
    sandbox.brevo.set(brevo_webhook_minute=0.001)
    return sandbox.brevo


def test_registration(brevo):
    number = register(brevo, "https://app.example/hook", description="ours", batched=False)
    assert brevo("GET", "/webhooks").json() == {"webhooks": []}, "the default is transactional"
    (found,) = brevo("GET", "/webhooks?type=marketing").json()["webhooks"]
    assert (found["id"], found["url"], found["events"]) == (number, "https://app.example/hook", EVENTS)
    assert found["auth"] == {"type": "bearer", "token": "t0ken"}, "in clear, as Brevo does"
    assert brevo("PUT", f"/webhooks/{number}", {"events": ["spam"], "batched": True}).status == 204
    found = brevo("GET", f"/webhooks/{number}").json()
    assert (found["events"], found["batched"], found["description"]) == (["spam"], True, "ours")
    assert brevo("DELETE", f"/webhooks/{number}").status == 204
    assert brevo("GET", f"/webhooks/{number}").status == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "https://a.example", "events": []},
        {"url": "https://a.example", "events": ["hard_bounce"]},
        {"url": "https://a.example", "events": ["contactUpdated"]},
        {"url": "nowhere", "events": ["spam"]},
        {"url": "https://a.example", "events": ["spam"], "type": "x"},
        {"url": "https://a.example", "events": ["spam"], "auth": {"type": "basic"}},
    ],
    ids=str,
)
def test_what_is_refused(brevo, body):
    assert brevo("POST", "/webhooks", body).status == 400


@pytest.mark.parametrize("what", ["unsubscribe", "bounce", "soft_bounce", "complain"])
@pytest.mark.parametrize("variant", [0, 1, 2])
def test_what_happens_is_told(brevo, sandbox, receiver, fast, what, variant):
    number = register(brevo, receiver.url)
    sandbox.brevo.set(brevo_webhook_variant=variant)
    brevo("POST", "/contacts", {"email": "a@acme.example", "listIds": [2]})
    sandbox.brevo.happens("a@acme.example", what)
    (made,) = sandbox.brevo.deliveries(1)
    assert made.status == 200
    (body,) = receiver.bodies
    names = [name for names in NAMES.values() for name in names]
    assert body["event"] in names
    assert (body["id"], body["email"]) == (number, "a@acme.example")
    assert body.get("list_id") == ([2] if what == "unsubscribe" else None)
    assert receiver.tokens == ["Bearer t0ken"]
    assert sandbox.brevo.contact("a@acme.example").email_blacklisted == (what != "soft_bounce")


def test_only_what_was_registered_is_told(brevo, sandbox, receiver, fast):
    register(brevo, receiver.url, events=["spam"])
    brevo("POST", "/contacts", {"email": "a@acme.example"})
    for what in ("unsubscribe", "complain"):
        sandbox.brevo.happens("a@acme.example", what)
    assert sandbox.brevo.all_delivered()
    assert [body["event"] for body in receiver.bodies] == ["spam"]


@pytest.mark.parametrize("event", list(FORMS))
def test_forms_of_contact_events_differ(event):
    contact = Contact(7, "a@acme.example", 0.0, 0.0)
    forms = [json.dumps(form(contact, [2], 1795169700.0)) for form in FORMS[event]]
    assert len(set(forms)) == len(forms) >= 2
    assert all("a@acme.example" in form for form in forms)


def test_writes_come_back_only_when_that_is_switched_on(brevo, sandbox, receiver, fast):
    register(brevo, receiver.url)
    brevo("POST", "/contacts", {"email": "a@acme.example", "listIds": [2]})
    brevo("DELETE", "/contacts/a%40acme.example")
    assert sandbox.brevo.all_delivered()
    assert [body["event"] for body in receiver.bodies] == ["contact_deleted"]
    sandbox.brevo.set(brevo_webhook_echo=True)
    brevo("POST", "/contacts", {"email": "a@acme.example", "listIds": [2]})
    brevo("POST", "/contacts", {"email": "a@acme.example", "updateEnabled": True, "attributes": {"FIRSTNAME": "A"}})
    assert sandbox.brevo.all_delivered()
    assert [body["event"] for body in receiver.bodies[1:]] == ["list_addition", "contact_updated"]


def test_429_is_tried_again_and_other_refusals_are_not(brevo, sandbox, receiver, fast):
    register(brevo, receiver.url)
    brevo("POST", "/contacts", {"email": "a@acme.example"})
    receiver.statuses = [429, 429, 200, 500, 404, 200]
    for _ in range(3):
        sandbox.brevo.happens("a@acme.example", "complain")
        assert sandbox.brevo.all_delivered()
    assert [one.status for one in sandbox.brevo.deliveries()] == [429, 429, 200, 500, 404]
    receiver.statuses = [429]
    sandbox.brevo.happens("a@acme.example", "complain")
    assert sandbox.brevo.all_delivered()
    assert [one.status for one in sandbox.brevo.deliveries()][5:] == [429] * 5, "four more tries, then never"


def test_when_nobody_answers_it_comes_later(brevo, sandbox, receiver, fast):
    register(brevo, "http://127.0.0.1:1/hook")
    brevo("POST", "/contacts", {"email": "a@acme.example"})
    sandbox.brevo.happens("a@acme.example", "complain")
    assert [one.status for one in sandbox.brevo.deliveries(2)][:2] == [0, 0]


def test_copies_and_another_order(brevo, sandbox, receiver, fast):
    register(brevo, receiver.url)
    sandbox.brevo.set(brevo_webhook_copies=2, brevo_webhook_shuffled=True, brevo_webhook_minute=0.05)
    for name in ("a", "b"):
        brevo("POST", "/contacts", {"email": f"{name}@acme.example"})
        sandbox.brevo.happens(f"{name}@acme.example", "unsubscribe")
    assert sandbox.brevo.all_delivered()
    assert [body["email"][0] for body in receiver.bodies] == ["b", "b", "a", "a"]


@pytest.mark.parametrize("form", ["array", "object"])
def test_batches(brevo, sandbox, receiver, fast, form):
    register(brevo, receiver.url, batched=True)
    sandbox.brevo.set(brevo_webhook_batch_form=form, brevo_webhook_minute=0.05)
    brevo("POST", "/contacts", {"email": "a@acme.example"})
    for _ in range(3):
        sandbox.brevo.happens("a@acme.example", "soft_bounce")
    assert sandbox.brevo.all_delivered()
    (body,) = receiver.bodies
    assert len(body if form == "array" else body["events"]) == 3


def test_the_page_s_buttons(brevo, sandbox, receiver, fast):
    register(brevo, receiver.url)
    brevo("POST", "/contacts", {"email": "a@acme.example"})
    number = sandbox.brevo.contact("a@acme.example").id
    assert f"/_sandbox/brevo/contacts/{number}/bounce" in brevo("GET", "/", root=True).raw.decode()
    assert brevo("POST", f"/_sandbox/brevo/contacts/{number}/bounce", root=True).status == 303
    assert brevo("POST", f"/_sandbox/brevo/contacts/{number}/explode", root=True).status == 404
    assert sandbox.brevo.all_delivered()
    assert [body["event"] for body in receiver.bodies] == ["hard_bounce"]
    state = brevo("GET", "/_sandbox/state", root=True).json()["platforms"]["brevo"]
    assert state["events"] == {"200": 1, "waiting": 0}


def test_a_fresh_account_has_none(brevo, sandbox):
    register(brevo, "https://app.example/hook")
    sandbox.reset()
    assert brevo("GET", "/webhooks?type=marketing").json() == {"webhooks": []}
