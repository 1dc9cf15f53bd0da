"""What HubSpot's error bodies come to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubspot_sync.details import Detail, Said, read, trace_ids
from hubspot_sync.tests.support import bad_value, error

TWO = json.dumps(
    [
        {"isValid": False, "message": "bad address", "error": "INVALID_EMAIL", "name": "email"},
        {"isValid": False, "message": "no such", "error": "PROPERTY_DOESNT_EXIST", "name": "x_y"},
    ]
)


def test_details_inside_the_message() -> None:
    said = read(error(f"Property values were not valid: {TWO}"))
    assert said.message == "email: bad address (INVALID_EMAIL); x_y: no such (PROPERTY_DOESNT_EXIST)"
    assert said.properties == ["email", "x_y"]
    assert said.missing_properties == ["x_y"]
    assert (said.code, said.category, said.correlation_id) == ("INVALID_EMAIL", "VALIDATION_ERROR", "c-1")


def test_details_in_errors() -> None:
    entry = {"message": "no such", "code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["one", "two"]}}
    said = read(error("some", errors=[entry]))
    assert said.missing_properties == ["one", "two"]
    assert said.message == "one: no such (PROPERTY_DOESNT_EXIST); two: no such (PROPERTY_DOESNT_EXIST)"


@pytest.mark.parametrize(
    "body",
    [
        error("some", errors=[{"message": "no such", "code": "PROPERTY_DOESNT_EXIST"}]),
        error("some", errors=[{"code": "PROPERTY_DOESNT_EXIST"}]),
        bad_value("", "PROPERTY_DOESNT_EXIST", "no such"),
        error("no such", "PROPERTY_DOESNT_EXIST"),
    ],
    ids=["errors", "errors without words", "message", "category"],
)
def test_a_missing_property_without_a_name(body: Any) -> None:
    said = read(body)
    assert said.lacks_property
    assert said.missing_properties == []
    assert said.code == "PROPERTY_DOESNT_EXIST"


def test_the_same_detail_in_both_places_is_one() -> None:
    entry = {"message": "again", "code": "INVALID_EMAIL", "context": {"propertyName": ["email"]}}
    said = read({**bad_value("email", "INVALID_EMAIL", "bad address"), "errors": [entry]})
    assert said.details == (Detail("email", "INVALID_EMAIL", "bad address"),)


def test_details_inside_an_errors_message() -> None:
    said = read(error("some", errors=[{"message": f"Not valid: {TWO}"}]))
    assert said.properties == ["email", "x_y"]


@pytest.mark.parametrize("name", ["requiredGranularScopes", "requiredScopes", "missingScopes"])
def test_scopes(name: str) -> None:
    entry = {"message": "One or more scopes are required.", "context": {name: ["a.read", "a.write", "a.read"]}}
    said = read(error("not granted", "MISSING_SCOPES", errors=[entry]))
    assert said.scopes == ("a.read", "a.write")
    assert said.message == "not granted"


@pytest.mark.parametrize(
    ("body", "existing"),
    [
        (error("Contact already exists. Existing ID: 176557805654", "CONFLICT"), "176557805654"),
        (error("Conflict", "CONFLICT", context={"existingId": ["77"]}), "77"),
        (error("Conflict", "CONFLICT", context={"existingId": 77}), "77"),
        (error("Conflict", "CONFLICT"), ""),
    ],
    ids=["words", "context", "context, a number", "none"],
)
def test_the_id_that_is_in_the_way(body: Any, existing: str) -> None:
    assert read(body).existing_id == existing


def test_a_limit() -> None:
    said = read({"status": "error", "message": "daily", "errorType": "RATE_LIMIT", "policyName": "DAILY"})
    assert (said.policy, said.category) == ("DAILY", "RATE_LIMIT")


@pytest.mark.parametrize(
    "message",
    ["", "plain words", "Not valid: [{", "Not valid: [{]", "[{" * 5000, 'x: [{"a":', 'x: [{"name": {}}, 7, null]'],
    ids=lambda text: text[:12],
)
def test_messages_that_only_look_like_it(message: str) -> None:
    said = read(error(message))
    assert said.message == message or not said.message.strip("; ")
    assert said.properties == []


def test_whose_error_it_is() -> None:
    assert trace_ids({"context": {"objectWriteTraceId": ["a", "b"]}}) == ["a", "b"]
    assert trace_ids({"context": {"objectWriteTraceId": "a"}}) == ["a"]
    assert trace_ids({"context": {"ids": ["ada@acme.example"]}}) == []
    assert trace_ids({}) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["message", "errors", "context", "category", "code", "propertyName"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_body_can_be_read(body: Any) -> None:
    assert isinstance(read(body), Said)
