"""Registering our webhook with Brevo, what people see of it, and what is said when it goes silent."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.checks import Error
from django.test import Client
from django.utils import timezone

from brevo_sync.checks import brevo_settings
from brevo_sync.connection import webhook
from brevo_sync.registration import EVENTS
from brevo_sync.silence import silence
from brevo_sync.tests.test_setup import setup
from contacts.models import Contact
from curation_sdk import workers
from curation_sdk.connection import webhook_came
from curation_sdk.models import SyncRun
from sandbox.brevo.webhook import Webhook
from sandbox.server import Sandbox
from webhooks.models import PlatformEvent

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
URL = "https://sync.example.com/api/v3/contacts/brevo/webhook"
TOKENS = ["first-token-0123456789", "second-token-0123456789"]


@pytest.fixture
def configured(settings: Any) -> None:
    settings.BREVO_WEBHOOK_TOKENS = TOKENS
    settings.BREVO_WEBHOOK_URL = URL


def registered(sandbox: Sandbox) -> list[Webhook]:
    return list(sandbox.brevo.account.webhooks.values())


def asked(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(one.method, one.path) for one in sandbox.brevo.requests if one.path.startswith("/webhooks")]


# --- brevo_setup --------------------------------------------------------------------------------------------------


def test_it_is_made_once(sandbox: Sandbox, configured: None) -> None:
    code, text = setup()
    assert code == 1
    assert f"todo The webhook {URL} is not registered." in text
    assert '"manage.py brevo_setup --create" makes what is missing.' in text
    assert registered(sandbox) == []
    code, text = setup("--create")
    assert code == 0
    assert f"ok   Registered the webhook: {URL}" in text
    (made,) = registered(sandbox)
    assert (made.type, made.url, made.token, made.batched) == ("marketing", URL, TOKENS[0], False)
    assert made.events == list(EVENTS)
    for options in ([], ["--create"]):
        sandbox.brevo.journal.clear()
        code, text = setup(*options)
        assert code == 0
        assert f"ok   The webhook is registered: {URL}" in text
        assert asked(sandbox) == [("GET", "/webhooks")]
    assert len(registered(sandbox)) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"events": ["spam", "unsubscribed"]},
            "without contactDeleted, contactUpdated, hardBounce, listAddition, soft",
        ),
        ({"token": TOKENS[1]}, "with another token than the first of BREVO_WEBHOOK_TOKENS"),
        ({"token": ""}, "with another token"),
        ({"batched": True}, "with events that come five minutes late (batched)"),
    ],
    ids=str,
)
def test_it_is_put_right(sandbox: Sandbox, configured: None, change: dict[str, Any], said: str) -> None:
    setup("--create")
    for name, value in change.items():
        setattr(registered(sandbox)[0], name, value)
    code, text = setup()
    assert code == 1
    assert f"todo The webhook is not as it has to be: {said}" in text
    code, text = setup("--create")
    assert code == 0
    assert f"ok   Put the webhook right: {said}" in text
    (found,) = registered(sandbox)
    assert (found.events, found.token, found.batched) == (list(EVENTS), TOKENS[0], False)


def test_those_of_others_are_left_alone(sandbox: Sandbox, configured: None, settings: Any) -> None:
    settings.BREVO_WEBHOOK_URL = "https://elsewhere.example/hook"
    setup("--create")
    settings.BREVO_WEBHOOK_URL = f"{URL}/"
    setup("--create")
    assert [one.url for one in registered(sandbox)] == ["https://elsewhere.example/hook", URL]


def test_two_with_our_address(sandbox: Sandbox, configured: None) -> None:
    setup("--create")
    first = registered(sandbox)[0]
    sandbox.brevo.account.webhooks[999] = Webhook(999, "marketing", URL, first.events, 0.0, 0.0, token=first.token)
    code, text = setup("--create")
    assert code == 1
    assert "todo 2 webhooks have our address, so each event comes again. Delete the others in Brevo." in text


@pytest.mark.parametrize(
    ("tokens", "url", "code", "said"),
    [
        ([], "", 0, "ok   No webhook: BREVO_WEBHOOK_TOKENS and BREVO_WEBHOOK_URL are not set"),
        (TOKENS, "", 1, "todo BREVO_WEBHOOK_URL is not set, so the webhook cannot be registered."),
        ([], URL, 1, "todo BREVO_WEBHOOK_TOKENS is not set, so the webhook cannot be registered."),
        (["short"], URL, 1, "todo BREVO_WEBHOOK_TOKENS must be letters and digits, 16 or more each."),
        (TOKENS, "sync.example.com", 1, "todo BREVO_WEBHOOK_URL must be an address such as https://"),
    ],
    ids=["none", "no address", "no token", "a short token", "no scheme"],
)
def test_without_its_settings(
    sandbox: Sandbox,
    settings: Any,
    tokens: list[str],
    url: str,
    code: int,
    said: str,
) -> None:
    setup("--create")
    settings.BREVO_WEBHOOK_TOKENS, settings.BREVO_WEBHOOK_URL = tokens, url
    sandbox.brevo.journal.clear()
    found, text = setup("--create")
    assert (found, said in text) == (code, True), text
    assert asked(sandbox) == [], "nothing is asked or made"


def test_tokens_are_never_shown(
    sandbox: Sandbox,
    configured: None,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The account's answer holds them in clear."""
    caplog.set_level(logging.DEBUG)
    said = setup("--create")[1] + setup()[1]
    registered(sandbox)[0].token = TOKENS[1]
    said += setup()[1] + setup("--create")[1] + caplog.text
    assert not any(token in said for token in TOKENS)


def test_what_check_says(settings: Any) -> None:
    assert brevo_settings() == []
    settings.BREVO_WEBHOOK_TOKENS = ["short"]
    (found,) = brevo_settings()
    assert isinstance(found, Error)
    assert "16 or more each" in found.msg
    assert "short" not in found.msg


# --- what people see ----------------------------------------------------------------------------------------------


def test_the_connection_page_says_how_it_stands(configured: None, settings: Any) -> None:
    now = timezone.now()
    assert webhook().ok
    assert webhook().received_at is None
    webhook_came("brevo", now=now)
    for number, state in enumerate(("received", "received", "unreadable", "failed", "applied")):
        PlatformEvent.objects.create(platform="brevo", key=str(number), body="", received_at=now, state=state)
    shown = webhook()
    assert shown.received_at == now
    assert "2 events wait for a worker. 1 event was unreadable. 1 event could not be applied." in shown.text
    assert not shown.ok
    settings.BREVO_WEBHOOK_TOKENS = []
    assert "BREVO_WEBHOOK_TOKENS is not set" in webhook().text


def test_a_contact_s_page_shows_what_brevo_said(admin_client: Client, make_contact: Make) -> None:
    contact = make_contact("ada@x.example")
    PlatformEvent.objects.create(
        platform="brevo",
        key="1",
        event="contact_deleted",
        email_key="ada@x.example",
        body="{}",
        received_at=timezone.now(),
        state="applied",
        result="Deleted in Brevo.",
    )
    page = admin_client.get(f"/admin/contacts/contact/{contact.pk}/change/").content.decode()
    assert "Event: contact_deleted" in page
    assert "Deleted in Brevo." in page


def test_the_admin_shows_events_and_changes_none(admin_client: Client) -> None:
    made = PlatformEvent.objects.create(
        platform="brevo", key="1", event="spam", body="<b>", received_at=timezone.now()
    )
    assert "spam" in admin_client.get("/admin/webhooks/platformevent/?platform=brevo&state=received").content.decode()
    page = admin_client.get(f"/admin/webhooks/platformevent/{made.pk}/change/").content.decode()
    assert "&lt;b&gt;" in page
    assert 'name="_save"' not in page
    assert admin_client.get("/admin/webhooks/platformevent/add/").status_code == 403


def test_the_description_of_the_api_names_it(admin_client: Client) -> None:
    schema = json.loads(admin_client.get("/api/schema?format=json").content)
    for path in ("/api/v3/contacts/brevo/webhook", "/api/v3/contacts/mautic/webhook"):
        assert set(schema["paths"][path]["post"]["responses"]) == {"200", "400", "401", "413", "429"}


# --- silence ------------------------------------------------------------------------------------------------------


def pushed(when: datetime, synced: int = 3) -> None:
    """A run that pushed contacts at this time."""
    SyncRun.objects.all().delete()
    times = {"started_at": when, "heartbeat_at": when}
    SyncRun.objects.create(platform="brevo", trigger="hand", state="finished", slot=1, synced=synced, **times)


def test_silence_is_said_while_contacts_are_pushed(configured: None) -> None:
    now = timezone.now()
    assert silence(now=now) == "", "nobody pushes"
    pushed(now)
    assert silence(now=now) == "", "its event may be on the way"
    pushed(now - timedelta(hours=2), synced=0)
    assert silence(now=now) == "", "it pushed nobody"
    pushed(now - timedelta(hours=2))
    assert "no event has come yet" in silence(now=now)
    webhook_came("brevo", now=now - timedelta(days=6))
    assert silence(now=now) == ""
    webhook_came("brevo", now=now - timedelta(days=8))
    assert "no event has come for 8 days: opt-outs may not reach us" in silence(now=now)
    assert not webhook().ok
    assert "for 8 days" in webhook().text
    pushed(now - timedelta(days=8))
    assert silence(now=now) == "", "nobody has pushed since"


@pytest.mark.parametrize(
    ("name", "value"), [("BREVO_WEBHOOK_TOKENS", []), ("BREVO_WEBHOOK_SILENT_DAYS", 0), ("BREVO_API_KEY", "")]
)
def test_when_none_is_expected_nobody_is_warned(configured: None, settings: Any, name: str, value: Any) -> None:
    now = timezone.now()
    pushed(now - timedelta(days=1))
    assert silence(now=now)
    setattr(settings, name, value)
    assert silence(now=now) == ""


def test_health_remarks_on_it_and_stays_well(configured: None) -> None:
    now = timezone.now()
    workers.beat(now=now)
    assert "remark" not in Client().get("/health").json()
    pushed(now - timedelta(days=1))
    answer = Client().get("/health")
    assert answer.status_code == 200
    assert "no event has come yet" in answer.json()["remark"]
