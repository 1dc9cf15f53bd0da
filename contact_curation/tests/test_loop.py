"""Curation in the job loop: what is stored, and whose word stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from contact_curation.job import CURATION
from contact_curation.services import CurationService
from contacts.curation import save_columns, set_curation_status
from contacts.models import Contact, CurationStatus, Suppression
from curation_sdk.claiming import claim
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.outcomes import Outcome, Retry, Synced
from curation_sdk.queueing import queue_contacts
from curation_sdk.testing import NOON, FakeClock, ScriptedPusher, before_settling, run, scripted_job

Queued = Callable[..., Contact]
Make = Callable[..., Contact]
API = SyncRun.Trigger.API

CURATION_COLUMNS = (
    *("contact_curation_status", "contact_processing_status", "contact_processing_error"),
    *("contact_retry_count", "contact_next_attempt_at", "contact_curated_at"),
)


def state(contact: Contact) -> tuple[Any, ...]:
    """Both statuses, the reason, the tries and the time of the next."""
    contact.refresh_from_db()
    return tuple(getattr(contact, column) for column in CURATION_COLUMNS[:5])


def reasons() -> list[tuple[str, str, str]]:
    return list(SyncAttempt.objects.order_by("id").values_list("platform", "outcome", "reason"))


# --- what a contact ends as -----------------------------------------------------------------------------------


def test_a_good_contact_is_complete_with_what_was_found(queued: Queued, clock: FakeClock) -> None:
    contact = queued(" Ada@GMail.com", name="Ada  Lovelace", phone_number="(212) 555-0142", updated_at=NOON)
    Contact.objects.update(updated_at=NOON)
    before = Contact.objects.values().get()

    report = run(CURATION, clock)

    assert report.sentence() == "1 curated."
    after = Contact.objects.values().get()
    assert state(contact) == ("Complete", "Complete", None, 0, None)
    assert contact.contact_curated_at == clock.now()
    changed = {name: value for name, value in after.items() if value != before[name]}
    assert changed.keys() - set(CURATION_COLUMNS) == {"email", "email_type", "has_gmail", "name", "phone_number"}
    assert (contact.email, contact.email_type, contact.has_gmail) == ("Ada@GMail.com", "FREE", True)
    assert (contact.name, contact.phone_number) == ("Ada Lovelace", "+12125550142")
    # Written properly, but no news about the person: "the latest value" of several rows goes by it.
    assert contact.updated_at == NOON
    assert reasons() == []


def test_remarks_are_kept_as_attempts(queued: Queued, clock: FakeClock) -> None:
    contact = queued(phone_number="Phone not found", name="Contact at acme.example")
    assert run(CURATION, clock).sentence() == "1 curated (1 warning)."
    remark = (
        'The name "Contact at acme.example" is a placeholder of the scraper. '
        'The phone "Phone not found" is a placeholder of the scraper.'
    )
    assert reasons() == [("curation", "synced", remark)]
    assert state(contact)[:3] == ("Complete", "Complete", None)
    assert (contact.phone_number, contact.name) == ("Phone not found", "Contact at acme.example")


def test_an_address_that_cannot_be_used_is_an_error_with_what_to_do(queued: Queued, clock: FakeClock) -> None:
    contact = queued("user@domain.com")
    assert run(CURATION, clock).sentence() == "1 failed."
    reason = '"user@domain.com" is a placeholder, not somebody\'s address. Enter theirs, then queue the contact again.'
    assert state(contact) == ("Error", "Error", reason, 0, None)
    assert contact.contact_curated_at is None
    assert reasons() == [("curation", "rejected", reason)]


def test_however_many_bad_ones_come_in_a_row_the_run_goes_on(queued: Queued, clock: FakeClock) -> None:
    for _ in range(25):
        queued("Email not found")
    queued("ada@acme.example")
    report = run(CURATION, clock)
    assert (report.counts["failed"], report.counts["synced"], report.stopped) == (25, 1, False)


def test_no_address_and_suppressed_ones_are_skipped_with_the_reason(make_contact: Make, clock: FakeClock) -> None:
    """Also when they got into the queue past it, by plain SQL or before somebody suppressed them."""
    Suppression.objects.create(email_key="out@x.example", reason="complaint", since=NOON)
    queue = {"contact_curation_status": "Queued", "contact_processing_status": "Queued"}
    nobody, out = make_contact(None, **queue), make_contact("Out@x.example", **queue)
    assert run(CURATION, clock).sentence() == "2 skipped."
    no_address = "There is no e-mail address. Add one, then queue the contact again."
    assert state(nobody) == ("Skipped", None, no_address, 0, None)
    assert state(out) == ("Skipped", None, "Suppressed since 2026-11-24: Spam complaint.", 0, None)


def test_queueing_says_the_same_at_once(make_contact: Make, clock: FakeClock) -> None:
    Suppression.objects.create(email_key="out@x.example", since=NOON)
    make_contact(None)
    make_contact("out@x.example")
    make_contact("ada@acme.example")
    said = queue_contacts(CURATION, Contact.objects.all(), now=clock.now()).sentence(CURATION.name)
    assert said == "Queued 1 contact for curation. 2 skipped: 1 without an e-mail address, 1 suppressed."


def test_each_row_is_for_itself(queued: Queued, clock: FakeClock) -> None:
    with_phone = queued("ada@acme.example", phone_number="(212) 555-0142")
    other = queued("ADA@acme.example", phone_number="Phone not found")
    not_queued = Contact.objects.create(email="ada@acme.example")
    assert run(CURATION, clock).counts == {"synced": 2, "warned": 1}
    assert state(with_phone)[0] == state(other)[0] == "Complete"
    assert state(not_queued)[0] == "New"
    assert (with_phone.phone_number, other.phone_number) == ("+12125550142", "Phone not found")


def test_a_limit_takes_so_many_rows(queued: Queued, clock: FakeClock) -> None:
    for _ in range(5):
        queued("ada@acme.example")
    assert run(CURATION, clock, limit=3).counts == {"synced": 3}


# --- rows of the predecessor, by plain SQL ----------------------------------------------------------------------


@pytest.mark.parametrize("processing", ["Queued", "Processing"])
def test_rows_of_the_predecessor_are_picked_up(db: None, clock: FakeClock, processing: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts (id, email, contact_curation_status, contact_processing_status) "
            "VALUES (%s, 'ada@acme.example', 'Queued', %s)",
            [Contact._meta.pk.get_db_prep_value("11111111-1111-4111-8111-111111111111", connection), processing],
        )
    contact = Contact.objects.get()
    assert (contact.contact_next_attempt_at, contact.contact_retry_count) == (None, 0)
    assert run(CURATION, clock).sentence() == "1 curated."
    assert state(contact)[:2] == ("Complete", "Complete")


# --- whose word stands ------------------------------------------------------------------------------------------


def test_a_decision_meanwhile_stands_and_nothing_of_the_answer_is_stored(queued: Queued, clock: FakeClock) -> None:
    contact = queued("ada@gmail.com", phone_number="(212) 555-0142")

    with before_settling(
        lambda: set_curation_status(Contact.objects.all(), CurationStatus.SKIPPED, trigger=API),
    ):
        report = run(CURATION, clock)

    assert report.counts == {"late": 1}
    assert state(contact) == ("Skipped", None, None, 0, None)
    assert (contact.email_type, contact.has_gmail, contact.phone_number) == ("UNKNOWN", False, "(212) 555-0142")
    ((platform, outcome, reason),) = reasons()
    assert (platform, outcome) == ("curation", "late")
    assert reason.endswith("The answer was: Curated.")


@pytest.mark.parametrize(
    ("column", "value"), [("email", "info@acme.example"), ("phone_number", "+1 212 555 0199"), ("name", None)]
)
def test_what_a_person_changes_meanwhile_is_judged_anew(
    queued: Queued, clock: FakeClock, column: str, value: str | None
) -> None:
    contact = queued("ada@gmail.com", phone_number="(212) 555-0142", name="Ada  Lovelace")

    with before_settling(lambda: save_columns(contact, {column: value}, trigger=API)):
        report = run(CURATION, clock)

    # The answer about the old data went nowhere; the same run then took the contact again.
    assert report.counts == {"late": 1, "synced": 1}
    assert state(contact) == ("Complete", "Complete", None, 0, None)
    expected = {"email": "ada@gmail.com", "phone_number": "+12125550142", "name": "Ada Lovelace", column: value}
    if column == "phone_number":
        expected[column] = "+12125550199"
    assert {name: getattr(contact, name) for name in expected} == expected
    assert contact.email_type == ("SERVICE" if column == "email" else "FREE")


def test_a_type_that_a_person_writes_meanwhile_stands(queued: Queued, clock: FakeClock) -> None:
    contact = queued("ada@acme.example")
    with before_settling(lambda: save_columns(contact, {"email_type": "SERVICE"}, trigger=API)):
        assert run(CURATION, clock).counts == {"late": 1, "synced": 1}
    contact.refresh_from_db()
    assert contact.email_type == "SERVICE"


def test_a_change_past_us_is_seen_as_well(queued: Queued, clock: FakeClock) -> None:
    contact = queued("ada@gmail.com")
    with before_settling(lambda: Contact.objects.update(email="user@domain.com")):
        run(CURATION, clock)
    assert state(contact)[0] == "Error"


def test_other_columns_may_change_meanwhile(queued: Queued, clock: FakeClock) -> None:
    contact = queued("ada@gmail.com")
    with before_settling(lambda: Contact.objects.update(context="new", brevo_sync_status="Complete")):
        assert run(CURATION, clock).counts == {"synced": 1}
    contact.refresh_from_db()
    assert (contact.context, contact.brevo_sync_status) == ("new", "Complete")


def test_one_queued_again_meanwhile_is_judged_again(queued: Queued, clock: FakeClock) -> None:
    contact = queued("ada@gmail.com")
    with before_settling(lambda: set_curation_status(Contact.objects.all(), CurationStatus.QUEUED, trigger=API)):
        report = run(CURATION, clock)
    # Queued by the real clock, which is behind the one of this test or ahead of it.
    clock.advance(days=3650)
    counts = report.counts + run(CURATION, clock).counts
    assert (counts["late"], counts["synced"]) == (1, 1)
    assert state(contact)[0] == "Complete"


# --- leases and tries -------------------------------------------------------------------------------------------


def test_a_worker_that_dies_costs_a_try_and_its_contact_is_taken_up(queued: Queued, clock: FakeClock) -> None:
    contact = queued()
    claim(CURATION, CURATION.policy(), now=clock.now(), size=10)
    assert state(contact)[:2] == ("Processing", "Processing")
    assert run(CURATION, clock).sentence() == "Nothing is due."
    clock.advance(minutes=7)
    assert run(CURATION, clock).sentence() == "1 curated."


def test_a_contact_that_kills_its_worker_again_and_again_is_given_up(queued: Queued, clock: FakeClock) -> None:
    contact = queued()
    for _ in range(4):
        claim(CURATION, CURATION.policy(), now=clock.now(), size=10)
        clock.advance(minutes=7)
    assert run(CURATION, clock).sentence() == "1 failed."
    assert state(contact)[:2] == ("Error", "Error")
    assert "died" in state(contact)[2]


def test_tries_and_waits_are_the_loops(queued: Queued, clock: FakeClock) -> None:
    contact = queued("ada@acme.example")
    pusher = ScriptedPusher({"ada@acme.example": [Retry("Later."), Synced("", learned={"email_type": "CORPORATE"})]})
    job = scripted_job(CURATION, pusher)
    run(job, clock)
    assert state(contact)[:4] == ("Queued", "Queued", "Later.", 1)
    assert contact.email_type == "UNKNOWN"
    clock.advance(minutes=6)
    run(job, clock)
    assert state(contact) == ("Complete", "Complete", None, 0, None)
    assert contact.email_type == "CORPORATE"


def test_what_was_learned_is_not_taken_back_by_a_later_failure(queued: Queued, clock: FakeClock) -> None:
    contact = queued("ada@gmail.com")
    run(CURATION, clock)
    Contact.objects.update(name="Ada")
    queue_contacts(CURATION, Contact.objects.all(), now=clock.now())
    run(scripted_job(CURATION, ScriptedPusher({"ada@gmail.com": [Retry("Later.")]})), clock)
    contact.refresh_from_db()
    assert (contact.email_type, contact.has_gmail, contact.contact_curated_at) == ("FREE", True, clock.now())


def test_a_contact_over_which_our_code_stumbles_costs_the_others_nothing(
    queued: Queued, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = queued("bad@acme.example"), queued("good@acme.example")
    curate = CurationService.curate

    def stumbling(self: CurationService, contact: Contact) -> Outcome:
        if contact.pk == bad.pk:
            raise KeyError("x")
        return curate(self, contact)

    monkeypatch.setattr(CurationService, "curate", stumbling)
    assert run(CURATION, clock).counts == {"failed": 1, "synced": 1}
    assert state(good)[0] == "Complete"
    reason = "Unexpected KeyError in our program. The worker's log has the details."
    assert state(bad)[:3] == ("Error", "Error", reason)


def test_two_runs_at_once_only_where_the_settings_allow_it(queued: Queued, clock: FakeClock) -> None:
    queued()
    SyncRun.objects.create(
        platform="curation", trigger=API, slot=1, worker="other", started_at=clock.now(), heartbeat_at=clock.now()
    )
    report = run(CURATION, clock)
    assert (report.sentence(), report.later) == ("Another run is under way.", True)
