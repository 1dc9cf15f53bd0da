"""Brevo's webhook: who may send, what is answered, and that events are stored before anything else."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

from contacts.address_key import email_key
from contacts.models import Contact, Suppression
from webhooks import receiving
from webhooks.models import PlatformEvent
from webhooks.tasks import work_through_events

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
URL = "/api/v3/contacts/brevo/webhook"
TOKEN, NEXT = "first-token", "next-tökén"
UNSUBSCRIBED = {"id": 501, "event": "unsubscribe", "email": "Ada@X.example", "camp_id": 88, "ts_event": 1795169700}


@pytest.fixture(autouse=True)
def tokens(settings: Any) -> None:
    settings.BREVO_WEBHOOK_TOKENS = [TOKEN, NEXT]


def send(body: Any, *, raw: bytes | None = None, authorization: str | None = f"Bearer {TOKEN}", url: str = URL) -> Any:
    data = json.dumps(body).encode() if raw is None else raw
    headers = {} if authorization is None else {"Authorization": authorization}
    return Client(enforce_csrf_checks=True).post(url, data, content_type="application/json", headers=headers)


def stored() -> list[tuple[str, str, str]]:
    return list(PlatformEvent.objects.order_by("id").values_list("event", "email_key", "state"))


# --- what is answered -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [URL, f"{URL}/"])
def test_an_event_is_stored_as_it_came_and_not_yet_applied(url: str) -> None:
    raw = b'{ "event":"unsubscribe", "email":"Ada@X.example","ts_event":1795169700,\n"x":"\xc3\xa4" }'
    answer = send(None, raw=raw, url=url)
    assert (answer.status_code, answer.json()) == (200, {"received": 1})
    event = PlatformEvent.objects.get()
    assert event.body == raw.decode()
    assert (event.platform, event.event, event.email_key) == ("brevo", "unsubscribe", "ada@x.example")
    assert (event.state, event.tries, event.worked_at) == ("received", 0, None)
    assert not Suppression.objects.exists(), "applying is a worker's"


def test_it_is_one_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert send([{**UNSUBSCRIBED, "email": f"p{number}@x.example"} for number in range(500)]).status_code == 200
    assert PlatformEvent.objects.count() == 500


def test_a_worker_is_called_once_for_a_call_with_events(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr("webhooks.receiving.wake", lambda: calls.append(1))
    send([UNSUBSCRIBED, {**UNSUBSCRIBED, "email": "b@x.example"}])
    send([])
    send(3)
    assert calls == [1]


class Chunks(io.BytesIO):
    """A body that comes in parts, as gunicorn hands it over."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size, 1000) if size and size > 0 else size)


def send_in_chunks(raw: bytes, *, url: str = URL, terminated: bool = True) -> Any:
    body = {"wsgi.input": Chunks(raw), "wsgi.input_terminated": terminated, "CONTENT_LENGTH": ""}
    headers = {"Authorization": f"Bearer {TOKEN}", "Transfer-Encoding": "chunked"}
    return Client().generic("POST", url, content_type="application/json", headers=headers, **body)


@pytest.mark.parametrize("url", [URL, f"{URL}/"])
def test_a_body_without_a_length_is_read(url: str) -> None:
    """Brevo drops an event that is refused."""
    assert send_in_chunks(json.dumps({**UNSUBSCRIBED, "reason": "x" * 5000}).encode(), url=url).status_code == 200
    assert stored() == [("unsubscribe", "ada@x.example", "received")]


def test_one_that_never_ends_is_not() -> None:
    assert send_in_chunks(b" " * (receiving.LONGEST_BODY + 1)).status_code == 413
    assert send_in_chunks(json.dumps(UNSUBSCRIBED).encode(), terminated=False).status_code == 400
    assert not PlatformEvent.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b'{"event":"unsubscribe","email":"ada@x.example","campaign name":"M\xe4rz \xff"}',
        b'\xef\xbb\xbf{"event":"unsubscribe","email":"ada@x.example"}',
    ],
    ids=["in another encoding", "with a mark before it"],
)
def test_an_odd_byte_loses_no_event(raw: bytes) -> None:
    assert send(None, raw=raw).status_code == 200
    work_through_events()
    assert list(Suppression.objects.values_list("email_key", "reason")) == [("ada@x.example", "unsubscribed")]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"3", b"null", b'"x"', b"[1, 2]", b"\xff\x00", b"[" * 100_000, b"9" * 5000, b"event=unsubscribe"],
    ids=lambda raw: repr(raw[:6]),
)
def test_what_is_no_event_is_400_and_kept_for_people(raw: bytes) -> None:
    answer = send(None, raw=raw)
    assert answer.status_code == 400
    assert "Send a JSON object" in answer.json()["detail"]
    event = PlatformEvent.objects.get()
    assert (event.state, event.problem) == ("unreadable", answer.json()["detail"])
    assert send(None, raw=raw).status_code == 400
    assert PlatformEvent.objects.count() == 1, "the same nonsense is kept once"


def test_among_events_what_is_none_is_kept_apart() -> None:
    assert send([UNSUBSCRIBED, 7]).json() == {"received": 2}
    assert stored() == [("unsubscribe", "ada@x.example", "received"), ("", "", "unreadable")]


def test_a_body_that_is_too_large() -> None:
    answer = send(None, raw=b" " * (receiving.LONGEST_BODY + 1))
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "The body is larger than 2 MB. Send fewer events at once.",
    )
    assert send([{}] * (receiving.MOST_EVENTS + 1)).status_code == 413
    assert not PlatformEvent.objects.exists()
    assert send([{}] * receiving.MOST_EVENTS).status_code == 200


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_other_methods(method: str) -> None:
    answer = getattr(Client(), method)(URL)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


# --- whom we believe ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [TOKEN, NEXT])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_each_token_counts(token: str, scheme: str) -> None:
    # As it comes over the wire: the bytes of UTF-8, each a character.
    header = f"{scheme} {token}".encode().decode("latin-1")
    assert send(UNSUBSCRIBED, authorization=header).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        TOKEN,
        f"Basic {TOKEN}",
        "Bearer first",
        "Bearer ü",
        "Bearer €",
    ],
)
def test_others_are_refused_and_nothing_is_kept(authorization: str | None) -> None:
    answer = send(UNSUBSCRIBED, authorization=authorization)
    assert answer.status_code == 401
    assert "BREVO_WEBHOOK_TOKENS" in answer.json()["detail"]
    assert answer["WWW-Authenticate"] == "Bearer"
    assert TOKEN not in answer.content.decode()
    assert not PlatformEvent.objects.exists()


@pytest.mark.parametrize("tokens", [[], [""]])
def test_without_a_token_nobody_is_let_in(settings: Any, tokens: list[str]) -> None:
    settings.BREVO_WEBHOOK_TOKENS = tokens
    for authorization in ("Bearer ", f"Bearer {TOKEN}", None):
        answer = send(UNSUBSCRIBED, authorization=authorization)
        assert answer.status_code == 401
        assert "BREVO_WEBHOOK_TOKENS" in answer.json()["detail"]


def test_every_token_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(shown: bytes, token: bytes) -> bool:
        compared.append(token)
        return shown == token

    monkeypatch.setattr("brevo_sync.receiving.hmac.compare_digest", compare)
    send(UNSUBSCRIBED)
    assert compared == [TOKEN.encode(), NEXT.encode()]


def test_it_is_taken_while_the_platform_is_off(settings: Any) -> None:
    settings.BREVO_API_KEY = ""
    assert send(UNSUBSCRIBED).status_code == 200


# --- our own trouble ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, RuntimeError])
def test_our_own_trouble_is_429(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    """Brevo drops an event for good on any other error."""

    def broken() -> Any:
        raise error("the password is hunter2")

    monkeypatch.setattr(connection, "cursor", broken)
    answer = send(UNSUBSCRIBED)
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    assert "hunter2" not in answer.content.decode()
    assert "Brevo: an event could not be" in caplog.text


def test_a_database_that_is_not_migrated_is_429(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "_COLUMNS", "no_such_column")
    assert send(UNSUBSCRIBED).status_code == 429


# --- repeats ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"email": "ada@x.example"},
        {"reason": "more words"},
        {"ts": 1},
        {"event": "unsubscribed"},
        {"date_event": "2026-11-20 10:15:00"},
    ],
    ids=str,
)
def test_the_same_campaign_event_is_kept_once(change: dict[str, Any]) -> None:
    send(UNSUBSCRIBED)
    assert send({**UNSUBSCRIBED, **change}).json() == {"received": 1}
    assert PlatformEvent.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"email": "b@x.example"},
        {"ts_event": 1795169701},
        {"camp_id": 89},
        {"id": 502},
        {"event": "spam"},
        {"ts_epoch": 5},
    ],
    ids=str,
)
def test_another_one_is_not_taken_for_a_repeat(change: dict[str, Any]) -> None:
    send(UNSUBSCRIBED)
    send({**UNSUBSCRIBED, **change})
    assert PlatformEvent.objects.count() == 2


def test_contact_events_are_told_apart_by_all_they_say() -> None:
    changed = {"id": 5, "event": "contact_updated", "email": "a@x.example", "ts": 1795169700, "content": [{"a": 1}]}
    send(changed)
    send(dict(reversed(changed.items())))
    assert PlatformEvent.objects.count() == 1, "the order of names says nothing"
    send({**changed, "content": [{"a": 2}]})
    assert PlatformEvent.objects.count() == 2


@pytest.mark.parametrize("name", ["unsubscribe", "contact_updated", "of_tomorrow"])
def test_without_a_time_nothing_is_a_repeat(name: str) -> None:
    for _ in range(2):
        send({"event": name, "email": "a@x.example"})
    assert PlatformEvent.objects.count() == 2


# --- forms of a body ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        [UNSUBSCRIBED, {**UNSUBSCRIBED, "email": "b@x.example"}],
        {"events": [UNSUBSCRIBED, {**UNSUBSCRIBED, "email": "b@x.example"}]},
        {"batch": 7, "items": [UNSUBSCRIBED, {**UNSUBSCRIBED, "email": "b@x.example"}], "other": [1]},
    ],
    ids=["an array", "an object that holds one", "among other things"],
)
def test_a_batch_falls_into_its_events(body: Any) -> None:
    assert send(body).json() == {"received": 2}
    assert [one[1] for one in stored()] == ["ada@x.example", "b@x.example"]


@pytest.mark.parametrize(
    "body", [{}, {"hello": [1]}, {"event": None}, {"event": 3}, {"event": "of_tomorrow"}], ids=str
)
def test_an_object_that_we_do_not_know_is_kept(body: Any) -> None:
    assert send(body).status_code == 200
    assert PlatformEvent.objects.get().state == "received"


def test_an_event_may_name_thousands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brevo waits meanwhile: each address is looked at a few times, and not once for every other."""
    looks: list[str] = []

    def counted(address: str) -> str | None:
        looks.append(address)
        return email_key(address)

    monkeypatch.setattr("brevo_sync.webhooks.email_key", counted)
    people = [f"P{number}@x.example" for number in range(5000)]
    assert send({"event": "contact_updated", "ts": 1, "content": {"emails": people}}).status_code == 200
    assert len(looks) <= 3 * len(people)
    assert PlatformEvent.objects.count() == len(people)
    last = PlatformEvent.objects.order_by("id").last()
    assert last is not None
    about = {
        "event": "contact_updated",
        "ts": 1,
        "email": "p4999@x.example",
        "content": [{"email": "p4999@x.example"}],
    }
    assert json.loads(last.body) == about


def test_an_event_about_several_people_is_one_for_each() -> None:
    """What is kept of one of them says nothing of the others, so that one can be forgotten alone."""
    content = {"emails": ["A@x.example", "b@x.example"], "link_list_ids": [41]}
    send({"event": "contact_updated", "ts": 1795169700, "content": content})
    send({"event": "contact_deleted", "ts": 1795169700, "email": ["A@x.example", "b@x.example"]})
    entries = [{"email": "a@x.example", "emailBlacklist": True}, {"email": "b@x.example"}]
    send({"event": "contact_updated", "ts": 1795169700, "content": entries})
    for event in PlatformEvent.objects.all():
        other = {"a@x.example": "b@x.example", "b@x.example": "a@x.example"}[event.email_key]
        assert event.email_key in event.body
        assert other not in event.body.lower()
    assert PlatformEvent.objects.count() == 6


@pytest.mark.parametrize(
    "address", ["x" * 400 + "@x.example", "a\x00b@x.example", "\ud800@x.example", 5, None, [], {}]
)
def test_addresses_that_nobody_has(address: Any) -> None:
    assert send({**UNSUBSCRIBED, "email": address}).status_code == 200
    work_through_events()
    event = PlatformEvent.objects.get()
    assert (event.email_key, event.state) == ("", "ignored")
