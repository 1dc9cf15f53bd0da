"""How a run behaves: who goes with whom, what ends it, and what it leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from brevo_sync.job import BREVO
from contacts.models import Contact, Domain
from curation_sdk import runs
from curation_sdk.claiming import Claimer, claim, due
from curation_sdk.models import SyncRun
from curation_sdk.outcomes import NotPushed, Outcome, Rejected, Retry, StopRun, Synced, Throttled, Waiting
from curation_sdk.queueing import queue_contacts
from curation_sdk.testing import FakeClock, ScriptedPusher, run, scripted_job

Queued = Callable[..., Contact]


def statuses() -> dict[str, int]:
    counts: dict[str, int] = {}
    for status in Contact.objects.values_list("brevo_sync_status", flat=True):
        counts[status] = counts.get(status, 0) + 1
    return counts


# --- one person, several rows -------------------------------------------------------------------------------


def test_rows_that_share_an_address_are_one_push_with_one_answer(queued: Queued, clock: FakeClock) -> None:
    rows = [queued("Ada@Acme.example"), queued(" ada@acme.example"), queued("ADA@ACME.EXAMPLE ")]
    pusher = ScriptedPusher()
    pusher.script = {row.email or "": [Synced("42")] for row in rows}
    report = run(scripted_job(BREVO, pusher, concurrency=4), clock)
    assert len(pusher.pushed) == 1
    assert report.counts["synced"] == 3
    assert set(Contact.objects.values_list("brevo_contact_id", flat=True)) == {"42"}


def test_the_push_carries_the_latest_data_that_is_not_blank(queued: Queued, clock: FakeClock) -> None:
    domain = Domain.objects.create(domain="acme.example")
    old = queued("ada@acme.example", name="Ada Old", phone_number="+1 212 555 0100", domain=domain)
    new = queued("ada@acme.example", name="Contact at acme.example", phone_number=" ", source_url="https://a.example")
    Contact.objects.filter(pk=old.pk).update(updated_at=clock.now() - timedelta(days=2), brevo_contact_id="7")
    Contact.objects.filter(pk=new.pk).update(updated_at=clock.now())
    pusher = ScriptedPusher()
    run(scripted_job(BREVO, pusher), clock)
    (person,) = pusher.seen
    assert (person.name, person.phone_number, person.domain) == ("Ada Old", "+1 212 555 0100", domain)
    assert (person.source_url, person.brevo_contact_id) == ("https://a.example", "7")


def test_a_row_that_waits_for_its_next_try_goes_along_with_a_due_one(queued: Queued, clock: FakeClock) -> None:
    first = queued("ada@acme.example")
    pusher = ScriptedPusher({"ada@acme.example": [Retry("503"), Synced("42")]})
    job = scripted_job(BREVO, pusher)
    run(job, clock)
    clock.advance(minutes=1)
    queued("ADA@acme.example")
    pusher.script["ADA@acme.example"] = [Synced("42")]
    run(job, clock)
    first.refresh_from_db()
    assert (first.brevo_sync_status, first.brevo_contact_id) == ("Complete", "42")
    assert len(pusher.pushed) == 2


def test_contacts_of_the_same_person_that_nobody_queued_stay_as_they_are(queued: Queued, clock: FakeClock) -> None:
    queued("ada@acme.example")
    Contact.objects.create(email="ada@acme.example")
    run(scripted_job(BREVO, ScriptedPusher()), clock)
    assert statuses() == {"Complete": 1, "New": 1}


# --- order, limits, selections --------------------------------------------------------------------------------


def test_oldest_first(queued: Queued, clock: FakeClock) -> None:
    emails = [f"p{number}@acme.example" for number in range(5)]
    for email in emails:
        queued(email)
        clock.advance(seconds=1)
    pusher = ScriptedPusher()
    run(scripted_job(BREVO, pusher, batch_size=2), clock)
    assert pusher.pushed == emails


def test_a_contact_queued_by_plain_sql_without_a_time_is_due(
    make_contact: Callable[..., Contact], clock: FakeClock
) -> None:
    make_contact("ada@acme.example", brevo_sync_status="Queued", brevo_processing_status="Queued")
    assert run(scripted_job(BREVO, ScriptedPusher()), clock).sentence() == "1 synced."


def test_a_limit_takes_so_many_and_leaves_the_rest(queued: Queued, clock: FakeClock) -> None:
    for number in range(7):
        queued(f"p{number}@acme.example")
    report = run(scripted_job(BREVO, ScriptedPusher(), batch_size=2), clock, limit=5)
    assert report.counts["synced"] == 5
    assert statuses() == {"Complete": 5, "Queued": 2}
    assert not report.work_left


def test_only_takes_the_chosen_ones(queued: Queued, clock: FakeClock) -> None:
    chosen, other = queued("ada@acme.example"), queued("bob@acme.example")
    run(scripted_job(BREVO, ScriptedPusher()), clock, only=[chosen.pk])
    other.refresh_from_db()
    assert statuses() == {"Complete": 1, "Queued": 1}
    assert other.brevo_sync_status == "Queued"


def test_many_contacts_with_many_threads_each_once(queued: Queued, clock: FakeClock) -> None:
    contacts = [Contact(email=f"p{number}@acme.example") for number in range(300)]
    Contact.objects.bulk_create(contacts)
    queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
    pusher = ScriptedPusher()
    report = run(scripted_job(BREVO, pusher, batch_size=20, concurrency=8), clock)
    assert sorted(pusher.pushed) == sorted(contact.email or "" for contact in contacts)
    assert report.counts == {"synced": 300}
    assert SyncRun.objects.get().synced == 300


# --- how a run ends -------------------------------------------------------------------------------------------


def test_nothing_due_leaves_no_trace(db: None, clock: FakeClock) -> None:
    report = run(scripted_job(BREVO, ScriptedPusher()), clock)
    assert report.state is None
    assert report.sentence() == "Nothing is due."
    assert not SyncRun.objects.exists()


def test_a_platform_that_is_off_does_nothing_and_says_so(queued: Queued, clock: FakeClock, settings: Any) -> None:
    queued()
    settings.BREVO_API_KEY = ""
    report = run(BREVO, clock)
    assert report.sentence() == "Brevo is switched off: BREVO_API_KEY is not set."
    assert statuses() == {"Queued": 1}
    assert not SyncRun.objects.exists()


def test_the_budget_ends_the_run_and_the_rest_is_given_back(queued: Queued, clock: FakeClock) -> None:
    for number in range(10):
        queued(f"p{number}@acme.example")

    def slow(_: Any) -> Synced:
        clock.advance(seconds=10)
        return Synced("42")

    pusher = ScriptedPusher({f"p{number}@acme.example": [slow] for number in range(10)})
    report = run(scripted_job(BREVO, pusher), clock, budget=timedelta(seconds=35))
    # One is under way when the time is up, and perhaps the next has just been begun.
    assert (synced := report.counts["synced"]) in (4, 5)
    assert report.counts["released"] == 10 - synced
    assert report.work_left
    assert statuses() == {"Complete": synced, "Queued": 10 - synced}
    assert set(Contact.objects.filter(brevo_sync_status="Queued").values_list("brevo_retry_count", flat=True)) == {0}


def test_a_stop_gives_back_what_was_claimed(queued: Queued, clock: FakeClock) -> None:
    for number in range(10):
        queued(f"p{number}@acme.example")
    pusher = ScriptedPusher()
    report = run(scripted_job(BREVO, pusher), clock, stop=lambda: len(pusher.pushed) >= 3)
    assert statuses() == {"Complete": 3, "Queued": 7}
    assert not report.work_left
    assert report.reason == "The worker was asked to stop."
    assert SyncRun.objects.get().state == "finished"


def test_a_platform_in_trouble_does_not_use_up_the_queues_tries(queued: Queued, clock: FakeClock) -> None:
    for number in range(60):
        queued(f"p{number}@acme.example")
    pusher = ScriptedPusher({f"p{number}@acme.example": [Retry("Brevo is down.")] for number in range(60)})
    report = run(scripted_job(BREVO, pusher, concurrency=8), clock)
    assert len(pusher.pushed) == 20
    assert report.stopped
    assert report.reason == "20 pushes in a row failed. The last: Brevo is down."
    assert Contact.objects.filter(brevo_retry_count=0, brevo_sync_status="Queued").count() == 40


def test_failures_among_successes_do_not_stop_the_run(queued: Queued, clock: FakeClock) -> None:
    script: dict[str, Any] = {}
    for number in range(60):
        queued(f"p{number}@acme.example")
        script[f"p{number}@acme.example"] = [Retry("503") if number % 3 else Rejected("no")]
    report = run(scripted_job(BREVO, ScriptedPusher(script)), clock)
    assert not report.stopped
    assert report.counts == {"retried": 40, "failed": 20}


def test_a_refusal_in_the_middle_gives_back_what_is_under_way(queued: Queued, clock: FakeClock) -> None:
    script: dict[str, Any] = {}
    for number in range(20):
        queued(f"p{number:02}@acme.example")
        clock.advance(seconds=1)
        script[f"p{number:02}@acme.example"] = [Synced("1") if number < 5 else StopRun("key revoked")]
    report = run(scripted_job(BREVO, ScriptedPusher(script), concurrency=4), clock)
    assert report.counts["synced"] == 5
    assert statuses() == {"Complete": 5, "Queued": 15}
    assert set(Contact.objects.filter(brevo_sync_status="Queued").values_list("brevo_retry_count", flat=True)) == {0}


def test_queued_while_the_run_was_ending_is_work_left(queued: Queued, clock: FakeClock) -> None:
    queued("ada@acme.example")
    original = runs.finish

    def finish(*args: Any, **kwargs: Any) -> None:
        queued("late@acme.example")
        original(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "finish", finish)
        report = run(scripted_job(BREVO, ScriptedPusher()), clock)
    assert report.work_left


def test_an_error_of_ours_in_the_loop_frees_the_slot_and_the_contacts(queued: Queued, clock: FakeClock) -> None:
    for number in range(5):
        queued(f"p{number}@acme.example")
    job = scripted_job(BREVO, ScriptedPusher())

    def broken(*_: Any) -> None:
        raise RuntimeError("progress bar fell over")

    with pytest.raises(RuntimeError):
        run(job, clock, progress=broken)
    assert SyncRun.objects.get().state == "stopped"
    assert run(job, clock).state == "finished"


# --- slots ------------------------------------------------------------------------------------------------------


def test_one_run_at_a_time(queued: Queued, clock: FakeClock) -> None:
    queued()
    job = scripted_job(BREVO, ScriptedPusher())
    other = runs.take_slot(job, job.policy(), trigger=SyncRun.Trigger.SCHEDULE, now=clock.now())
    assert other is not None
    report = run(job, clock)
    assert (report.state, report.later, report.reason) == (None, True, "Another run is under way.")


def test_as_many_runs_as_instances(db: None, clock: FakeClock) -> None:
    job = scripted_job(BREVO, ScriptedPusher(), max_instances=2)
    slots = [runs.take_slot(job, job.policy(), trigger=SyncRun.Trigger.SCHEDULE, now=clock.now()) for _ in range(3)]
    assert [slot.slot if slot else None for slot in slots] == [1, 2, None]


def test_platforms_do_not_share_slots(db: None, clock: FakeClock) -> None:
    from dataclasses import replace

    brevo = scripted_job(BREVO, ScriptedPusher())
    other = replace(brevo, platform="other")
    for job in (brevo, other):
        assert runs.take_slot(job, job.policy(), trigger=SyncRun.Trigger.SCHEDULE, now=clock.now())


def test_the_slot_of_a_dead_run_is_taken_over(queued: Queued, clock: FakeClock) -> None:
    queued()
    job = scripted_job(BREVO, ScriptedPusher())
    dead = runs.take_slot(job, job.policy(), trigger=SyncRun.Trigger.SCHEDULE, now=clock.now())
    assert dead is not None
    clock.advance(seconds=59)
    assert run(job, clock).later
    clock.advance(seconds=2)
    assert run(job, clock).sentence() == "1 synced."
    dead.refresh_from_db()
    assert dead.state == "lost"


def test_a_run_that_was_declared_lost_ends(queued: Queued, clock: FakeClock) -> None:
    for number in range(10):
        queued(f"p{number}@acme.example")

    def lose(_: Any) -> Synced:
        return Synced("42")

    pusher = ScriptedPusher({f"p{number}@acme.example": [lose] for number in range(10)})

    def progress(_: Any) -> None:
        SyncRun.objects.update(state=SyncRun.State.LOST)

    report = run(scripted_job(BREVO, pusher, batch_size=1), clock, progress=progress)
    assert report.state == "lost"
    assert len(pusher.pushed) < 10
    assert Contact.objects.filter(brevo_sync_status="Processing").count() == 0


# --- leases -----------------------------------------------------------------------------------------------------


def test_a_claim_is_not_taken_twice(queued: Queued, clock: FakeClock) -> None:
    for number in range(5):
        queued(f"p{number}@acme.example")
    job = scripted_job(BREVO, ScriptedPusher())
    first = claim(job, job.policy(), now=clock.now(), size=3)
    second = claim(job, job.policy(), now=clock.now(), size=10)
    keys = [row.pk for claimed in (first, second) for person in claimed.to_push for row in person.rows]
    assert len(keys) == len(set(keys)) == 5
    assert not due(job, now=clock.now()).exists()


def test_a_late_answer_does_not_overwrite_the_next_workers(queued: Queued, clock: FakeClock) -> None:
    from collections import Counter

    from curation_sdk.settling import Result, settle

    contact = queued()
    job = scripted_job(BREVO, ScriptedPusher())
    policy = job.policy()
    slow = claim(job, policy, now=clock.now(), size=1).to_push[0]
    clock.advance(minutes=6)
    fast = claim(job, policy, now=clock.now(), size=1).to_push[0]
    run_row = runs.take_slot(job, policy, trigger=SyncRun.Trigger.COMMAND, now=clock.now())
    assert run_row is not None

    def store(person: Any, answer: Any) -> Counter[str]:
        return settle(job, policy, [Result(person, answer)], run=run_row, now=clock.now(), chance=lambda: 0.0)

    assert store(fast, Synced("new")) == {"synced": 1}
    assert store(slow, Rejected("old")) == {"late": 1}
    contact.refresh_from_db()
    assert (contact.brevo_sync_status, contact.brevo_contact_id) == ("Complete", "new")


def test_settling_a_mixed_batch_gives_each_row_its_own_answer(queued: Queued, clock: FakeClock) -> None:
    script: dict[str, Any] = {
        "a@acme.example": [Synced("1")],
        "b@acme.example": [Synced("2")],
        "c@acme.example": [Synced("")],
        "d@acme.example": [Rejected("bad d")],
        "e@acme.example": [Retry("later e")],
        "f@acme.example": [Rejected("bad f")],
    }
    for email in script:
        queued(email)
    run(scripted_job(BREVO, ScriptedPusher(script), concurrency=6), clock)
    rows = Contact.objects.order_by("email").values_list(
        "brevo_sync_status", "brevo_contact_id", "brevo_processing_error", "brevo_next_attempt_at"
    )
    later = clock.now() + timedelta(minutes=5)
    assert list(rows) == [
        ("Complete", "1", None, None),
        ("Complete", "2", None, None),
        ("Complete", None, None, None),
        ("Error", None, "bad d", None),
        ("Queued", None, "later e", later),
        ("Error", None, "bad f", None),
    ]


def test_hostile_text_from_a_platform_is_stored_harmless(queued: Queued, clock: FakeClock) -> None:
    from curation_sdk.outcomes import Evidence

    contact = queued()
    nasty = "bad\x00news\ud800" + "x" * 5000
    evidence = Evidence(code=nasty, message=nasty, request_id=nasty)
    pusher = ScriptedPusher({"ada@acme.example": [Rejected(nasty, evidence=evidence)]})
    run(scripted_job(BREVO, pusher), clock)
    contact.refresh_from_db()
    assert contact.brevo_sync_status == "Error"
    assert (contact.brevo_processing_error or "").startswith("bad news?x")


def test_the_pushing_threads_never_touch_the_database(queued: Queued, clock: FakeClock) -> None:
    from django.db import connection

    domain = Domain.objects.create(domain="acme.example", company_name="Acme")
    queued("ada@acme.example", domain=domain)
    main = []

    def look(contact: Any) -> Synced:
        # What a payload reads is there already; a query from here would fail on a second connection.
        main.append((contact.domain.company_name, contact.page))
        return Synced("42")

    with connection.execute_wrapper(lambda execute, *args: execute(*args)):
        run(scripted_job(BREVO, ScriptedPusher({"ada@acme.example": [look]})), clock)
    assert main == [("Acme", None)]
    assert statuses() == {"Complete": 1}


def test_a_throttle_that_outlasts_the_budget_ends_the_run(queued: Queued, clock: FakeClock) -> None:
    queued()
    pusher = ScriptedPusher({"ada@acme.example": [Throttled(timedelta(seconds=50), "slow down")]})
    report = run(scripted_job(BREVO, pusher), clock, budget=timedelta(seconds=30))
    assert report.reason == "slow down"
    assert clock.waited == []


def test_who_was_given_back_by_a_push_is_looked_at_before_the_next(
    queued: Queued, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when others have been claimed meanwhile, at this very moment."""
    from contacts.models import Suppression

    for name in ("a", "b", "c", "d"):
        queued(f"{name}@acme.example")
        clock.advance(seconds=1)
    claimed = threading.Event()
    whole = Claimer.claim
    claims: list[int] = []

    def counted(self: Claimer, **options: Any) -> Any:
        found = whole(self, **options)
        claims.append(1)
        if len(claims) == 2:
            Suppression.objects.create(email_key="b@acme.example", reason="unsubscribed", source="Brevo")
            claimed.set()
        return found

    monkeypatch.setattr(Claimer, "claim", counted)

    class HalfWay(ScriptedPusher):
        def push(self, contacts: Any) -> Any:
            self.pushed += [one.email for one in contacts]
            if len(self.pushed) > 2:
                return [Synced("1") for _ in contacts]
            clock.advance(seconds=10)
            assert claimed.wait(10)
            return [Synced("1"), NotPushed()]

    pusher = HalfWay()
    run(replace(scripted_job(BREVO, pusher, batch_size=2), push_size=2), clock)
    assert sorted(pusher.pushed) == [f"{name}@acme.example" for name in "abcd"]
    assert statuses() == {"Complete": 3, "Skipped": 1}


@pytest.mark.parametrize("what", ["cancelled", "suppressed", "deleted"])
def test_nobody_is_pushed_on_what_was_known_before_a_pause(queued: Queued, clock: FakeClock, what: str) -> None:
    from contacts.models import Suppression
    from curation_sdk.queueing import cancel_queued

    queued("first@acme.example")
    clock.advance(seconds=1)
    other = queued("ada@acme.example")
    chosen = Contact.objects.filter(pk=other.pk)

    class Clock(FakeClock):
        def wait(self, seconds: float, wake: Any) -> None:
            if what == "cancelled":
                cancel_queued(BREVO, chosen)
            elif what == "deleted":
                chosen.delete()
            else:
                Suppression.objects.get_or_create(email_key="ada@acme.example", defaults={"since": self.now()})
            super().wait(seconds, wake)

    pausing = Clock(clock.now())
    pusher = ScriptedPusher({"first@acme.example": [Throttled(timedelta(seconds=5), "slow down"), Synced("1")]})
    run(scripted_job(BREVO, pusher), pausing)
    assert pusher.pushed == ["first@acme.example", "first@acme.example"]


def test_the_same_refusal_for_everybody_stops_the_run(queued: Queued, clock: FakeClock) -> None:
    for number in range(60):
        queued(f"p{number}@acme.example")
    pusher = ScriptedPusher({f"p{number}@acme.example": [Rejected("Brevo refused it.")] for number in range(60)})
    report = run(scripted_job(BREVO, pusher), clock)
    assert len(pusher.pushed) == 20
    assert report.reason == "20 contacts in a row were refused for the same cause. The last: Brevo refused it."
    assert statuses() == {"Error": 20, "Queued": 40}


def test_a_refusal_that_quotes_each_ones_value_stops_the_run_too(queued: Queued, clock: FakeClock) -> None:
    refusals = {}
    for number in range(60):
        queued(f"p{number}@acme.example")
        refused = Rejected(f'Brevo refused it (400): "Invalid value p{number}@acme.example".')
        refusals[f"p{number}@acme.example"] = [refused]
    report = run(scripted_job(BREVO, ScriptedPusher(refusals)), clock)
    begins = '20 contacts in a row were refused for the same cause. The last: Brevo refused it (400): "Invalid value p'
    assert report.reason.startswith(begins)
    assert statuses() == {"Error": 20, "Queued": 40}


def test_refusals_for_several_causes_stop_no_run(queued: Queued, clock: FakeClock) -> None:
    refusals = {}
    for number in range(60):
        queued(f"p{number}@acme.example")
        about = "phone" if number % 2 else "name"
        refusals[f"p{number}@acme.example"] = [Rejected(f'Brevo refused it (400): "Invalid {about} {number}".')]
    report = run(scripted_job(BREVO, ScriptedPusher(refusals)), clock)
    assert not report.stopped
    assert statuses() == {"Error": 60}


def test_a_cause_that_the_platform_names_is_the_one_that_counts(queued: Queued, clock: FakeClock) -> None:
    refusals = {}
    for number in range(30):
        queued(f"p{number}@acme.example")
        word = chr(ord("a") + number % 26)
        refusals[f"p{number}@acme.example"] = [Rejected(f"No {word} in {word}!", cause="No such option.")]
    report = run(scripted_job(BREVO, ScriptedPusher(refusals)), clock)
    assert report.stopped
    assert set(Contact.objects.values_list("brevo_error_cause", flat=True)) == {"No such option.", None}


def test_an_outage_too_slow_for_twenty_failures_is_seen_too(queued: Queued, clock: FakeClock) -> None:
    script: dict[str, Any] = {}
    for number in range(10):
        queued(f"p{number}@acme.example")

        def hang(_: Any) -> Retry:
            clock.advance(seconds=30)
            return Retry("No answer within 25 seconds.")

        script[f"p{number}@acme.example"] = [hang]
    report = run(scripted_job(BREVO, ScriptedPusher(script)), clock, budget=timedelta(minutes=3))
    assert report.stopped
    assert report.reason == "Every push failed. The last: No answer within 25 seconds."
    assert not report.work_left


def test_throttled_again_and_again_is_asked_less_and_less_often(queued: Queued, clock: FakeClock) -> None:
    queued()
    slow = Throttled(timedelta(seconds=10), "slow down")
    pusher = ScriptedPusher({"ada@acme.example": [slow]})
    report = run(scripted_job(BREVO, pusher), clock)
    assert len(pusher.pushed) == 4  # after 10, 20 and 40 seconds; then 80 are more than a run waits
    assert report.later
    assert SyncRun.objects.get().resume_at == clock.now() + timedelta(seconds=80)


def test_a_row_that_cannot_be_found_by_its_own_key_does_not_hold_up_the_others(
    queued: Queued, clock: FakeClock
) -> None:
    from django.db import connection

    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has a type for a UUID")
    queued("ada@acme.example")
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER contacts_id_form")
        cursor.execute(
            "INSERT INTO contacts (id, email, brevo_sync_status, brevo_processing_status) "
            "VALUES ('3f2504e0-4f89-11d3-9a0c-0305e82c3301', 'bob@acme.example', 'Queued', 'Queued')"
        )
    pusher = ScriptedPusher()
    report = run(scripted_job(BREVO, pusher), clock)
    assert pusher.pushed == ["ada@acme.example"]
    assert report.reason == "What is due is held by others."


def test_giving_back_leaves_an_operators_word_alone(queued: Queued, clock: FakeClock) -> None:
    from curation_sdk.claiming import release
    from curation_sdk.queueing import cancel_queued

    cancelled, kept = queued("ada@acme.example"), queued("bob@acme.example")
    job = scripted_job(BREVO, ScriptedPusher())
    claimed = claim(job, job.policy(), now=clock.now(), size=10)
    cancel_queued(BREVO, Contact.objects.filter(pk=cancelled.pk))
    assert release(job, claimed.to_push, now=clock.now()) == 1
    for contact, status in ((cancelled, "New"), (kept, "Queued")):
        contact.refresh_from_db()
        assert (contact.brevo_sync_status, contact.brevo_retry_count) == (status, 0)


# --- the look around before the first push ------------------------------------------------------------------


@pytest.mark.parametrize(("proven", "calls"), [(False, {1}), (True, set(range(2, 9)))])
def test_until_the_platform_has_answered_contacts_go_one_by_one(
    queued: Queued, clock: FakeClock, proven: bool, calls: set[int]
) -> None:
    for number in range(12):
        queued(f"p{number}@acme.example")
    together = threading.Barrier(2 if proven else 1)

    def refuse(contact: Contact) -> Outcome:
        together.wait(10)  # with the key proven, two are there at once
        raise StopRun("The key is not allowed to do this (403).")

    pusher = ScriptedPusher({f"p{number}@acme.example": [refuse] for number in range(12)})
    pusher.proven = proven
    report = run(scripted_job(BREVO, pusher, concurrency=4), clock)
    assert report.stopped
    assert len(pusher.pushed) in calls
    assert not Contact.objects.exclude(brevo_retry_count=0).exists()


def test_a_run_keeps_its_slot_while_the_platform_takes_its_time(queued: Queued, clock: FakeClock) -> None:
    queued()
    pusher, may_answer = ScriptedPusher(), threading.Event()
    pusher.before_preparing = lambda: may_answer.wait(30)
    beats = set()

    def look() -> bool:
        beats.add(SyncRun.objects.get().heartbeat_at)
        clock.advance(seconds=11)
        if len(beats) > 3:
            may_answer.set()
        return False

    assert run(scripted_job(BREVO, pusher), clock, stop=look).counts["synced"] == 1


def test_a_platform_that_does_not_answer_does_not_hold_up_a_stop(queued: Queued, clock: FakeClock) -> None:
    queued()
    pusher, never = ScriptedPusher(), threading.Event()
    pusher.before_preparing = lambda: never.wait(30)
    report = run(scripted_job(BREVO, pusher), clock, stop=lambda: True)
    never.set()
    assert report.reason == "The worker was asked to stop."
    assert statuses() == {"Queued": 1}


# --- pushes of several people ---------------------------------------------------------------------------------


class Together(ScriptedPusher):
    """Pushes many with one call, whose answers the script holds under the number of the call: "1", "2" …"""

    def push(self, contacts: Any) -> Any:
        self.pushed.append(str(len(contacts)))
        answers = self.script.get(str(len(self.pushed)), [Synced("1")])
        return [answers[place % len(answers)] for place in range(len(contacts))]


def test_a_failed_push_of_many_is_one_failure(queued: Queued, clock: FakeClock) -> None:
    """20 pushes that fail in a row end a run, not the 25 people of one."""
    for number in range(50):
        queued(f"p{number}@acme.example")
    pusher = Together({"1": [Retry("The platform is in trouble (503).")]})
    job = replace(scripted_job(BREVO, pusher, batch_size=25), push_size=25)
    report = run(job, clock)
    assert pusher.pushed == ["25", "25"]
    assert (report.stopped, report.counts) == (False, {"retried": 25, "synced": 25})


def test_pushes_of_many_that_fail_in_a_row_end_the_run(queued: Queued, clock: FakeClock) -> None:
    for number in range(50):
        queued(f"p{number}@acme.example")
    pusher = Together({str(number): [Retry("The platform is in trouble (503).")] for number in range(1, 30)})
    report = run(replace(scripted_job(BREVO, pusher, batch_size=2, concurrency=1), push_size=2), clock)
    assert report.stopped
    assert len(pusher.pushed) in (20, 21)


def test_a_push_that_is_stopped_midway_keeps_its_outcomes(queued: Queued, clock: FakeClock) -> None:
    for number in range(4):
        queued(f"p{number}@acme.example")
    midway = [Synced("1"), Rejected("no"), StopRun("The key is wrong."), NotPushed()]
    report = run(replace(scripted_job(BREVO, Together({"1": midway})), push_size=4), clock)
    assert report.reason == "The key is wrong."
    assert report.counts == {"synced": 1, "failed": 1, "released": 2}
    assert statuses() == {"Complete": 1, "Error": 1, "Queued": 2}
    assert set(Contact.objects.values_list("brevo_retry_count", flat=True)) == {0}


def test_a_push_is_never_larger_than_a_claim(queued: Queued, clock: FakeClock) -> None:
    for number in range(6):
        queued(f"p{number}@acme.example")
    pusher = Together()
    run(replace(scripted_job(BREVO, pusher, batch_size=2), push_size=100), clock)
    assert pusher.pushed == ["2", "2", "2"]


def many(queued: Queued, count: int) -> None:
    for number in range(count):
        queued(f"p{number}@acme.example")


def test_what_a_platform_has_against_everybody_costs_one_push_of_many(queued: Queued, clock: FakeClock) -> None:
    """However well the key was proven: the brake acts after 20 refusals, and by then all threads would have pushed."""
    many(queued, 100)
    pusher = Together({str(number): [Rejected("A rule refuses it.")] for number in range(1, 30)})
    pusher.proven = True
    report = run(replace(scripted_job(BREVO, pusher, batch_size=100, concurrency=4), push_size=25), clock)
    assert report.stopped
    assert pusher.pushed == ["25"]
    assert statuses() == {"Error": 25, "Queued": 75}


@pytest.mark.parametrize(
    "first", [Synced("1"), Waiting("It will say.", timedelta(minutes=5))], ids=["synced", "taken"]
)
def test_pushes_of_many_go_side_by_side_once_somebody_has_arrived(
    queued: Queued, clock: FakeClock, first: Outcome
) -> None:
    many(queued, 30)
    together = threading.Barrier(2)

    class SideBySide(Together):
        def push(self, contacts: Any) -> Any:
            answers = super().push(contacts)
            if len(self.pushed) > 1:
                together.wait(10)
            return answers

    pusher = SideBySide({"1": [first, Rejected("no")]})
    report = run(replace(scripted_job(BREVO, pusher, batch_size=30, concurrency=2), push_size=10), clock)
    assert pusher.pushed == ["10", "10", "10"]
    assert report.counts["synced"] >= 20
