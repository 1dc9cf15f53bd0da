"""Whatever is sent to the API, it answers in JSON and says what was wrong. Never a server error, never a surprise."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from contacts.models import Contact
from contacts.serializers import PERSON_FIELDS
from contacts.tests.test_api import FIELDS, URL

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]

#: Refusals. 406 is for an `Accept` header that names nothing we have.
REFUSED = {400, 401, 403, 404, 405, 406, 409, 413, 415}

ID = "11111111-1111-4111-8111-111111111111"

CALLS = [
    ("GET", URL),
    ("POST", URL),
    *((method, f"{URL}/{ID}") for method in ("GET", "PUT", "PATCH")),
    ("PUT", f"{URL}/status"),
    ("PUT", f"{URL}/status/filtered"),
    ("GET", f"{URL}/brevo"),
    ("POST", f"{URL}/brevo/sync/batch"),
    ("POST", f"{URL}/brevo/sync/filtered"),
    ("POST", f"{URL}/brevo/sync/cancel"),
    ("GET", f"{URL}/brevo/status/summary"),
    ("POST", "/api/token"),
    ("POST", "/api/token/refresh"),
    ("DELETE", f"{URL}/{ID}"),
]
WRITING = [(method, path) for method, path in CALLS if method in ("POST", "PUT", "PATCH")]

#: What can stand where a value is expected.
VALUES = [
    *("null", "true", "false", "0", "-1", "1.5", "1e400", "NaN", "Infinity", "-Infinity", "1" * 4000, "1" * 5000),
    *('""', '" "', '"x"', '"\\u0000"', '"\\ud800"', '"\\udfff\\ud800"', '"\x01"'),
    *("[]", "{}", "[null]", "[[]]", "[{}]", '{"a": 1}', "[1, true, 1.5]", '["' + ID + '", "x"]', '[""]'),
    *("[" * depth + "]" * depth for depth in (29, 33, 900)),
    '"javascript:alert(1)"',
    '"2026-99-99"',
]

HUGE = [
    '"' + "x" * 70_000 + '"',
    *("[" * depth + "]" * depth for depth in (500, 800, 850, 950, 980, 2000, 100_000)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (33, 900, 100_000)),
]

#: Whole bodies, good JSON or not.
BODIES = [
    *(b"", b" ", b"\x00", b"\xff\xfe", b'{"email": "\xff"}', b"\xef\xbb\xbf{}", b"{", b"}", b'{"a":}', b"{'a': 1}"),
    *(b"null", b"true", b"3", b'"text"', b"[]", b"[{}]", b"[1, 2]", b"{}", b"email=a@x.example"),
    *(b'{"": 1}', b'{"\\u0000": 1}', b'{"\\ud800": 1}', b'{"pk": 1, "id": 2}', b'{"email": 1, "email": []}'),
]


@pytest.fixture
def client(settings: Any) -> Client:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.create(username="ann", is_superuser=True))
    return client


def check(answer: Any) -> None:
    assert answer.status_code in REFUSED | {200, 201, 204}, answer.content[:500]
    if answer.status_code != 204:
        assert answer["Content-Type"].startswith("application/json"), answer["Content-Type"]
        json.loads(answer.content)
        if answer.status_code >= 400:
            assert isinstance(answer.json(), dict)


def send(client: Client, method: str, path: str, body: bytes | str, kind: str = "application/json") -> Any:
    return client.generic(method, path, body, content_type=kind)


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_whole_bodies(client: Client, method: str, path: str) -> None:
    for body in BODIES:
        Contact.objects.get_or_create(pk=ID)
        check(send(client, method, path, body))


KEYS = {
    "/status": ["contact_ids", "status"],
    "/batch": ["contact_ids"],
    "/cancel": ["contact_ids"],
    "/filtered": ["all", "status", "brevo_sync_status", "domain_id", "email_contains", "has_gmail"],
    "/token": ["username", "password"],
    "/refresh": ["refresh"],
}


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_every_nasty_value_in_every_field(client: Client, method: str, path: str) -> None:
    Contact.objects.create(pk=ID)
    ending = "/" + path.rpartition("/")[2]
    good = {"contact_ids": [ID], "status": "New", "username": "ann", "password": "x", "refresh": "x"}
    keys = KEYS.get(ending, [*PERSON_FIELDS, "contact_curation_status", "brevo_sync_status", "unknown"])
    for key in keys:
        rest = {name: value for name, value in good.items() if name in keys and name != key}
        for value in VALUES if key != keys[0] else VALUES + HUGE:
            body = json.dumps({**rest, key: "HERE"}).replace('"HERE"', value)
            check(send(client, method, path, body))


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x/xml", "x", "/", ";"],
)
def test_other_content_types(client: Client, kind: str) -> None:
    for method, path in WRITING:
        answer = send(client, method, path, b'{"contact_ids": []}', kind)
        assert answer.status_code in (404, 415)
        check(answer)


@pytest.mark.parametrize("charset", ["utf-16", "utf-32", "ascii", "hex", "zlib", "rot13", "undefined", "nonsense"])
def test_other_charsets(client: Client, charset: str) -> None:
    check(send(client, "POST", URL, '{"email": "ä@x.example"}'.encode(), f"application/json; charset={charset}"))


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_body_that_is_too_large(client: Client, method: str, path: str) -> None:
    answer = send(client, method, path, b" " * 10_000_000)

    assert answer.status_code == 413
    check(answer)


@pytest.mark.parametrize("length", ["abc", "-1", "1e3", "", "9" * 30])
def test_a_wrong_content_length(client: Client, length: str) -> None:
    check(client.generic("POST", URL, b'{"email": "a@x.example"}', "application/json", CONTENT_LENGTH=length))


#: They answer in their own formats: YAML and HTML.
PAGES = {"/api/schema", "/api/docs"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_every_method_on_every_path(client: Client, method: str) -> None:
    paths = {path for _, path in CALLS} | PAGES | {"/api", "/api/", "/api/nothing", "/api/v3/"}
    for path in sorted(paths):
        answer = client.generic(method, path, b"{}", content_type="application/json")
        assert answer.status_code < 500
        if path.startswith("/api/") and path not in PAGES and answer.status_code >= 400 and method != "HEAD":
            check(answer)


QUERIES = [
    *("limit=0", "limit=1001", "limit=abc", "limit=-1", "limit=1e400", "limit=", "limit=1.0", "limit=%D9%A1"),
    *("offset=-1", "offset=abc", "offset=", "offset=99999999999", "offset=" + "9" * 5000, "offset=NaN"),
    *("nonsense=1", "%00=1", "email=a@x.example", "brevo_sync_status=new", "brevo_sync_status=Nonsense"),
    *("has_gmail=banana", "has_gmail=2", "has_gmail=%00", "domain_id=abc", "page_id=1", "email_type=free"),
    *("email_contains=%00", "name_contains=" + "x" * 60_000, "contact_curation_status=%00", "domain_id=%20"),
    *("email_contains=%20", "format=xml"),
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:30])
def test_a_query_that_makes_no_sense_is_refused(client: Client, make_contact: Make, query: str) -> None:
    make_contact()
    answer = client.get(f"{URL}?{query}")

    assert answer.status_code == (404 if query.startswith("format") else 400)
    check(answer)
    if answer.status_code == 400:
        assert set(answer.json()) == {query.partition("=")[0].replace("%00", "\x00")}


@pytest.mark.parametrize(
    "query",
    [
        "email_contains=%ED%A0%80",
        "email_contains=%FF",
        "name_contains=%F0%9F%98%80",
        "&&&",
        "==",
        "offset=2147483647",
        "limit=01",
    ],
)
def test_a_strange_query_that_can_be_read(client: Client, make_contact: Make, query: str) -> None:
    make_contact()

    check(client.get(f"{URL}?{query}"))


@pytest.mark.parametrize(
    "key", ["abc", "1", "%00", "%FF", "null", "..%2f", "x" * 3000, ID + "x", ID.replace("-", "") + "0", "%F0%9F%98%80"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_id_that_is_none(client: Client, method: str, key: str) -> None:
    answer = send(client, method, f"{URL}/{key}", b"{}")

    assert answer.status_code in (400, 404)
    check(answer)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("email", value) for value in ("no address", "a@", "@x", "a@b", "a b@x.example", "a@x.example,b@x.example")),
        *(("email", value) for value in ("x" * 311 + "@x.example", "<a@x.example>", "a@x.example\n<script>", "\x00")),
        *(
            ("source_url", value)
            for value in ("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "x", "ftp://x")
        ),
        *(
            ("source_url", value)
            for value in (" javascript:x", "https://", "http:x", "https://x\nhttps://y", "https://" + "x" * 2000)
        ),
        *(("name", value) for value in ("x" * 300, [], {}, True, "a\x00b")),
        *(("phone_number", value) for value in ("1" * 65, [], True)),
        *(("email_type", value) for value in ("corporate", "", None, 1, [])),
        *(("has_gmail", value) for value in ("banana", None, "", 2, [])),
        *(("source_job_id", value) for value in ("x", 1, True, 10**40, [], "", {})),
        *(("domain_id", value) for value in ("x", 1, True, 10**40, [], ID, {})),
        *(("page_id", value) for value in ("x", 1, True, ID)),
        *(("contact_curation_status", value) for value in ("new", None, "", [], "Nonsense")),
        ("context", []),
        ("nonsense", 1),
        ("email_key", "a@x.example"),
        ("domain", ID),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_value_that_is_refused_names_its_field(client: Client, field: str, value: Any) -> None:
    Contact.objects.create(pk=ID, email="a@x.example")

    for method, path in (("POST", URL), ("PUT", f"{URL}/{ID}"), ("PATCH", f"{URL}/{ID}")):
        answer = send(client, method, path, json.dumps({"name": "Ann", field: value}))
        assert answer.status_code == 400
        assert set(answer.json()) == {field}
    assert list(Contact.objects.values_list("email", "name")) == [("a@x.example", None)]


@pytest.mark.parametrize("path", ["/status", "/brevo/sync/batch", "/brevo/sync/cancel"])
@pytest.mark.parametrize(
    "ids",
    [None, "x", ID, {}, 1, True, [1], [True], [None], [ID, "x"], [[ID]], [{}], [""], ["\x00"], [10**40]],
)
def test_ids_that_are_none_change_nothing(client: Client, path: str, ids: Any) -> None:
    Contact.objects.create(pk=ID, email="a@x.example", brevo_sync_status="Error")
    method, more = ("PUT", {"status": "Skipped"}) if path == "/status" else ("POST", {})

    answer = send(client, method, URL + path, json.dumps({"contact_ids": ids, **more}))

    assert answer.status_code == 400
    assert set(answer.json()) == {"contact_ids"}
    contact = Contact.objects.get()
    assert (contact.contact_curation_status, contact.brevo_sync_status) == ("New", "Error")


@pytest.mark.parametrize("path", ["/status/filtered", "/brevo/sync/filtered"])
@pytest.mark.parametrize(
    "filters",
    [
        *({}, {"all": False}, {"all": "yes"}, {"all": 1}, {"all": None}, {"all": []}),
        *({"has_gmail": "banana"}, {"has_gmail": None}, {"has_gmail": ""}, {"has_gmail": []}, {"has_gmail": " "}),
        *({"email_contains": ""}, {"email_contains": " "}, {"email_contains": None}, {"email_contains": ["a"]}),
        *({"domain_id": " "}, {"domain_id": None}, {"domain_id": 1}, {"page_id": "x"}, {"brevo_sync_status": "new"}),
        *({"nonsense": "x"}, {"all": True, "nonsense": "x"}, {"limit": 1}, {"name": "Ann"}, {"contact_ids": [ID]}),
    ],
    ids=str,
)
def test_filters_that_are_not_understood_change_nobody(client: Client, path: str, filters: dict[str, Any]) -> None:
    Contact.objects.create(pk=ID, email="a@x.example")
    method, more = ("PUT", {"status": "Skipped"}) if path.startswith("/status") else ("POST", {})

    answer = send(client, method, URL + path, json.dumps({**filters, **more}))

    assert answer.status_code == 400
    assert set(answer.json()) <= {"all", *filters}
    contact = Contact.objects.get()
    assert (contact.contact_curation_status, contact.brevo_sync_status) == ("New", "New")


@pytest.mark.parametrize("status", [None, "", "new", "Nonsense", 1, [], {}, "\x00"], ids=ascii)
@pytest.mark.parametrize("path", ["/status", "/status/filtered"])
def test_a_curation_status_that_is_none(client: Client, path: str, status: Any) -> None:
    more = {"all": True} if path.endswith("filtered") else {"contact_ids": [ID]}

    answer = send(client, "PUT", URL + path, json.dumps({"status": status, **more}))

    assert (answer.status_code, set(answer.json())) == (400, {"status"})


@pytest.mark.parametrize("body", [{"name": "a\ud800"}, {"\udfff": 1}, {"contact_ids": [["\ud800"]]}], ids=ascii)
def test_half_a_character_is_refused_and_a_whole_one_is_not(client: Client, body: Any) -> None:
    refused = send(client, "POST", URL, json.dumps(body))
    assert refused.status_code == 400
    assert "surrogate" in refused.json()["detail"]

    assert send(client, "POST", URL, json.dumps({"name": "a \U0001f600"})).json()["name"] == "a \U0001f600"


def test_a_path_that_does_not_exist() -> None:
    for path in ("/api/nothing", "/api/", "/api/v3", f"{URL}/brevo/nothing", f"{URL}/{uuid.uuid4()}/more", "/api/%00"):
        answer = Client().get(path)
        assert answer.status_code == 404
        assert answer.json()["detail"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20) | st.just(ID),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    sorted({*FIELDS, "contact_ids", "status", "all", "email_contains", "username", "refresh", "x"})
)


class AnythingAtAll(TestCase):
    """hypothesis' own bodies, against every call that takes one."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.user = get_user_model().objects.create(username="ann", is_superuser=True)

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(body=JSON_VALUES | st.dictionaries(NAMES, JSON_VALUES, max_size=4))
    @example(body={"contact_ids": [True]})
    def test_is_answered(self, body: Any) -> None:
        client = Client(raise_request_exception=False)
        client.force_login(self.user)
        Contact.objects.get_or_create(pk=ID)
        for method, path in WRITING:
            check(send(client, method, path, json.dumps(body)))
