"""The cause stands with the reason, goes with it, and is the same for what was skipped, tried and given up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test.utils import CaptureQueriesContext

from brevo_sync.job import BREVO
from contact_curation.job import CURATION
from contacts.models import Contact, CurationStatus, Suppression
from curation_sdk.claiming import claim
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.outcomes import Evidence, Outcome, Rejected, Retry, Skipped, StopRun, Synced, Throttled, Waiting
from curation_sdk.queueing import cancel_queued, queue_contacts, skip_contacts
from curation_sdk.testing import NOON, FakeClock, ScriptedPusher, before_settling, run, scripted_job

pytestmark = pytest.mark.django_db

ADA = "ada@acme.example"
Make = Callable[..., Contact]
Queued = Callable[..., Contact]

SECONDS = Evidence(message='No "42". Wait')


def push(clock: FakeClock, answer: Outcome | Exception, **policy: Any) -> Any:
    return run(scripted_job(BREVO, ScriptedPusher({ADA: [answer]}), **policy), clock, budget=timedelta(seconds=1))


def stored() -> tuple[str | None, str]:
    """The contact's cause, and that of its last attempt."""
    attempt = SyncAttempt.objects.order_by("pk").last()
    return Contact.objects.get().brevo_error_cause, attempt.cause if attempt else ""


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Synced("42"), None),
        (Skipped("Nobody at 42."), "Nobody at …."),
        (Retry("Down for 42 seconds."), "Down for … seconds."),
        (Rejected("No 42.", cause="No number."), "No number."),
        (Rejected(f'X refused it (400): "{SECONDS.message}".', SECONDS), 'X refused it (400): "No …. Wait".'),
        (Throttled(timedelta(hours=1), "Wait 1 second."), "Wait … seconds."),
        (StopRun("No list 42."), "No list …."),
        (Waiting("Taken, 42.", timedelta(hours=1)), None),
        (KeyError("42"), "Unexpected KeyError in our program. The worker's log has the details."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_answer_leaves_its_cause(queued: Queued, clock: FakeClock, answer: Any, cause: str | None) -> None:
    queued(ADA)
    push(clock, answer)
    assert stored() == (cause, cause or "")


def test_a_warning_is_no_cause(queued: Queued, clock: FakeClock) -> None:
    queued(ADA)
    push(clock, Synced("42", warning="The phone 42 was left out."))
    assert SyncAttempt.objects.get().reason
    assert stored() == (None, "")


def test_giving_up_is_a_cause_of_its_own_whatever_the_number_of_tries(queued: Queued, clock: FakeClock) -> None:
    queued(ADA)
    push(clock, Retry("Down.", cause="Down for the day."), max_retries=0)
    assert stored() == ("Down for the day. Given up after … tries.",) * 2


def test_a_success_takes_the_cause_away(queued: Queued, clock: FakeClock) -> None:
    queued(ADA)
    push(clock, Retry("Down."))
    assert stored()[0] == "Down."
    clock.advance(hours=25)
    push(clock, Synced("42"))
    assert stored()[0] is None


def test_queueing_and_cancelling_take_it_away(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    everybody = Contact.objects.all()
    for end in (queue_contacts, cancel_queued):
        Contact.objects.filter(pk=contact.pk).update(brevo_processing_error="No.", brevo_error_cause="No.")
        if end is queue_contacts:
            Contact.objects.filter(pk=contact.pk).update(brevo_sync_status="Error", brevo_processing_status="Error")
            assert queue_contacts(BREVO, everybody, now=clock.now()).queued == 1
        else:
            assert cancel_queued(BREVO, everybody).count == 1
        assert stored()[0] is None


def test_who_is_skipped_when_queued_has_the_cause_that_a_claim_would_find(
    make_contact: Make, clock: FakeClock
) -> None:
    suppressed, nameless, late = make_contact(ADA), make_contact(None), make_contact("late@acme.example")
    Suppression.objects.create(email_key=ADA, reason="complaint", since=NOON)
    queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
    Suppression.objects.create(email_key="late@acme.example", reason="complaint", since=NOON - timedelta(days=40))
    run(scripted_job(BREVO, ScriptedPusher()), clock)
    causes = dict(Contact.objects.values_list("pk", "brevo_error_cause"))
    assert causes[suppressed.pk] == causes[late.pk] == "Suppressed since …: Spam complaint."
    assert causes[nameless.pk] == "There is no e-mail address. Add one, then queue the contact again."


def test_a_persons_skips_are_one_cause_whatever_the_day(make_contact: Make) -> None:
    for day in ("2026-11-24", "2026-11-25"):
        contact = make_contact(f"{day}@acme.example")
        skip_contacts(BREVO, Contact.objects.filter(pk=contact.pk), reason=f"Skipped by ada on {day}.")
    assert set(Contact.objects.values_list("brevo_error_cause", flat=True)) == {"Skipped by ada on …."}


def test_an_answer_too_late_has_none(queued: Queued, clock: FakeClock) -> None:
    queued(ADA)

    with before_settling(lambda: cancel_queued(BREVO, Contact.objects.all())):
        push(clock, Rejected("No."))
    assert SyncAttempt.objects.get().outcome == "late"
    assert stored() == (None, "")


def test_a_lapsed_claim_has_one(queued: Queued, clock: FakeClock) -> None:
    queued(ADA)
    job = scripted_job(BREVO, ScriptedPusher(), max_retries=0)
    claim(job, job.policy(), now=clock.now(), size=1)
    clock.advance(hours=1)
    run(job, clock)
    assert stored()[0] == "The worker died while pushing this contact, at the last of … tries."


def test_a_word_about_curation_takes_its_cause_away(make_contact: Make) -> None:
    from contacts.curation import set_curation_status

    make_contact(ADA, contact_processing_error="No.", contact_error_cause="No.")
    set_curation_status(Contact.objects.all(), CurationStatus.SKIPPED, trigger=SyncRun.Trigger.ADMIN)
    assert Contact.objects.get().contact_error_cause is None
    assert CURATION.error_cause == "contact_error_cause"


def test_what_failed_before_there_were_causes_gets_one(make_contact: Make) -> None:
    def contact(status: str | None, reason: str | None, **columns: Any) -> Contact:
        return make_contact(ADA, mautic_processing_status=status, mautic_processing_error=reason, **columns)

    failed = [contact("Error", f'Mautic refused it (400): "No {number}".') for number in (1, 2)]
    known = contact("Error", "No 3.", mautic_error_cause="Known.")
    in_hand, well = contact("Processing", "Awaited."), contact("Complete", None)
    run = SyncRun.objects.create(platform="mautic", trigger="admin", slot=1, started_at=NOON, heartbeat_at=NOON)

    def attempt(outcome: str, reason: str) -> SyncAttempt:
        about = {"contact": failed[0], "run": run, "platform": "mautic", "created_at": NOON}
        return SyncAttempt.objects.create(**about, outcome=outcome, reason=reason)

    refused, warned = attempt("rejected", "No 4."), attempt("synced", "Without 5.")
    import_module("contacts.migrations.0012_error_causes").name_causes(apps, None)
    import_module("curation_sdk.migrations.0010_attempt_causes_index").name_causes(apps, None)
    causes = dict(Contact.objects.values_list("pk", "mautic_error_cause"))
    assert {causes[one.pk] for one in failed} == {'Mautic refused it (400): "No …".'}
    assert (causes[known.pk], causes[in_hand.pk], causes[well.pk]) == ("Known.", None, None)
    assert dict(SyncAttempt.objects.values_list("pk", "cause")) == {refused.pk: "No ….", warned.pk: ""}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite copies tables")
def test_no_migration_copies_a_table_outside_of_a_transaction() -> None:
    """What is written between the copy and the renaming would be lost."""
    loader = MigrationLoader(connection)
    ours = [one for (app, _), one in loader.disk_migrations.items() if app in ("contacts", "curation_sdk")]
    in_use = [one for one in ours if not one.atomic]
    assert in_use
    for migration in in_use:
        before = loader.project_state((migration.app_label, migration.name), at_end=False)
        with connection.schema_editor(collect_sql=True, atomic=False) as editor:
            migration.apply(before, editor, collect_sql=True)
        assert not [sql for sql in editor.collected_sql if "new__" in sql], migration


def test_more_than_a_chunk_gets_its_causes(make_contact: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    migration = import_module("contacts.migrations.0012_error_causes")
    monkeypatch.setattr(migration, "CHUNK", 2)
    for number in range(5):
        make_contact(f"{number}@acme.example", n8n_processing_status="Error", n8n_processing_error=f"No {number}.")
    migration.name_causes(apps, None)
    assert set(Contact.objects.values_list("n8n_error_cause", flat=True)) == {"No …."}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_naming_causes_waits_its_turn_among_those_who_write_many(make_contact: Make) -> None:
    """Somebody who queues or skips the same contacts meanwhile would end in a deadlock with it."""
    for number in range(2):
        make_contact(f"{number}@acme.example", n8n_processing_status="Error", n8n_processing_error=f"No {number}.")
    with CaptureQueriesContext(connection) as asked:
        import_module("contacts.migrations.0012_error_causes").name_causes(apps, None)
    said = [query["sql"] for query in asked if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    (update,) = (place for place, sql in enumerate(said) if sql.startswith("UPDATE"))
    assert "pg_advisory_xact_lock" in said[update - 1]
