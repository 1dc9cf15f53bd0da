"""`brevo_setup` against the sandbox, over HTTP."""

from __future__ import annotations

import io
from typing import Any

import pytest
import responses
from django.core.management import CommandError, call_command

from brevo_sync.conf import ATTRIBUTE_TYPES
from brevo_sync.tests.support import CONTACTS
from sandbox.brevo.account import DEFAULT_KEY
from sandbox.brevo.values import Attribute
from sandbox.server import Sandbox, running_sandbox

# What was chosen in the admin stands in the database.
pytestmark = pytest.mark.django_db

OURS = [name for name in ATTRIBUTE_TYPES if name not in ("FIRSTNAME", "LASTNAME", "SMS")]


def setup(*options: str) -> tuple[int, str]:
    """Exit code and all that was printed."""
    out = io.StringIO()
    try:
        call_command("brevo_setup", *options, stdout=out, no_color=True)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def writes(sandbox: Sandbox) -> int:
    return sum(request.method != "GET" for request in sandbox.brevo.requests)


def test_a_fresh_account(sandbox: Sandbox) -> None:
    code, text = setup()
    assert code == 1
    assert "ok   The key works: " in text
    assert "ok   No list is set: contacts are made without one. BREVO_LIST_ID chooses: " in text
    assert "ok   The attribute FIRSTNAME (text) is there." in text
    assert "todo The attribute HAS_GMAIL (boolean) is missing: Brevo drops what we send for it." in text
    assert text.endswith(f"{len(OURS)} to do. `manage.py brevo_setup --create` makes what is missing.")
    assert writes(sandbox) == 0, "without --create nothing is changed"
    assert DEFAULT_KEY not in text


def test_create_makes_what_is_missing_and_can_be_repeated(sandbox: Sandbox) -> None:
    code, text = setup("--create")
    assert code == 0
    assert "ok   Made the attribute HAS_GMAIL (boolean)." in text
    assert 'ok   Made the list "ScraperSky". Set BREVO_LIST_ID=3 to use it.' in text
    assert text.endswith("Brevo is ready.\n")
    there = sandbox.brevo.account.store.attributes
    assert {name: there[name].type for name in ATTRIBUTE_TYPES} == ATTRIBUTE_TYPES

    before = writes(sandbox)
    for options in ([], ["--create"]):
        code, text = setup(*options)
        assert code == 0
        assert "Made" not in text
        assert 'Set BREVO_LIST_ID=3 to use the list "ScraperSky".' in text
    assert writes(sandbox) == before
    assert len(sandbox.brevo.account.store.lists) == 2


def test_create_on_an_account_without_folders(sandbox: Sandbox) -> None:
    sandbox.brevo.account.store.folders.clear()
    assert setup("--create")[0] == 0
    assert sandbox.brevo.account.store.folders == {1: "ScraperSky"}


def test_create_with_a_list_makes_no_other(sandbox: Sandbox, settings: Any) -> None:
    settings.BREVO_LIST_ID = "2"
    code, text = setup("--create")
    assert code == 0
    assert 'ok   Contacts go to list 2, "ScraperSky demo".' in text
    assert len(sandbox.brevo.account.store.lists) == 1


@pytest.mark.parametrize("options", [[], ["--create"]])
def test_a_wrong_list(sandbox: Sandbox, settings: Any, options: list[str]) -> None:
    settings.BREVO_LIST_ID = "99"
    code, text = setup(*options)
    assert code == 1
    assert 'todo There is no list 99. BREVO_LIST_ID has to be one of these: 2 "ScraperSky demo"' in text
    assert len(sandbox.brevo.account.store.lists) == 1, "a number that is wrong is for a person to correct"


def test_a_wrong_list_in_an_account_without_lists(sandbox: Sandbox, settings: Any) -> None:
    settings.BREVO_LIST_ID = "99"
    sandbox.brevo.account.store.lists.clear()
    assert "the account has none." in setup()[1]


@pytest.mark.parametrize("options", [[], ["--create"]])
def test_an_attribute_of_the_wrong_type(sandbox: Sandbox, options: list[str]) -> None:
    setup("--create")
    sandbox.brevo.account.store.attributes["HAS_GMAIL"] = Attribute("HAS_GMAIL", type="text")
    code, text = setup(*options)
    assert code == 1
    assert "todo The attribute HAS_GMAIL is of type text, not boolean: Brevo drops what we send for it." in text
    assert "BREVO_ATTRIBUTES=HAS_GMAIL=OTHER_NAME." in text
    assert text.endswith("1 to do."), "--create would not help, so it is not named"


def test_a_category_attribute_is_no_text_attribute(sandbox: Sandbox) -> None:
    setup("--create")
    choice = Attribute("EMAIL_TYPE", category="category", type="", enumeration=((1, "FREE"),))
    sandbox.brevo.account.store.attributes["EMAIL_TYPE"] = choice
    code, text = setup()
    assert code == 1
    assert "EMAIL_TYPE is of type category, not text" in text


def test_renamed_and_left_out(sandbox: Sandbox, settings: Any) -> None:
    settings.BREVO_ATTRIBUTES = {"FIRSTNAME": "prenom", "HAS_GMAIL": "", "COMPANY": "FIRMA"}
    assert setup("--create")[0] == 0
    there = sandbox.brevo.account.store.attributes
    assert {"PRENOM", "FIRMA"} <= set(there)
    assert not {"HAS_GMAIL", "COMPANY", "prenom"} & set(there)
    assert "Made" not in setup("--create")[1]


@pytest.mark.parametrize("options", [[], ["--create"]])
def test_a_wrong_key(sandbox: Sandbox, settings: Any, options: list[str]) -> None:
    settings.BREVO_API_KEY = "xkeysib-wrong"
    code, text = setup(*options)
    assert code == 1
    assert text == (
        'Brevo could not be asked. Brevo rejected the key (401): "Key not found". '
        "Check BREVO_API_KEY: it must be a v3 API key of this account that has not expired."
    )
    assert len(sandbox.brevo.requests) == 1


def test_an_unknown_address_of_this_server(sandbox: Sandbox) -> None:
    sandbox.brevo.set(brevo_ip_blocked=True)
    try:
        code, text = setup()
    finally:
        sandbox.brevo.set(brevo_ip_blocked=False)
    assert code == 1
    assert text.endswith("Authorise this server's address at https://app.brevo.com/security/authorised_ips.")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("500", "Brevo could not be asked. Brevo is in trouble (500)"),
        ("502_html", "502 Bad Gateway"),
        ("403_html", "Access denied"),
        ("429", "Brevo could not be asked. Brevo asked us to slow down (429) for 1 second."),
        ("reset", "Brevo could not be asked. The connection was closed before the answer came."),
        ("truncated_json", "Brevo could not be asked. Brevo answered 20"),
        ("garbage_200", "Brevo could not be asked. Brevo answered 200 without the data."),
        ("redirect", "Check BREVO_API_BASE_URL"),
    ],
)
@pytest.mark.parametrize("path", ["/account", "/contacts/attributes", "/contacts/lists"])
def test_faults_end_in_a_sentence(sandbox: Sandbox, kind: str, said: str, path: str) -> None:
    sandbox.add_fault(kind, path=path)
    code, text = setup("--create")
    assert code == 1
    assert said in text


def test_nobody_there(settings: Any) -> None:
    with running_sandbox() as sandbox:
        settings.BREVO_API_BASE_URL = sandbox.brevo_url
    code, text = setup()
    assert (code, text) == (1, "Brevo could not be asked. The connection was refused.")


def test_the_wrong_address(sandbox: Sandbox, settings: Any) -> None:
    settings.BREVO_API_BASE_URL = f"{sandbox.url}/v3"
    settings.BREVO_LIST_ID = "2"
    code, text = setup()
    assert code == 1
    assert "404" in text


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("BREVO_API_KEY", "", "BREVO_API_KEY is not set."), ("BREVO_LIST_ID", "x", "BREVO_LIST_ID must be")],
)
def test_wrong_settings_are_named(settings: Any, name: str, value: str, said: str) -> None:
    setattr(settings, name, value)
    code, text = setup()
    assert code == 1
    assert said in text


@responses.activate
def test_a_race_for_an_attribute_is_not_lost(settings: Any) -> None:
    """Somebody else made it between our look and our call."""
    settings.BREVO_RATE_LIMIT_PER_SECOND = 5000.0
    responses.add("GET", "https://brevo.test/v3/account", json={"email": "a@x.example"})
    responses.add("GET", f"{CONTACTS}/lists?limit=50&offset=0", json={"count": 0})
    responses.add("GET", f"{CONTACTS}/folders?limit=50&offset=0", json={"folders": [{"id": 1}]})
    responses.add("POST", f"{CONTACTS}/lists", status=201, json={"id": 4})
    responses.add("GET", f"{CONTACTS}/attributes", json={"attributes": []})
    for name in ATTRIBUTE_TYPES:
        refusal = {"code": "invalid_parameter", "message": "Attribute name must be unique"}
        responses.add("POST", f"{CONTACTS}/attributes/normal/{name}", status=400, json=refusal)
    assert setup("--create")[0] == 0
