"""Our answers against the vendor's OpenAPI document, which lies beside the checkout and not in it."""

import functools
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).resolve().parents[3] / "shared" / "reference" / "brevo-contacts-openapi.yaml"
pytestmark = pytest.mark.skipif(
    not DOCUMENT.exists(), reason="the vendor's OpenAPI document is not at ../shared/reference beside this checkout"
)


@functools.cache
def document():
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load(DOCUMENT.read_text())


def resolve(node):
    while "$ref" in node:
        found = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def checked(answer, method, path, *, status):
    """The status must be documented; a body must fit its schema, an undocumented body must be empty."""
    from openapi_schema_validator import OAS30Validator

    assert answer.status == status, answer
    response = resolve(document()["paths"][path][method]["responses"][str(status)])
    media = response.get("content", {}).get("application/json")
    if media is None:
        assert answer.raw == b""
        return None
    # The components stand beside the schema, where its references look for them.
    schema = {"components": document()["components"], "allOf": [media["schema"]]}
    body = answer.json()
    errors = list(OAS30Validator(schema).iter_errors(body))
    assert errors == []
    return body


def test_contacts(brevo):
    contact = {"email": "a@acme.example", "ext_id": "x", "attributes": {"SMS": "33612345678"}, "listIds": [2]}
    checked(brevo("POST", "/contacts", contact), "post", "/contacts", status=201)
    checked(brevo("POST", "/contacts", {**contact, "updateEnabled": True}), "post", "/contacts", status=204)
    checked(brevo("POST", "/contacts", contact), "post", "/contacts", status=400)
    checked(brevo("POST", "/contacts", {"email": "bad"}), "post", "/contacts", status=400)
    checked(brevo("POST", "/contacts", {}), "post", "/contacts", status=400)
    checked(brevo("GET", "/contacts"), "get", "/contacts", status=200)
    checked(brevo("GET", "/contacts?limit=5000"), "get", "/contacts", status=400)
    one = "/contacts/{identifier}"
    checked(brevo("GET", "/contacts/1"), "get", one, status=200)
    checked(brevo("GET", "/contacts/9"), "get", one, status=404)
    checked(brevo("GET", "/contacts/x%40"), "get", one, status=400)
    checked(brevo("PUT", "/contacts/1", {"emailBlacklisted": True}), "put", one, status=204)
    checked(brevo("PUT", "/contacts/1", {"attributes": {"SMS": "1"}}), "put", one, status=400)
    checked(brevo("PUT", "/contacts/9", {}), "put", one, status=404)
    checked(brevo("DELETE", "/contacts/1"), "delete", one, status=204)
    checked(brevo("DELETE", "/contacts/1"), "delete", one, status=404)


def test_attributes_lists_folders_account(brevo):
    post = "/contacts/attributes/{attributeCategory}/{attributeName}"
    answer = brevo("POST", "/contacts/attributes/category/KIND", {"enumeration": [{"value": 1, "label": "A"}]})
    checked(answer, "post", post, status=201)
    checked(brevo("POST", "/contacts/attributes/normal/KIND", {"type": "text"}), "post", post, status=400)
    checked(brevo("GET", "/contacts/attributes"), "get", "/contacts/attributes", status=200)
    checked(brevo("GET", "/contacts/lists"), "get", "/contacts/lists", status=200)
    body = {"name": "x", "folderId": 1}
    made = checked(brevo("POST", "/contacts/lists", body), "post", "/contacts/lists", status=201)
    one = "/contacts/lists/{listId}"
    checked(brevo("GET", f"/contacts/lists/{made['id']}"), "get", one, status=200)
    checked(brevo("GET", "/contacts/lists/99"), "get", one, status=404)
    brevo.upsert("a@acme.example")
    for action in ("add", "remove"):
        # One of each, because the vendor's schema (a oneOf of two array types) refuses an empty array.
        both = {"emails": ["a@acme.example", "nobody@acme.example"]}
        answer = brevo("POST", f"/contacts/lists/2/contacts/{action}", both)
        checked(answer, "post", f"{one}/contacts/{action}", status=201)
        answer = brevo("POST", f"/contacts/lists/2/contacts/{action}", {"emails": ["b@acme.example"]})
        checked(answer, "post", f"{one}/contacts/{action}", status=400)
    checked(brevo("GET", "/contacts/lists/2/contacts"), "get", f"{one}/contacts", status=200)
    checked(brevo("GET", "/contacts/folders"), "get", "/contacts/folders", status=200)
    checked(brevo("POST", "/contacts/folders", {"name": "x"}), "post", "/contacts/folders", status=201)
    checked(brevo("GET", "/account"), "get", "/account", status=200)


def test_a_wrong_answer_would_be_noticed(brevo):
    answer = brevo("GET", "/contacts")
    answer.raw = b'{"contacts": [{"id": "1"}], "count": 1}'
    with pytest.raises(AssertionError):
        checked(answer, "get", "/contacts", status=200)


def test_keys_and_faults(brevo, sandbox):
    brevo.key = "wrong"
    checked(brevo("GET", "/contacts"), "get", "/contacts", status=401)
    brevo.key = "sandbox-brevo-key"
    for kind, status in (("425", 425), ("429", 429), ("401_ip", 401)):
        sandbox.add_fault(kind, times=1)
        checked(brevo.upsert("a@acme.example"), "post", "/contacts", status=status)
