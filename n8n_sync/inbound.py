"""Reading what a workflow reports. Pure: JSON in, a Report out, or what is wrong with it.

Workflows were built from a guide and from trial and error. So both spellings of the metadata are read, null may stand
anywhere, unknown names are passed over, and of the data only what cannot be meant at all is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from curation_sdk.wording import storable

STATUSES = ("complete", "partial", "failed")

#: Column of Enrichment -> where it stands in `enriched_data`, and how long it may be.
TEXTS: dict[str, tuple[tuple[str, ...], int]] = {
    "phone": (("phone",), 255),
    "street": (("address", "street"), 500),
    "city": (("address", "city"), 255),
    "state": (("address", "state"), 255),
    "zip_code": (("address", "zip"), 64),
    "country": (("address", "country"), 255),
    "company_name": (("company", "name"), 255),
    "company_website": (("company", "website"), 2000),
    "company_industry": (("company", "industry"), 255),
    "company_size": (("company", "size"), 255),
    "company_description": (("company", "description"), 5000),
    "linkedin": (("social_profiles", "linkedin"), 2000),
    "twitter": (("social_profiles", "twitter"), 2000),
    "facebook": (("social_profiles", "facebook"), 2000),
    "instagram": (("social_profiles", "instagram"), 2000),
    "github": (("social_profiles", "github"), 2000),
}
LISTS = ("additional_emails", "sources")

#: The names in `enriched_data`, as they are reported to have been stored.
DATA = ("phone", "address", "social_profiles", "company", "additional_emails", "confidence_score", "sources")

#: A text where an object is expected is this member of it.
MAIN = {"address": "street", "company": "name"}

#: Column -> its names in `metadata`: the program's own, then the guide's.
METADATA = {
    "duration_seconds": ("enrichment_duration_seconds", "duration_seconds"),
    "api_calls": ("api_calls_made", "api_calls"),
    "cost_estimate": ("cost_estimate",),
}

LONGEST_LIST = 100
LARGEST_COUNT = 2**31 - 1


class Unreadable(Exception):
    """The report cannot be used. `problems`: field -> what is wrong with it."""

    def __init__(self, **problems: str) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Report:
    """What a workflow reports on one contact. `columns`: those of Enrichment that have a value."""

    contact_id: UUID
    enrichment_id: str
    delivery_id: str
    status: str
    error: str
    sent_at: datetime
    columns: dict[str, Any] = field(default_factory=dict)
    updated_fields: list[str] = field(default_factory=list)  # names of `enriched_data` that had a value


def read_report(data: Any) -> Report:
    """A report as parsed JSON. Raises Unreadable, naming every field that is wrong."""
    if not isinstance(data, Mapping):
        raise Unreadable(body="Send a JSON object.")
    problems: dict[str, str] = {}

    def read(name: str, reader: Any) -> Any:
        try:
            return reader(data.get(name))
        except ValueError as error:
            problems[name] = str(error)

    contact_id = read("contact_id", _uuid)
    enrichment_id = read("enrichment_id", _id)
    status = read("status", _status)
    sent_at = read("timestamp", read_time)
    enriched = read("enriched_data", _object)
    metadata = read("metadata", _object)
    if problems:
        raise Unreadable(**problems)
    columns = {**_texts(enriched), **_lists(enriched), **_numbers(enriched, metadata)}
    return Report(
        contact_id=contact_id,
        enrichment_id=enrichment_id,
        delivery_id=_text(data.get("delivery_id"), 64),
        status=status,
        error=_text(data.get("error"), 1000) or _text(data.get("enrichment_error"), 1000),
        sent_at=sent_at,
        columns=columns,
        updated_fields=_updated(columns),
    )


def read_time(value: Any) -> datetime:
    """A time as ISO 8601 (with Z, an offset, a fraction, or none of them: UTC) or as seconds or milliseconds."""
    if isinstance(value, str) and value.strip():
        try:
            moment = datetime.fromisoformat(value.strip())
            # Years that the database or another time zone could not hold are no times of a report.
            if 1970 <= moment.year <= 9000:
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        value = _number(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e14:
        return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    raise ValueError("Give a time such as 2026-11-24T12:00:00Z.")


def _uuid(value: Any) -> UUID:
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("Give the contact's id, a UUID.") from None


def _id(value: Any) -> str:
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not 0 < len(text) <= 255:
        raise ValueError("Give an id of 1 to 255 characters.")
    return storable(text, 255)


def _status(value: Any) -> str:
    status = value.strip().lower() if isinstance(value, str) else ""
    if status not in STATUSES:
        raise ValueError(f"Give one of {', '.join(STATUSES)}.")
    return status


def _object(value: Any) -> Mapping[str, Any]:
    if value is None or value == [] or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise ValueError("Give a JSON object or null.")
    return value


def _texts(enriched: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for column, (path, longest) in TEXTS.items():
        value: Any = enriched.get(path[0])
        if len(path) == 2:
            if isinstance(value, Mapping):
                value = value.get(path[1])
            elif MAIN.get(path[0]) != path[1]:
                value = None
        if text := _text(value, longest):
            found[column] = text
    return found


def _lists(enriched: Mapping[str, Any]) -> dict[str, list[str]]:
    found = {}
    for name in LISTS:
        value = enriched.get(name)
        values = value if isinstance(value, list) else [value]
        if texts := [text for one in values if (text := _text(one, 500))]:
            found[name] = texts[:LONGEST_LIST]
    return found


def _numbers(enriched: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, float | int]:
    found: dict[str, float | int] = {}
    score = _number(enriched.get("confidence_score"))
    if score is not None and 0 <= score <= 100:
        found["confidence_score"] = score
    for column, names in METADATA.items():
        number = next((number for name in names if (number := _number(metadata.get(name))) is not None), None)
        if number is None or number < 0:
            continue
        if column == "api_calls":
            found[column] = min(int(number), LARGEST_COUNT)
        else:
            found[column] = number
    return found


def _updated(columns: Mapping[str, Any]) -> list[str]:
    names = {TEXTS[column][0][0] if column in TEXTS else column for column in columns}
    return [name for name in DATA if name in names]


def _text(value: Any, longest: int) -> str:
    """A text, or a number as one; "" for anything else."""
    if isinstance(value, str):
        return storable(value.strip(), longest)
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _number(value: Any) -> float | None:
    """A number, or a text that is one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
