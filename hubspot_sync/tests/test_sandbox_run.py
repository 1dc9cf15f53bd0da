"""Scraped contacts through the job loop and into the sandbox, over HTTP."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from contacts.address_key import email_key
from contacts.models import Contact, Domain, Suppression
from curation_sdk.cycle import run_cycle
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.queueing import queue_contacts
from curation_sdk.report import CycleReport
from hubspot_sync.job import HUBSPOT
from sandbox.hubspot.account import DEFAULT_KEY, READ_SCHEMAS, WRITE_CONTACTS
from sandbox.hubspot.store import Property
from sandbox.server import Sandbox, running_sandbox

pytestmark = pytest.mark.django_db

NAMES = ("Ada Lovelace", "Jérôme d'Artois", "Cher", "山田 花子", "Contact at acme.example", "")
NO_ADDRESSES = ("ada", "ada@", "ada(at)acme.example", "ada@@acme.example", "ada @acme.example", "ada@acme..example")


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    """With our properties, and without limits that would make us wait."""
    with running_sandbox(rate_limit=None) as running:
        settings.HUBSPOT_API_BASE_URL = running.hubspot_url
        settings.HUBSPOT_API_KEY = DEFAULT_KEY
        settings.HUBSPOT_RATE_LIMIT_PER_SECOND = 5000.0
        settings.HUBSPOT_CONCURRENCY = 4
        call_command("hubspot_setup", create=True, stdout=io.StringIO())
        yield running


def address(number: int) -> str | None:
    if number % 20 == 7:
        return (None, "", "  ")[number % 3]
    if number % 20 == 9:
        return NO_ADDRESSES[number % len(NO_ADDRESSES)]
    if number % 10 == 3:  # the person before, in other letters
        return f" P{number - 1}@Acme{number % 7}.EXAMPLE "
    return f"p{number}@acme{(number + 1) % 7 if number % 10 == 2 else number % 7}.example"


def scraped(count: int) -> None:
    domains = [Domain(domain=f"acme{number}.example", company_name="") for number in range(7)]
    Domain.objects.bulk_create(domains)
    Contact.objects.bulk_create(
        Contact(
            email=address(number),
            name=NAMES[number % len(NAMES)],
            phone_number=f"+1 212 555 {number:04}",
            domain=domains[number % 7],
            has_gmail=number % 5 == 0,
        )
        for number in range(count)
    )


def push_all() -> CycleReport:
    queue_contacts(HUBSPOT, Contact.objects.all(), now=timezone.now())
    return run_cycle(HUBSPOT, trigger=SyncRun.Trigger.COMMAND)


def upserts(sandbox: Sandbox) -> list[int]:
    """How many contacts each batch carried."""
    batches = [one.body for one in sandbox.hubspot.requests if one.path.endswith("/batch/upsert")]
    return [len(body["inputs"]) for body in batches if isinstance(body, dict)]


def statuses() -> Counter[str]:
    return Counter(Contact.objects.values_list("hubspot_sync_status", flat=True))


@pytest.mark.parametrize("version", ["2026-09", "v3"])
def test_a_thousand_contacts(sandbox: Sandbox, settings: Any, version: str) -> None:
    settings.HUBSPOT_API_VERSION = version
    scraped(1000)
    Suppression.objects.create(email_key="p10@acme3.example", reason="unsubscribed")
    report = push_all()

    assert report.state == SyncRun.State.FINISHED
    assert not report.work_left
    ended = Counter(Contact.objects.values_list("hubspot_sync_status", "hubspot_processing_status"))
    assert ended == {("Complete", "Complete"): 899, ("Skipped", None): 101}
    people = {email_key(row.email) for row in Contact.objects.filter(hubspot_sync_status="Complete")}
    arrived = sandbox.hubspot.contacts
    assert set(arrived) == people
    assert len(people) == 799, "every tenth row is somebody who was there already"
    assert sum(upserts(sandbox)) >= 799
    assert len(upserts(sandbox)) <= 13, "about a hundred people a call"
    for row in Contact.objects.filter(hubspot_sync_status="Complete"):
        there = arrived[email_key(row.email) or ""]
        assert row.hubspot_contact_id == there.id, "each row has the id of its own person"
        assert there.properties["scrapersky_domain_id"]
        assert row.hubspot_processing_error is None
    assert SyncAttempt.objects.exclude(outcome="skipped").count() == 0
    assert set(Contact.objects.values_list("brevo_sync_status", flat=True)) == {"New"}


def test_the_second_run_changes_nothing_over_there(sandbox: Sandbox) -> None:
    scraped(60)
    seen = []
    for _ in range(2):
        push_all()
        seen.append({key: (one.id, one.properties) for key, one in sandbox.hubspot.contacts.items()})
    assert seen[0] == seen[1]
    assert seen[0]


def test_what_others_wrote_stays(sandbox: Sandbox) -> None:
    """A stage that sales have set, an opt-out, a phone that we do not know."""
    store = sandbox.hubspot.account.store
    theirs = {"lifecyclestage": "customer", "hs_email_optout": "true", "phone": "555", "firstname": "A."}
    store.create({"email": "ada@acme.example", **theirs})
    Contact.objects.create(email="Ada@acme.example", name="Ada Lovelace")
    push_all()
    there = sandbox.hubspot.contact("ada@acme.example")
    assert there is not None
    assert {name: there.properties[name] for name in theirs} == {**theirs, "firstname": "Ada"}


@pytest.mark.parametrize("switch", ["hubspot_traces", "hubspot_unique_email"])
def test_accounts_that_refuse_whole_batches(sandbox: Sandbox, switch: str) -> None:
    """Each contact is pushed alone then, and gets its own answer."""
    sandbox.hubspot.set(**{switch: False})
    known = sandbox.hubspot.account.store.create({"email": "p3@x.example"})
    Contact.objects.bulk_create(Contact(email=f"p{number}@x.example") for number in range(6))
    Contact.objects.create(email="p6+a/b@x.example")
    report = push_all()
    assert report.counts["synced"] == 7
    assert Contact.objects.get(email="p3@x.example").hubspot_contact_id == known.id
    assert len(sandbox.hubspot.contacts) == 7


def test_one_bad_contact_among_good_ones(sandbox: Sandbox) -> None:
    # Who may not read the properties does not see what an enumeration lacks.
    sandbox.hubspot.set(hubspot_missing_scope=READ_SCHEMAS)
    Contact.objects.bulk_create(Contact(email=f"p{number}@x.example") for number in range(5))
    options = ("CORPORATE", "FREE", "UNKNOWN")
    kind = Property("scrapersky_email_type", "enumeration", "select", options=options, ours=True)
    sandbox.hubspot.account.store.properties[kind.name] = kind
    Contact.objects.create(email="ada@x.example", email_type="SERVICE")
    push_all()
    assert statuses() == {"Complete": 5, "Error": 1}
    failed = Contact.objects.get(hubspot_sync_status="Error")
    assert failed.hubspot_processing_error == (
        'HubSpot refused it: "scrapersky_email_type: SERVICE was not a valid enumeration for scrapersky_email_type. '
        '(INVALID_OPTION)".'
    )
    attempt = SyncAttempt.objects.get()
    assert (attempt.http_status, attempt.code) == (207, "INVALID_OPTION")
    assert attempt.request_id.startswith("sandbox-")


def test_an_enumeration_without_our_values_stops_the_run_before_anybody_is_pushed(sandbox: Sandbox) -> None:
    Contact.objects.bulk_create(Contact(email=f"p{number}@x.example") for number in range(5))
    options = ("CORPORATE", "FREE", "UNKNOWN")
    kind = Property("scrapersky_email_type", "enumeration", "select", options=options, ours=True)
    sandbox.hubspot.account.store.properties[kind.name] = kind
    report = push_all()
    assert "scrapersky_email_type lacks the option SERVICE, which we send" in report.reason
    assert statuses() == {"Queued": 5}


def test_one_that_hubspot_forgets_to_answer(sandbox: Sandbox) -> None:
    sandbox.hubspot.set(hubspot_forgets="p2@x.example")
    Contact.objects.bulk_create(Contact(email=f"p{number}@x.example") for number in range(5))
    push_all()
    assert statuses() == {"Complete": 5}
    assert sum(one.method == "PATCH" for one in sandbox.hubspot.requests) == 1
    forgotten = sandbox.hubspot.contact("p2@x.example")
    assert forgotten is not None
    assert Contact.objects.get(email="p2@x.example").hubspot_contact_id == forgotten.id


def test_two_of_ours_who_are_one_there(sandbox: Sandbox) -> None:
    Contact.objects.bulk_create(Contact(email=email) for email in ("é@x.example", "É@x.example", "a@x.example"))
    push_all()
    assert statuses() == {"Complete": 3}
    assert len(sandbox.hubspot.contacts) == 2
    ids = set(Contact.objects.exclude(email="a@x.example").values_list("hubspot_contact_id", flat=True))
    assert len(ids) == 1


def test_a_property_that_somebody_deletes(sandbox: Sandbox) -> None:
    del sandbox.hubspot.account.store.properties["scrapersky_page_id"]
    Contact.objects.create(email="ada@x.example")
    report = push_all()
    assert report.stopped
    assert 'no property scrapersky_page_id. "manage.py hubspot_setup --create" makes what is missing.' in report.reason
    assert statuses() == {"Queued": 1}
    assert upserts(sandbox) == []


def test_a_token_that_may_not_write(sandbox: Sandbox) -> None:
    sandbox.hubspot.set(hubspot_missing_scope=WRITE_CONTACTS)
    Contact.objects.bulk_create(Contact(email=f"p{number}@x.example") for number in range(5))
    report = push_all()
    assert report.stopped
    assert report.reason == f"The token lacks a scope (403): {WRITE_CONTACTS}. Give it to the token in HubSpot."
    assert statuses() == {"Queued": 5}


@pytest.mark.parametrize("kind", ["423", "429", "429_secondly"])
def test_short_pauses_are_waited_out(sandbox: Sandbox, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    second = timedelta(seconds=1)
    monkeypatch.setattr("hubspot_sync.refusals.WAITS", {"TEN_SECONDLY_ROLLING": second, "SECONDLY": second})
    sandbox.add_fault(kind, times=1, path="/crm/objects/2026-09/contacts/batch")
    Contact.objects.bulk_create(Contact(email=f"p{number}@x.example") for number in range(5))
    push_all()
    run_cycle(HUBSPOT, trigger=SyncRun.Trigger.COMMAND)
    assert statuses() == {"Complete": 5}
    assert set(Contact.objects.values_list("hubspot_retry_count", flat=True)) == {0}


@pytest.mark.parametrize(("kind", "seconds"), [("429_daily", 3600), ("477", 7200)])
def test_long_pauses_park_the_queue(sandbox: Sandbox, kind: str, seconds: int) -> None:
    sandbox.add_fault(kind, reset_after=7200, path="/crm/objects/2026-09/contacts/batch")
    Contact.objects.create(email="ada@x.example")
    began = timezone.now()
    report = push_all()
    assert report.later
    due = Contact.objects.get().hubspot_next_attempt_at
    assert due is not None
    assert abs((due - began).total_seconds() - seconds) < 60


@pytest.mark.parametrize(
    "kind", ["500", "502_html", "503", "524_html", "garbage_200", "empty_200", "lost_answer", "reset"]
)
def test_trouble_costs_a_try_and_doubles_nobody(sandbox: Sandbox, kind: str) -> None:
    sandbox.add_fault(kind, times=1, path="/crm/objects/2026-09/contacts/batch")
    Contact.objects.bulk_create(Contact(email=f"p{number}@x.example") for number in range(5))
    push_all()
    assert set(Contact.objects.values_list("hubspot_sync_status", "hubspot_retry_count")) == {("Queued", 1)}
    Contact.objects.update(hubspot_next_attempt_at=timezone.now())
    run_cycle(HUBSPOT, trigger=SyncRun.Trigger.COMMAND)
    assert statuses() == {"Complete": 5}
    assert len(sandbox.hubspot.contacts) == 5
