"""One contact for four platforms at once: each ends right in each, also when three of them fail in their own ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from contacts.models import Contact
from curation_sdk.cycle import run_cycle
from curation_sdk.models import SyncRun
from curation_sdk.queueing import queue_contacts
from curation_sdk.report import CycleReport
from sandbox.server import Sandbox, running_sandbox
from scrapersky.tests.stand_ins import JOBS, use_sandbox

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "ada@acme.example"
Make = Callable[..., Contact]


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as sandbox:
        use_sandbox(settings, sandbox)
        from django.core.management import call_command

        for platform in ("brevo", "hubspot", "mautic"):
            call_command(f"{platform}_setup", create=True, verbosity=0)
        yield sandbox


def queue_for_all(contacts: Any) -> None:
    for job in JOBS.values():
        queue_contacts(job, contacts, now=timezone.now())


def push(platform: str) -> CycleReport:
    return run_cycle(JOBS[platform], trigger=SyncRun.Trigger.COMMAND)


def state(contact: Contact, platform: str) -> tuple[str, int]:
    contact.refresh_from_db()
    job = JOBS[platform]
    return getattr(contact, job.sync_status), getattr(contact, job.retry_count)


def test_it_arrives_everywhere(sandbox: Sandbox, make_contact: Make) -> None:
    ada = make_contact(EMAIL, name="Ada Lovelace")
    queue_for_all(Contact.objects.all())
    for platform in JOBS:
        push(platform)
    ada.refresh_from_db()
    assert {platform: state(ada, platform) for platform in JOBS} == dict.fromkeys(JOBS, ("Complete", 0))
    for platform in JOBS:
        total, held = getattr(sandbox, platform).page_contacts(EMAIL, 0, 10)
        assert total == 1
        # n8n says no more than that it has accepted the contact.
        assert getattr(ada, JOBS[platform].contact_id) == (None if platform == "n8n" else held[0].id)


@pytest.mark.parametrize("well", list(JOBS))
def test_three_fail_in_their_own_ways(sandbox: Sandbox, make_contact: Make, well: str, settings: Any) -> None:
    """One is in trouble, one is shut, one has the wrong key: the fourth does not notice."""
    ada = make_contact(EMAIL, name="Ada Lovelace")
    queue_for_all(Contact.objects.all())
    troubled, shut, refused = (platform for platform in JOBS if platform != well)
    sandbox.add_fault("503", path=getattr(sandbox, troubled).prefix)
    sandbox.add_fault("reset", path=getattr(sandbox, shut).prefix)
    key = {"brevo": "BREVO_API_KEY", "hubspot": "HUBSPOT_API_KEY", "mautic": "MAUTIC_PASSWORD"}
    setattr(settings, key.get(refused, "N8N_WEBHOOK_SECRET"), "not-the-right-one")

    reports = {platform: push(platform) for platform in JOBS}

    assert state(ada, well) == ("Complete", 0)
    assert state(ada, troubled) == ("Queued", 1)
    assert "503" in (getattr(ada, JOBS[troubled].processing_error) or "")
    assert state(ada, shut) == ("Queued", 1)
    assert state(ada, refused) == ("Queued", 0)
    assert reports[refused].stopped
    assert [name for name, report in reports.items() if report.stopped] == [refused]


def test_one_that_is_switched_off_touches_nobody(sandbox: Sandbox, make_contact: Make, settings: Any) -> None:
    ada = make_contact(EMAIL)
    queue_for_all(Contact.objects.all())
    settings.HUBSPOT_API_KEY = ""
    reports = {platform: push(platform) for platform in JOBS}
    assert reports["hubspot"].reason == "HubSpot is switched off: HUBSPOT_API_KEY is not set."
    left = {platform: state(ada, platform)[0] for platform in JOBS}
    assert left == {**dict.fromkeys(JOBS, "Complete"), "hubspot": "Queued"}


def test_500_reach_all_four_in_few_calls(sandbox: Sandbox) -> None:
    Contact.objects.bulk_create(Contact(email=f"p{number}@acme.example") for number in range(500))
    queue_for_all(Contact.objects.all())
    for platform in JOBS:
        push(platform)
        assert getattr(sandbox, platform).page_contacts("", 0, 1)[0] == 500
        assert JOBS[platform].contacts.filter(**{JOBS[platform].sync_status: "Complete"}).count() == 500
    upserts = [request for request in sandbox.hubspot.requests if request.path.endswith("/batch/upsert")]
    assert len(upserts) == 5
    batches = [request for request in sandbox.mautic.requests if request.path.endswith("/contacts/batch/new")]
    assert len(batches) == 10
