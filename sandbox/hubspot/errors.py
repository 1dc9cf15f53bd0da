"""HubSpot's error bodies: `category`, `message` and `correlationId`, with details as JSON inside the message.

See https://developers.hubspot.com/docs/api-reference/error-handling.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sandbox.messages import JsonObject, JsonValue, Response, json_response


class HubSpotError(Exception):
    """An answer that is not a success. Raised by handlers before anything has been changed."""

    def __init__(self, status: int, category: str, message: str, **more: JsonValue) -> None:
        super().__init__(message)
        self.status = status
        self.category = category
        self.message = message
        self.more = more

    def response(self) -> Response:
        """The error as an answer. The stand-in adds the `correlationId`."""
        body: JsonObject = {"status": "error", "message": self.message, "category": self.category, **self.more}
        return json_response(self.status, body)

    def as_item(self, trace_id: str) -> JsonObject:
        """The error as one entry of a 207's `errors`."""
        return {
            "status": "error",
            "category": self.category,
            "message": self.message,
            "context": {"objectWriteTraceId": [trace_id]},
        }


@dataclass(frozen=True, slots=True)
class PropertyFault:
    """What is wrong with one property of a contact."""

    name: str
    code: str
    message: str


def bad_values(faults: list[PropertyFault]) -> HubSpotError:
    """400: the details sit as JSON text inside the message."""
    details = [
        {"isValid": False, "message": fault.message, "error": fault.code, "name": fault.name} for fault in faults
    ]
    text = json.dumps(details, separators=(",", ":"))
    return HubSpotError(400, "VALIDATION_ERROR", f"Property values were not valid: {text}")


def invalid(message: str, **more: JsonValue) -> HubSpotError:
    """400: a request that cannot be meant."""
    return HubSpotError(400, "VALIDATION_ERROR", message, **more)


def not_found(message: str = "resource not found") -> HubSpotError:
    """404: no such contact or property."""
    return HubSpotError(404, "OBJECT_NOT_FOUND", message)


def missing_scopes(scope: str) -> HubSpotError:
    """403: the token is right and may not do this."""
    error: JsonObject = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": [scope]},
    }
    text = "This app hasn't been granted all required scopes to make this call."
    return HubSpotError(403, "MISSING_SCOPES", text, errors=[error])


#: What each of HubSpot's limits says when it is reached; its name stands in `policyName`.
POLICIES = {
    "TEN_SECONDLY_ROLLING": "You have reached your ten_secondly_rolling limit.",
    "SECONDLY": "You have reached your secondly limit.",
    "DAILY": "You have reached your daily limit.",
}


def too_many(policy: str) -> Response:
    """429. Unlike other errors it has no `category`, but an `errorType`. There is no Retry-After."""
    body: JsonObject = {
        "status": "error",
        "message": POLICIES[policy],
        "errorType": "RATE_LIMIT",
        "policyName": policy,
    }
    return json_response(429, body)
