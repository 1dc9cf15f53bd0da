"""What a platform was asked and what it answered: for assertions in tests, the counts and the page."""

from collections import Counter, deque
from dataclasses import dataclass

from sandbox.messages import BadRequest, JsonValue, parse_json

_KEPT = 100_000
_KEPT_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request received. `path` is relative to the platform's base URL and still percent-encoded.

    `status` is 0 when the connection ended without an answer. `fault` names the fault that made the answer.
    """

    method: str
    path: str
    query_string: str
    raw_body: bytes
    time: float
    status: int
    fault: str

    @property
    def body(self) -> JsonValue:
        """The JSON body, or None if there was none, it was unreadable, or it was too big to keep."""
        try:
            return parse_json(self.raw_body) if self.raw_body else None
        except BadRequest:
            return None


class Journal:
    """The latest requests (up to 100,000) and counts over all of them. Callers hold the sandbox lock."""

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=_KEPT)
        self._by_status: Counter[int] = Counter()

    def add(self, record: RequestRecord) -> None:
        """Remember one request."""
        self._records.append(record)
        self._by_status[record.status] += 1

    def all(self) -> list[RequestRecord]:
        """Every kept request, oldest first."""
        return list(self._records)

    def latest(self, count: int) -> list[RequestRecord]:
        """The last `count` requests, newest first."""
        newest_first = reversed(self._records)
        return [record for record, _ in zip(newest_first, range(count), strict=False)]

    def by_status(self) -> dict[int, int]:
        """How many requests ended with each status; 0 counts those that got no answer."""
        return dict(self._by_status)

    def clear(self) -> None:
        """Forget everything."""
        self._records.clear()
        self._by_status.clear()


def keep_body(body: bytes) -> bytes:
    """The body if it is small enough to remember, else nothing: big imports must not fill memory."""
    return body if len(body) <= _KEPT_BODY else b""
