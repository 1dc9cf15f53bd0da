"""The schedules, and what they call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import Schedule

from n8n_sync.models import Enrichment, EnrichmentEvent
from n8n_sync.tasks import process_n8n_sync_queue, prune_enrichment_events

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "task", "minutes"),
    [
        ("n8n_contact_sync_processor", process_n8n_sync_queue, 5),
        ("n8n_event_retention", prune_enrichment_events, None),
    ],
    ids=["push", "prune"],
)
def test_migrate_makes_the_schedules(name: str, task: Any, minutes: int | None) -> None:
    Schedule.objects.all().delete()
    call_command("migrate", verbosity=0)
    schedule = Schedule.objects.get(name=name)
    assert import_string(schedule.func) is task
    assert (schedule.schedule_type == Schedule.MINUTES, schedule.minutes) == (bool(minutes), minutes)


def test_the_task_with_nothing_to_do_and_when_off(settings: Any) -> None:
    assert process_n8n_sync_queue() == "Nothing is due."
    settings.N8N_WEBHOOK_URL = ""
    assert process_n8n_sync_queue() == "n8n is switched off: N8N_WEBHOOK_URL is not set."


def test_old_reports_go_and_enrichments_stay(settings: Any, make_contact: Any) -> None:
    now = timezone.now()
    ages = [timedelta(days=91), timedelta(days=89)]
    events = [EnrichmentEvent.objects.create(received_at=now - age, body="{}") for age in ages]
    kept = {"enrichment_id": "1", "status": "complete", "sent_at": now, "received_at": now}
    Enrichment.objects.create(contact=make_contact(), event=events[0], **kept)
    settings.SYNC_HISTORY_DAYS = 0
    assert prune_enrichment_events() == "SYNC_HISTORY_DAYS is 0: reports are kept for ever."
    settings.SYNC_HISTORY_DAYS = 90
    assert prune_enrichment_events() == "Deleted 1 report."
    assert list(EnrichmentEvent.objects.all()) == [events[1]]
    assert Enrichment.objects.get().event is None
