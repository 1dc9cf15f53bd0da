"""Reading reports: of every workflow that was built from the old guide, or by trial and error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from n8n_sync.inbound import DATA, Unreadable, read_report, read_time

KEY = "00000000-0000-0000-0000-000000000007"
LEAST = {"contact_id": KEY, "enrichment_id": "run-1", "status": "complete", "timestamp": "2026-11-24T12:00:00Z"}


def columns(**changes: Any) -> dict[str, Any]:
    return read_report({**LEAST, **changes}).columns


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T12:00:00Z",
        "2026-11-24T12:00:00.000Z",
        "2026-11-24T13:00:00+01:00",
        "2026-11-24T12:00:00.000000+00:00",
        "2026-11-24T12:00:00.000000000Z",
        "2026-11-24 12:00:00",
        "2026-11-24T12:00",
        " 2026-11-24T12:00:00Z ",
        1795521600,
        1795521600000,
        "1795521600",
    ],
)
def test_times_in_every_form(text: Any) -> None:
    assert read_time(text) == datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", [None, "", "soon", "2026-13-01", True, {}, 0, -5, 1e300, "9999-12-31T23:59:59-12:00"])
def test_what_is_no_time(text: Any) -> None:
    with pytest.raises(ValueError, match="Give a time such as"):
        read_time(text)


@pytest.mark.parametrize(
    "metadata",
    [
        {"enrichment_duration_seconds": 4.2, "api_calls_made": 3, "cost_estimate": 0.15},
        {"duration_seconds": 4.2, "api_calls": 3, "cost_estimate": 0.15},
        {"duration_seconds": "4.2", "api_calls": "3", "cost_estimate": "0.15", "more": {}},
        {"enrichment_duration_seconds": None, "duration_seconds": 4.2, "api_calls": 3.0, "cost_estimate": 0.15},
    ],
)
def test_both_spellings_of_the_metadata(metadata: Any) -> None:
    assert columns(metadata=metadata) == {"duration_seconds": 4.2, "api_calls": 3, "cost_estimate": 0.15}


@pytest.mark.parametrize(
    "metadata", [None, {}, [], "", {"cost_estimate": None}, {"cost_estimate": "free", "api_calls": -1, "x": 1}]
)
def test_metadata_may_be_missing_in_every_way(metadata: Any) -> None:
    assert columns(metadata=metadata) == {}


def test_nulls_everywhere() -> None:
    nothing = dict.fromkeys(("phone", "address", "social_profiles", "company", "confidence_score"))
    deep = {"address": {"street": None}, "company": {"name": None, "size": None}, "sources": [None], "phone": None}
    for enriched in (None, {}, nothing, deep, {"additional_emails": None, "sources": []}):
        report = read_report({**LEAST, "enriched_data": enriched, "error": None, "delivery_id": None})
        assert (report.columns, report.updated_fields, report.error, report.delivery_id) == ({}, [], "", "")


def test_everything_has_its_place() -> None:
    enriched = {
        "phone": "+1-555-0100",
        "address": {"street": "1 Main St", "city": "Springfield", "state": "IL", "zip": 62701, "country": "US"},
        "social_profiles": {
            name: f"https://{name}" for name in ("linkedin", "twitter", "facebook", "instagram", "github")
        },
        "company": {"name": "Acme", "website": "w", "industry": "i", "size": 50, "description": "d"},
        "additional_emails": ["a@x.example", None, 7],
        "confidence_score": "85",
        "sources": "clearbit",
        "unknown": {"a": 1},
    }
    report = read_report({**LEAST, "enriched_data": enriched, "unknown": 1})
    assert report.columns["zip_code"] == "62701"
    assert report.columns["company_size"] == "50"
    assert report.columns["additional_emails"] == ["a@x.example", "7"]
    assert (report.columns["confidence_score"], report.columns["sources"]) == (85.0, ["clearbit"])
    assert len(report.columns) == 19
    assert report.updated_fields == list(DATA)


def test_a_text_in_place_of_an_object() -> None:
    assert columns(enriched_data={"address": "1 Main St", "company": "Acme", "social_profiles": "x"}) == {
        "street": "1 Main St",
        "company_name": "Acme",
    }


@pytest.mark.parametrize("score", [-1, 101, "high", True, float("inf"), []])
def test_a_score_that_is_none(score: Any) -> None:
    assert columns(enriched_data={"confidence_score": score}) == {}


def test_texts_that_a_database_would_not_take() -> None:
    found = columns(enriched_data={"phone": "1\x002", "company": {"name": "x" * 999}, "sources": ["\x00a"]})
    assert found["phone"] == "1 2"
    assert len(found["company_name"]) == 255
    assert found["sources"] == [" a"]
    assert columns(metadata={"api_calls": 10**30})["api_calls"] == 2**31 - 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"contact_id": "7"}, "contact_id"),
        ({"contact_id": None}, "contact_id"),
        ({"contact_id": 7}, "contact_id"),
        ({"enrichment_id": None}, "enrichment_id"),
        ({"enrichment_id": " "}, "enrichment_id"),
        ({"enrichment_id": "x" * 256}, "enrichment_id"),
        ({"enrichment_id": True}, "enrichment_id"),
        ({"status": "done"}, "status"),
        ({"status": None}, "status"),
        ({"timestamp": None}, "timestamp"),
        ({"enriched_data": "x"}, "enriched_data"),
        ({"metadata": [1]}, "metadata"),
    ],
)
def test_what_is_refused_and_by_which_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_report({**LEAST, **changes})
    assert list(caught.value.problems) == [field]


@pytest.mark.parametrize("data", [None, [], "x", 7])
def test_a_report_is_an_object(data: Any) -> None:
    with pytest.raises(Unreadable, match="body: Send a JSON object"):
        read_report(data)


def test_ids_may_be_numbers_and_the_status_in_capitals() -> None:
    report = read_report({**LEAST, "enrichment_id": 21, "status": " Partial ", "error": 5})
    assert (report.enrichment_id, report.status, report.error) == ("21", "partial", "5")
    assert read_report({**LEAST, "enrichment_error": "quota"}).error == "quota"
