"""`hubspot_setup` against the sandbox, over HTTP."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command

from hubspot_sync.portal import page_of
from hubspot_sync.properties import PROPERTIES
from sandbox.hubspot.account import DEFAULT_KEY, PORTAL, READ_ACCOUNT, READ_CONTACTS, READ_SCHEMAS, WRITE_SCHEMAS
from sandbox.hubspot.store import Property
from sandbox.server import Sandbox, running_sandbox

# What was chosen in the admin stands in the database.
pytestmark = pytest.mark.django_db

OURS = [name for name in PROPERTIES if name.startswith("scrapersky_")]


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox, settings: Any) -> Iterator[Sandbox]:
    shared_sandbox.reset()
    settings.HUBSPOT_API_BASE_URL = shared_sandbox.hubspot_url
    settings.HUBSPOT_API_KEY = DEFAULT_KEY
    settings.HUBSPOT_RATE_LIMIT_PER_SECOND = 5000.0
    yield shared_sandbox
    shared_sandbox.hubspot.set(hubspot_missing_scope="")


def setup(*options: str) -> tuple[int, str]:
    """Exit code and all that was printed."""
    out = io.StringIO()
    try:
        call_command("hubspot_setup", *options, stdout=out, no_color=True)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def writes(sandbox: Sandbox) -> int:
    return sum(request.method != "GET" for request in sandbox.hubspot.requests)


@pytest.mark.parametrize("version", ["2026-09", "v3"])
def test_a_fresh_account(sandbox: Sandbox, settings: Any, version: str) -> None:
    settings.HUBSPOT_API_VERSION = version
    code, text = setup()
    assert code == 1
    assert "ok   The token works, and may read contacts." in text
    assert "ok   The property firstname is there." in text
    assert "todo The property scrapersky_page_id is missing: HubSpot refuses every contact." in text
    assert text.endswith(f'{len(OURS)} to do. "manage.py hubspot_setup --create" makes what is missing.')
    assert writes(sandbox) == 0, "without --create nothing is changed"
    assert DEFAULT_KEY not in text


def test_create(sandbox: Sandbox) -> None:
    code, text = setup("--create")
    assert code == 0
    assert "ok   Made the property scrapersky_sync_date." in text
    assert text.endswith("HubSpot is ready.\n")
    there = sandbox.hubspot.account.store.properties
    assert {(there[name].type, there[name].field_type) for name in OURS} == {("string", "text")}
    assert there["scrapersky_page_id"].label == "ScraperSky page id"
    before = writes(sandbox)
    code, text = setup("--create")
    assert code == 0
    assert "Made" not in text
    assert writes(sandbox) == before


def test_renamed_and_left_out(sandbox: Sandbox, settings: Any) -> None:
    settings.HUBSPOT_PROPERTIES = {"company": "firma", "scrapersky_page_id": ""}
    assert setup("--create")[0] == 0
    there = sandbox.hubspot.account.store.properties
    assert "firma" in there
    assert "scrapersky_page_id" not in there


@pytest.mark.parametrize("options", [[], ["--create"]], ids=["check", "create"])
def test_a_property_that_cannot_take_what_we_send(sandbox: Sandbox, options: list[str]) -> None:
    setup("--create")
    sandbox.hubspot.account.store.properties["company"] = Property("company", "number", "number")
    code, text = setup(*options)
    assert code == 1
    assert "todo The property company is of the type number, and we send text: HubSpot refuses contacts." in text
    assert "HUBSPOT_PROPERTIES=company=other_name." in text
    assert text.endswith("1 to do."), "--create would not help, so it is not named"


def test_a_token_that_may_not_make_properties(sandbox: Sandbox) -> None:
    sandbox.hubspot.set(hubspot_missing_scope=WRITE_SCHEMAS)
    code, text = setup("--create")
    assert code == 1
    assert f"Give it the scope {WRITE_SCHEMAS}" in text
    assert f"make {', '.join(OURS)} in HubSpot by hand" in text
    assert "The sync itself does not need that scope." in text
    assert writes(sandbox) == 1, "the same refusal is not asked for again and again"


@pytest.mark.parametrize(
    ("scope", "holds"),
    [
        (READ_CONTACTS, f"todo The token lacks a scope (403): {READ_CONTACTS}."),
        (
            READ_SCHEMAS,
            f"todo HubSpot did not let us read its properties. The token lacks a scope (403): {READ_SCHEMAS}.",
        ),
    ],
)
def test_a_token_that_may_not_read(sandbox: Sandbox, scope: str, holds: str) -> None:
    setup("--create")
    sandbox.hubspot.set(hubspot_missing_scope=scope)
    code, text = setup()
    assert code == 1
    assert holds in text
    assert text.endswith("1 to do.")


def test_a_wrong_token(sandbox: Sandbox, settings: Any) -> None:
    settings.HUBSPOT_API_KEY = "pat-wrong"
    code, text = setup("--create")
    assert code == 1
    assert text.startswith("HubSpot could not be asked. HubSpot rejected the token (401): ")
    assert "Check HUBSPOT_API_KEY" in text
    assert len(sandbox.hubspot.requests) == 1


@pytest.mark.parametrize("version", ["2026-09", "2026-03", "v3"])
def test_the_portal_is_named_and_its_link_leads_to_the_contact(sandbox: Sandbox, settings: Any, version: str) -> None:
    settings.HUBSPOT_API_VERSION = version
    with sandbox.lock:
        contact = sandbox.hubspot.account.store.create({"email": "ada+1@acme.example"})
    host = sandbox.url.removeprefix("http://")
    code, text = setup("--create")
    assert code == 0
    assert f"ok   Portal {PORTAL} (developer test account, {host}). Contacts have a link to their page there." in text
    link = page_of(contact.id)
    assert link == f"http://{host}/contacts/{PORTAL}/record/0-1/{contact.id}"
    shown = requests.get(link, timeout=5)
    assert shown.url == f"{sandbox.url}/?platform=hubspot&q=ada%2B1%40acme.example#contact-{contact.id}"
    assert f'id="contact-{contact.id}"' in shown.text
    assert requests.get(f"{link}9", timeout=5).status_code == 404


def test_a_token_that_may_not_read_the_account(sandbox: Sandbox) -> None:
    setup("--create")
    assert page_of("501")
    sandbox.hubspot.set(hubspot_missing_scope=READ_ACCOUNT)
    code, text = setup()
    assert code == 0, "a sync needs no links"
    assert "note Contacts have no link to their page in HubSpot, because the token may not read which portal" in text
    assert f"The token lacks a scope (403): {READ_ACCOUNT}." in text
    assert text.endswith("HubSpot is ready.\n")
    assert page_of("501") == ""


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("502_html", 'note HubSpot did not tell which portal this is. HubSpot is in trouble (502): "502 Bad Gateway'),
        (
            "garbage_200",
            "note HubSpot did not tell which portal this is. HubSpot answered 200 with a body that is not",
        ),
        ("reset", "note HubSpot did not tell which portal this is. The connection was closed before the answer came."),
    ],
)
def test_what_passes_leaves_the_known_portal(sandbox: Sandbox, kind: str, said: str) -> None:
    setup("--create")
    link = page_of("501")
    sandbox.add_fault(kind, path="/account-info")
    code, text = setup()
    assert code == 0
    assert said in text
    assert page_of("501") == link != ""


def test_a_token_that_is_revoked_meanwhile(sandbox: Sandbox) -> None:
    sandbox.add_fault("401", path="/account-info")
    code, text = setup()
    assert code == 1
    assert "HubSpot could not be asked. HubSpot rejected the token (401): " in text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("401_ip", "HubSpot rejected the token (401): without a message."),
        (
            "429_daily",
            'HubSpot asked us to slow down (429): "You have reached your daily limit.". We wait 3,600 seconds.',
        ),
        ("477", "HubSpot is moving the account to another data centre (477)"),
        ("502_html", 'HubSpot is in trouble (502): "502 Bad Gateway'),
        ("garbage_200", "HubSpot answered 200 with a body that is not one of its answers."),
        ("reset", "The connection was closed before the answer came."),
    ],
)
@pytest.mark.parametrize("path", ["/crm/objects", "/crm/properties"])
def test_faults_end_in_a_sentence(sandbox: Sandbox, kind: str, said: str, path: str) -> None:
    sandbox.add_fault(kind, path=path)
    code, text = setup("--create")
    assert code == 1
    assert "HubSpot could not be asked. " in text
    assert said in text


def test_the_wrong_address_or_version(sandbox: Sandbox, settings: Any) -> None:
    settings.HUBSPOT_API_VERSION = "2031-01"
    assert "Check HUBSPOT_API_BASE_URL and HUBSPOT_API_VERSION" in setup()[1]


def test_it_is_off(settings: Any) -> None:
    settings.HUBSPOT_API_KEY = ""
    assert setup() == (1, "HubSpot is switched off: HUBSPOT_API_KEY is not set.")
