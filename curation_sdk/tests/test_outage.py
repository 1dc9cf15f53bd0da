"""The database goes away in the middle of a run: restarted, out of connections, its disk full."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from brevo_sync.job import BREVO
from contacts.models import Contact
from curation_sdk import cycle, settling
from curation_sdk.claiming import Claimer
from curation_sdk.database import patiently
from curation_sdk.models import SyncRun
from curation_sdk.outcomes import Outcome, Synced
from curation_sdk.testing import FakeClock, ScriptedPusher, run, scripted_job

Queued = Callable[..., Contact]

pytestmark = pytest.mark.django_db(transaction=True)


class Away:
    """Makes `work` fail as if the database were away, for so many calls."""

    def __init__(self, work: Callable[..., Any], times: int, text: str = "server closed the connection") -> None:
        self.work, self.left, self.text = work, times, text

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.left:
            self.left -= 1
            raise OperationalError(self.text)
        return self.work(*args, **kwargs)


@pytest.fixture
def twelve(queued: Queued, clock: FakeClock) -> None:
    for number in range(12):
        queued(f"p{number}@acme.example")
        clock.advance(milliseconds=1)  # their turn comes in this order


@pytest.mark.parametrize("text", ["server closed the connection", "database or disk is full", "database is locked"])
def test_answers_are_kept_until_the_database_is_back(
    twelve: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(cycle, "settle", Away(settling.settle, 20, text))
    pusher = ScriptedPusher()
    report = run(scripted_job(BREVO, pusher, concurrency=3), clock)
    assert report.counts["synced"] == 12
    assert sorted(pusher.pushed) == sorted(f"p{number}@acme.example" for number in range(12))
    assert set(Contact.objects.values_list("brevo_sync_status", "brevo_retry_count")) == {("Complete", 0)}


@pytest.mark.parametrize("what", ["claim", "beat", "finish", "release", "work_is_due"])
def test_whatever_the_loop_asks_it_asks_again(
    twelve: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    place: Any = {"claim": Claimer, "beat": cycle.runs, "finish": cycle.runs}.get(what, cycle)
    away = Away(getattr(place, what), 0)
    monkeypatch.setattr(place, what, lambda *args, **kwargs: away(*args, **kwargs))

    def goes_away(contact: Contact) -> Outcome:
        away.left = 5
        return Synced("1")

    pusher = ScriptedPusher({"p3@acme.example": [goes_away]})
    report = run(scripted_job(BREVO, pusher, batch_size=2), clock)
    assert report.counts["synced"] == 12
    assert away.left == 0
    assert SyncRun.objects.get().state == SyncRun.State.FINISHED


def test_a_database_that_stays_away_ends_the_run_in_the_end(
    twelve: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cycle, "settle", Away(settling.settle, 10_000))
    with pytest.raises(OperationalError):
        run(scripted_job(BREVO, ScriptedPusher()), clock)
    assert cycle.OUTAGE <= clock.monotonic() < cycle.OUTAGE + 10
    # Nobody knows here that it arrived: it is pushed again when the lease has passed, which does no harm.
    monkeypatch.undo()
    clock.advance(minutes=7)
    run(scripted_job(BREVO, ScriptedPusher()), clock)
    assert set(Contact.objects.values_list("brevo_sync_status", flat=True)) == {"Complete"}


def test_a_stop_does_not_wait_for_the_database(
    twelve: None, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Away(settling.settle, 10_000)
    monkeypatch.setattr(cycle, "settle", away)
    with pytest.raises(OperationalError):
        run(scripted_job(BREVO, ScriptedPusher()), clock, stop=lambda: away.left < 10_000)
    assert clock.monotonic() < cycle.PATIENCE + 3


def test_inside_somebody_elses_transaction_nothing_is_repeated(clock: FakeClock) -> None:
    from django.db import transaction

    away = Away(lambda: None, 1)
    with pytest.raises(OperationalError), transaction.atomic():
        patiently(away, clock=clock, give_up=lambda: False)


def test_another_error_is_passed_on(clock: FakeClock) -> None:
    def wrong() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        patiently(wrong, clock=clock, give_up=lambda: False)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server that could end a connection")
def test_a_server_that_ends_the_connections_of_a_run(twelve: None, clock: FakeClock) -> None:
    login = {"dbname": connection.settings_dict["NAME"], **connection.get_connection_params()}
    reachable = {name: login[name] for name in ("dbname", "host", "port", "user", "password") if login.get(name)}

    def cut(contact: Contact) -> Outcome:
        with psycopg.connect(**reachable, autocommit=True) as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        return Synced("1")

    pusher = ScriptedPusher({f"p{number}@acme.example": [cut] for number in (0, 4, 8)})
    report = run(scripted_job(BREVO, pusher, batch_size=2), clock)
    assert report.counts["synced"] == 12
    assert len(pusher.pushed) == 12
    assert set(Contact.objects.values_list("brevo_sync_status", "brevo_retry_count")) == {("Complete", 0)}
