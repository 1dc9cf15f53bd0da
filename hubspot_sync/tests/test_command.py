"""`manage.py hubspot_sync`: what is HubSpot's own about it. The rest is the same for every platform."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import responses
from django.core.management import CommandError, call_command
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import Schedule

from contacts.models import Contact
from curation_sdk.models import SyncRun
from curation_sdk.queueing import queue_contacts
from hubspot_sync.job import HUBSPOT
from hubspot_sync.tasks import process_hubspot_sync_queue
from hubspot_sync.tests.support import ALL_PROPERTIES, CONTACTS, PROPERTIES_URL, UPSERT, reply, takes_all

pytestmark = pytest.mark.django_db


def sync(*options: Any) -> tuple[int, str]:
    """Exit code and all that was printed."""
    out = io.StringIO()
    try:
        call_command("hubspot_sync", *map(str, options), stdout=out, no_color=True)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def queue(*addresses: str | None) -> None:
    Contact.objects.bulk_create(Contact(email=address) for address in addresses)
    queue_contacts(HUBSPOT, Contact.objects.all(), now=timezone.now())


def requests_shown(text: str) -> list[Any]:
    """The JSON of a dry run, one value after the other."""
    decoder, found = json.JSONDecoder(), []
    while (start := text.find("{")) >= 0:
        value, end = decoder.raw_decode(text, start)
        found.append(value)
        text = text[end:]
    return found


def answer_all(wire: responses.RequestsMock) -> None:
    wire.get(f"{CONTACTS}?limit=1", json={"results": []})
    wire.get(PROPERTIES_URL, json=ALL_PROPERTIES)
    wire.add_callback("POST", UPSERT, reply(takes_all))


@responses.activate
def test_250_contacts_are_three_calls() -> None:
    answer_all(responses.mock)
    queue(*(f"p{number}@x.example" for number in range(250)))
    code, text = sync()
    assert (code, text.partition(".")[0]) == (0, "250 synced")
    sizes = [len(json.loads(call.request.body)["inputs"]) for call in responses.calls if call.request.url == UPSERT]
    assert sorted(sizes) == [50, 100, 100]


@responses.activate
def test_a_dry_run_shows_the_batches_and_sends_nothing() -> None:
    queue(*(f"p{number}@x.example" for number in range(103)), "not an address")
    code, text = sync("--dry-run")
    assert code == 0
    shown = requests_shown(text)
    path = "/crm/objects/2026-09/contacts/batch/upsert"
    assert {(one["method"], one["path"]) for one in shown} == {("POST", path)}
    assert [len(one["body"]["inputs"]) for one in shown] == [100, 3]
    first = shown[0]["body"]["inputs"][0]
    assert first["idProperty"] == "email"
    assert first["properties"]["email"] == first["id"]
    assert first["objectWriteTraceId"].endswith("-dry-run")
    assert text.count("would be skipped: Invalid e-mail address") == 1
    assert text.endswith("104 people shown; nothing was sent or changed.\n")
    assert len(responses.calls) == 0
    assert not SyncRun.objects.exists()


@responses.activate
def test_a_dry_run_shows_that_two_who_are_one_to_hubspot_go_apart() -> None:
    queue("a@x.example", "É@x.example", "é@x.example")
    shown = requests_shown(sync("--dry-run")[1])
    assert sorted(len(one["body"]["inputs"]) for one in shown) == [1, 2]


@responses.activate
def test_a_limited_dry_run() -> None:
    queue("a@x.example", "b@x.example", "c@x.example")
    (one,) = requests_shown(sync("--dry-run", "--limit", "2")[1])
    assert len(one["body"]["inputs"]) == 2


@responses.activate
def test_a_missing_property_ends_with_1_and_names_it() -> None:
    responses.get(f"{CONTACTS}?limit=1", json={"results": []})
    responses.get(PROPERTIES_URL, json={"results": ALL_PROPERTIES["results"][:-1]})
    queue("a@x.example")
    code, text = sync()
    assert code == 1
    assert "the account has no property scrapersky_sync_date." in text
    assert Contact.objects.get().hubspot_sync_status == "Queued"


def test_the_schedule_and_its_task(settings: Any) -> None:
    """Made by the test database's own migrate."""
    schedule = Schedule.objects.get(name="hubspot_contact_sync_processor")
    assert schedule.minutes == 5
    assert import_string(schedule.func) is process_hubspot_sync_queue
    assert process_hubspot_sync_queue() == "Nothing is due."
    settings.HUBSPOT_API_KEY = ""
    assert process_hubspot_sync_queue() == "HubSpot is switched off: HUBSPOT_API_KEY is not set."
