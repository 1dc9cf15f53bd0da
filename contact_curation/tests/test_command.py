"""`manage.py curate_contacts`, the schedule, and what `check` says."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.utils.module_loading import import_string
from django_q.models import Schedule

from contact_curation.tasks import process_curation_queue
from contacts.models import Contact
from curation_sdk.models import SyncRun

Make = Callable[..., Contact]


def curate(*arguments: str) -> str:
    out = io.StringIO()
    call_command("curate_contacts", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_it_curates_what_is_queued_and_says_how_many(make_contact: Make) -> None:
    make_contact("ada@acme.example", phone_number="Phone not found")
    make_contact("Email not found")
    make_contact(None)
    assert curate() == "Nothing is due.\n"
    said = curate("--queue-all-new")
    assert "Queued 2 contacts for curation. 1 skipped: 1 without an e-mail address." in said
    assert "1 curated (1 warning), 1 failed." in said
    assert "1 failed." in curate("--failed")


@pytest.mark.django_db
def test_a_dry_run_shows_the_judgement_and_changes_nothing(make_contact: Make) -> None:
    good = make_contact("Ada@gmail.com", phone_number="(212) 555-0142", name="Contact at gmail.com")
    make_contact("Ada@gmail.com")
    before = list(Contact.objects.order_by("pk").values())
    said = curate("--dry-run", "--ids", str(good.pk))
    shown = json.loads(said[: said.rindex("}") + 1])
    assert shown == {
        "contact": str(good.pk),
        "email": "Ada@gmail.com",
        "remarks": ['The name "Contact at gmail.com" is a placeholder of the scraper.'],
        "better": {"email_type": "FREE", "has_gmail": True, "phone_number": "+12125550142"},
    }
    assert "1 person shown; nothing was sent or changed." in said
    assert "2 people shown" in curate("--dry-run", "--queue-all-new")
    make_contact("user@domain.com")
    assert "is a placeholder, not somebody's address." in curate("--dry-run", "--queue-all-new")
    Contact.objects.filter(email="user@domain.com").delete()
    assert list(Contact.objects.order_by("pk").values()) == before


@pytest.mark.django_db
def test_migrate_makes_the_schedule() -> None:
    """By the test database's own migrate: nothing here has made it."""
    schedule = Schedule.objects.get(name="contact_curation_processor")
    assert (schedule.schedule_type, schedule.minutes, schedule.repeats) == (Schedule.MINUTES, 5, -1)
    assert import_string(schedule.func) is process_curation_queue


@pytest.mark.django_db(transaction=True)
def test_the_schedule_curates_what_is_queued(make_contact: Make) -> None:
    make_contact(contact_curation_status="Queued", contact_processing_status="Queued")
    assert process_curation_queue() == "1 curated."
    assert SyncRun.objects.get().trigger == "schedule"


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("CURATION_SCHEDULER_INTERVAL_MINUTES", 0, "must lie between 1 and 10,080."),
        ("CURATION_SCHEDULER_BATCH_SIZE", 1_001, "must lie between 1 and 1,000."),
        ("CURATION_SCHEDULER_MAX_INSTANCES", 101, "must lie between 1 and 100."),
        ("CURATION_PHONE_REGION", "XX", "must be a country's two letters, such as US."),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(settings: Any, name: str, value: Any, fault: str) -> None:
    assert run_checks(tags=["contact_curation"]) == []
    setattr(settings, name, value)
    (error,) = run_checks(tags=["contact_curation"])
    assert (error.id, error.msg) == ("contact_curation.E001", f"{name} {fault}")
    with pytest.raises(CommandError, match=f"Curation is switched off: {name} {fault[:8]}"):
        curate()
