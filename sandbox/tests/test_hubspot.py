"""HubSpot's stand-in: what a sync meets there, over HTTP."""

import http.client
import json
from urllib.parse import quote, urlsplit

import pytest

from sandbox.hubspot.account import DEFAULT_KEY, SCOPES
from sandbox.server import Sandbox, running_sandbox
from sandbox.tests.client import Answer

CONTACTS = "/crm/objects/2026-09/contacts"
UPSERT = f"{CONTACTS}/batch/upsert"
PROPERTIES = "/crm/properties/2026-09/contacts"


class Client:
    """Sends JSON with the token; `path` is below HubSpot's base URL."""

    def __init__(self, url, key=DEFAULT_KEY):
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        self.key = key

    def __call__(self, method, path, body=None, **headers):
        sent = {"Authorization": f"Bearer {self.key}"} if self.key is not None else {}
        data = None if body is None else json.dumps(body)
        self.connection.request(method, f"/hubspot{path}", data, {**sent, **headers})
        response = self.connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def upsert(self, *inputs, traces=True):
        given = [
            {"idProperty": "email", "id": email, "properties": {"email": email, **properties}}
            | ({"objectWriteTraceId": f"t{number}"} if traces else {})
            for number, (email, properties) in enumerate(inputs)
        ]
        return self("POST", UPSERT, {"inputs": given})


@pytest.fixture
def hubspot(sandbox: Sandbox):
    client = Client(sandbox.url)
    yield client
    client.connection.close()
    fresh = {"hubspot_missing_scope": "", "hubspot_forgets": "", "hubspot_traces": True, "hubspot_unique_email": True}
    sandbox.hubspot.set(**fresh)


def people(count):
    return [(f"P{number}@Acme.example", {"firstname": f"N{number}"}) for number in range(count)]


def refused(answer, status=400, category="VALIDATION_ERROR"):
    assert answer.status == status
    body = answer.json()
    assert (body["status"], body["category"]) == ("error", category)
    assert body["correlationId"] == answer.headers["x-hubspot-correlation-id"]
    return body


@pytest.mark.parametrize("root", ["/crm/v3/objects/contacts", "/crm/objects/2026-03/contacts", CONTACTS])
def test_every_version_by_its_own_path(hubspot, sandbox, root):
    answer = hubspot("POST", root, {"properties": {"email": "ada@acme.example"}})
    assert answer.status == 201
    assert hubspot("GET", f"{root}?limit=1").json()["results"][0]["id"] == answer.json()["id"]


@pytest.mark.parametrize("path", ["/crm/objects/2026-13/contacts", "/crm/v4/objects/contacts", "/contacts", "/"])
def test_other_versions_are_404_without_a_category(hubspot, path):
    answer = hubspot("GET", path)
    assert answer.status == 404
    assert "category" not in answer.json()


def test_an_upsert_shuffles_and_lowers(hubspot, sandbox):
    answer = hubspot.upsert(*people(50))
    assert answer.status == 200
    results = answer.json()["results"]
    assert all(result["new"] for result in results)
    names = [result["properties"]["email"] for result in results]
    assert sorted(names) == sorted(f"p{number}@acme.example" for number in range(50))
    assert names != [f"p{number}@acme.example" for number in range(50)]
    for result in results:
        assert result["properties"]["email"] == f"p{result['objectWriteTraceId'][1:]}@acme.example"
        assert int(result["id"]) > 2**32
    again = hubspot.upsert(*people(50)).json()["results"]
    assert not any(result["new"] for result in again)
    assert len(sandbox.hubspot.contacts) == 50


def test_what_is_not_named_stays_and_an_empty_value_clears(hubspot, sandbox):
    hubspot.upsert(("ada@acme.example", {"firstname": "Ada", "city": "London"}))
    hubspot.upsert(("Ada@Acme.example", {"firstname": "", "company": "Acme"}))
    assert sandbox.hubspot.contact("ada@acme.example").properties == {
        "email": "ada@acme.example",
        "city": "London",
        "company": "Acme",
    }


def test_partial_success_with_trace_ids_only(hubspot, sandbox):
    mixed = [("ada@acme.example", {}), ("bad@", {}), ("bob@acme.example", {"nope": "x"})]
    answer = hubspot.upsert(*mixed)
    assert answer.status == 207
    body = answer.json()
    assert body["numErrors"] == 2
    assert [result["objectWriteTraceId"] for result in body["results"]] == ["t0"]
    codes = {}
    for error in body["errors"]:
        (detail,) = json.loads(error["message"].partition(": ")[2])
        codes[error["context"]["objectWriteTraceId"][0]] = (detail["name"], detail["error"])
    assert codes == {"t1": ("email", "INVALID_EMAIL"), "t2": ("nope", "PROPERTY_DOESNT_EXIST")}

    sandbox.reset()
    assert "INVALID_EMAIL" in refused(hubspot.upsert(*mixed, traces=False))["message"]
    sandbox.hubspot.set(hubspot_traces=False)
    refused(hubspot.upsert(*mixed))
    assert sandbox.hubspot.contacts == {}


def test_what_refuses_the_whole_request(hubspot, sandbox):
    twice = hubspot.upsert(("ada@acme.example", {}), ("bob@acme.example", {}), (" ADA@acme.example", {}))
    assert refused(twice)["context"] == {"ids": ["ada@acme.example"]}
    assert "100" in refused(hubspot.upsert(*people(101)))["message"]
    assert hubspot.upsert(*people(100)).status == 200
    sandbox.reset()
    sandbox.hubspot.set(hubspot_unique_email=False)
    assert "non-unique 0-1 property" in refused(hubspot.upsert(*people(1)))["message"]
    refused(hubspot("POST", UPSERT, {"inputs": []}))
    refused(hubspot("POST", UPSERT, {"inputs": [{"id": 7, "properties": {}}]}))
    assert sandbox.hubspot.contacts == {}


def test_one_that_is_named_in_neither_list(hubspot, sandbox):
    sandbox.hubspot.set(hubspot_forgets="P1@acme.example")
    answer = hubspot.upsert(*people(3))
    assert answer.status == 207
    assert "errors" not in answer.json()
    assert sorted(result["objectWriteTraceId"] for result in answer.json()["results"]) == ["t0", "t2"]


def test_single_contacts(hubspot, sandbox):
    by_email = f"{CONTACTS}/{quote('a+b@acme.example', safe='')}?idProperty=email"
    refused(hubspot("PATCH", by_email, {"properties": {"city": "x"}}), 404, "OBJECT_NOT_FOUND")
    made = hubspot("POST", CONTACTS, {"properties": {"email": "A+b@acme.example", "firstname": "Ada"}}).json()
    assert hubspot("PATCH", by_email, {"properties": {"city": "London"}}).json()["id"] == made["id"]
    again = refused(hubspot("POST", CONTACTS, {"properties": {"email": "a+b@ACME.example"}}), 409, "CONFLICT")
    assert again["message"] == f"Contact already exists. Existing ID: {made['id']}"
    other = hubspot("POST", CONTACTS, {"properties": {"firstname": "Bob"}}).json()["id"]
    refused(hubspot("PATCH", f"{CONTACTS}/{other}", {"properties": {"email": "a+b@acme.example"}}), 409, "CONFLICT")
    read = hubspot("GET", f"{CONTACTS}/{made['id']}").json()["properties"]
    assert (read["firstname"], read["city"], read["hs_object_id"]) == ("Ada", "London", made["id"])
    assert hubspot("DELETE", f"{CONTACTS}/{made['id']}").status == 204
    assert hubspot("GET", by_email).status == 404
    refused(hubspot("POST", CONTACTS, {"properties": {"city": "nobody"}}))


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("email", "a@b", "INVALID_EMAIL"),
        ("nope", "x", "PROPERTY_DOESNT_EXIST"),
        ("lifecyclestage", "Nonsense", "INVALID_OPTION"),
        ("hs_object_id", "1", "READ_ONLY_VALUE"),
        ("hs_email_optout", "yes", "INVALID_OPTION"),
        ("city", "x" * 65_537, "PROPERTY_VALUE_TOO_LONG"),
    ],
)
def test_bad_values(hubspot, name, value, code):
    body = refused(hubspot("POST", CONTACTS, {"properties": {"email": "ada@acme.example", name: value}}))
    text, _, details = body["message"].partition(": ")
    assert text == "Property values were not valid"
    assert [(detail["name"], detail["error"]) for detail in json.loads(details)] == [(name, code)]


def test_values_are_strings(hubspot):
    refused(hubspot("POST", CONTACTS, {"properties": {"email": "ada@acme.example", "city": 7}}))


def test_properties(hubspot, sandbox):
    wanted = {"name": "scraped_on", "label": "x", "groupName": "contactinformation", "type": "string"}
    wanted |= {"fieldType": "text"}
    assert hubspot("GET", f"{PROPERTIES}/scraped_on").status == 404
    assert hubspot("POST", PROPERTIES, wanted).status == 201
    assert hubspot("GET", f"{PROPERTIES}/scraped_on").json()["type"] == "string"
    assert hubspot("POST", PROPERTIES, wanted).status == 409
    refused(hubspot("POST", PROPERTIES, {**wanted, "name": "Scraped-On"}))
    refused(hubspot("POST", PROPERTIES, {**wanted, "name": "other", "fieldType": "date"}))
    refused(hubspot("POST", PROPERTIES, {**wanted, "name": "other", "label": ""}))
    listed = {one["name"]: one for one in hubspot("GET", PROPERTIES).json()["results"]}
    assert listed["hs_object_id"]["modificationMetadata"]["readOnlyValue"]
    assert hubspot.upsert(("ada@acme.example", {"scraped_on": "2026-11-24"})).status == 200
    sandbox.reset()
    assert hubspot("GET", f"{PROPERTIES}/scraped_on").status == 404


def test_keys_and_scopes(hubspot, sandbox):
    hubspot.key = None
    answer = hubspot("GET", CONTACTS)
    assert (answer.status, answer.raw) == (401, b"")
    hubspot.key = "wrong"
    refused(hubspot("GET", CONTACTS), 401, "INVALID_AUTHENTICATION")
    hubspot.key = DEFAULT_KEY
    calls = [
        ("GET", CONTACTS, None),
        ("POST", CONTACTS, {"properties": {"email": "ada@acme.example"}}),
        ("GET", PROPERTIES, None),
        ("POST", PROPERTIES, {}),
        ("GET", "/account-info/2026-09/details", None),
    ]
    for scope, (method, path, body) in zip(SCOPES, calls, strict=True):
        sandbox.hubspot.set(hubspot_missing_scope=scope)
        error = refused(hubspot(method, path, body), 403, "MISSING_SCOPES")["errors"][0]
        assert error["context"]["requiredGranularScopes"] == [scope]


def test_the_two_limits(clock):
    with running_sandbox(hubspot_limit=3, clock=clock) as sandbox:
        hubspot = Client(sandbox.url)
        answers = [hubspot("GET", CONTACTS) for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["x-hubspot-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert answers[0].headers["x-hubspot-ratelimit-max"] == "3"
        assert answers[0].headers["x-hubspot-ratelimit-interval-milliseconds"] == "10000"
        assert answers[0].headers["x-hubspot-ratelimit-daily-remaining"] == "249999"
        assert answers[3].json()["policyName"] == "TEN_SECONDLY_ROLLING"
        clock.forward(10.1)
        sandbox.hubspot.use_budget(250_000, "day")
        assert hubspot("GET", CONTACTS).json()["policyName"] == "DAILY"
        hubspot.key = "wrong"
        assert hubspot("GET", CONTACTS).status == 401, "a wrong token costs the account nothing"
        hubspot.connection.close()


@pytest.mark.parametrize(
    ("kind", "status", "holds"),
    [
        ("429", 429, "TEN_SECONDLY_ROLLING"),
        ("429_secondly", 429, "SECONDLY"),
        ("429_daily", 429, "DAILY"),
        ("401", 401, "INVALID_AUTHENTICATION"),
        ("401_ip", 401, ""),
        ("423", 423, "LOCKED"),
        ("477", 477, "MIGRATION_IN_PROGRESS"),
        ("500", 500, "internal error"),
        ("502_html", 502, "Bad Gateway"),
        ("503", 503, "unavailable"),
    ],
)
def test_faults(hubspot, sandbox, kind, status, holds):
    sandbox.add_fault(kind, path="/hubspot", reset_after=77)
    answer = hubspot("GET", CONTACTS)
    assert answer.status == status
    assert holds in answer.raw.decode()
    assert (answer.headers.get("retry-after") == "77") == (kind == "477")
    assert bool(answer.raw) == bool(holds)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hubspot_key": ""},
        {"hubspot_limit": 0},
        {"hubspot_daily_limit": "9"},
        {"hubspot_missing_scope": "everything"},
        {"hubspot_forgets": None},
        {"hubspot_traces": 1},
    ],
)
def test_wrong_settings_change_nothing(sandbox, wrong):
    before = sandbox.hubspot.settings()
    with pytest.raises(ValueError, match="hubspot_"):
        sandbox.hubspot.set(**{"hubspot_unique_email": False, **wrong})
    assert sandbox.hubspot.settings() == before


def test_the_page_and_its_button(hubspot, sandbox, brevo):
    hubspot.upsert(("ada@acme.example", {"firstname": "<Ada>"}))
    text = brevo("GET", "/?platform=hubspot", root=True).raw.decode()
    assert "This is not HubSpot." in text
    assert "ada@acme.example" in text
    assert "&lt;Ada&gt;" in text
    contact = sandbox.hubspot.contact("ada@acme.example")
    assert brevo("POST", f"/_sandbox/hubspot/contacts/{contact.id}/unsubscribe", root=True).status == 303
    assert sandbox.hubspot.contact("ada@acme.example").properties["hs_email_optout"] == "true"
    assert 'class="blocked"' in brevo("GET", "/?platform=hubspot&q=ada", root=True).raw.decode()
    assert brevo("POST", "/_sandbox/hubspot/contacts/9/unsubscribe", root=True).status == 404
    state = brevo("GET", "/_sandbox/state", root=True).json()["platforms"]["hubspot"]
    assert (state["contacts"], state["properties"]) == (1, [])


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_the_account_says_whose_it_is(hubspot, version):
    answer = hubspot("GET", f"/account-info/{version}/details")
    assert answer.status == 200
    said = answer.json()
    # What HubSpot's specification of 2026-09 requires of the answer.
    assert set(said) == {
        *("accountType", "additionalCurrencies", "companyCurrency", "dataHostingLocation", "portalId"),
        *("timeZone", "uiDomain", "utcOffset", "utcOffsetMilliseconds"),
    }
    assert said["accountType"] == "DEVELOPER_TEST"
    host = f"{hubspot.connection.host}:{hubspot.connection.port}"
    assert said["uiDomain"] == host, "links to contacts lead to the sandbox's own page"
    assert hubspot("GET", "/account-info/2031-01/details").status == 404


# --- batch read ----------------------------------------------------------------------------------------------


def read(hubspot, *names, query="", **more):
    body = {"inputs": [{"id": name} for name in names], "properties": ["email", "firstname", "nothing"], **more}
    answer = hubspot("POST", f"{CONTACTS}/batch/read{query}", body)
    return answer.status, answer.json()


def ids_of(hubspot, *addresses):
    results = hubspot.upsert(*((one, {"firstname": "Ada", "lastname": "L"}) for one in addresses)).json()["results"]
    found = {one["properties"]["email"]: one["id"] for one in results}
    return [found[one] for one in addresses]


def test_batch_read_by_id_gives_what_was_asked_for(hubspot):
    ada, eve = ids_of(hubspot, "ada@acme.example", "eve@acme.example")
    status, body = read(hubspot, ada, eve)
    assert status == 200
    assert {one["id"] for one in body["results"]} == {ada, eve}
    one = body["results"][0]
    assert set(one["properties"]) == {"email", "firstname", "hs_object_id", "createdate", "lastmodifieddate"}
    assert one["archived"] is False
    assert "errors" not in body


def test_batch_read_by_address_whatever_its_letters(hubspot):
    [ada] = ids_of(hubspot, "ada@acme.example")
    status, body = read(hubspot, " Ada@Acme.Example", idProperty="email")
    assert (status, [one["id"] for one in body["results"]]) == (200, [ada])
    assert read(hubspot, "ada@acme.example")[0] == 207  # an address is no id


def test_batch_read_names_whom_there_is_not(hubspot):
    ada, eve = ids_of(hubspot, "ada@acme.example", "eve@acme.example")
    hubspot("DELETE", f"{CONTACTS}/{eve}")
    status, body = read(hubspot, ada, eve, "4711")
    assert status == 207
    assert [one["id"] for one in body["results"]] == [ada]
    assert body["numErrors"] == 1
    assert body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert body["errors"][0]["context"]["ids"] == [eve, "4711"]


def test_batch_read_of_archived_contacts(hubspot):
    ada, eve = ids_of(hubspot, "ada@acme.example", "eve@acme.example")
    hubspot("DELETE", f"{CONTACTS}/{eve}")
    status, body = read(hubspot, ada, eve, query="?archived=true")
    assert (status, [(one["id"], one["archived"]) for one in body["results"]]) == (207, [(eve, True)])


def test_batch_read_has_limits(hubspot):
    assert read(hubspot)[0] == 400
    assert read(hubspot, *map(str, range(101)))[0] == 400
    assert read(hubspot, "1", idProperty="phone")[0] == 400
    with running_sandbox() as running:
        running.hubspot.set(hubspot_missing_scope="crm.objects.contacts.read")
        client = Client(running.url)
        assert read(client, "1")[0] == 403
        client.connection.close()


def test_a_person_is_deleted_for_good_by_id_or_address(hubspot, sandbox):
    hubspot.upsert(*people(2))
    first, second = sandbox.hubspot.contacts.values()
    assert hubspot("POST", f"{CONTACTS}/gdpr-delete", {"objectId": first.id}).status == 204
    by_address = {"objectId": second.email.upper(), "idProperty": "email"}
    assert hubspot("POST", f"{CONTACTS}/gdpr-delete", by_address).status == 204
    assert sandbox.hubspot.contacts == {}
    assert sandbox.hubspot.account.store.blocklist == set()
    assert hubspot("POST", f"{CONTACTS}/gdpr-delete", by_address).status == 204
    assert sandbox.hubspot.account.store.blocklist == {second.email}
    refused(hubspot("POST", f"{CONTACTS}/gdpr-delete", {"objectId": first.id}), 404, "OBJECT_NOT_FOUND")


@pytest.mark.parametrize("body", [{}, {"objectId": 7}, {"objectId": "a", "idProperty": "firstname"}, []])
def test_a_deletion_for_good_that_names_nobody_is_refused(hubspot, body):
    refused(hubspot("POST", f"{CONTACTS}/gdpr-delete", body))


def test_to_delete_for_good_the_token_must_be_allowed_to_write(hubspot, sandbox):
    sandbox.hubspot.set(hubspot_missing_scope="crm.objects.contacts.write")
    refused(hubspot("POST", f"{CONTACTS}/gdpr-delete", {"objectId": "1"}), 403, "MISSING_SCOPES")
