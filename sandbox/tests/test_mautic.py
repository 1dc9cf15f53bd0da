"""Mautic's stand-in behaves as Mautic's source says, over HTTP."""

import base64
import hashlib
import hmac
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sandbox.mautic import account, webhooks
from sandbox.server import running_sandbox
from sandbox.tests.client import Client

BASIC = base64.b64encode(f"{account.DEFAULT_USERNAME}:{account.DEFAULT_PASSWORD}".encode()).decode()
ADA = {"email": "ada@acme.example", "firstname": "Ada"}


@pytest.fixture
def sandbox():
    with running_sandbox(rate_limit=None) as running:
        yield running


@pytest.fixture
def mautic(sandbox):
    """Calls below /mautic/api, logged in as the one user."""
    client = Client(sandbox.url, key=None)

    def call(method, path, body=None, *, authorization=f"Basic {BASIC}", root="/mautic/api", **more):
        return client(method, f"{root}{path}", body, root=True, headers={"Authorization": authorization}, **more)

    yield call
    client.close()


def token_of(mautic, **changes):
    form = {
        "grant_type": "client_credentials",
        "client_id": account.DEFAULT_CLIENT_ID,
        "client_secret": account.DEFAULT_CLIENT_SECRET,
        **changes,
    }
    return mautic("POST", "/oauth/v2/token", root="/mautic", raw=urllib.parse.urlencode(form), authorization="")


def error(answer):
    (only,) = answer.json()["errors"]
    return answer.status, only["code"], only.get("type")


# --- log-in and switches -----------------------------------------------------------------------------------


def test_basic(mautic):
    answer = mautic("GET", "/contacts")
    assert (answer.status, answer.json()) == (200, {"total": "0", "contacts": {}})
    assert answer.headers["mautic-version"] == "5.2.1"
    assert error(mautic("GET", "/contacts", authorization="Basic eDp5")) == (401, 401, "access_denied")
    assert error(mautic("GET", "/contacts", authorization="")) == (401, 401, "access_denied")


@pytest.mark.parametrize(
    ("switch", "expected"),
    [("mautic_api_enabled", (403, 403, "api_disabled")), ("mautic_basic_auth_enabled", (403, 403, "access_denied"))],
)
def test_switched_off(sandbox, mautic, switch, expected):
    sandbox.mautic.set(**{switch: False})
    assert error(mautic("GET", "/contacts")) == expected


def test_a_token_is_good_for_so_many_calls(sandbox, mautic):
    sandbox.mautic.set(mautic_token_calls=2)
    answer = token_of(mautic).json()
    assert (answer["expires_in"], answer["token_type"]) == (3600, "bearer")
    bearer = f"Bearer {answer['access_token']}"
    assert [mautic("GET", "/contacts", authorization=bearer).status for _ in range(4)] == [200, 200, 401, 401]
    assert error(mautic("GET", "/contacts", authorization=bearer)) == (401, 401, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"client_secret": "x"}, "invalid_client"),
        ({"client_id": ""}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_no_token(mautic, changes, kind):
    assert error(token_of(mautic, **changes)) == (400, 400, kind)


def test_a_plain_request_is_redirected(sandbox, mautic):
    sandbox.mautic.set(mautic_https_only=True)
    answer = mautic("POST", "/contacts/batch/new", [ADA])
    assert answer.status == 301
    assert answer.headers["location"] == "https://mautic.example/mautic/api/contacts/batch/new"
    assert not sandbox.mautic.contacts


def test_the_hourly_limit_is_json_sent_as_text(sandbox, mautic):
    sandbox.mautic.set(mautic_hourly_limit=1)
    assert mautic("GET", "/contacts").status == 200
    answer = mautic("GET", "/contacts")
    assert (answer.status, answer.json()["errors"][0]["code"]) == (429, 429)
    assert answer.headers["content-type"].startswith("text/html")


# --- contacts ------------------------------------------------------------------------------------------------


def test_created_then_updated_by_the_address(sandbox, mautic):
    first = mautic("POST", "/contacts/new", {**ADA, "lastname": "Lovelace", "unheard_of": 1, "tags": ["a", "b"]})
    second = mautic("POST", "/contacts/new", {"email": "ADA@acme.example,", "firstname": "", "tags": ["-a"]})
    assert (first.status, second.status) == (201, 200)
    assert first.headers["location"]
    contact = second.json()["contact"]
    assert contact["id"] == first.json()["contact"]["id"]
    everything = contact["fields"]["all"]
    assert (everything["firstname"], everything["lastname"]) == ("Ada", "Lovelace"), "blanks do not overwrite"
    assert "unheard_of" not in everything
    assert sandbox.mautic.contact("ada@acme.example").tags == ("b",)


def test_blanks_overwrite_when_asked_to(mautic):
    mautic("POST", "/contacts/new", ADA)
    answer = mautic("POST", "/contacts/new", {**ADA, "firstname": "", "overwriteWithBlank": True})
    assert answer.json()["contact"]["fields"]["all"]["firstname"] == ""


def test_without_an_address_a_contact_is_made_every_time(sandbox, mautic):
    for _ in range(2):
        assert mautic("POST", "/contacts/new", {"firstname": "Ada"}).status == 201
    assert len(sandbox.mautic.account.store.contacts) == 2


def test_editing_merges_the_one_who_has_the_address(mautic):
    ada = mautic("POST", "/contacts/new", ADA).json()["contact"]["id"]
    bob = mautic("POST", "/contacts/new", {"email": "bob@acme.example", "city": "Rome"}).json()["contact"]["id"]
    answer = mautic("PATCH", f"/contacts/{ada}/edit", {"email": "bob@acme.example"})
    assert answer.status == 200
    assert (
        answer.json()["contact"]["fields"]["all"] | {"city": "Rome", "firstname": "Ada"}
        == (answer.json()["contact"]["fields"]["all"])
    )
    assert mautic("GET", f"/contacts/{bob}").status == 404
    assert mautic("PATCH", f"/contacts/{bob}/edit", {}).status == 404


def test_put_blanks_what_is_not_sent(mautic):
    ada = mautic("POST", "/contacts/new", ADA).json()["contact"]["id"]
    answer = mautic("PUT", f"/contacts/{ada}/edit", {"email": "ada@acme.example"})
    assert answer.json()["contact"]["fields"]["all"]["firstname"] is None


def test_numbers_that_no_computer_would_count_to(mautic):
    endless = "9" * 5000
    assert error(mautic("GET", f"/contacts/{endless}"))[0] == 404
    assert error(mautic("GET", f"/segments/{endless}"))[0] == 404
    assert mautic("GET", f"/contacts?limit={endless}&start={endless}").status == 200


# --- batches -------------------------------------------------------------------------------------------------


def test_a_batch_without_failures_is_a_list(mautic):
    answer = mautic("POST", "/contacts/batch/new", [ADA, ADA])
    body = answer.json()
    assert (answer.status, body["statusCodes"]) == (201, [201, 200])
    assert [one["id"] for one in body["contacts"]] == [1, 1]
    assert "errors" not in body


def test_a_batch_with_a_gap_is_an_object(mautic):
    answer = mautic("POST", "/contacts/batch/new", [ADA, {"email": "bad@"}, {"email": "bob@acme.example"}])
    body = answer.json()
    assert (answer.status, body["statusCodes"]) == (201, [201, 400, 201])
    assert list(body["contacts"]) == ["0", "2"]
    assert list(body["errors"]) == ["1"]
    assert body["errors"]["1"] == {
        "code": 400,
        "message": "email: bad@ is invalid.",
        "details": {"email": ["bad@ is invalid."]},
        "type": None,
    }


def test_a_batch_in_which_all_failed_is_201(sandbox, mautic):
    sandbox.mautic.set(mautic_with_type=False)
    answer = mautic("POST", "/contacts/batch/new", [{"email": "bad@"}])
    body = answer.json()
    assert (answer.status, body["statusCodes"], body["contacts"]) == (201, [400], [])
    assert isinstance(body["errors"], list)
    assert "type" not in body["errors"][0]


def test_a_batch_that_is_too_large_is_500(mautic):
    answer = mautic("POST", "/contacts/batch/new", [ADA] * 201)
    assert error(answer) == (500, 500, None)
    assert "200" in answer.json()["errors"][0]["message"]


def test_a_crash_keeps_what_was_saved_before(sandbox, mautic):
    sandbox.mautic.set(mautic_crash_at="poison@acme.example")
    items = [ADA, {"email": "poison@acme.example"}, {"email": "bob@acme.example"}]
    assert mautic("POST", "/contacts/batch/new", items).status == 500
    assert list(sandbox.mautic.contacts) == ["ada@acme.example"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("company", "x" * 65),
        ("website", f"https://acme.example/{'x' * 50}"),
        ("email", f"{'x' * 60}@acme.example"),
    ],
)
def test_the_64_characters_of_a_fresh_installation(sandbox, mautic, field, value):
    body = [{**ADA, field: value}]
    answer = mautic("POST", "/contacts/batch/new", body).json()
    assert answer["statusCodes"] == [400]
    assert list(answer["errors"][0]["details"]) == [field]
    sandbox.mautic.set(mautic_core_length=191)
    assert mautic("POST", "/contacts/batch/new", body).json()["statusCodes"] == [201]


def test_a_role_without_permission(sandbox, mautic):
    sandbox.mautic.set(mautic_may_create=False)
    assert mautic("POST", "/contacts/batch/new", [ADA]).json()["statusCodes"] == [403]
    assert error(mautic("POST", "/contacts/new", ADA)) == (403, 403, None)


# --- fields, segments, do not contact ------------------------------------------------------------------------


def test_fields(mautic):
    made = mautic("POST", "/fields/contact/new", {"label": "Page", "alias": "scrapersky_page_id", "type": "text"})
    assert (made.status, made.json()["field"]["alias"]) == (201, "scrapersky_page_id")
    listed = mautic("GET", "/contacts/list/fields").json()
    assert {"email", "scrapersky_page_id"} <= {one["alias"] for one in listed.values()}
    assert mautic("POST", "/fields/contact/new", {"label": "x", "alias": "email"}).status == 400
    assert len(mautic("GET", "/fields/contact?limit=2").json()["fields"]) == 2


def test_segments(sandbox, mautic):
    mautic("POST", "/contacts/new", ADA)
    answer = mautic("POST", "/segments/1/contacts/add", {"ids": [1, 99]})
    assert answer.json() == {"success": 1, "details": {"1": {"success": True}, "99": {"success": False}}}
    assert sandbox.mautic.contact("ada@acme.example").segment_ids == (1,)
    assert mautic("POST", "/segments/7/contacts/add", {"ids": [1]}).status == 404
    assert mautic("POST", "/segments/1/contacts/add", {}).status == 400
    assert mautic("GET", "/segments/1").json()["list"]["name"] == "ScraperSky demo"
    sandbox.mautic.set(mautic_may_segment=False)
    assert mautic("GET", "/segments/1").status == 403


def test_do_not_contact(mautic):
    mautic("POST", "/contacts/new", ADA)
    for body in ({"reason": 0}, {"reason": 9}):
        assert mautic("POST", "/contacts/1/dnc/email/add", body).status == 400
    answer = mautic("POST", "/contacts/1/dnc/email/add", {"comments": "asked"}).json()["contact"]
    assert [(one["channel"], one["reason"], one["comments"]) for one in answer["doNotContact"]] == [
        ("email", 3, "asked")
    ]
    kept = mautic("POST", "/contacts/new", ADA).json()["contact"]["doNotContact"]
    assert len(kept) == 1, "a push does not lift it"
    lifted = mautic("POST", "/contacts/new", {**ADA, "doNotContact": [{"channel": "email", "reason": 0}]})
    assert lifted.json()["contact"]["doNotContact"] == []
    assert mautic("POST", "/contacts/1/dnc/email/remove").json()["recordFound"] is False


# --- webhooks, the page, settings ----------------------------------------------------------------------------


def test_a_webhook_is_signed_over_the_bytes_that_php_writes(sandbox, mautic):
    received, done = [], threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((body, self.headers["Webhook-Signature"]))
            self.send_response(200)
            self.end_headers()
            done.set()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    sandbox.mautic.set(mautic_webhook_url=url, mautic_webhook_secret="s3cret")
    mautic("POST", "/contacts/new", {**ADA, "website": "https://acme.example/ü"})
    sandbox.mautic.unsubscribe("ada@acme.example")
    assert done.wait(5)
    server.shutdown()
    server.server_close()
    (body, signature), *_ = received
    assert rb"https:\/\/acme.example\/\u00fc" in body
    assert signature == base64.b64encode(hmac.new(b"s3cret", body, hashlib.sha256).digest()).decode()
    (event,) = json.loads(body)[webhooks.SUBSCRIPTION_CHANGED]
    assert (event["channel"], event["old_status"], event["new_status"]) == ("email", "contactable", "unsubscribed")
    assert event["contact"]["fields"]["core"]["email"]["value"] == "ada@acme.example"


def test_the_page_shows_it(sandbox, mautic):
    mautic("POST", "/contacts/new", {**ADA, "company": "<Acme>"})
    page = mautic("GET", "/?platform=mautic", root="").raw.decode()
    assert "ada@acme.example" in page
    assert "&lt;Acme&gt;" in page
    assert "This is not Mautic." in page
    state = mautic("GET", "/_sandbox/state", root="").json()["platforms"]["mautic"]
    assert (state["contacts"], state["blocked"], state["segments"]) == (1, 0, {"ScraperSky demo": 0})


@pytest.mark.parametrize(
    "wrong",
    [{"mautic_api_enabled": "yes"}, {"mautic_batch_limit": 0}, {"mautic_version": 5}, {"mautic_token_calls": True}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_settings_that_cannot_be_meant(sandbox, mautic, wrong):
    before = sandbox.mautic.settings()
    answer = mautic("POST", "/_sandbox/settings", {"mautic_version": "4.4.13", **wrong}, root="")
    assert answer.status == 400
    assert sandbox.mautic.settings() == before


def test_reset(sandbox, mautic):
    mautic("POST", "/contacts/new", ADA)
    sandbox.reset()
    assert (sandbox.mautic.contacts, sandbox.mautic.requests) == ({}, [])


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [("500", 500, "error #500"), ("503", 503, "Maintenance"), ("429", 429, "rate limit"), ("502_html", 502, "<h1>")],
)
def test_faults_in_mautics_own_words(sandbox, mautic, kind, status, said):
    sandbox.add_fault(kind, path="/api/contacts")
    answer = mautic("GET", "/contacts")
    assert answer.status == status
    assert said in answer.raw.decode()


# --- choosing and ordering contacts ---------------------------------------------------------------------------


def listed(mautic, **query):
    answer = mautic("GET", f"/contacts?{urllib.parse.urlencode(query)}")
    assert answer.status == 200
    return [one["id"] for one in answer.json()["contacts"].values()], answer.json()["total"]


def where(*conditions, **more):
    found = dict(more)
    for place, (column, expression, value) in enumerate(conditions):
        found |= {f"where[{place}][col]": column, f"where[{place}][expr]": expression, f"where[{place}][val]": value}
    return found


def test_contacts_by_columns_and_in_order(mautic):
    for number in range(5):
        mautic("POST", "/contacts/new", {"email": f"p{number}@acme.example", "firstname": f"N{4 - number}"})
    mautic("POST", "/contacts/new", {"firstname": "A visitor"})
    assert listed(mautic, **where(("id", "gt", 2), ("email", "neq", ""), orderBy="id", orderByDir="asc", limit=2)) == (
        [3, 4],
        "3",
    )
    assert listed(mautic, **where(("id", "lte", 2), orderBy="id", orderByDir="desc"))[0] == [2, 1]
    assert listed(mautic, **where(("email", "eq", "P3@acme.example")))[0] == [4]
    assert listed(mautic, **where(("email", "isNull", "")))[0] == [6]
    assert listed(mautic, **where(("id", "lt", 4), orderBy="firstname"))[0] == [3, 2, 1]
    assert listed(mautic, **where(("id", "gte", 6)))[0] == [6]
    assert listed(mautic, **where(("email", "eq", "nobody@acme.example"))) == ([], "0")


def test_an_expression_that_there_is_not(mautic):
    mautic("POST", "/contacts/new", ADA)
    assert mautic("GET", f"/contacts?{urllib.parse.urlencode(where(('id', 'above', 1)))}").status == 500
