"""`mautic_setup` against the sandbox, over HTTP."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mautic_sync.conf import FIELD_TYPES
from mautic_sync.tests.test_sandbox_run import log_in
from sandbox.mautic import account
from sandbox.server import Sandbox, running_sandbox

# What was chosen in the admin stands in the database.
pytestmark = pytest.mark.django_db

OURS = [alias for alias, kind in FIELD_TYPES.items() if kind]


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as running:
        settings.MAUTIC_API_BASE_URL = f"{running.mautic_url}/api/"
        log_in(settings, "user")
        settings.MAUTIC_RATE_LIMIT_PER_SECOND = 5000.0
        yield running


def setup(*options: str) -> tuple[int, str]:
    """Exit code and all that was printed."""
    out = io.StringIO()
    try:
        call_command("mautic_setup", *options, stdout=out, no_color=True)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def writes(sandbox: Sandbox) -> int:
    return sum(request.method != "GET" for request in sandbox.mautic.requests)


def test_a_fresh_installation(sandbox: Sandbox) -> None:
    sandbox.mautic.set(mautic_version="4.4.13")
    code, text = setup()
    assert code == 1
    assert "ok   The log-in works: Mautic 4.4.13, with 0 contacts." in text
    assert 'ok   No segment is set: contacts are made without one. MAUTIC_SEGMENT_ID chooses: 1 "Scrap' in text
    assert "ok   The field company (lookup) is there." in text
    assert "todo The field scrapersky_page_id is missing: Mautic drops what we send for it." in text
    assert text.endswith(f'{len(OURS)} to do. "manage.py mautic_setup --create" makes what is missing.')
    assert writes(sandbox) == 0
    assert account.DEFAULT_PASSWORD not in text


@pytest.mark.parametrize("kind", ["user", "client"])
def test_create_makes_what_is_missing_and_can_be_repeated(sandbox: Sandbox, settings: Any, kind: str) -> None:
    log_in(settings, kind)
    settings.MAUTIC_SEGMENT_ID = "1"
    code, text = setup("--create")
    assert code == 0
    assert "ok   Made the field scrapersky_has_gmail (boolean). Mautic may add its column in the background" in text
    assert 'ok   Contacts go to segment 1, "ScraperSky demo".' in text
    assert text.endswith("Mautic is ready.\n")
    there = sandbox.mautic.account.store.fields
    assert {alias: there[alias].type for alias in OURS} == {alias: FIELD_TYPES[alias] for alias in OURS}
    before = len(sandbox.mautic.account.store.fields)
    assert "Made" not in setup("--create")[1]
    assert len(sandbox.mautic.account.store.fields) == before


def test_renamed_and_left_out(sandbox: Sandbox, settings: Any) -> None:
    settings.MAUTIC_FIELDS = {**dict.fromkeys(OURS, ""), "company": "firma"}
    code, text = setup("--create")
    assert code == 1
    assert "todo The field firma is missing" in text
    assert "MAUTIC_FIELDS=company=." in text
    assert text.endswith("1 to do."), "a field of Mautic's own is not made, so --create is not named"


def test_a_wrong_segment(sandbox: Sandbox, settings: Any) -> None:
    settings.MAUTIC_SEGMENT_ID = "99"
    code, text = setup()
    assert code == 1
    assert 'todo There is no segment 99. MAUTIC_SEGMENT_ID has to be one of these: 1 "ScraperSky demo"' in text


def test_a_role_without_segments_is_no_fault_when_none_is_set(sandbox: Sandbox) -> None:
    sandbox.mautic.set(mautic_may_segment=False)
    assert "MAUTIC_SEGMENT_ID chooses: our role may not see them." in setup()[1]


@pytest.mark.parametrize(
    ("settings_of_it", "said"),
    [
        ({"mautic_password": "other"}, "Check MAUTIC_USERNAME and MAUTIC_PASSWORD."),
        ({"mautic_api_enabled": False}, 'set "API enabled" to yes'),
        ({"mautic_basic_auth_enabled": False}, 'set "Enable HTTP basic auth" to yes'),
        ({"mautic_https_only": True}, "Correct MAUTIC_API_BASE_URL"),
        ({"mautic_may_read_fields": False}, "The role of our user needs"),
    ],
    ids=["password", "API off", "basic off", "https", "role"],
)
def test_what_is_in_the_way_is_said(sandbox: Sandbox, settings_of_it: Any, said: str) -> None:
    sandbox.mautic.set(**settings_of_it)
    code, text = setup("--create")
    assert code == 1
    assert "Mautic could not be asked. " in text
    assert said in text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("500", "Mautic could not be asked. Mautic is in trouble (500)"),
        ("502_html", "502 Bad Gateway"),
        ("429", "Mautic could not be asked. Mautic asked us to slow down (429) for 1 second."),
        ("reset", "Mautic could not be asked. The connection was closed before the answer came."),
        ("garbage_200", "Mautic could not be asked. Mautic answered 200 without the data."),
        ("redirect", "Correct MAUTIC_API_BASE_URL"),
    ],
)
@pytest.mark.parametrize("path", ["/api/contacts", "/api/contacts/list/fields"])
def test_faults_end_in_a_sentence(sandbox: Sandbox, kind: str, said: str, path: str) -> None:
    sandbox.add_fault(kind, path=path)
    code, text = setup("--create")
    assert code == 1
    assert said in text


def test_the_wrong_address(sandbox: Sandbox, settings: Any) -> None:
    settings.MAUTIC_API_BASE_URL = sandbox.url
    code, text = setup()
    assert code == 1
    assert "404" in text
    assert "MAUTIC_API_BASE_URL" in text


def test_switched_off(settings: Any) -> None:
    settings.MAUTIC_USERNAME = settings.MAUTIC_PASSWORD = ""
    code, text = setup()
    assert code == 1
    assert text.startswith("Mautic is switched off: ")
