"""A small HTTP client over the standard library, so that the tests do not test somebody else's retries."""

import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

KEY = "sandbox-brevo-key"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    def json(self):
        return json.loads(self.raw)


class Client:
    """Sends JSON with the API key; `path` is below the Brevo base URL unless `root=True`."""

    def __init__(self, url: str, key: str | None = KEY, timeout: float = 5.0) -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        self.key = key

    def __call__(self, method, path, body=None, *, raw=None, root=False, headers=None) -> Answer:
        sent = {} if self.key is None else {"api-key": self.key}
        sent.update(headers or {})
        data = raw if raw is not None else None if body is None else json.dumps(body)
        self.connection.request(method, path if root else f"/brevo/v3{path}", data, sent)
        response = self.connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def upsert(self, email, **fields) -> Answer:
        return self("POST", "/contacts", {"email": email, "updateEnabled": True, **fields})

    def read(self, identifier, query="") -> dict:
        answer = self("GET", f"/contacts/{identifier}{query}")
        assert answer.status == 200, answer
        return answer.json()

    def define(self, name, category="normal", **body) -> None:
        assert self("POST", f"/contacts/attributes/{category}/{name}", body).status == 201

    def close(self) -> None:
        self.connection.close()
