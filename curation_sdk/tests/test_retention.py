"""What is pruned, what must stay, and that it happens in small parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django_q.models import Failure, Schedule, Success, Task

from contacts.models import Contact
from curation_sdk import retention
from curation_sdk.models import BulkOperation, SyncAttempt, SyncRun
from curation_sdk.retention import prune, prune_sync_history
from curation_sdk.schedules import make_daily
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
LINE = NOON - 90 * DAY


def run(age: timedelta, **columns: Any) -> SyncRun:
    """A run that began and ended so long before noon."""
    at = NOON - age
    times = {"started_at": at, "heartbeat_at": at, "finished_at": at}
    return SyncRun.objects.create(
        **{"platform": "brevo", "trigger": "admin", "slot": 1, "state": "finished", **times, **columns}
    )


def attempt(contact: Contact, age: timedelta, **columns: Any) -> SyncAttempt:
    return SyncAttempt.objects.create(
        contact=contact, platform="brevo", created_at=NOON - age, outcome="retry", reason="x", **columns
    )


def operation(age: timedelta, **columns: Any) -> BulkOperation:
    times = {"requested_at": NOON - age, "finished_at": NOON - age}
    return BulkOperation.objects.create(
        **{"platform": "brevo", "action": "queue", "selection": {}, "state": "finished", **times, **columns}
    )


def task(name: str, age: timedelta, *, success: bool) -> None:
    at = NOON - age
    Task.objects.create(id=name, name=name, func="f", started=at, stopped=at, success=success)


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def test_what_is_older_goes_and_what_is_younger_stays(make_contact: Callable[..., Contact]) -> None:
    contact = make_contact()
    for age in (89 * DAY, 90 * DAY, 91 * DAY, 900 * DAY):
        attempt(contact, age)
        run(age)
        operation(age)
        task(f"failed {age.days}", age, success=False)
        task(f"done {age.days}", age, success=True)

    operation(900 * DAY, state="waiting", finished_at=None)

    assert prune_sync_history() == "Deleted 2 attempts, 2 runs, 2 operations, 2 failed tasks."
    assert BulkOperation.objects.filter(state="waiting").exists()
    assert BulkOperation.objects.count() == 3

    assert {row.created_at for row in SyncAttempt.objects.all()} == {NOON - 89 * DAY, LINE}
    assert {row.finished_at for row in SyncRun.objects.all()} == {NOON - 89 * DAY, LINE}
    assert {row.stopped for row in Failure.objects.all()} == {NOON - 89 * DAY, LINE}
    assert Success.objects.count() == 4  # the task queue sees to these itself
    assert Contact.objects.filter(pk=contact.pk).exists()


def test_a_run_under_way_stays_whatever_its_age() -> None:
    # Its row is the lock. Also with a time at which it ended: somebody's hand in the admin or in SQL.
    running = run(900 * DAY, state="running", finished_at=None)
    odd = run(900 * DAY, state="running", slot=2)
    for state in ("stopped", "lost"):
        run(900 * DAY, state=state)

    prune_sync_history()

    assert set(SyncRun.objects.all()) == {running, odd}


def test_a_pause_that_is_still_ahead_stays() -> None:
    paused = run(100 * DAY, resume_at=NOON + DAY)
    run(100 * DAY, resume_at=NOON - DAY)

    prune_sync_history()

    assert list(SyncRun.objects.all()) == [paused]


def test_a_young_attempt_outlives_its_old_run(make_contact: Callable[..., Contact]) -> None:
    young = attempt(make_contact(), DAY, run=run(100 * DAY))

    prune_sync_history()

    young.refresh_from_db()
    assert young.run is None


def test_zero_days_keep_everything(make_contact: Callable[..., Contact], settings: Any) -> None:
    settings.SYNC_HISTORY_DAYS = 0
    attempt(make_contact(), 9000 * DAY)

    assert "kept for ever" in prune_sync_history()
    assert SyncAttempt.objects.count() == 1


def test_the_age_is_the_settings(make_contact: Callable[..., Contact], settings: Any) -> None:
    settings.SYNC_HISTORY_DAYS = 7
    contact = make_contact()
    attempt(contact, 8 * DAY)
    kept = attempt(contact, 6 * DAY)

    prune_sync_history()

    assert list(SyncAttempt.objects.all()) == [kept]


def test_it_goes_in_parts_and_keeps_what_it_did_when_it_is_stopped(
    make_contact: Callable[..., Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    contact = make_contact()
    for day in range(10):
        attempt(contact, (100 + day) * DAY)
    asked: list[int] = []

    prune(before=LINE, stop=lambda: asked.append(SyncAttempt.objects.count()) or len(asked) > 2)

    assert asked[:3] == [10, 7, 4]
    # The oldest went first.
    assert {row.created_at for row in SyncAttempt.objects.all()} == {NOON - (100 + day) * DAY for day in range(4)}
    assert prune(before=LINE).startswith("Deleted 4 attempts")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="reads PostgreSQL's plan")
def test_the_oldest_are_found_by_an_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")  # a few rows are sorted more quickly than found in their order

    plan = SyncAttempt.objects.filter(created_at__lt=LINE).order_by("created_at", "pk").values("pk")[:10].explain()

    assert "sync_attempts_newest" in plan
    assert "Sort" not in plan


def test_migrate_makes_the_daily_schedule_once_and_leaves_it_alone() -> None:
    schedules = Schedule.objects.filter(name="sync_history_pruner")
    schedules.delete()
    make_daily("sync_history_pruner", "curation_sdk.retention.prune_sync_history", using="default")
    made = schedules.get()
    assert (made.func, made.schedule_type) == ("curation_sdk.retention.prune_sync_history", Schedule.DAILY)

    later = NOON + 3 * DAY
    schedules.update(next_run=later, repeats=0)
    make_daily("sync_history_pruner", "curation_sdk.retention.prune_sync_history", using="default")

    assert (schedules.get().next_run, schedules.get().repeats) == (later, 0)
