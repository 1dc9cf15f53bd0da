"""Mautic's webhook: signed over the raw bytes, stored as it comes, and opt-outs taken from it afterwards."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from contacts.models import Contact, Suppression
from sandbox.mautic import webhooks as theirs
from sandbox.server import running_sandbox
from webhooks.models import PlatformEvent
from webhooks.tasks import work_through_events

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
URL = "/api/v3/contacts/mautic/webhook"
KEY = "webhook-secret-ü"


@pytest.fixture(autouse=True)
def secret(settings: Any) -> None:
    settings.MAUTIC_WEBHOOK_SECRET = KEY


def event(
    email: str | None = "ada@x.example", status: str = "unsubscribed", channel: str = "email", **more: Any
) -> dict[str, Any]:
    core: Any = {"email": {"alias": "email", "value": email}} if email else []
    contact = {"id": 47, "fields": {"core": core, "social": []}}
    return {"contact": contact, "channel": channel, "old_status": "contactable", "new_status": status, **more}


def changed(*events: dict[str, Any]) -> dict[str, Any]:
    return {theirs.SUBSCRIPTION_CHANGED: [*events]}


def deliver(body: Any, *, raw: bytes | None = None, key: str = KEY, signature: str | None = None) -> Any:
    """As PHP writes it, signed."""
    data = theirs.as_php_writes_it(body) if raw is None else raw
    signed = theirs.signature(data, key) if signature is None else signature
    return Client(enforce_csrf_checks=True).post(
        URL, data, content_type="application/json", headers={"Webhook-Signature": signed}
    )


def come(body: Any) -> dict[str, int]:
    """Delivered, and worked through by a worker."""
    answer = deliver(body)
    assert answer.status_code == 200
    work_through_events()
    received: dict[str, int] = answer.json()
    return received


def suppressed() -> list[tuple[str, str, str]]:
    return list(Suppression.objects.values_list("email_key", "reason", "source").order_by("email_key"))


@pytest.mark.parametrize(
    ("status", "reason"), [("unsubscribed", "unsubscribed"), ("bounced", "hard_bounce"), ("manual", "blocked")]
)
def test_opt_outs_become_suppressions(status: str, reason: str) -> None:
    assert deliver(changed(event(" Ada@X.example ", status))).json() == {"received": 1}
    assert suppressed() == [], "that is a worker's"
    work_through_events()
    assert suppressed() == [("ada@x.example", reason, "Mautic")]


def test_the_contact_that_has_the_id_here_counts_too(make_contact: Make) -> None:
    """The address over there may have changed since."""
    make_contact("old@x.example", mautic_contact_id="47")
    make_contact("bystander@x.example", mautic_contact_id="48")
    make_contact(None, mautic_contact_id="47")
    come(changed(event("new@x.example")))
    assert [one[0] for one in suppressed()] == ["new@x.example", "old@x.example"]
    Suppression.objects.all().delete()
    come(changed(event(None)))
    assert [one[0] for one in suppressed()] == ["old@x.example"]


@pytest.mark.parametrize(
    "body",
    [
        changed(event(status="contactable")),
        changed(event(channel="sms")),
        changed(event(status="???")),
        changed(event(None)),
        changed(),
        {theirs.SUBSCRIPTION_CHANGED: None},
        {theirs.SUBSCRIPTION_CHANGED: ["x", 3, None, {"contact": 7, "channel": "email", "new_status": "manual"}]},
        {theirs.SUBSCRIPTION_CHANGED: {"contact": {"fields": []}, "channel": "email", "new_status": ["manual"]}},
        {"mautic.lead_points_change": [event()]},
        {"mautic.lead_post_delete": [{}]},
        {},
    ],
    ids=str,
)
def test_what_is_no_opt_out_changes_nothing(body: Any) -> None:
    come(body)
    assert suppressed() == []
    assert not PlatformEvent.objects.exclude(state__in=["ignored", "unreadable"]).exists()


def test_nothing_is_ever_lifted_or_overwritten() -> None:
    Suppression.objects.create(email_key="ada@x.example", reason="complaint", source="Brevo")
    come(changed(event(status="contactable"), event(status="unsubscribed")))
    assert suppressed() == [("ada@x.example", "complaint", "Brevo"), ("ada@x.example", "unsubscribed", "Mautic")]


def test_several_events_in_one_body(make_contact: Make) -> None:
    make_contact("c@x.example", mautic_contact_id="9")
    body = {
        **changed(event("a@x.example"), event("b@x.example", "bounced"), event("a@x.example")),
        theirs.DELETED: [{"id": 9, "contact": {"id": None}}, {"contact": {"id": 10}}],
    }
    assert come(body) == {"received": 5}
    assert [one[0] for one in suppressed()] == ["a@x.example", "b@x.example"]
    assert Contact.objects.get().mautic_contact_id is None


def test_a_deletion_touches_nothing_but_the_id(make_contact: Make) -> None:
    contact = make_contact(
        "ada@x.example", mautic_contact_id="47", mautic_sync_status="Complete", brevo_contact_id="47"
    )
    before = Contact.objects.values().get()
    come({theirs.DELETED: [{"id": 47, "contact": {"id": 47}}]})
    after = Contact.objects.values().get(pk=contact.pk)
    assert {name for name in before if before[name] != after[name]} == {"mautic_contact_id"}


# --- is it Mautic? -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "signature"),
    [
        ("another", None),
        (KEY, ""),
        (KEY, "x"),
        (KEY, "ü"),
        (KEY, hashlib.sha256(b"").hexdigest()),
        ("", None),
    ],
    ids=["another key", "none", "nonsense", "not ASCII", "hex", "unsigned"],
)
def test_a_wrong_signature_is_refused(key: str, signature: str | None) -> None:
    answer = deliver(changed(event()), key=key, signature=signature)
    assert answer.status_code == 401
    assert "Webhook-Signature" in answer.json()["detail"]
    assert suppressed() == []


@pytest.mark.parametrize("signature", [None, ""], ids=["signed with nothing", "none"])
def test_without_a_secret_none_is_taken(settings: Any, signature: str | None) -> None:
    settings.MAUTIC_WEBHOOK_SECRET = ""
    raw = theirs.as_php_writes_it(changed(event()))
    forged = base64.b64encode(hmac.new(b"", raw, hashlib.sha256).digest()).decode()
    answer = deliver(None, raw=raw, signature=forged if signature is None else signature)
    assert answer.status_code == 401
    assert "MAUTIC_WEBHOOK_SECRET is not set" in answer.json()["detail"]


def test_the_signature_is_that_of_the_raw_bytes() -> None:
    """What PHP escapes is written anew as other bytes."""
    body = changed(event("jürgen@x.example", timestamp="2026/11/26"))
    raw = theirs.as_php_writes_it(body)
    assert raw != json.dumps(body, separators=(",", ":")).encode()
    assert deliver(None, raw=raw).status_code == 200
    rewritten = theirs.signature(json.dumps(body, separators=(",", ":")).encode(), KEY)
    assert deliver(None, raw=raw, signature=rewritten).status_code == 401


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"3", b"null", b'"x"', b"\xff", b'{"a": ' + b"[" * 3000], ids=lambda raw: repr(raw[:8])
)
def test_a_body_that_cannot_be_read_is_400(raw: bytes) -> None:
    assert deliver(None, raw=raw).status_code == 400
    assert PlatformEvent.objects.get().state == "unreadable"


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_other_methods(method: str) -> None:
    assert getattr(Client(), method)(URL).status_code == 405


def test_it_is_taken_while_the_platform_is_off(settings: Any) -> None:
    settings.MAUTIC_USERNAME = settings.MAUTIC_PASSWORD = ""
    come(changed(event()))
    assert len(suppressed()) == 1


# --- events -------------------------------------------------------------------------------------------------


def test_the_same_event_again_is_kept_once() -> None:
    body = changed(event(timestamp="2026-11-20T10:15:00+00:00"))
    deliver(body)
    deliver(body)
    deliver(changed(event(timestamp="2026-11-20T10:15:01+00:00")))
    assert PlatformEvent.objects.count() == 2


def test_without_a_time_nothing_is_a_repeat() -> None:
    deliver(changed(event()))
    deliver(changed(event()))
    assert PlatformEvent.objects.count() == 2


@pytest.mark.parametrize(
    ("timestamp", "since"),
    [
        ("2026-11-20T10:15:00+00:00", "2026-11-20T10:15:00+00:00"),
        ("2026-11-20T11:15:00+01:00", "2026-11-20T10:15:00+00:00"),
        ("2026-11-20T10:15:00", "2026-11-20T10:15:00+00:00"),
        ("2099-01-01T00:00:00+00:00", None),
        ("1970-01-01T00:00:00+00:00", None),
        ("yesterday", None),
        (None, None),
        (7, None),
    ],
)
def test_the_time_of_an_opt_out_is_that_of_the_event(timestamp: Any, since: str | None) -> None:
    come(changed(event(timestamp=timestamp)))
    expected = datetime.fromisoformat(since) if since else PlatformEvent.objects.get().received_at
    assert Suppression.objects.get().since == expected


def test_a_database_in_trouble_is_429(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise OperationalError("away")

    monkeypatch.setattr(connection, "cursor", broken)
    assert deliver(changed(event())).status_code == 429


@pytest.mark.django_db(transaction=True)
def test_the_sandbox_delivers_an_unsubscription(settings: Any) -> None:
    with running_sandbox(rate_limit=None) as sandbox:
        server = LiveServer("127.0.0.1")
        try:
            sandbox.mautic.set(mautic_webhook_url=f"{server.url}{URL}", mautic_webhook_secret=KEY)
            with sandbox.lock:
                store = sandbox.mautic.account.store
                store.put(theirs.Contact(store.next_id(), 0.0, 0.0, {"email": "ada@x.example"}))
            sandbox.mautic.unsubscribe("ada@x.example")
            until = time.monotonic() + 10
            while not PlatformEvent.objects.exists() and time.monotonic() < until:
                time.sleep(0.05)
            work_through_events()
        finally:
            server.stop()
    assert suppressed() == [("ada@x.example", "unsubscribed", "Mautic")]
