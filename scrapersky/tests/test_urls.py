"""The addresses beside the contacts': home, schema, documentation, and what does not exist."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from openapi_schema_validator import OAS30Validator

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create(username="ann"))
    return client


def test_home_leads_to_the_contacts() -> None:
    answer = Client().get("/")

    assert (answer.status_code, answer["Location"]) == (302, "/admin/contacts/contact/")


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_schema_has_every_call(client: Client, slash: str) -> None:
    answer = client.get(f"/api/schema{slash}")

    assert answer.status_code == 200
    schema: dict[str, Any] = yaml.safe_load(answer.content)
    assert schema["openapi"].startswith("3.")
    calls = {(method, path) for path, item in schema["paths"].items() for method in item}
    contacts = "/api/v3/contacts"
    assert calls >= {
        *(("get", contacts), ("post", contacts)),
        *((method, f"{contacts}/{{id}}") for method in ("get", "put", "patch", "delete")),
        *(("put", f"{contacts}/status"), ("put", f"{contacts}/status/filtered")),
        *(("post", f"{contacts}/brevo/sync/{name}") for name in ("batch", "filtered", "cancel")),
        *(("get", f"{contacts}/brevo/status/summary"), ("post", "/api/token"), ("post", "/api/token/refresh")),
    }
    assert not [path for path in schema["paths"] if path.endswith(("/", "/?"))]
    listed = schema["paths"][contacts]["get"]
    assert {parameter["name"] for parameter in listed["parameters"]} >= {"limit", "offset", "has_gmail", "domain_id"}
    answered = listed["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    assert schema["components"]["schemas"][answered.rpartition("/")[2]]["type"] == "array"
    for component in schema["components"]["schemas"].values():
        OAS30Validator.check_schema(component)


def test_the_schema_is_made_without_a_warning(tmp_path: Any) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_documentation_renders_from_our_own_files(client: Client, slash: str) -> None:
    html = client.get(f"/api/docs{slash}").content.decode()

    assert "swagger-ui" in html
    assert "https://cdn" not in html


def test_schema_and_documentation_are_for_those_who_logged_in() -> None:
    for path in ("/api/schema", "/api/docs"):
        assert Client().get(path).status_code == 401


def test_documentation_takes_no_other_method(client: Client) -> None:
    for method in ("POST", "OPTIONS"):
        assert client.generic(method, "/api/docs").status_code == 405


@pytest.mark.parametrize("path", ["/nothing", "/admin/nothing/", "/health/nothing", "/%00", "/%FF", "//"])
def test_what_does_not_exist(client: Client, path: str) -> None:
    assert client.get(path).status_code in (302, 404)


def test_pages_may_not_be_framed_and_their_type_is_not_guessed() -> None:
    answer = Client().get("/admin/login/")

    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.django_db
def test_an_unknown_address_answers_json_to_every_method() -> None:
    client = Client(enforce_csrf_checks=True)
    for method in ("get", "post", "put", "delete"):
        answer = getattr(client, method)("/api/v3/contacts/nowhere/sync/batch")
        assert answer.status_code == 404
        assert "detail" in answer.json()


def test_a_body_without_a_length_is_refused_instead_of_read_as_empty() -> None:
    answer = Client().post(
        "/api/token",
        "{}",
        content_type="application/json",
        headers={"transfer-encoding": "chunked"},
        CONTENT_LENGTH="",
    )
    assert answer.status_code == 411
    assert "Content-Length" in answer.json()["detail"]
