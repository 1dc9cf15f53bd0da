"""The dashboard, as its users see it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from brevo_sync.job import BREVO
from contacts.models import Contact
from curation_sdk import workers
from curation_sdk.models import BulkOperation, QueuePause, SyncRun
from curation_sdk.queueing import queue_contacts
from scrapersky.platforms import QUEUES
from sync_admin.chart import drawing, last_days

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
PAGE = "/admin/sync/"


def queue_of(client: Client, platform: str = "brevo") -> dict[str, Any]:
    """What the page's script is told of a queue."""
    queues = client.get(reverse("sync-state")).json()["queues"]
    found: dict[str, Any] = next(queue for queue in queues if queue["platform"] == platform)
    return found


def make_run(**columns: Any) -> SyncRun:
    now = timezone.now()
    values = {"started_at": now, "heartbeat_at": now, "slot": 1, "worker": "host:1", "trigger": "schedule", **columns}
    return SyncRun.objects.create(**{"platform": "brevo", **values})


def ended_run(ago: timedelta, took: timedelta, **columns: Any) -> SyncRun:
    begun = timezone.now() - ago
    times = {"started_at": begun, "heartbeat_at": begun + took, "finished_at": begun + took}
    return make_run(**{"state": "finished", **times, **columns})


# --- who may ---------------------------------------------------------------------------------------------------


def test_who_may_not_see_contacts_gets_a_403_and_a_stranger_the_log_in(client: Client, django_user_model: Any) -> None:
    for name in ("sync-dashboard", "sync-state", "sync-strip"):
        client.logout()
        assert client.get(reverse(name)).headers["Location"].startswith("/admin/login/")
        client.force_login(django_user_model.objects.get_or_create(username="ada", is_staff=True)[0])
        assert client.get(reverse(name)).status_code == 403


def test_a_viewer_looks_and_steers_nothing(client: Client, django_user_model: Any) -> None:
    viewer = django_user_model.objects.create_user("vic", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_contact"))
    client.force_login(viewer)
    run = make_run()
    operation = BulkOperation.objects.create(
        platform="brevo", action="queue", selection={}, trigger="admin", requested_at=timezone.now()
    )
    page = client.get(PAGE).content.decode()
    assert "data-control" not in page
    assert reverse("admin:curation_sdk_syncrun_change", args=[run.pk]) not in page
    for name in ("sync-pause", "sync-resume", "sync-run-now", "sync-cancel-run"):
        assert client.post(reverse(name, args=["brevo"])).status_code == 403
    assert client.post(reverse("sync-stop-operation", args=[operation.pk])).status_code == 403
    run.refresh_from_db()
    operation.refresh_from_db()
    assert (run.cancelled_by, operation.state, QueuePause.objects.exists()) == ("", "waiting", False)


def test_each_queue_is_steered_by_those_who_may_queue_for_it(client: Client, django_user_model: Any) -> None:
    curator = django_user_model.objects.create_user("cur", is_staff=True)
    curator.user_permissions.set(Permission.objects.filter(codename__in=["view_contact", "curate_contact"]))
    client.force_login(curator)
    page = client.get(PAGE).content.decode()
    for platform, may in (("curation", True), ("brevo", False)):
        assert (reverse("sync-pause", args=[platform]) in page) == may
        assert client.post(reverse("sync-pause", args=[platform])).status_code == (302 if may else 403)
    assert [pause.platform for pause in QueuePause.objects.all()] == ["curation"]


def test_steering_needs_a_post_with_a_token_and_a_queue_that_exists(admin_user: Any, admin_client: Client) -> None:
    for name in ("sync-pause", "sync-resume", "sync-run-now", "sync-cancel-run"):
        assert admin_client.get(reverse(name, args=["brevo"])).status_code == 405
        assert admin_client.post(reverse(name, args=["nobody"])).status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    assert strict.post(reverse("sync-pause", args=["brevo"])).status_code == 403
    assert not QueuePause.objects.exists()


# --- what it says ----------------------------------------------------------------------------------------------


def test_every_queue_is_there_and_those_not_in_use_are_one_line(admin_client: Client, settings: Any) -> None:
    page = admin_client.get(PAGE).content.decode()
    for label in ("Curation", "Brevo", "HubSpot", "Mautic", "n8n"):
        assert f">{label}</h2>" in page
    settings.HUBSPOT_API_KEY = ""
    page = admin_client.get(PAGE).content.decode()
    assert ">HubSpot</h2>" not in page
    assert "Not in use: HubSpot is switched off: HUBSPOT_API_KEY is not set." in page


def test_counts_bar_and_the_lists_that_they_lead_to(admin_client: Client, make_contact: Make) -> None:
    for status, number in (("New", 5), ("Complete", 3), ("Error", 1)):
        for _ in range(number):
            make_contact(brevo_sync_status=status)
    queue = queue_of(admin_client)
    assert {entry["name"]: entry["count"] for entry in queue["legend"]} == {
        "complete": 3,
        "processing": 0,
        "queued": 0,
        "skipped": 0,
        "error": 1,
        "new": 5,
    }
    assert queue["bar"]["text"] == "Of 4 contacts asked for: 3 Complete, 1 Error."
    assert [(part["x"], part["width"]) for part in queue["bar"]["parts"] if part["width"] != "0.000%"] == [
        ("0.000%", "75.000%"),
        ("75.000%", "25.000%"),
    ]
    for entry in queue["legend"]:
        listed = admin_client.get(entry["url"])
        assert listed.status_code == 200
        assert listed.context["cl"].result_count == entry["count"]


def test_pace_end_and_progress_of_the_run_under_way(admin_client: Client, make_contact: Make) -> None:
    workers.beat(now=timezone.now())
    for number in range(30):
        make_contact(f"p{number}@acme.example")
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    make_run(started_at=timezone.now() - timedelta(seconds=60), synced=50, skipped=6, failed=4, worker="host:7")
    queue = queue_of(admin_client)
    facts = queue["facts"]
    assert (queue["state"]["text"], queue["controls"]["cancel"], queue["controls"]["run"]) == ("running", True, False)
    assert facts["Pace"] in ("60 contacts a minute", "59 contacts a minute")
    assert facts["Estimated end"].startswith(("In 30 s, at ", "In 31 s, at "))
    assert "on host:7, trigger Schedule: 50 synced, 6 skipped, 4 failed." in facts["Run under way"]
    assert facts["Oldest waiting"].startswith("Due since ")
    assert (facts["Backing off"], queue["problem"]) == ("None", "")


def test_time_in_which_no_run_worked_does_not_count_and_old_runs_say_nothing(admin_client: Client) -> None:
    ended_run(timedelta(minutes=9), timedelta(minutes=1), synced=100)
    ended_run(timedelta(minutes=9), timedelta(minutes=1), synced=100, slot=2)
    ended_run(timedelta(hours=2), timedelta(minutes=1), synced=9_000)
    assert queue_of(admin_client)["facts"]["Pace"] == "200 contacts a minute"
    SyncRun.objects.filter(synced=100).delete()
    assert queue_of(admin_client)["facts"]["Pace"] == "-"


def test_who_backs_off_and_until_when(admin_client: Client, make_contact: Make) -> None:
    now = timezone.now()
    waits = {"brevo_sync_status": "Queued", "brevo_processing_status": "Queued"}
    make_contact("a@acme.example", **waits, brevo_next_attempt_at=now - timedelta(minutes=3, seconds=5))
    make_contact("b@acme.example", **waits, brevo_next_attempt_at=now + timedelta(days=2, minutes=1))
    make_contact("c@acme.example", **waits, brevo_next_attempt_at=now + timedelta(days=2))
    # In somebody's hands: neither waits nor backs off.
    hand = {"brevo_sync_status": "Processing", "brevo_processing_status": "Processing"}
    make_contact("d@acme.example", **hand, brevo_next_attempt_at=now + timedelta(minutes=1))
    facts = queue_of(admin_client)["facts"]
    assert facts["Oldest waiting"].endswith("(3 min 5 s)")
    assert facts["Backing off"] == f"2 contacts, the next try at {now + timedelta(days=2):%Y-%m-%d %H:%M} UTC"
    assert queue_of(admin_client, "hubspot")["facts"]["Oldest waiting"] == "None"


def test_last_runs_say_what_they_did_and_why_they_stopped(admin_client: Client) -> None:
    ended_run(timedelta(hours=1), timedelta(seconds=90), synced=10, warned=1, failed=2)
    ended_run(timedelta(minutes=30), timedelta(seconds=5), state="stopped", reason="Brevo rejected the key.")
    first, second = queue_of(admin_client)["runs"]
    assert (first["state"], first["did"], first["reason"]) == ("Stopped", "Nothing", "Brevo rejected the key.")
    assert (second["took"], second["did"]) == ("1 min 30 s", "10 synced (1 warning), 2 failed")
    assert admin_client.get(second["url"]).status_code == 200


def test_operations_show_their_progress_and_stop(admin_client: Client) -> None:
    operation = BulkOperation.objects.create(
        platform="brevo",
        action="queue",
        selection={},
        trigger="admin",
        state="running",
        requested_at=timezone.now(),
        queued=12_000,
    )
    (shown,) = queue_of(admin_client)["operations"]
    assert shown["text"] == "Queue, running: Queued 12,000 contacts for Brevo."
    assert shown["stop"] in admin_client.get(PAGE).content.decode()
    answer = admin_client.post(shown["stop"], follow=True)
    assert "The operation was stopped." in answer.content.decode()
    operation.refresh_from_db()
    assert (operation.state, queue_of(admin_client)["operations"]) == ("cancelled", [])
    assert "had ended already" in admin_client.post(shown["stop"], follow=True).content.decode()


def test_markup_in_a_reason_comes_out_as_text(admin_client: Client) -> None:
    admin_client.post(reverse("sync-pause", args=["brevo"]), {"reason": "<script>alert(1)</script>"})
    ended_run(timedelta(minutes=1), timedelta(seconds=5), state="stopped", reason="<b>no</b>")
    page = admin_client.get(PAGE).content.decode()
    assert "<script>alert" not in page
    assert "<b>no</b>" not in page


# --- steering --------------------------------------------------------------------------------------------------


def press(client: Client, name: str, **data: str) -> str:
    """What people read after they have pressed a button."""
    answer = client.post(reverse(name, args=["brevo"]), data, follow=True)
    assert answer.redirect_chain[0][0] == "/admin/sync/#queue-brevo"
    return " ".join(str(message) for message in answer.context["messages"])


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    monkeypatch.setattr("sync_admin.controls.start_soon", lambda job, trigger: found.append((job.platform, trigger)))
    return found


def test_two_people_who_press_at_once_are_both_told_the_truth(
    admin_client: Client, django_user_model: Any, started: list[tuple[str, str]]
) -> None:
    workers.beat(now=timezone.now())
    other = Client()
    other.force_login(django_user_model.objects.create_superuser("grace"))
    assert press(admin_client, "sync-pause", reason="maintenance").startswith("Brevo is paused.")
    assert "Paused by admin since " in press(other, "sync-pause", reason="something else")
    assert QueuePause.objects.get().reason == "maintenance"
    assert press(other, "sync-resume") == "Brevo goes on with what is due."
    assert press(admin_client, "sync-resume") == "Brevo was not paused."
    assert started == [("brevo", "hand")]
    make_run()
    assert press(other, "sync-cancel-run").startswith("The run for Brevo ends within seconds.")
    assert press(admin_client, "sync-cancel-run") == "grace has cancelled the run already."
    assert SyncRun.objects.get().cancelled_by == "grace"
    assert queue_of(admin_client)["state"]["text"] == "ending"


def test_run_now_says_why_none_would_begin(
    admin_client: Client, make_contact: Make, settings: Any, started: list[tuple[str, str]]
) -> None:
    assert press(admin_client, "sync-run-now") == "Nothing is due for Brevo."
    make_contact()
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    until = timezone.now() + timedelta(minutes=5)
    wait = ended_run(timedelta(minutes=1), timedelta(seconds=5), resume_at=until)
    assert press(admin_client, "sync-run-now").startswith(f"Brevo asked us to wait until {until:%H:%M:%S} UTC.")
    wait.delete()
    run = make_run()
    assert press(admin_client, "sync-run-now") == "A run for Brevo is under way already."
    run.delete()
    press(admin_client, "sync-pause")
    assert press(admin_client, "sync-run-now").endswith("Resume it first.")
    press(admin_client, "sync-resume")
    settings.BREVO_API_KEY = ""
    assert press(admin_client, "sync-run-now") == "Brevo is switched off: BREVO_API_KEY is not set."
    settings.BREVO_API_KEY = "test-key"
    del started[:]
    said = press(admin_client, "sync-run-now")
    assert said == (
        'A run for Brevo was asked for. No worker is running, so it waits. "manage.py qcluster" starts one.'
    )
    assert started == [("brevo", "hand")]


def test_without_a_run_there_is_nothing_to_cancel(admin_client: Client) -> None:
    assert press(admin_client, "sync-cancel-run") == "No run for Brevo is under way."


# --- the chart -------------------------------------------------------------------------------------------------


def test_the_chart_adds_up_each_day_and_leaves_out_older_ones(admin_client: Client) -> None:
    day = timedelta(days=1)
    ended_run(day * 2, timedelta(seconds=9), synced=10, failed=1)
    ended_run(day * 2, timedelta(seconds=9), synced=20, skipped=5, platform="hubspot")
    ended_run(day * 2, timedelta(seconds=9), synced=999, platform="curation")
    ended_run(day * 14, timedelta(seconds=9), synced=7_777)
    now = timezone.now()
    days = last_days(["brevo", "hubspot"], now=now)
    assert (len(days), days[-1].day) == (14, now.date())
    assert (days[-3].synced, days[-3].skipped, days[-3].failed) == (30, 5, 1)
    assert sum(one.total for one in days) == 36
    page = admin_client.get(PAGE).content.decode()
    assert "In 14 days 30 contacts Complete, 5 Skipped and 1 in Error." in page
    assert f"{(now - day * 2):%d %b}: 30 Complete</title>" in page
    assert "In 14 days 999 contacts Complete" in admin_client.get(f"{PAGE}?chart=curation").content.decode()
    # The bars stand upon each other and within the drawing.
    bars = drawing(days)["columns"][-3]["bars"]
    for below, above in pairwise(bars):
        assert float(above["y"]) + float(above["height"]) == pytest.approx(float(below["y"]), abs=0.02)
    assert float(bars[-1]["y"]) >= 0


def test_a_chart_without_runs_says_so(admin_client: Client) -> None:
    assert "No run did anything in these days." in admin_client.get(PAGE).content.decode()


# --- what it costs -----------------------------------------------------------------------------------------------


def busy_everywhere() -> None:
    """Every queue with a run under way, old ones, an operation, a pause, contacts that wait and that back off."""
    now = timezone.now()
    for job in QUEUES:
        make_run(platform=job.platform)
        for number in range(8):
            ended_run(timedelta(hours=number + 1), timedelta(minutes=1), platform=job.platform, synced=5)
        BulkOperation.objects.create(
            platform=job.platform, action="queue", selection={}, trigger="admin", requested_at=now
        )
        QueuePause.objects.create(platform=job.platform, paused_by="ada", paused_at=now)
        for wait in (-60, 60):
            Contact.objects.create(
                email=f"{job.platform}{wait}@acme.example",
                **{job.sync_status: "Queued", job.processing_status: "Queued"},
                **{job.next_attempt_at: now + timedelta(seconds=wait)},
            )


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}state/", f"{PAGE}strip/"])
def test_it_takes_few_queries_however_much_there_is(
    path: str, client: Client, django_user_model: Any, django_assert_max_num_queries: Any
) -> None:
    busy_everywhere()
    person = django_user_model.objects.create_user("vic", is_staff=True)
    for name in ("view_contact", "push_contact", "view_syncrun"):
        person.user_permissions.add(Permission.objects.get(codename=name))
    client.force_login(person)
    with django_assert_max_num_queries(30):
        assert client.get(path).status_code == 200


def test_the_lines_above_the_list_take_few_queries(admin_client: Client, django_assert_max_num_queries: Any) -> None:
    busy_everywhere()
    with django_assert_max_num_queries(30):
        assert admin_client.get(reverse("admin:contacts_contact_changelist")).status_code == 200
