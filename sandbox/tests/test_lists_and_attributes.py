"""Attributes, lists, folders, the account, and times."""

from sandbox.server import running_sandbox
from sandbox.tests.client import Client
from sandbox.tests.test_contacts import refused


def test_a_fresh_account(brevo):
    attributes = brevo("GET", "/contacts/attributes").json()["attributes"]
    assert {one["name"]: (one["category"], one["type"]) for one in attributes} == dict.fromkeys(
        ("FIRSTNAME", "LASTNAME", "SMS"), ("normal", "text")
    )
    lists = brevo("GET", "/contacts/lists").json()
    assert lists["count"] == 1
    assert lists["lists"][0]["id"] == 2
    assert lists["lists"][0]["name"] == "ScraperSky demo"
    assert brevo("GET", "/contacts/folders").json()["folders"][0]["id"] == 1
    account = brevo("GET", "/account").json()
    assert account["plan"][0]["type"] == "free"


def test_create_attributes(brevo):
    answer = brevo("POST", "/contacts/attributes/normal/COMPANY", {"type": "text"})
    assert (answer.status, answer.raw) == (201, b"")
    body = refused(brevo("POST", "/contacts/attributes/normal/COMPANY", {"type": "float"}))
    assert "must be unique" in body["message"]
    for taken in ("company", "SMS", "EMAIL", "WHATSAPP"):
        refused(brevo("POST", f"/contacts/attributes/normal/{taken}", {"type": "text"}))
    names = [one["name"] for one in brevo("GET", "/contacts/attributes").json()["attributes"]]
    assert names.count("COMPANY") == 1


def test_attribute_bodies_that_are_refused(brevo):
    refused(brevo("POST", "/contacts/attributes/normal/A", {}), "missing_parameter")
    refused(brevo("POST", "/contacts/attributes/normal/A"), "missing_parameter")
    refused(brevo("POST", "/contacts/attributes/normal/A", {"type": "id"}))
    refused(brevo("POST", "/contacts/attributes/normal/A", {"type": ["text"]}))
    refused(brevo("POST", "/contacts/attributes/odd/A", {"type": "text"}))
    refused(brevo("POST", "/contacts/attributes/normal/A-B", {"type": "text"}))
    refused(brevo("POST", "/contacts/attributes/category/A", {"type": "category"}), "missing_parameter")
    refused(brevo("POST", "/contacts/attributes/category/A", {"enumeration": [{"value": "1", "label": "x"}]}))
    refused(brevo("POST", "/contacts/attributes/normal/A", {"type": "multiple-choice"}), "missing_parameter")
    long = {"type": "multiple-choice", "multiCategoryOptions": ["x" * 201]}
    refused(brevo("POST", "/contacts/attributes/normal/A", long))
    brevo.define("SUM", "calculated", value="COUNT[A]")
    brevo.define("ORDER", "transactional", type="id")


def test_create_and_read_lists(brevo):
    answer = brevo("POST", "/contacts/lists", {"name": "Spring", "folderId": 1})
    assert answer.status == 201
    found = brevo("GET", f"/contacts/lists/{answer.json()['id']}").json()
    assert (found["name"], found["folderId"], found["uniqueSubscribers"]) == ("Spring", 1, 0)
    assert brevo("GET", "/contacts/lists?limit=1").json()["lists"][0]["name"] == "Spring"
    refused(brevo("POST", "/contacts/lists", {"folderId": 1}), "missing_parameter")
    refused(brevo("POST", "/contacts/lists", {"name": "x"}), "missing_parameter")
    refused(brevo("POST", "/contacts/lists", {"name": "x", "folderId": 9}), "document_not_found", 404)
    refused(brevo("GET", "/contacts/lists/99"), "document_not_found", 404)
    refused(brevo("GET", "/contacts/lists/x"))


def test_folders(brevo):
    folder = brevo("POST", "/contacts/folders", {"name": "Events"}).json()["id"]
    assert brevo("POST", "/contacts/lists", {"name": "x", "folderId": folder}).status == 201
    refused(brevo("POST", "/contacts/folders", {}), "missing_parameter")
    brevo.upsert("a@acme.example", listIds=[2])
    folders = brevo("GET", "/contacts/folders?sort=asc").json()
    assert [one["uniqueSubscribers"] for one in folders["folders"]] == [1, 0]


def test_add_to_and_remove_from_a_list(brevo):
    brevo.upsert("a@acme.example", ext_id="x")
    brevo.upsert("b@acme.example")
    add, remove = "/contacts/lists/2/contacts/add", "/contacts/lists/2/contacts/remove"
    answer = brevo("POST", add, {"emails": ["A@acme.example", "a@acme.example", "no@acme.example"]})
    assert answer.status == 201
    assert answer.json()["contacts"] == {
        "success": ["A@acme.example"],
        "failure": ["a@acme.example", "no@acme.example"],
    }
    assert brevo.read(1)["listIds"] == [2]
    refused(brevo("POST", add, {"ids": [1]}))
    assert brevo("POST", add, {"ids": [2]}).json()["contacts"]["success"] == [2]
    assert brevo("POST", remove, {"extIds": ["x"]}).json()["contacts"]["success"] == ["x"]
    refused(brevo("POST", remove, {"extIds": ["x"]}))
    assert brevo("POST", remove, {"all": True}).json()["contacts"]["total"] == 1
    assert brevo("GET", "/contacts/lists/2/contacts").json() == {"contacts": [], "count": 0}


def test_list_calls_that_are_refused(brevo):
    add = "/contacts/lists/2/contacts/add"
    refused(brevo("POST", add, {}))
    refused(brevo("POST", add, {"emails": []}))
    refused(brevo("POST", add, {"emails": ["a@acme.example"] * 151}))
    refused(brevo("POST", add, {"emails": ["a@acme.example"], "ids": [1]}))
    refused(brevo("POST", add, {"ids": ["1"]}))
    refused(brevo("POST", "/contacts/lists/9/contacts/add", {"ids": [1]}), "document_not_found", 404)


def test_times_and_the_since_filters():
    moment = [1_795_169_700.0]
    with running_sandbox(rate_limit=None, now=lambda: moment[0]) as sandbox:
        brevo = Client(sandbox.url)
        brevo.upsert("a@acme.example", listIds=[2])
        moment[0] += 60
        brevo.upsert("b@acme.example", listIds=[2])
        moment[0] += 60
        brevo.upsert("a@acme.example", attributes={"FIRSTNAME": "Ada"})
        contact = brevo.read("a%40acme.example")
        assert contact["createdAt"] == "2026-11-20T10:15:00.000Z"
        assert contact["modifiedAt"] == "2026-11-20T10:17:00.000Z"
        for path in ("/contacts", "/contacts/lists/2/contacts"):
            found = brevo("GET", f"{path}?modifiedSince=2026-11-20T11:17:00.000%2B01:00").json()
            assert [one["email"] for one in found["contacts"]] == ["a@acme.example"]
            assert brevo("GET", f"{path}?modifiedSince=2026-11-20T10:16:00").json()["count"] == 2
        assert brevo("GET", "/contacts?createdSince=2026-11-20T10:16:00Z").json()["count"] == 1
        brevo.close()


def test_who_leaves_one_list_is_not_blocked(brevo, sandbox):
    brevo.upsert("ada@acme.example", listIds=[2])
    sandbox.brevo.leave_list("ada@acme.example", 2)
    ada = brevo.read("ada%40acme.example")
    assert (ada["listIds"], ada["listUnsubscribed"], ada["emailBlacklisted"]) == ([], [2], False)
    assert brevo("GET", "/contacts/lists/2/contacts").json()["count"] == 0
    assert brevo("GET", "/contacts").json()["contacts"][0]["listUnsubscribed"] == [2]
