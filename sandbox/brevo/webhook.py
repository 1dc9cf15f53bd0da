"""A webhook that somebody has registered."""

from dataclasses import dataclass, field

from sandbox.messages import JsonObject, JsonValue
from sandbox.values import utc_text


@dataclass(slots=True)
class Webhook:
    """One registration."""

    id: int
    type: str
    url: str
    events: list[str]
    created_at: float
    modified_at: float
    description: str = ""
    token: str = ""
    batched: bool = False
    headers: list[tuple[str, str]] = field(default_factory=list)

    def as_json(self) -> JsonObject:
        """As answers show it: the token in clear."""
        auth: JsonObject = {"type": "bearer", "token": self.token}
        headers: list[JsonValue] = [{"key": key, "value": value} for key, value in self.headers]
        return {
            "id": self.id,
            "type": self.type,
            "channel": "email",
            "url": self.url,
            "description": self.description,
            "events": [*self.events],
            "batched": self.batched,
            "createdAt": utc_text(self.created_at),
            "modifiedAt": utc_text(self.modified_at),
            **({"auth": auth} if self.token else {}),
            **({"headers": headers} if headers else {}),
        }
