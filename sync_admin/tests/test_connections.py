"""The connection pages: what they show, what they change, and who may."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from brevo_sync import conf
from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from curation_sdk import connection_check, platform_settings, setting_changes
from curation_sdk.cycle import run_cycle
from curation_sdk.models import ConnectionCheck, PlatformSettings, SettingChange, SyncRun
from hubspot_sync.job import HUBSPOT
from hubspot_sync.properties import PROPERTIES
from scrapersky.platforms import CONNECTIONS, PLATFORMS
from webhooks.tasks import work_through_events

pytestmark = pytest.mark.django_db

NAMES = [job.platform for job in PLATFORMS]
SECRET = "a-secret-that-nobody-may-see"
SECRETS = [name for one in CONNECTIONS for name in one.secrets if name != "MAUTIC_CLIENT_ID"]
BREVO_URL = "https://brevo.test/v3"

#: Where each platform is asked first.
FIRST = {
    "brevo": ("GET", f"{BREVO_URL}/account"),
    "hubspot": ("GET", re.compile("https://hubspot.test/crm/objects/.*")),
    "mautic": ("GET", re.compile("https://mautic.test/api/contacts.*")),
    "n8n": ("PATCH", "https://n8n.test/webhook/scrapersky-contact"),
}


def url(name: str, platform: str = "brevo") -> str:
    return reverse(f"sync-{name}", args=[platform])


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def brevo_account(**attributes: str) -> None:
    """A Brevo account with two lists and these attributes, for `responses`."""
    budget = {"x-sib-ratelimit-limit": "10", "x-sib-ratelimit-remaining": "7", "x-sib-ratelimit-reset": "1"}
    found = [{"name": name, "category": "normal", "type": kind} for name, kind in attributes.items()]
    lists = [{"id": 2, "name": "Customers"}, {"id": 5, "name": "News"}]
    responses.add("GET", f"{BREVO_URL}/account", json={"companyName": "Acme Ltd"})
    responses.add("GET", f"{BREVO_URL}/contacts/attributes", json={"attributes": found}, headers=budget)
    responses.add("GET", f"{BREVO_URL}/contacts/lists", json={"lists": lists}, headers=budget)
    responses.add("GET", f"{BREVO_URL}/contacts/lists/2", json=lists[0], headers=budget)


def user_with(django_user_model: Any, *permissions: str) -> Any:
    user = django_user_model.objects.create_user("ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def save(client: Client, platform: str = "brevo", **entered: str) -> Any:
    seen = str(setting_changes.latest_change(platform))
    fields = {name.replace("field_", "field-"): value for name, value in entered.items()}
    return client.post(url("connection-change", platform), {"do": "save", "seen": seen, **fields}, follow=True)


# --- Looking ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", NAMES)
def test_a_look_asks_nobody(admin_client: Client, platform: str, django_assert_max_num_queries: Any) -> None:
    """No `responses` here: a call would fail."""
    with django_assert_max_num_queries(30):
        answer = admin_client.get(url("connection", platform))
    assert answer.status_code == 200
    assert "Nobody has checked this account yet." in text_of(answer)
    with django_assert_max_num_queries(30):
        assert admin_client.get(reverse("sync-connections")).status_code == 200


def test_there_is_no_account_of_curation(admin_client: Client) -> None:
    assert admin_client.get(url("connection", "curation")).status_code == 404


@pytest.mark.parametrize("platform", NAMES)
def test_no_secret_is_ever_shown(admin_client: Client, settings: Any, platform: str) -> None:
    settings.MAUTIC_USERNAME = settings.MAUTIC_PASSWORD = ""
    for name in SECRETS:
        if name not in ("MAUTIC_USERNAME", "MAUTIC_PASSWORD"):
            setattr(settings, name, SECRET)
    settings.MAUTIC_CLIENT_ID = "client-1"

    def echo(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        return 401, {}, json.dumps({"message": f"Wrong: {SECRET} {request.headers.get('Authorization', '')}"})

    with responses.RequestsMock(assert_all_requests_are_fired=False) as platforms:
        for method in ("GET", "PATCH", "POST"):
            platforms.add_callback(method, re.compile("https://.*"), callback=echo)
        answer = admin_client.post(url("connection-check", platform), follow=True)
        assert platforms.calls
    page = answer.content.decode()
    assert "could not be asked" in page or "to do" in page
    assert SECRET not in page
    assert SECRET[:12] not in page
    assert "client-1" not in page
    assert SECRET not in json.dumps(ConnectionCheck.objects.get(pk=platform).result)


def test_which_secrets_are_set_is_shown(admin_client: Client, settings: Any) -> None:
    settings.MAUTIC_CLIENT_SECRET = ""
    page = text_of(admin_client.get(url("connection", "mautic")))
    assert "MAUTIC_PASSWORD set in the environment; never shown" in page
    assert "MAUTIC_CLIENT_SECRET not set" in page


def test_an_address_that_is_none_is_not_shown(admin_client: Client, settings: Any) -> None:
    """It may hold a log-in, or a key that was put in the wrong place."""
    settings.MAUTIC_API_BASE_URL = f"https://bob:{SECRET}@mautic.test"
    page = admin_client.get(url("connection", "mautic")).content.decode()
    assert "set, and no address that can be used" in page
    assert SECRET not in page


# --- Checking -----------------------------------------------------------------------------------------------------


@responses.activate
def test_a_check_is_kept_and_shown(admin_client: Client) -> None:
    brevo_account(**{name: kind for name, kind in conf.ATTRIBUTE_TYPES.items() if name != "HAS_GMAIL"})
    page = text_of(admin_client.post(url("connection-check"), follow=True))
    asked = len(responses.calls)
    again = admin_client.get(url("connection"))
    assert len(responses.calls) == asked
    for said in (page, text_of(again)):
        assert "The key works: Acme Ltd." in said
        assert "7 of 10 calls left until the count begins again in 1 second." in said
        assert "2: Customers" in said
        assert "The attribute HAS_GMAIL (boolean) is missing" in said
        assert "Create 1 missing attribute" in said
        assert "by admin" in said
    assert "Checked Brevo: 1 thing to do." in page
    assert "1 thing to do" in text_of(admin_client.get(reverse("sync-connections"))).lower()


@responses.activate
def test_what_is_missing_is_made_on_one_click_and_no_list_is(admin_client: Client) -> None:
    brevo_account(**{name: kind for name, kind in conf.ATTRIBUTE_TYPES.items() if name != "HAS_GMAIL"})
    responses.add("POST", f"{BREVO_URL}/contacts/attributes/normal/HAS_GMAIL", status=201)
    page = text_of(admin_client.post(url("connection-check"), {"create": "1"}, follow=True))
    assert "Checked Brevo: all is well." in page
    assert "Create 1 missing" not in page
    assert [call.request.method for call in responses.calls].count("POST") == 1


@pytest.mark.parametrize("platform", NAMES)
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 401, "json": {"message": "Key not found"}}, "401"),
        ({"status": 429, "json": {}}, "slow down (429)"),
        ({"status": 503, "body": "<html><h1>Down</h1></html>"}, "in trouble (503)"),
        ({"status": 200, "body": "<html>log in</html>", "content_type": "text/html"}, ""),
        ({"status": 200, "json": ["unexpected"]}, ""),
        ({"body": requests.exceptions.ConnectTimeout()}, "No connection within 5 seconds."),
        ({"body": requests.exceptions.ReadTimeout()}, "No answer within 8 seconds."),
        ({"body": requests.exceptions.ConnectionError("NameResolutionError")}, "could not be looked up (DNS)"),
    ],
    ids=["key", "429", "503", "HTML", "list", "connection", "silence", "DNS"],
)
@responses.activate
def test_a_failure_is_a_finding(admin_client: Client, platform: str, answer: dict[str, Any], said: str) -> None:
    method, address = FIRST[platform]
    responses.add(method, address, **answer)
    page = admin_client.post(url("connection-check", platform), follow=True)
    assert page.status_code == 200
    assert said in text_of(page)
    look = ConnectionCheck.objects.get(pk=platform)
    assert look.begun_at is None
    assert look.result["failed"].startswith(
        f"{dict(zip(NAMES, PLATFORMS, strict=True))[platform].label} could not"
    ) or (platform == "n8n" and not all(finding["ok"] for finding in look.result["findings"]))


@responses.activate
def test_a_fault_of_ours_is_a_finding_too(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **options: Any) -> None:
        raise TypeError(SECRET)

    monkeypatch.setattr("brevo_sync.connection.check_account", broken)
    page = admin_client.post(url("connection-check"), follow=True)
    assert "did not understand Brevo&#x27;s answer (TypeError)" in text_of(page)
    assert SECRET not in page.content.decode()
    assert ConnectionCheck.objects.get(pk="brevo").begun_at is None


def hubspot_account(**details: Any) -> None:
    """A HubSpot account in which nothing is missing, for `responses`."""
    found = {"results": [{"name": name, "type": "string"} for name in PROPERTIES]}
    responses.add("GET", re.compile("https://hubspot.test/crm/objects/.*"), json={"results": []})
    responses.add("GET", re.compile("https://hubspot.test/crm/properties/.*"), json=found)
    responses.add("GET", "https://hubspot.test/account-info/2026-09/details", **details)


@responses.activate
def test_whose_portal_it_is_until_the_key_changes(admin_client: Client, settings: Any) -> None:
    hubspot_account(json={"portalId": 139, "accountType": "STANDARD", "uiDomain": "app-eu1.hubspot.com"})
    page = text_of(admin_client.post(url("connection-check", "hubspot"), follow=True))
    assert "Checked HubSpot: all is well." in page
    assert "ok Portal 139 (standard account, app-eu1.hubspot.com)." in page
    assert HUBSPOT.page_of("501") == "https://app-eu1.hubspot.com/contacts/139/record/0-1/501"
    stale = "The settings have been changed since this check."
    assert stale not in page
    settings.HUBSPOT_API_KEY = "another"
    assert stale in text_of(admin_client.get(url("connection", "hubspot")))
    assert HUBSPOT.page_of("501") == ""
    assert "test-token" not in json.dumps(ConnectionCheck.objects.get(pk="hubspot").result)


@responses.activate
def test_without_the_scope_the_page_says_why_there_is_no_link(admin_client: Client) -> None:
    scopes = {"errors": [{"message": "Scopes", "context": {"requiredGranularScopes": ["oauth"]}}]}
    hubspot_account(status=403, json={"status": "error", "category": "MISSING_SCOPES", **scopes})
    page = text_of(admin_client.post(url("connection-check", "hubspot"), follow=True))
    assert "Checked HubSpot: all is well." in page
    assert "note Contacts have no link to their page in HubSpot, because the token may not read which portal" in page
    assert "The token lacks a scope (403): oauth." in page


@responses.activate
def test_a_check_that_fails_leaves_the_links(admin_client: Client) -> None:
    hubspot_account(json={"portalId": 139, "accountType": "STANDARD", "uiDomain": "app-eu1.hubspot.com"})
    admin_client.post(url("connection-check", "hubspot"))
    responses.reset()
    responses.add("GET", re.compile("https://hubspot.test/.*"), status=503)
    assert "could not be asked" in text_of(admin_client.post(url("connection-check", "hubspot"), follow=True))
    assert HUBSPOT.page_of("501")


@responses.activate
def test_two_who_click_at_once_make_one_check(admin_client: Client) -> None:
    now = timezone.now()
    ConnectionCheck.objects.create(pk="brevo", begun_at=now)
    page = admin_client.post(url("connection-check"), follow=True)
    assert "Somebody is checking Brevo at this moment." in text_of(page)
    assert not responses.calls
    # Its web server died: the next click asks again.
    ConnectionCheck.objects.filter(pk="brevo").update(begun_at=now - timedelta(minutes=2))
    brevo_account()
    admin_client.post(url("connection-check"))
    assert responses.calls


@responses.activate
def test_a_click_while_the_account_is_asked_asks_nothing(admin_client: Client) -> None:
    """The second person clicks before the first one's answer is there."""
    second = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        second.append(text_of(admin_client.post(url("connection-check"), follow=True)))
        return 401, {}, "{}"

    responses.add_callback("GET", f"{BREVO_URL}/account", callback=answer)
    admin_client.post(url("connection-check"))
    assert len(second) == len(responses.calls) == 1
    assert "Somebody is checking Brevo at this moment." in second[0]
    assert "a check is under way" in second[0]


@responses.activate
def test_a_platform_that_drips_does_not_hold_the_page(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_check, "LONGEST", 0.0)
    brevo_account()
    page = admin_client.post(url("connection-check"), follow=True)
    assert "Brevo is slow: not all was looked at" in text_of(page)


@pytest.mark.django_db(transaction=True)
@responses.activate
def test_no_transaction_is_open_during_a_check(admin_client: Client) -> None:
    from django.db import connection

    inside = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        inside.append(connection.in_atomic_block)
        return 401, {}, "{}"

    responses.add_callback("GET", f"{BREVO_URL}/account", callback=answer)
    admin_client.post(url("connection-check"))
    assert inside == [False]


@responses.activate
def test_a_check_of_other_settings_is_out_of_date(admin_client: Client) -> None:
    brevo_account(**conf.ATTRIBUTE_TYPES)
    admin_client.post(url("connection-check"))
    page = save(admin_client, field_COMPANY="FIRMA")
    assert "The settings have been changed since this check." in text_of(page)


def test_a_platform_that_is_off_is_not_asked(admin_client: Client, settings: Any) -> None:
    settings.BREVO_API_KEY = ""
    page = admin_client.post(url("connection-check"), follow=True)
    assert "Brevo is switched off: BREVO_API_KEY is not set." in text_of(page)
    assert not ConnectionCheck.objects.exists()


# --- Changing settings ----------------------------------------------------------------------------------------------


def test_what_is_chosen_wins_and_the_environments_comes_back(admin_client: Client, settings: Any) -> None:
    settings.BREVO_LIST_ID, settings.BREVO_ATTRIBUTES = "2", {"SMS": ""}
    assert "From the environment: BREVO_LIST_ID is 2." in text_of(admin_client.get(url("connection")))
    page = text_of(save(admin_client, choice="5", field_COMPANY="firma"))
    assert "Set here by admin on" in page
    assert "over the environment's BREVO_LIST_ID (2)" in page
    config = conf.load()
    assert (config.list_id, config.attributes["COMPANY"], "SMS" in config.attributes) == (5, "FIRMA", False)
    assert platform_settings.chosen("brevo") == {
        "BREVO_LIST_ID": "5",
        "BREVO_ATTRIBUTES": {"SMS": "", "COMPANY": "FIRMA"},
    }
    seen = setting_changes.latest_change("brevo")
    admin_client.post(url("connection-change"), {"do": "environment:BREVO_LIST_ID", "seen": seen})
    assert (conf.load().list_id, conf.load().attributes["COMPANY"]) == (2, "FIRMA")
    rows = SettingChange.objects.order_by("id").values_list("name", "before", "after", "changed_by_name")
    assert list(rows) == [
        ("BREVO_LIST_ID", None, "5", "admin"),
        ("BREVO_ATTRIBUTES", None, {"SMS": "", "COMPANY": "FIRMA"}, "admin"),
        ("BREVO_LIST_ID", "5", None, "admin"),
    ]
    assert "as the environment says" in text_of(admin_client.get(url("connection")))


@pytest.mark.parametrize(
    ("platform", "setting", "entered", "in_force"),
    [
        ("hubspot", "HUBSPOT_PROPERTIES", {"field_company": "firma"}, {"company": "firma"}),
        ("mautic", "MAUTIC_FIELDS", {"field_phone": "", "choice": "7"}, {"phone": ""}),
    ],
)
def test_every_platform_goes_by_it(
    admin_client: Client, platform: str, setting: str, entered: dict[str, str], in_force: dict[str, str]
) -> None:
    save(admin_client, platform, **entered)
    assert platform_settings.chosen(platform)[setting] == in_force
    if platform == "hubspot":
        from hubspot_sync.conf import load

        assert load().properties["company"] == "firma"
    else:
        from mautic_sync.conf import load as load_mautic

        assert "phone" not in load_mautic().fields
        assert load_mautic().segment_id == 7


def test_what_is_the_same_is_no_change(admin_client: Client) -> None:
    page = save(admin_client, choice="", field_COMPANY=" company ")
    assert "Nothing was changed." in text_of(page)
    assert not SettingChange.objects.exists()


@pytest.mark.parametrize(
    ("platform", "entered", "marked", "said"),
    [
        ("brevo", {"choice": "twelve"}, ["choice"], "BREVO_LIST_ID must be a list&#x27;s number, such as 12."),
        ("brevo", {"field_COMPANY": "EMAIL"}, ["field-COMPANY"], "must not send COMPANY as EMAIL"),
        (
            "brevo",
            {"field_COMPANY": "website"},
            ["field-COMPANY", "field-WEBSITE"],
            "BREVO_ATTRIBUTES sends two values as WEBSITE.",
        ),
        ("brevo", {"field_COMPANY": "x" * 300}, ["field-COMPANY"], "a name of at most 255 characters"),
        ("hubspot", {"field_company": "2nd"}, ["field-company"], "must give company the internal name of a property"),
        ("mautic", {"choice": "-1"}, ["choice"], "MAUTIC_SEGMENT_ID must be a segment&#x27;s number, such as 3."),
        ("mautic", {"field_website": "tags"}, ["field-website"], "must not send website as tags"),
    ],
)
def test_what_cannot_be_meant_is_said_at_its_field_and_not_saved(
    admin_client: Client, platform: str, entered: dict[str, str], marked: list[str], said: str
) -> None:
    page = save(admin_client, platform, **entered)
    html = page.content.decode()
    assert said in html
    invalid = re.findall(r'name="([^"]+)"[^>]*aria-invalid', html)
    assert invalid == marked
    assert not SettingChange.objects.exists()
    assert platform_settings.chosen(platform) == {}


def test_a_wrong_environment_has_to_be_put_right_first(admin_client: Client, settings: Any) -> None:
    settings.BREVO_LIST_ID = "x"
    page = text_of(save(admin_client, choice="5"))
    assert "Nothing can be set here as long as the environment is wrong: BREVO_LIST_ID must be" in page
    assert not SettingChange.objects.exists()


def test_somebody_elses_change_is_not_lost(admin_client: Client) -> None:
    seen = setting_changes.latest_change("brevo")
    save(admin_client, choice="5")
    answer = admin_client.post(url("connection-change"), {"do": "save", "seen": seen, "choice": "7"}, follow=True)
    assert "somebody else has changed the settings meanwhile" in text_of(answer)
    assert conf.load().list_id == 5


def test_what_cannot_be_set_here(admin_client: Client) -> None:
    for name in ("BREVO_API_KEY", "BREVO_API_BASE_URL", "MAUTIC_FIELDS"):
        answer = admin_client.post(url("connection-change"), {"do": f"environment:{name}", "seen": "0"})
        assert answer.status_code == 404
    save(admin_client, BREVO_API_KEY=SECRET, field_BREVO_API_KEY=SECRET)
    assert platform_settings.chosen("brevo") == {}


@pytest.mark.parametrize(
    "stored", [[], {"BREVO_LIST_ID": 5}, {"BREVO_ATTRIBUTES": {"SMS": None}}, {"X": "1"}, "x", None]
)
def test_a_row_that_makes_no_sense_changes_nothing(stored: Any) -> None:
    PlatformSettings.objects.create(pk="brevo", values={} if stored is None else stored)
    assert conf.off_reason() == ""
    assert conf.load().list_id is None


def test_a_stored_value_that_cannot_be_meant_stops_the_run_and_says_where_it_is(
    make_contact: Callable[..., Contact], admin_client: Client
) -> None:
    PlatformSettings.objects.create(pk="brevo", values={"BREVO_ATTRIBUTES": {"COMPANY": "EMAIL"}})
    report = run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
    assert report.state is None
    assert "must not send COMPANY as EMAIL" in report.reason
    assert "It was set in the admin, on the connection page." in report.reason
    assert "It was set in the admin" in text_of(admin_client.get(url("connection")))


def test_no_list_chosen_over_the_environments_is_not_called_unset(admin_client: Client, settings: Any) -> None:
    settings.BREVO_LIST_ID = "5"
    assert "Saved." in text_of(save(admin_client, choice=""))
    assert BREVO.destination() == "To Brevo, into no list: none is chosen."


def test_a_stored_field_that_we_no_longer_send_goes_with_the_next_save(admin_client: Client) -> None:
    PlatformSettings.objects.create(pk="brevo", values={"BREVO_ATTRIBUTES": {"GONE": "X", "COMPANY": "FIRMA"}})
    assert "names GONE, which we do not send" in conf.off_reason()
    assert "Saved." in text_of(save(admin_client))
    assert conf.off_reason() == ""
    assert conf.load().attributes["COMPANY"] == "FIRMA"


@pytest.mark.parametrize(
    ("platform", "stored", "said"),
    [
        ("brevo", {"BREVO_LIST_ID": "x"}, "BREVO_LIST_ID must be a list's number"),
        ("hubspot", {"HUBSPOT_PROPERTIES": {"company": "email"}}, "must not send company as email"),
        ("mautic", {"MAUTIC_SEGMENT_ID": "0"}, "MAUTIC_SEGMENT_ID must be"),
    ],
)
def test_the_check_with_the_database_names_what_was_stored(platform: str, stored: dict[str, Any], said: str) -> None:
    from django.core.checks import run_checks

    ours = f"{platform}_sync.W002"
    assert not [one for one in run_checks(databases=["default"]) if one.id == ours]
    PlatformSettings.objects.create(pk=platform, values=stored)
    (found,) = [one for one in run_checks(databases=["default"]) if one.id == ours]
    assert said in found.msg
    assert not [one for one in run_checks() if one.id == ours], "without a database nothing is asked of it"


def test_is_it_on_costs_one_query_for_all_platforms(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        for job in PLATFORMS:
            assert job.off_reason() == ""
            assert job.off_reason() == ""


@responses.activate
def test_a_push_asks_the_database_nothing_of_settings(
    make_contact: Callable[..., Contact], admin_client: Client
) -> None:
    """They are read once, when the run begins."""
    from curation_sdk.queueing import queue_contacts

    for number in range(12):
        make_contact(f"ada{number}@acme.example")
    save(admin_client, choice="5")
    brevo_account(**conf.ATTRIBUTE_TYPES)
    responses.add("GET", f"{BREVO_URL}/contacts/lists/5", json={"id": 5, "name": "News"})
    responses.add("POST", f"{BREVO_URL}/contacts", status=201, json={"id": 1})
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    reads: list[str] = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        if "platform_settings" in sql:
            reads.append(sql)
        return execute(sql, *rest)

    from django.db import connection

    platform_settings.forget()
    with connection.execute_wrapper(count):
        run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
    assert len(reads) == 2, "is it on, and what does it go by"
    bodies = [json.loads(call.request.body) for call in responses.calls if call.request.method == "POST"]
    assert len(bodies) == 12
    assert all(body["listIds"] == [5] for body in bodies)


def test_the_dry_run_goes_by_it(make_contact: Callable[..., Contact], admin_client: Client, capsys: Any) -> None:
    from django.core.management import call_command

    make_contact(source_url="https://acme.example/team")
    save(admin_client, choice="5", field_SOURCE_URL="SEITE")
    call_command("brevo_sync", "--dry-run", "--queue-all-new")
    shown = capsys.readouterr().out
    assert '"listIds": [\n      5\n    ]' in shown
    assert '"SEITE": "https://acme.example/team"' in shown


@responses.activate
def test_the_setup_command_says_which_list_is_in_force(admin_client: Client, capsys: Any) -> None:
    from django.core.management import CommandError, call_command

    brevo_account()
    save(admin_client, choice="2")
    with pytest.raises(CommandError):
        call_command("brevo_setup")
    shown = capsys.readouterr().out
    assert "BREVO_LIST_ID=2 was set in the admin by admin on" in shown
    assert "over the environment's (none)." in shown
    assert 'Contacts go to list 2, "Customers".' in shown


# --- A trial on a real contact --------------------------------------------------------------------------------------


def trial(client: Client, email: str, platform: str = "brevo", **entered: str) -> Any:
    fields = {name.replace("field_", "field-"): value for name, value in entered.items()}
    return client.post(url("connection-change", platform), {"do": "try", "email": email, **fields})


def shown_request(answer: Any) -> Any:
    import html

    found = re.search(r"<pre[^>]*>(.*?)</pre>", answer.content.decode(), re.DOTALL)
    return json.loads(html.unescape(found[1])) if found else None


def test_a_trial_shows_the_request_with_what_is_not_saved(
    make_contact: Callable[..., Contact], admin_client: Client
) -> None:
    make_contact(source_url="https://acme.example/team")
    answer = trial(admin_client, " ADA@acme.example ", choice="5", field_SOURCE_URL="seite")
    body = shown_request(answer)["body"]
    assert body["listIds"] == [5]
    assert body["attributes"]["SEITE"] == "https://acme.example/team"
    assert "Save the settings to push the contact with them." in text_of(answer)
    assert "Push this contact now" not in text_of(answer)


@responses.activate
def test_a_name_that_is_not_saved_is_none_that_was_checked(
    make_contact: Callable[..., Contact], admin_client: Client
) -> None:
    make_contact()
    brevo_account(**conf.ATTRIBUTE_TYPES)
    admin_client.post(url("connection-check"))
    answer = text_of(trial(admin_client, "ada@acme.example", field_COMPANY="FIRM"))
    assert re.search(r"COMPANY text\s+not checked", answer)
    assert re.search(r"WEBSITE text\s+there", answer)
    assert not SettingChange.objects.exists()
    assert Contact.objects.get().brevo_sync_status == "New"


@pytest.mark.parametrize("platform", NAMES)
def test_every_platform_shows_its_request(
    make_contact: Callable[..., Contact], admin_client: Client, platform: str, django_assert_max_num_queries: Any
) -> None:
    make_contact()
    with django_assert_max_num_queries(30):
        answer = trial(admin_client, "ada@acme.example", platform)
    assert "ada@acme.example" in json.dumps(shown_request(answer))
    assert "Push this contact now" in text_of(answer)


@responses.activate
def test_the_second_click_pushes_this_contact_and_no_other(
    make_contact: Callable[..., Contact], admin_client: Client
) -> None:
    from curation_sdk.queueing import queue_contacts

    ada, other = make_contact(), make_contact("other@acme.example")
    queue_contacts(BREVO, Contact.objects.filter(pk=other.pk), now=timezone.now())
    brevo_account(**conf.ATTRIBUTE_TYPES)
    responses.add("POST", f"{BREVO_URL}/contacts", status=201, json={"id": 42})
    digest = re.search(r'name="digest" value="(\w+)"', trial(admin_client, "ada@acme.example").content.decode())
    assert digest
    sent = {"email": "ada@acme.example", "digest": digest[1]}
    answer = admin_client.post(url("connection-push"), sent, follow=True)
    page = text_of(answer)
    assert "Queued 1 contact for Brevo." in page
    assert "Id in Brevo 42" in page
    assert [call.request.method for call in responses.calls].count("POST") == 1
    ada.refresh_from_db()
    other.refresh_from_db()
    assert (ada.brevo_sync_status, other.brevo_sync_status) == ("Complete", "Queued")


@responses.activate
def test_a_request_that_was_not_shown_is_not_sent(make_contact: Callable[..., Contact], admin_client: Client) -> None:
    make_contact()
    answer = admin_client.post(url("connection-push"), {"email": "ada@acme.example", "digest": "0" * 64})
    assert "Nothing was sent: the request would be another one by now." in text_of(answer)
    assert not responses.calls
    assert Contact.objects.get().brevo_sync_status == "New"


@responses.activate
def test_who_must_not_be_pushed_is_not(make_contact: Callable[..., Contact], admin_client: Client) -> None:
    make_contact()
    make_contact("ada@no-such@domain")
    Suppression.objects.create(email_key="ada@acme.example", reason=Suppression.Reason.UNSUBSCRIBED)
    for email, said in (
        ("ada@acme.example", "The contact would be skipped: Suppressed since"),
        ("ada@no-such@domain", "The contact would be skipped: Invalid e-mail address"),
        ("nobody@acme.example", "No contact has this address."),
        ("", "Enter the address of a contact."),
    ):
        assert said in text_of(trial(admin_client, email))
        answer = admin_client.post(url("connection-push"), {"email": email, "digest": ""})
        assert said in text_of(answer)
    assert not responses.calls
    assert not Contact.objects.exclude(brevo_sync_status="New").exists()


@responses.activate
def test_a_refusal_is_shown(make_contact: Callable[..., Contact], admin_client: Client) -> None:
    make_contact()
    brevo_account(**conf.ATTRIBUTE_TYPES)
    refusal = {"code": "invalid_parameter", "message": "No."}
    responses.add("POST", f"{BREVO_URL}/contacts", status=400, json=refusal)
    digest = re.search(r'name="digest" value="(\w+)"', trial(admin_client, "ada@acme.example").content.decode())
    assert digest
    sent = {"email": "ada@acme.example", "digest": digest[1]}
    page = text_of(admin_client.post(url("connection-push"), sent, follow=True))
    assert "Brevo refused it (400)" in page
    assert "Status Error" in page


@responses.activate
def test_while_another_run_is_under_way_the_contact_waits_in_the_queue(
    make_contact: Callable[..., Contact], admin_client: Client
) -> None:
    make_contact()
    now = timezone.now()
    SyncRun.objects.create(platform="brevo", trigger="schedule", slot=1, worker="w", started_at=now, heartbeat_at=now)
    digest = re.search(r'name="digest" value="(\w+)"', trial(admin_client, "ada@acme.example").content.decode())
    assert digest
    sent = {"email": "ada@acme.example", "digest": digest[1]}
    page = text_of(admin_client.post(url("connection-push"), sent, follow=True))
    assert "Another run is under way." in page
    assert Contact.objects.get().brevo_sync_status == "Queued"


# --- Who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("permissions", "look", "check", "change", "push"),
    [
        ((), 403, 403, 403, 403),
        (("view_contact",), 200, 403, 403, 403),
        (("view_contact", "push_contact"), 200, 403, 403, 403),
        (("set_up_platform", "push_contact"), 403, 403, 403, 403),
        (("view_contact", "set_up_platform"), 200, 302, 302, 403),
        (("view_contact", "set_up_platform", "push_contact"), 200, 302, 302, 200),
    ],
    ids=["nobody", "view", "push", "not view", "set up", "both"],
)
@responses.activate
def test_who_may(
    client: Client,
    django_user_model: Any,
    permissions: tuple[str, ...],
    look: int,
    check: int,
    change: int,
    push: int,
) -> None:
    client.force_login(user_with(django_user_model, *permissions))
    responses.add("GET", f"{BREVO_URL}/account", status=401, json={})
    assert client.get(url("connection")).status_code == look
    assert client.get(reverse("sync-connections")).status_code == look
    assert client.post(url("connection-check")).status_code == check
    assert client.post(url("connection-change"), {"do": "save", "choice": "5", "seen": "0"}).status_code == change
    assert client.post(url("connection-change"), {"do": "try", "email": "x"}).status_code == push
    assert client.post(url("connection-push"), {"email": "x"}).status_code == push
    assert bool(responses.calls) == (check == 302)
    assert SettingChange.objects.exists() == (change == 302)


def test_a_click_needs_a_post(admin_client: Client) -> None:
    for name in ("connection-check", "connection-change", "connection-push"):
        assert admin_client.get(url(name)).status_code == 405


# --- Webhooks -------------------------------------------------------------------------------------------------------


def test_the_state_of_webhooks(admin_client: Client, settings: Any, client: Client) -> None:
    assert "MAUTIC_WEBHOOK_SECRET is not set" in text_of(admin_client.get(url("connection", "mautic")))
    settings.MAUTIC_WEBHOOK_SECRET = SECRET
    assert "No event has come yet." in text_of(admin_client.get(url("connection", "mautic")))
    import base64
    import hashlib
    import hmac

    body = b'{"mautic.page_on_hit": [{}]}'
    signature = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    hook = "/api/v3/contacts/mautic/webhook"
    options = {"content_type": "application/json"}
    assert client.post(hook, body, **options, headers={"Webhook-Signature": "wrong"}).status_code == 401
    assert "No event has come yet." in text_of(admin_client.get(url("connection", "mautic")))
    assert client.post(hook, body, **options, headers={"Webhook-Signature": signature}).status_code == 200
    assert work_through_events() == "Worked through 1 event."
    assert f"Last event: {timezone.now():%Y-%m-%d}" in text_of(admin_client.get(url("connection", "mautic")))
    assert "N8N_EXPECT_CALLBACK is false" in text_of(admin_client.get(url("connection", "n8n")))
    settings.N8N_EXPECT_CALLBACK = True
    assert "A report is waited for 30 minutes" in text_of(admin_client.get(url("connection", "n8n")))
    assert "BREVO_WEBHOOK_TOKENS is not set" in text_of(admin_client.get(url("connection", "brevo")))
    assert django_settings.BREVO_API_KEY
