"""Creating, updating, reading and deleting contacts."""

from dataclasses import replace

import pytest


def refused(answer, code="invalid_parameter", status=400):
    assert answer.status == status
    assert answer.json()["code"] == code
    assert answer.json()["message"]
    return answer.json()


def test_create_gives_an_id_and_upsert_an_empty_204(brevo):
    created = brevo.upsert("Info@Acme.example", attributes={"FIRSTNAME": "Ada"})
    assert created.status == 201
    again = brevo.upsert("info@ACME.example", attributes={"LASTNAME": "Lovelace"})
    assert (again.status, again.raw) == (204, b"")
    assert "content-length" not in again.headers
    contact = brevo.read(created.json()["id"])
    assert contact["email"] == "info@acme.example"
    assert contact["attributes"] == {"FIRSTNAME": "Ada", "LASTNAME": "Lovelace"}
    assert contact["statistics"] == {}


@pytest.mark.parametrize(
    "email",
    [
        "",
        "plain",
        "a@",
        "@b.example",
        "a b@c.example",
        "a@b",
        "a..b@c.example",
        ".a@c.example",
        "a@c..example",
        "a@-c.example",
        "a@c.example\x00",
        "a@c.example\n",
        "é@c.example",
        "a@[1.2.3.4]",
        "x" * 65 + "@c.example",
        "a@" + "b." * 130 + "example",
        7,
        True,
        ["a@c.example"],
        {"a": 1},
    ],
)
def test_invalid_addresses(brevo, sandbox, email):
    body = refused(brevo.upsert(email))
    assert body["message"] == "Invalid email address"
    assert sandbox.brevo.contacts == {}


@pytest.mark.parametrize("email", ["o'neil+x@a.example", "a.b@sub.a-b.example", "1@2.xn--p1ai"])
def test_unusual_but_valid_addresses(brevo, email):
    assert brevo.upsert(email).status == 201


def test_a_contact_needs_an_identifier(brevo):
    refused(brevo("POST", "/contacts", {"attributes": {"FIRSTNAME": "Ada"}}), "missing_parameter")
    refused(brevo("POST", "/contacts"), "missing_parameter")
    refused(brevo("POST", "/contacts", ["a"]), "bad_request")


def test_existing_address_without_update_enabled(brevo):
    brevo.upsert("a@acme.example")
    body = refused(brevo("POST", "/contacts", {"email": "A@acme.example"}), "duplicate_parameter")
    assert body["metadata"] == {"duplicate_identifiers": ["email"]}


@pytest.mark.parametrize("phone", ["33612345678", "+33612345678", "0033612345678", 33612345678])
def test_sms_is_stored_as_digits(brevo, phone):
    assert brevo.upsert("a@acme.example", attributes={"SMS": phone}).status == 201
    assert brevo.read("a%40acme.example")["attributes"] == {"SMS": "33612345678"}
    assert brevo.read("33612345678", "?identifierType=phone_id")["email"] == "a@acme.example"


@pytest.mark.parametrize("name", ["SMS", "WHATSAPP", "LANDLINE_NUMBER"])
@pytest.mark.parametrize(
    "phone", ["0612345678", "123", "+33 6 12 34 56 78", "3361234567 ext 5", True, ["33612345678"]]
)
def test_bad_phone_refuses_the_whole_contact(brevo, sandbox, name, phone):
    body = refused(brevo.upsert("a@acme.example", attributes={"FIRSTNAME": "Ada", name: phone}, listIds=[2]))
    assert body["message"] == ("Invalid WHATSAPP format" if name == "WHATSAPP" else "Invalid phone number")
    assert sandbox.brevo.contacts == {}


@pytest.mark.parametrize("name", ["SMS", "WHATSAPP", "LANDLINE_NUMBER"])
def test_phones_are_unique_and_nothing_is_applied_on_a_clash(brevo, name):
    brevo.upsert("a@acme.example", attributes={name: "33612345678"})
    brevo.upsert("b@acme.example", attributes={"FIRSTNAME": "Bea"})
    clash = {"FIRSTNAME": "Eve", name: "+33612345678"}
    for email in ("b@acme.example", "c@acme.example"):
        body = refused(brevo.upsert(email, attributes=clash, listIds=[2]), "duplicate_parameter")
        assert body["metadata"] == {"duplicate_identifiers": [name]}
    contact = brevo.read("b%40acme.example")
    assert (contact["attributes"], contact["listIds"]) == ({"FIRSTNAME": "Bea"}, [])
    assert brevo("GET", "/contacts/c%40acme.example").status == 404


def test_empty_sms_clears_the_number_and_frees_it(brevo):
    brevo.upsert("a@acme.example", attributes={"SMS": "33612345678"})
    assert brevo.upsert("a@acme.example", attributes={"SMS": ""}).status == 204
    assert brevo.upsert("b@acme.example", attributes={"SMS": "33612345678"}).status == 201


def test_a_contact_by_phone_alone_gets_a_made_up_address(brevo):
    assert brevo("POST", "/contacts", {"attributes": {"SMS": "33612345678"}}).status == 201
    assert brevo.read("33612345678")["email"] == "33612345678@mailin-sms.com"
    assert brevo("POST", "/contacts", {"attributes": {"SMS": "33612345678"}, "updateEnabled": True}).status == 204


def test_ext_id_identifies_and_is_unique(brevo):
    brevo.upsert("a@acme.example", ext_id="one")
    assert brevo.read("one", "?identifierType=ext_id")["attributes"] == {"EXT_ID": "one"}
    body = refused(brevo.upsert("b@acme.example", ext_id="one"), "duplicate_parameter")
    assert body["metadata"] == {"duplicate_identifiers": ["ext_id"]}
    assert brevo("POST", "/contacts", {"ext_id": "two"}).status == 201
    assert "email" not in brevo.read("two", "?identifierType=ext_id")


def test_unknown_attributes_and_wrong_types_vanish_silently(brevo):
    brevo.define("SCORE", type="float")
    brevo.define("SINCE", type="date")
    brevo.define("HAS_GMAIL", type="boolean")
    brevo.define("KIND", "category", enumeration=[{"value": 1, "label": "A"}, {"value": 2, "label": "B"}])
    brevo.define("TAGS", type="multiple-choice", multiCategoryOptions=["x", "y"])
    wrong = {"NOPE": "x", "firstname": "x", "FIRSTNAME": 5, "SCORE": "5", "SINCE": "tomorrow", "HAS_GMAIL": "yes"}
    wrong |= {"KIND": 9, "TAGS": ["z"], "LASTNAME": None}
    assert brevo.upsert("a@acme.example", attributes=wrong).status == 201
    assert brevo.read("a%40acme.example")["attributes"] == {}
    right = {"FIRSTNAME": "Ada", "SCORE": 5.5, "SINCE": "2026-02-28", "HAS_GMAIL": False, "KIND": "B", "TAGS": ["y"]}
    assert brevo.upsert("a@acme.example", attributes=right).status == 204
    assert brevo.read("a%40acme.example")["attributes"] == {**right, "KIND": 2}
    assert brevo.upsert("a@acme.example", attributes={**wrong, "SINCE": "2026-02-30"}).status == 204
    assert brevo.read("a%40acme.example")["attributes"] == {**right, "KIND": 2}


def test_list_ids_add_and_unknown_ones_are_refused(brevo, sandbox):
    other = brevo("POST", "/contacts/lists", {"name": "Other", "folderId": 1}).json()["id"]
    brevo.upsert("a@acme.example", listIds=[2])
    brevo.upsert("a@acme.example", listIds=[other])
    assert brevo.read("a%40acme.example")["listIds"] == [2, other]
    refused(brevo.upsert("a@acme.example", listIds=[2, 99], attributes={"FIRSTNAME": "Eve"}))
    assert sandbox.brevo.contact("A@acme.example").attributes == {}
    refused(brevo.upsert("a@acme.example", listIds=["2"]))
    refused(brevo.upsert("a@acme.example", listIds=2))


def test_a_block_survives_an_upsert_and_a_named_false_lifts_it(brevo, sandbox):
    brevo.upsert("a@acme.example")
    sandbox.brevo.unsubscribe("a@acme.example")
    assert brevo.upsert("a@acme.example", listIds=[2], attributes={"FIRSTNAME": "Ada"}).status == 204
    contact = brevo.read("a%40acme.example")
    assert (contact["emailBlacklisted"], contact["listIds"]) == (True, [2])
    brevo.upsert("a@acme.example", emailBlacklisted=False)
    assert not sandbox.brevo.contact("a@acme.example").email_blacklisted
    brevo.upsert("b@acme.example", emailBlacklisted=True)
    assert sandbox.brevo.contact("b@acme.example").email_blacklisted


def test_a_block_by_the_id_stays_and_comes_back_when_read(brevo, sandbox):
    number = brevo.upsert("a@acme.example", listIds=[2]).json()["id"]
    answer = brevo("PUT", f"/contacts/{number}?identifierType=contact_id", {"emailBlacklisted": True})
    assert (answer.status, answer.raw) == (204, b"")
    brevo.upsert("a@acme.example", attributes={"FIRSTNAME": "Ada"})
    (contact,) = brevo("GET", "/contacts?sort=asc&limit=1000").json()["contacts"]
    assert (contact["emailBlacklisted"], contact["listIds"], contact["listUnsubscribed"]) == (True, [2], [])
    refused(brevo("PUT", f"/contacts/{number}", {"emailBlacklisted": "yes"}))
    refused(
        brevo("PUT", "/contacts/99?identifierType=contact_id", {"emailBlacklisted": True}), "document_not_found", 404
    )


def test_the_lists_that_a_person_has_left(brevo, sandbox):
    brevo.upsert("a@acme.example", listIds=[2])
    store = sandbox.brevo.account.store
    store.put(replace(sandbox.brevo.contact("a@acme.example"), list_unsubscribed=(2,)))
    assert brevo.read("a%40acme.example")["listUnsubscribed"] == [2]


@pytest.mark.parametrize(
    "fields",
    [{"updateEnabled": "yes"}, {"emailBlacklisted": 1}, {"attributes": []}, {"ext_id": 5}, {"forceMerge": True}],
)
def test_fields_of_the_wrong_type_are_refused(brevo, fields):
    refused(brevo.upsert("a@acme.example", **fields))


def test_put_changes_only_what_it_names(brevo):
    brevo.upsert("a@acme.example", listIds=[2], attributes={"FIRSTNAME": "Ada"})
    body = {"attributes": {"EMAIL": "New@acme.example", "LASTNAME": "L"}, "unlinkListIds": [2]}
    assert brevo("PUT", "/contacts/a%40acme.example", body).status == 204
    contact = brevo.read("new%40acme.example")
    assert contact["attributes"] == {"FIRSTNAME": "Ada", "LASTNAME": "L"}
    assert contact["listIds"] == []
    assert brevo("GET", "/contacts/a%40acme.example").status == 404


def test_put_refuses_taken_addresses_and_unknown_contacts(brevo):
    brevo.upsert("a@acme.example")
    brevo.upsert("b@acme.example")
    answer = brevo("PUT", "/contacts/a%40acme.example", {"attributes": {"EMAIL": "B@acme.example"}})
    assert refused(answer, "duplicate_parameter")["metadata"] == {"duplicate_identifiers": ["email"]}
    body = refused(brevo("PUT", "/contacts/x%40acme.example", {}), "document_not_found", 404)
    assert body["message"] == "Contact does not exist"


def test_delete_forgets_contact_block_and_memberships(brevo, sandbox):
    brevo.upsert("a+b@acme.example", listIds=[2], emailBlacklisted=True, attributes={"SMS": "33612345678"})
    assert brevo("DELETE", "/contacts/a%2Bb%40acme.example").status == 204
    assert brevo("DELETE", "/contacts/a%2Bb%40acme.example").status == 404
    assert brevo("GET", "/contacts/lists/2").json()["uniqueSubscribers"] == 0
    assert brevo.upsert("a+b@acme.example", attributes={"SMS": "33612345678"}).status == 201
    assert brevo.read(2)["emailBlacklisted"] is False


def test_identifier_forms(brevo):
    brevo.upsert("a@acme.example", ext_id="7", attributes={"SMS": "33612345678", "WHATSAPP": "33612345679"})
    for identifier in ("1", "a%40acme.example", "A%40ACME.example", "33612345678", "%2B33612345678"):
        assert brevo.read(identifier)["id"] == 1
    queries = {"1": "contact_id", "a%40acme.example": "email_id", "7": "ext_id", "33612345679": "whatsapp_id"}
    for identifier, kind in queries.items():
        assert brevo.read(identifier, f"?identifierType={kind}")["id"] == 1
    refused(brevo("GET", "/contacts/1?identifierType=nonsense"))
    refused(brevo("GET", "/contacts/nobody"))
    refused(brevo("GET", "/contacts/bad%40"))
    assert brevo("PUT", "/contacts/33612345678", {}).status == 404
    assert brevo("GET", "/contacts/2").status == 404


def test_paging_through_contacts(brevo):
    for number in range(5):
        brevo.upsert(f"a{number}@acme.example", listIds=[2] if number % 2 else [])
    answer = brevo("GET", "/contacts?limit=2&offset=1").json()
    assert [contact["id"] for contact in answer["contacts"]] == [4, 3]
    assert answer["count"] == 5
    answer = brevo("GET", "/contacts?limit=2&offset=1&sort=asc").json()
    assert [contact["id"] for contact in answer["contacts"]] == [2, 3]
    assert brevo("GET", "/contacts?offset=9").json() == {"contacts": [], "count": 5}
    assert brevo("GET", "/contacts?listIds=2").json()["count"] == 2
    assert brevo("GET", "/contacts?limit=1000").status == 200
    assert brevo("GET", "/contacts/lists/2/contacts?limit=500&sort=asc").json()["count"] == 2


@pytest.mark.parametrize(
    "query",
    [
        "limit=1001",
        "limit=-1",
        "limit=x",
        "offset=-1",
        "sort=up",
        "modifiedSince=yesterday",
        "createdSince=",
        "limit=",
        "modifiedSince=2026-01-01T00:00:00 02:00",
        "filter=x",
        "segmentId=1",
        "listIds=x",
    ],
)
def test_bad_paging_is_refused(brevo, query):
    assert brevo("GET", f"/contacts?{query.replace(' ', '+')}").status == 400
    if "limit=1001" in query:
        assert brevo("GET", "/contacts/lists/2/contacts?limit=501").status == 400
        assert brevo("GET", "/contacts/lists?limit=51").status == 400
        assert brevo("GET", "/contacts/folders?limit=51").status == 400
