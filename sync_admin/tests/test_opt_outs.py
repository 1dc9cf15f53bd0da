"""Opt-outs on the pages: how telling and sweeping stand, the sweep on demand, and who is told at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from curation_sdk import steering
from mautic_sync.job import MAUTIC
from opt_outs import standing, tasks
from opt_outs.models import LastTelling, Sweep, ToldOptOut

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
OnCommit = Callable[..., Any]
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is put into the task queue."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tasks, "async_task", lambda *args, **named: calls.append((*args, *named.items())))
    return calls


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def page(client: Client, platform: str) -> str:
    return text_of(client.get(reverse("sync-connection", args=[platform])))


def suppressed(make_contact: Make, *names: str, told: bool = False, **columns: Any) -> None:
    for name in names:
        make_contact(f"{name}@x.example", **{"brevo_contact_id": "47", **columns})
        row = Suppression.objects.create(email_key=f"{name}@x.example", source="A person")
        if told:
            ToldOptOut.objects.create(platform="brevo", suppression=row, told_at=NOW, tried_at=NOW)


# --- ours ----------------------------------------------------------------------------------------------------


def test_how_many_know_and_how_many_wait(make_contact: Make, admin_client: Client) -> None:
    assert "Brevo knows of 0 of our opt-outs; none waits." in page(admin_client, "brevo")
    suppressed(make_contact, "ada", "bob", told=True)
    suppressed(make_contact, "eve")
    Suppression.objects.create(email_key="eve@x.example", reason="request")
    Suppression.objects.create(email_key="nobody@x.example")
    waits = "Brevo knows of 2 of our opt-outs; 1 waits. Told with the next run, at the latest with the schedule."
    assert waits in page(admin_client, "brevo")
    assert "Mautic knows of 0 of our opt-outs; none waits." in page(admin_client, "mautic")
    for platform in ("hubspot", "n8n"):
        assert "our opt-outs" not in page(admin_client, platform)


def test_why_they_wait(make_contact: Make, settings: Any) -> None:
    columns = {"brevo_sync_status": "Processing", "brevo_processing_status": "Processing"}
    suppressed(make_contact, "ada", **columns)
    being_pushed = "Told when the push that is under way has ended."
    assert standing.told(BREVO, now=NOW) == f"Brevo knows of 0 of our opt-outs; 1 waits. {being_pushed}"
    suppressed(make_contact, "bob")
    LastTelling.objects.create(platform="brevo", at=NOW - timedelta(minutes=5), problem="Brevo is in trouble (500).")
    assert standing.told(BREVO, now=NOW) == (
        "Brevo knows of 0 of our opt-outs; 2 wait. The last try, 11:55:00 UTC: Brevo is in trouble (500)."
    )
    steering.pause(BREVO, by="ada", reason="", now=NOW)
    assert standing.told(BREVO, now=NOW).endswith("2 wait. Paused by ada since 2026-11-24 12:00 UTC.")
    settings.BREVO_API_KEY = ""
    assert standing.told(BREVO, now=NOW).endswith("2 wait. Brevo is switched off: BREVO_API_KEY is not set.")
    assert standing.told(MAUTIC, now=NOW) == "Mautic knows of 0 of our opt-outs; none waits."


def test_who_is_suppressed_in_the_admin_is_told_at_once(
    admin_client: Client, put: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_looked_at", None)
    tasks.look()
    assert put == []
    form = {"email_key": "ada@x.example", "reason": "request", "source": "", "note": ""}
    answer = admin_client.post(reverse("admin:contacts_suppression_add"), form)
    assert answer.status_code == 302
    assert Suppression.objects.count() == 1
    tasks.look()
    assert put == [("opt_outs.tasks.tell_everybody",)]


def test_very_many_are_not_counted_one_by_one(make_contact: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "MOST", 2)
    for number in range(3):
        make_contact(f"p{number}@x.example", brevo_sync_status="Complete", brevo_contact_id=str(number))
        Suppression.objects.create(email_key=f"p{number}@x.example", reason="request", source="A person")
    assert standing.told(BREVO, now=NOW).startswith("Brevo knows of 0 of our opt-outs; 2 or more wait.")
    for one in Suppression.objects.all():
        ToldOptOut.objects.create(platform="brevo", suppression=one, told_at=NOW)
    assert standing.told(BREVO, now=NOW) == "Brevo knows of 2 or more of our opt-outs; none waits."


# --- theirs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (None, "It has never been swept. The worker does it each day."),
        (
            {"finished_at": NOW, "read": 1200, "suppressed": 3},
            "The last sweep (all contacts, begun 10:00:00 UTC) read 1,200 people, 3 newly suppressed.",
        ),
        (
            {"finished_at": NOW, "problem": "It changed."},
            "The last sweep (all contacts, begun 10:00:00 UTC) was given up: It changed.",
        ),
        (
            {"since": NOW - timedelta(days=1), "read": 1, "total": 9000},
            "The sweep of what changed since 2026-11-23 12:00 UTC, begun 10:00:00 UTC, is under way: read 1 person, "
            "0 newly suppressed; 9,000 people are to be read.",
        ),
        (
            {"read": 2, "problem": "Brevo rejected the key (401)."},
            "The sweep of all contacts, begun 10:00:00 UTC, has read 2 people, 0 newly suppressed, and goes on with "
            "the next hour. Brevo rejected the key (401).",
        ),
    ],
    ids=["never", "done", "given up", "under way", "in trouble"],
)
def test_how_the_sweep_stands(columns: dict[str, Any] | None, sentence: str) -> None:
    if columns is not None:
        Sweep.objects.create(platform="brevo", started_at=NOW - timedelta(hours=2), **columns)
    assert standing.swept(BREVO, now=NOW) == sentence
    assert standing.sweep_in_trouble(BREVO) == bool(columns and columns.get("problem"))


def test_a_sweep_on_demand(admin_client: Client, put: list[Any], django_capture_on_commit_callbacks: OnCommit) -> None:
    assert "Sweep now" in page(admin_client, "brevo")
    assert "Sweep now" not in page(admin_client, "mautic")
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin_client.post(reverse("sync-sweep-now", args=["brevo"]), follow=True)
    assert put == [("opt_outs.tasks.sweep_platform", "brevo", ("begin", True))]
    assert "A worker reads what changed in Brevo since the last sweep." in text_of(answer)
    assert "No worker is running, so it waits." in text_of(answer)
    assert admin_client.post(reverse("sync-sweep-now", args=["n8n"])).status_code == 404
    assert admin_client.get(reverse("sync-sweep-now", args=["brevo"])).status_code == 405


def test_none_while_brevo_is_paused_or_off(admin_client: Client, put: list[Any], settings: Any) -> None:
    steering.pause(BREVO, by="ada", reason="", now=timezone.now())
    answer = admin_client.post(reverse("sync-sweep-now", args=["brevo"]), follow=True)
    assert "Brevo is not swept now. Paused by ada since" in text_of(answer)
    settings.BREVO_API_KEY = ""
    assert "Sweep now" not in page(admin_client, "brevo")
    answer = admin_client.post(reverse("sync-sweep-now", args=["brevo"]), follow=True)
    assert "Brevo is not swept now. Brevo is switched off" in text_of(answer)
    assert put == []


def test_only_who_may_set_up_sweeps(client: Client, put: list[Any], django_user_model: Any) -> None:
    user = django_user_model.objects.create_user("eve", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_contact"))
    client.force_login(user)
    assert "Sweep now" not in page(client, "brevo")
    assert client.post(reverse("sync-sweep-now", args=["brevo"])).status_code == 403
    assert put == []
