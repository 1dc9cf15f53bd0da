"""Comparisons in the task queue: nightly, in turns, given up by nobody; and what goes afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.utils import timezone
from django_q.models import Schedule

from brevo_sync import tasks as brevo_tasks
from brevo_sync.comparing import COMPARISON
from brevo_sync.job import BREVO
from contacts.models import Contact
from reconciliation import tasks
from reconciliation.beginning import is_due
from reconciliation.models import HeldContact, Reconciliation
from reconciliation.retention import prune_comparisons, prune_of
from reconciliation.tests.support import begin, compare
from scrapersky.platforms import COMPARISONS

pytestmark = pytest.mark.django_db

Push = Callable[..., list[Contact]]
ADA, EVE = "ada@acme.example", "eve@acme.example"


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is put into the task queue."""
    asked: list[str] = []
    monkeypatch.setattr(tasks, "async_task", lambda task, **_: asked.append(task))
    return asked


def test_each_has_a_schedule_that_calls_its_task() -> None:
    for one in COMPARISONS:
        made = Schedule.objects.get(name=one.schedule)
        assert (made.func, made.schedule_type, made.minutes) == (one.task, Schedule.MINUTES, tasks.EVERY)


def since_yesterday() -> None:
    Contact.objects.update(brevo_synced_at=timezone.now() - timedelta(days=2))


def test_the_schedule_begins_the_night_s_comparison_once(pushed: Push, turns: list[str]) -> None:
    pushed(BREVO, ADA)
    assert brevo_tasks.compare_with_brevo() == "No comparison is due."  # nobody was Complete in the night
    since_yesterday()
    assert brevo_tasks.compare_with_brevo() == "1 here, 1 there: nothing differs."
    assert brevo_tasks.compare_with_brevo() == "No comparison is due."
    [made] = Reconciliation.objects.all()
    assert (made.trigger, made.state) == ("schedule", "finished")
    assert turns == []


def test_not_when_nobody_wants_it(sandbox: Any, settings: Any) -> None:
    settings.RECONCILE_NIGHTLY = False
    assert brevo_tasks.compare_with_brevo() == "No comparison is due."
    settings.BREVO_API_KEY = ""
    assert "switched off" in brevo_tasks.compare_with_brevo()
    assert not Reconciliation.objects.exists()


@pytest.mark.parametrize(
    ("begun", "now", "due"),
    [
        ("2026-11-23 02:05", "2026-11-24 01:59", False),
        ("2026-11-23 02:05", "2026-11-24 02:00", True),
        ("2026-11-24 02:00", "2026-11-24 23:59", False),
        ("2026-11-24 01:00", "2026-11-24 02:30", True),  # somebody asked for one an hour before
        ("2026-11-20 02:00", "2026-11-24 12:00", True),  # nobody was at work at night
    ],
)
def test_when_it_is_due(begun: str, now: str, due: bool, settings: Any, make_contact: Any) -> None:
    settings.RECONCILE_HOUR = 2
    make_contact(ADA, brevo_sync_status="Complete")
    begin_at = datetime.fromisoformat(begun).replace(tzinfo=UTC)
    Reconciliation.objects.create(
        platform="brevo", trigger="hand", state="finished", started_at=begin_at, heartbeat_at=begin_at
    )
    assert is_due(BREVO, now=datetime.fromisoformat(now).replace(tzinfo=UTC)) is due


def test_the_hour_is_that_of_the_time_zone(settings: Any, make_contact: Any) -> None:
    settings.RECONCILE_HOUR = 2
    make_contact(ADA, brevo_sync_status="Complete")
    begun = datetime(2026, 11, 23, 12, tzinfo=UTC)
    Reconciliation.objects.create(
        platform="brevo", trigger="hand", state="finished", started_at=begun, heartbeat_at=begun
    )
    with timezone.override("America/New_York"):
        assert not is_due(BREVO, now=datetime(2026, 11, 24, 6, 59, tzinfo=UTC))
        assert is_due(BREVO, now=datetime(2026, 11, 24, 7, 0, tzinfo=UTC))


def test_an_hour_that_no_day_has_is_named(settings: Any) -> None:
    settings.RECONCILE_HOUR = 24
    assert [one.id for one in run_checks() if one.id and one.id.startswith("reconciliation")] == [
        "reconciliation.E001"
    ]


def test_a_turn_hands_over_to_the_next(pushed: Push, turns: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pushed(BREVO, ADA)
    since_yesterday()
    monkeypatch.setattr(tasks, "TURN", 0.0)
    assert brevo_tasks.compare_with_brevo() == "Its time was up; the next worker goes on."
    assert turns == [COMPARISON.task]
    monkeypatch.setattr(tasks, "TURN", 60.0)
    assert brevo_tasks.compare_with_brevo() == "1 here, 1 there: nothing differs."
    assert turns == [COMPARISON.task]


def test_a_task_queue_out_of_reach_is_no_reason_to_fail(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise ConnectionError("redis")

    monkeypatch.setattr(tasks, "async_task", unreachable)
    tasks.enqueue(COMPARISON)


def test_when_it_is_finished_what_older_ones_found_goes(pushed: Push, sandbox: Any, turns: list[str]) -> None:
    pushed(BREVO, ADA, EVE)
    with sandbox.lock:
        sandbox.brevo.account.store.delete(sandbox.brevo.contacts[ADA])
    older = compare(COMPARISON)
    assert HeldContact.objects.filter(reconciliation=older).count() == 2
    tasks.ask_for(COMPARISON, by="ada", now=timezone.now())
    brevo_tasks.compare_with_brevo()
    newer = Reconciliation.objects.latest()
    assert newer != older
    rows = list(HeldContact.objects.values_list("reconciliation", "email_key", "kind"))
    assert rows == [(newer.pk, ADA, "missing")]


def test_what_a_stopped_one_has_read_stays_until_another_is_finished(pushed: Push) -> None:
    pushed(BREVO, ADA)
    finished = compare(COMPARISON)
    stopped = begin(COMPARISON)
    HeldContact.objects.create(reconciliation=stopped, email_key=EVE, kind="same")
    Reconciliation.objects.filter(pk=stopped.pk).update(state="stopped")
    prune_of("brevo", stop=lambda: False)
    assert set(HeldContact.objects.values_list("reconciliation", flat=True)) == {stopped.pk}
    assert Reconciliation.objects.filter(pk=finished.pk).exists()


def test_old_comparisons_go_but_the_last_ones(settings: Any) -> None:
    old = timezone.now() - timedelta(days=100)

    def made(platform: str, hours: int, state: str = "finished") -> Reconciliation:
        when = old + timedelta(hours=hours)
        return Reconciliation.objects.create(
            platform=platform, trigger="schedule", state=state, started_at=when, heartbeat_at=when
        )

    gone, kept, running = made("brevo", 0), made("brevo", 1), made("brevo", 2, "running")
    other = made("mautic", 0, "stopped")
    HeldContact.objects.create(reconciliation=gone, email_key=ADA, kind="missing")
    assert prune_comparisons() == "Deleted 1 comparison and 1 row of older ones."
    assert set(Reconciliation.objects.all()) == {kept, running, other}
    settings.SYNC_HISTORY_DAYS = 0
    made("brevo", 0)
    assert prune_comparisons() == "Deleted 0 comparisons and 0 rows of older ones."
