"""The path of the webhook may be as good as a key: who sees it, and where it never stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from contacts.tests.actions import choose
from curation_sdk.models import ConnectionCheck, SyncAttempt, SyncRun
from curation_sdk.testing import FakeClock, run
from n8n_sync.client import NotRegistered
from n8n_sync.conf import secret_forms
from n8n_sync.job import N8N
from n8n_sync.tests.support import client, config, queue

PATH = "7d9e2c1b-4f6a-key-of-the-house"
WEBHOOK = f"https://n8n.test/webhook/{PATH}"
NOT_THERE = f'The requested webhook "POST {PATH}" is not registered.'


@pytest.fixture(autouse=True)
def webhook(settings: Any) -> None:
    settings.N8N_WEBHOOK_URL = WEBHOOK


def staff(name: str, *permissions: str) -> Client:
    user = get_user_model().objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_contact", *permissions]))
    browser = Client()
    browser.force_login(user)
    return browser


def pages(browser: Client, contact: Contact) -> dict[str, str]:
    """What a person with these permissions can look at, by its address; with a preview of the next push."""
    preview = choose(browser, "queue_for_n8n", contact).headers["Location"]
    addresses = [
        *(preview, reverse("admin:contacts_contact_changelist"), f"/admin/contacts/contact/{contact.pk}/change/"),
        *(reverse("sync-dashboard"), reverse("sync-state"), reverse("sync-strip"), reverse("sync-errors")),
        *(reverse("sync-errors", args=["n8n"]), reverse("sync-connections"), reverse("sync-connection", args=["n8n"])),
        *("/admin/curation_sdk/syncrun/", "/admin/curation_sdk/syncattempt/", "/health"),
        *(f"/api/v3/contacts/{contact.pk}", "/api/v3/contacts/n8n/status/summary"),
    ]
    found = {}
    for address in addresses:
        answer = browser.get(address)
        assert answer.status_code in (200, 503), (address, answer.status_code)
        found[address] = answer.content.decode()
    return found


VIEWS = ("push_contact", "change_contact", "view_syncrun", "view_syncattempt", "view_bulkoperation")


@pytest.mark.django_db
@responses.activate
def test_only_those_who_set_platforms_up_see_the_path(make_contact: Any, clock: FakeClock) -> None:
    responses.post(WEBHOOK, status=404, json={"code": 404, "message": NOT_THERE})
    contact = make_contact("ada@acme.example")
    queue(clock)
    assert run(N8N, clock).stopped
    Contact.objects.update(n8n_sync_status="Error", n8n_processing_status="Error")
    seen = pages(staff("ada", *VIEWS), contact)
    assert not [address for address, page in seen.items() if PATH in page]
    shown = [address for address, page in seen.items() if "https://n8n.test/…" in page]
    assert {address.partition("/sync/")[2][:12] for address in shown} == {"n8n/preview/", "n8n/connecti"}
    assert "its path is shown to those who may set up platforms" in seen[reverse("sync-connection", args=["n8n"])]
    seen = pages(staff("bob", *VIEWS, "set_up_platform"), contact)
    assert {address.partition("/sync/")[2][:12] for address, page in seen.items() if WEBHOOK in page} == {
        "n8n/preview/",
        "n8n/connecti",
    }
    assert "its path is shown" not in "".join(seen.values())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "said",
    [
        {"json": {"message": NOT_THERE}},
        {"json": {"message": f"{'x' * 180} {PATH} is not there"}},
        {"json": {"message": f"Cannot POST /webhook/{PATH}"}},
        {"json": {"message": f"Nothing at {WEBHOOK}"}},
        {"body": f"<html><pre>Cannot POST /webhook/{PATH}</pre></html>"},
    ],
    ids=["n8n", "cut", "path", "address", "HTML"],
)
@pytest.mark.parametrize("status", [404, 403, 405, 422, 503])
@responses.activate
def test_no_reason_attempt_or_log_holds_the_path(
    make_contact: Any, clock: FakeClock, caplog: Any, said: dict[str, Any], status: int
) -> None:
    caplog.set_level("DEBUG")
    caplog.set_level("ERROR", logger="urllib3")  # as the project's settings have it
    responses.post(WEBHOOK, status=status, **said)
    contact = make_contact("ada@acme.example")
    queue(clock)
    report = run(N8N, clock)
    contact.refresh_from_db()
    one = SyncRun.objects.get()
    kept = [report.sentence(), one.reason, one.notes, str(contact.n8n_processing_error), caplog.text]
    kept += [f"{row.reason} {row.message} {row.code} {row.cause}" for row in SyncAttempt.objects.all()]
    assert str(status) in "".join(kept)
    assert not [text for text in kept if PATH[:12] in text]


@pytest.mark.django_db
@responses.activate
def test_what_a_check_found_does_not_hold_the_path(admin_client: Client) -> None:
    responses.patch(WEBHOOK, status=404, json={"code": 404, "message": NOT_THERE.replace("POST", "PATCH")})
    admin_client.post(reverse("sync-connection-check", args=["n8n"]))
    result = ConnectionCheck.objects.get(pk="n8n").result
    assert "The requested webhook" in json.dumps(result["findings"])
    assert PATH not in json.dumps([result["findings"], result["failed"]])


@pytest.mark.parametrize("path", ["contact", "workflow", "request", "requests", "a/b"])
@responses.activate
def test_a_path_that_is_a_word_costs_no_words(path: str) -> None:
    url = f"https://n8n.test/webhook/{path}"
    said = "This webhook is not registered for PATCH requests. Did you mean to make a POST request to the workflow?"
    responses.patch(url, status=404, json={"message": said})
    assert client(webhook_url=url).probe() == said
    responses.post(url, status=404, json={"message": f'The requested webhook "POST {path}" is not registered.'})
    with pytest.raises(NotRegistered) as caught:
        client(webhook_url=url).deliver({})
    assert caught.value.evidence.message == "The requested webhook [secret] is not registered."


def test_an_address_without_a_path_has_none_to_hide() -> None:
    assert secret_forms("https://n8n.test") == {"https://n8n.test"}


def test_the_configuration_does_not_show_it() -> None:
    assert PATH not in repr(config(webhook_url=WEBHOOK))
