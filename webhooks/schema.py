"""The webhooks in the API's description: they are plain views, which its generator does not see."""

from __future__ import annotations

from typing import Any


def webhook_operation(label: str, *, known_by: dict[str, Any], description: str, body: str) -> dict[str, Any]:
    """One operation. known_by: the header that the platform shows, as a parameter."""
    said = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
    received = {"type": "object", "properties": {"received": {"type": "integer"}}, "required": ["received"]}

    def answer(text: str, schema: dict[str, Any]) -> dict[str, Any]:
        return {"description": text, "content": {"application/json": {"schema": schema}}}

    return {
        "operationId": f"contacts_{label.lower()}_webhook_create",
        "description": description,
        "parameters": [{"in": "header", "required": True, "schema": {"type": "string"}, **known_by}],
        "tags": ["contacts"],
        "requestBody": {"description": body, "content": {"application/json": {"schema": {}}}, "required": True},
        "security": [{}],
        "responses": {
            "200": answer("The events are stored, and worked through within seconds.", received),
            "400": answer("The body holds no events.", said),
            "401": answer(f"Not known to come from {label}.", said),
            "413": answer("Too many events at once.", said),
            "429": answer("The events could not be stored. Send them again later.", said),
        },
    }
