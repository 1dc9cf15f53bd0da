"""`n8n_sync` and `n8n_setup`, against the stand-in."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses
from django.core.management import CommandError, call_command

from n8n_sync.tests.support import SECRET, WEBHOOK
from sandbox.n8n.workflow import DEFAULT_SECRET
from sandbox.server import Sandbox, running_sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    with running_sandbox() as running:
        settings.N8N_WEBHOOK_URL = f"{running.n8n_url}/webhook/scrapersky-contact"
        settings.N8N_WEBHOOK_SECRET = DEFAULT_SECRET
        yield running


def command(*arguments: str) -> tuple[int, str]:
    """Exit code and all that was printed."""
    out = io.StringIO()
    try:
        call_command(*arguments, stdout=out, no_color=True)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def test_pushing(sandbox: Sandbox, make_contact: Any) -> None:
    make_contact("ada@acme.example")
    make_contact("not an address@@")
    code, text = command("n8n_sync", "--queue-all-new")
    assert (code, "1 synced, 1 skipped." in text) == (0, True)
    assert len(sandbox.n8n.executions) == 1


def test_waiting_is_said(sandbox: Sandbox, make_contact: Any, settings: Any) -> None:
    settings.N8N_EXPECT_CALLBACK = True
    make_contact("ada@acme.example")
    code, text = command("n8n_sync", "--queue-all-new")
    assert code == 0
    assert "1 waiting for an answer. 1 contact is still in the queue; the next is due at " in text


def test_dry_run_sends_nothing(sandbox: Sandbox, make_contact: Any) -> None:
    make_contact("ada@acme.example", name="Ada Lovelace")
    code, text = command("n8n_sync", "--queue-all-new", "--dry-run")
    shown = json.loads(text[: text.rindex("}") + 1])
    assert (code, shown["method"], shown["body"]["first_name"]) == (0, "POST", "Ada")
    assert shown["body"]["delivery_id"] is None
    assert sandbox.n8n.requests == []


@pytest.mark.parametrize("name", ["n8n_sync", "n8n_setup"])
def test_off(settings: Any, name: str) -> None:
    settings.N8N_WEBHOOK_URL = ""
    assert command(name) == (1, "n8n is switched off: N8N_WEBHOOK_URL is not set.")


def test_a_stopped_run_is_exit_code_1(sandbox: Sandbox, make_contact: Any, settings: Any) -> None:
    settings.N8N_WEBHOOK_SECRET = "other"
    make_contact("ada@acme.example")
    code, text = command("n8n_sync", "--queue-all-new")
    assert (code, "Stopped: n8n refused the secret (403)" in text) == (1, True)
    assert "other" not in text


def test_a_workflow_that_is_ready(sandbox: Sandbox, settings: Any) -> None:
    code, text = command("n8n_setup")
    assert (code, text.endswith("n8n is ready.\n")) == (0, True)
    assert "ok   The workflow is active and takes POST." in text
    assert "Accepted means Complete." in text
    assert sandbox.n8n.executions == [], "the check runs nothing"
    settings.N8N_EXPECT_CALLBACK = True
    assert (
        "waited for 30 minutes, at /api/v3/webhooks/n8n/enrichment-complete of this site." in command("n8n_setup")[1]
    )


def test_a_workflow_that_is_not_active(sandbox: Sandbox) -> None:
    sandbox.n8n.set(n8n_active=False)
    code, text = command("n8n_setup")
    assert (code, text.count("todo")) == (1, 1)
    assert "Activate it, and check the path. It said: " in text


def test_a_test_address_and_no_secret(settings: Any, sandbox: Sandbox) -> None:
    settings.N8N_WEBHOOK_URL = f"{sandbox.n8n_url}/webhook-test/scrapersky-contact"
    settings.N8N_WEBHOOK_SECRET = ""
    code, text = command("n8n_setup")
    assert (code, text.count("todo")) == (1, 3)
    assert "N8N_WEBHOOK_URL is a test address" in text
    assert "N8N_WEBHOOK_SECRET is empty" in text


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "words"),
    [(403, f"{SECRET} is wrong", "n8n refused the secret (403)"), (503, "", "n8n is in trouble (503)")],
    ids=["403", "503"],
)
def test_when_n8n_cannot_be_asked(status: int, body: str, words: str) -> None:
    responses.patch(WEBHOOK, status=status, body=body)
    code, text = command("n8n_setup")
    assert (code, words in text, SECRET in text) == (1, True, False)
