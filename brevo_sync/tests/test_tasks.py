"""The schedule, and what it calls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from django.core.management import call_command
from django.utils.module_loading import import_string
from django_q.models import Schedule

from brevo_sync.job import BREVO
from brevo_sync.tasks import process_brevo_sync_queue
from brevo_sync.tests.support import CONTACTS
from curation_sdk.models import SyncRun
from curation_sdk.schedules import make_schedule

pytestmark = pytest.mark.django_db
NAME = "brevo_contact_sync_processor"


def migrate() -> None:
    call_command("migrate", verbosity=0)


def test_migrate_makes_the_schedule() -> None:
    """By the test database's own migrate: nothing here has made it."""
    schedule = Schedule.objects.get(name=NAME)
    assert (schedule.schedule_type, schedule.minutes, schedule.repeats) == (Schedule.MINUTES, 5, -1)
    assert import_string(schedule.func) is process_brevo_sync_queue


def test_migrate_makes_it_once_and_again_when_somebody_deleted_it() -> None:
    migrate()
    assert Schedule.objects.filter(name=NAME).count() == 1
    Schedule.objects.all().delete()
    migrate()
    assert Schedule.objects.filter(name=NAME).count() == 1


def test_what_the_operator_set_survives_migrate() -> None:
    later = datetime(2031, 1, 1, tzinfo=UTC)
    Schedule.objects.filter(name=NAME).update(next_run=later, repeats=0, cluster="other")
    migrate()
    schedule = Schedule.objects.get(name=NAME)
    assert (schedule.next_run, schedule.repeats, schedule.cluster) == (later, 0, "other")


def test_a_changed_interval_is_taken_over_and_nothing_else(settings: Any) -> None:
    later = datetime(2031, 1, 1, tzinfo=UTC)
    Schedule.objects.filter(name=NAME).update(next_run=later, repeats=7)
    settings.BREVO_SYNC_SCHEDULER_INTERVAL_MINUTES = 15
    migrate()
    schedule = Schedule.objects.get(name=NAME)
    assert (schedule.minutes, schedule.next_run, schedule.repeats) == (15, later, 7)


def test_a_moved_function_is_taken_over() -> None:
    Schedule.objects.filter(name=NAME).update(func="old.path", schedule_type=Schedule.DAILY)
    migrate()
    schedule = Schedule.objects.get(name=NAME)
    assert (schedule.func, schedule.schedule_type) == (BREVO.task, Schedule.MINUTES)


def test_other_schedules_are_left_alone() -> None:
    Schedule.objects.create(name="other", func="other.func")
    migrate()
    assert Schedule.objects.get(name="other").func == "other.func"


def test_migrate_of_one_app_before_the_task_queue_has_its_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import connection

    monkeypatch.setattr(connection.introspection, "table_names", lambda *a, **k: ["contacts"])
    Schedule.objects.all().delete()
    make_schedule("brevo_sync.job.BREVO", using="default")
    assert not Schedule.objects.exists()


@responses.activate
def test_the_task_pushes_what_is_due(make_contact: Any) -> None:
    responses.add("GET", f"{CONTACTS}/attributes", json={"attributes": []})
    responses.add("POST", CONTACTS, status=201, json={"id": 21})
    ada = make_contact(
        brevo_sync_status="Queued",
        brevo_processing_status="Queued",
        brevo_next_attempt_at=datetime(2020, 1, 1, tzinfo=UTC),
    )
    sentence = import_string(Schedule.objects.get(name=NAME).func)()
    assert sentence.startswith("1 synced. Brevo drops FIRSTNAME, ")
    ada.refresh_from_db()
    assert (ada.brevo_sync_status, ada.brevo_contact_id) == ("Complete", "21")
    assert SyncRun.objects.get().trigger == "schedule"


@pytest.mark.parametrize("trigger", SyncRun.Trigger.values)
def test_the_task_with_nothing_to_do(trigger: str) -> None:
    assert process_brevo_sync_queue(trigger) == "Nothing is due."
    assert not SyncRun.objects.exists(), "an idle schedule leaves no rows behind"


def test_the_task_without_a_key_does_nothing_and_says_so(settings: Any, make_contact: Any) -> None:
    settings.BREVO_API_KEY = ""
    make_contact(brevo_sync_status="Queued", brevo_processing_status="Queued")
    assert process_brevo_sync_queue() == "Brevo is switched off: BREVO_API_KEY is not set."


@responses.activate
def test_a_stopped_run_is_an_error_in_the_workers_log(make_contact: Any, caplog: pytest.LogCaptureFixture) -> None:
    responses.add("GET", f"{CONTACTS}/attributes", status=401, json={"message": "Key not found"})
    make_contact(
        brevo_sync_status="Queued",
        brevo_processing_status="Queued",
        brevo_next_attempt_at=datetime(2020, 1, 1, tzinfo=UTC),
    )
    assert "Stopped: Brevo rejected the key (401)" in process_brevo_sync_queue()
    assert [record.levelname for record in caplog.records if record.name == "curation_sdk.tasks"] == ["ERROR"]
    assert "test-key" not in caplog.text
