"""`manage.py mautic_sync`, in this process."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from django.core.management import CommandError, call_command
from django_q.models import Schedule

from contacts.models import Contact, Suppression
from curation_sdk.models import SyncRun
from mautic_sync.tasks import process_mautic_sync_queue
from mautic_sync.tests.support import ALL_FIELDS, API, BATCH, FIELDS, error

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]


@pytest.fixture
def wire(settings: Any) -> Iterator[responses.RequestsMock]:
    """An installation that takes everything."""

    def take(request: Any) -> tuple[int, dict[str, str], str]:
        count = len(json.loads(request.body))
        contacts = [{"id": 47 + place} for place in range(count)]
        return 201, {}, json.dumps({"contacts": contacts, "statusCodes": [201] * count})

    settings.MAUTIC_RATE_LIMIT_PER_SECOND = 5000.0
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(FIELDS, json=ALL_FIELDS)
        mock.add_callback("POST", BATCH, take)
        yield mock


def run(*options: str) -> tuple[int, str]:
    """Exit code and all that was printed."""
    out = io.StringIO()
    try:
        call_command("mautic_sync", *options, stdout=out, no_color=True)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def test_it_pushes_what_is_new(wire: responses.RequestsMock, make_contact: Make) -> None:
    for name in ("a", "b", "c"):
        make_contact(f"{name}@x.example")
    code, text = run("--queue-all-new")
    assert (code, text) == (0, "Queued 3 contacts for Mautic.\n3 synced.\n")
    assert len([call for call in wire.calls if call.request.url == BATCH]) == 1
    assert set(Contact.objects.values_list("mautic_sync_status", flat=True)) == {"Complete"}


def test_opt_outs_come_first(wire: responses.RequestsMock, make_contact: Make) -> None:
    wire.post(f"{API}/contacts/47/dnc/email/add", json={"contact": {}})
    make_contact("ada@x.example", mautic_contact_id="47")
    Suppression.objects.create(email_key="ada@x.example", reason="request")
    assert run() == (0, "Told Mautic of 1 opt-out.\nNothing is due.\n")
    assert run() == (0, "Nothing is due.\n")


def test_the_dry_run_shows_the_request_and_sends_nothing(wire: responses.RequestsMock, make_contact: Make) -> None:
    make_contact("ada@x.example", name="Ada Lovelace", mautic_contact_id="47")
    make_contact("ada@@x")
    make_contact("out@x.example", mautic_contact_id="48")
    Suppression.objects.create(email_key="out@x.example")
    code, text = run("--queue-all-new", "--dry-run")
    assert code == 0
    assert '"path": "/api/contacts/batch/new"' in text
    assert '"firstname": "Ada"' in text
    assert "would be skipped: Invalid e-mail address" in text
    assert "3 people shown; nothing was sent or changed." in text
    assert len(wire.calls) == 0


def test_a_stopped_run_is_exit_code_1(make_contact: Make) -> None:
    make_contact()
    with responses.RequestsMock() as mock:
        mock.get(FIELDS, status=401, json=error(401, "denied", kind="access_denied"))
        code, text = run("--queue-all-new")
    assert code == 1
    assert 'Mautic rejected the log-in (401): "denied". Check MAUTIC_USERNAME and MAUTIC_PASSWORD.' in text


def test_switched_off(settings: Any) -> None:
    settings.MAUTIC_USERNAME = settings.MAUTIC_PASSWORD = ""
    code, text = run()
    assert code == 1
    assert text.startswith("Mautic is switched off: ")


# --- the schedule --------------------------------------------------------------------------------------------


def test_migrate_makes_the_schedule() -> None:
    schedule = Schedule.objects.get(name="mautic_contact_sync_processor")
    assert (schedule.func, schedule.minutes) == ("mautic_sync.tasks.process_mautic_sync_queue", 5)


def test_the_task(wire: responses.RequestsMock, make_contact: Make) -> None:
    wire.post(f"{API}/contacts/47/dnc/email/add", json={"contact": {}})
    make_contact("ada@x.example", mautic_contact_id="47")
    Suppression.objects.create(email_key="ada@x.example", reason="request")
    assert process_mautic_sync_queue() == "Told Mautic of 1 opt-out. Nothing is due."
    assert process_mautic_sync_queue("admin") == "Nothing is due."
    assert not SyncRun.objects.exists()


def test_opt_outs_that_wait_are_an_error_in_the_workers_log(
    wire: responses.RequestsMock, make_contact: Make, caplog: pytest.LogCaptureFixture
) -> None:
    wire.post(f"{API}/contacts/47/dnc/email/add", status=403, json=error(403, "no"))
    make_contact("ada@x.example", mautic_contact_id="47")
    Suppression.objects.create(email_key="ada@x.example", reason="request")
    assert process_mautic_sync_queue().startswith("Opt-outs wait: Mautic does not let us do this (403)")
    assert [record.levelname for record in caplog.records if record.name == "opt_outs.tasks"] == ["ERROR"]


def test_the_task_switched_off(settings: Any) -> None:
    settings.MAUTIC_USERNAME = settings.MAUTIC_PASSWORD = ""
    assert process_mautic_sync_queue().startswith("Mautic is switched off: ")
