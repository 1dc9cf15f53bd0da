"""Every row of the design's table, from queue to answer, through a real cycle. Change a row and one of these fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from contacts.suppression import OptOut, suppress, suppress_erased
from curation_sdk.claiming import claim
from curation_sdk.job import BUDGET
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.outcomes import Evidence, Rejected, Retry, Skipped, StopRun, Synced, Throttled
from curation_sdk.queueing import cancel_queued, queue_contacts, skip_contacts
from curation_sdk.testing import FakeClock, ScriptedPusher, before_settling, run, scripted_job

ADA = "ada@acme.example"
Queued = Callable[..., Contact]


def state(contact: Contact) -> tuple[Any, ...]:
    contact.refresh_from_db()
    return (
        contact.brevo_sync_status,
        contact.brevo_processing_status,
        contact.brevo_retry_count,
        contact.brevo_next_attempt_at,
        contact.brevo_processing_error,
    )


def push(clock: FakeClock, *script: Any, budget: timedelta | None = None, **policy: Any) -> tuple[ScriptedPusher, Any]:
    pusher = ScriptedPusher({ADA: script})
    return pusher, run(scripted_job(BREVO, pusher, **policy), clock, budget=budget)


def attempts() -> list[tuple[str, str]]:
    return list(SyncAttempt.objects.order_by("pk").values_list("outcome", "reason"))


def test_synced(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    _, report = push(clock, Synced("42"))
    assert state(contact) == ("Complete", "Complete", 0, None, None)
    assert contact.brevo_contact_id == "42"
    assert contact.brevo_synced_at == clock.now()
    assert attempts() == []
    assert report.sentence() == "1 synced."
    assert SyncRun.objects.get().state == "finished"


def test_synced_with_a_warning_keeps_it_as_an_attempt(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    _, report = push(clock, Synced("42", "sent without SMS.", evidence=Evidence(http_status=201, duration_ms=12)))
    assert state(contact) == ("Complete", "Complete", 0, None, None)
    attempt = SyncAttempt.objects.get()
    assert (attempt.outcome, attempt.reason, attempt.http_status) == ("synced", "sent without SMS.", 201)
    assert report.sentence() == "1 synced (1 warning)."


def test_synced_without_an_id_keeps_the_one_we_know(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA, brevo_contact_id="7")
    push(clock, Synced(""))
    assert state(contact)[0] == "Complete"
    assert contact.brevo_contact_id == "7"


def test_synced_but_blocked_there_suppresses_the_address_here(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    push(clock, Synced("42", "", "Brevo does not mail this address."))
    assert state(contact)[0] == "Complete"
    suppression = Suppression.objects.get()
    assert (suppression.email_key, suppression.reason, suppression.source) == (ADA, "blocked", "Brevo")


def test_skipped(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    push(clock, Skipped("Not an address."))
    assert state(contact) == ("Skipped", None, 0, None, "Not an address.")
    assert attempts() == [("skipped", "Not an address.")]


def test_retry_waits_5_then_10_then_20_minutes_and_then_gives_up(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    pusher = ScriptedPusher({ADA: [Retry("503")]})
    job = scripted_job(BREVO, pusher)
    for tries, minutes in ((1, 5), (2, 10), (3, 20)):
        run(job, clock)
        assert state(contact) == ("Queued", "Queued", tries, clock.now() + timedelta(minutes=minutes), "503")
        clock.advance(minutes=minutes, seconds=-1)
        assert run(job, clock).reason == "Nothing is due."
        clock.advance(seconds=1)
    run(job, clock)
    assert state(contact) == ("Error", "Error", 3, None, "503 Given up after 4 tries.")
    assert [outcome for outcome, _ in attempts()] == ["retry", "retry", "retry", "exhausted"]
    clock.advance(days=2)
    assert run(job, clock).reason == "Nothing is due."
    assert pusher.pushed == [ADA] * 4


def test_twice_503_then_fine_completes_on_the_third_try(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    job = scripted_job(BREVO, ScriptedPusher({ADA: [Retry("503"), Retry("503"), Synced("42")]}))
    run(job, clock)
    clock.advance(minutes=5)
    run(job, clock)
    clock.advance(minutes=10)
    run(job, clock)
    assert state(contact) == ("Complete", "Complete", 0, None, None)


def test_retry_without_doubling_waits_5_10_15(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    job = scripted_job(BREVO, ScriptedPusher({ADA: [Retry("503")]}), retry_exponential=False)
    for tries, minutes in ((1, 5), (2, 10), (3, 15)):
        run(job, clock)
        assert state(contact)[2:4] == (tries, clock.now() + timedelta(minutes=minutes))
        clock.advance(minutes=minutes)


def test_retry_when_the_platform_said_when(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    push(clock, Retry("busy", after=timedelta(minutes=33)))
    assert state(contact)[2:4] == (1, clock.now() + timedelta(minutes=33))


@pytest.mark.parametrize(
    ("wish", "due"), [(timedelta(days=400), timedelta(hours=24)), (timedelta(seconds=-5), timedelta(minutes=5))]
)
def test_a_senseless_wish_is_bounded(queued: Queued, clock: FakeClock, wish: timedelta, due: timedelta) -> None:
    contact = queued(ADA)
    push(clock, Retry("busy", after=wish))
    assert state(contact)[3] == clock.now() + due


def test_no_retries_allowed(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    push(clock, Retry("503"), max_retries=0)
    assert state(contact) == ("Error", "Error", 0, None, "503 Given up after 1 try.")


def test_rejected(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    evidence = Evidence(http_status=400, code="invalid_parameter", message="no", request_id="r-1", duration_ms=80)
    _, report = push(clock, Rejected("Brevo refused it.", evidence=evidence))
    assert state(contact) == ("Error", "Error", 0, None, "Brevo refused it.")
    attempt = SyncAttempt.objects.get()
    assert (attempt.outcome, attempt.code, attempt.request_id, attempt.duration_ms) == (
        "rejected",
        "invalid_parameter",
        "r-1",
        80,
    )
    assert attempt.run == SyncRun.objects.get()
    assert report.counts["failed"] == 1


def test_rejected_after_retries_keeps_their_count(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    job = scripted_job(BREVO, ScriptedPusher({ADA: [Retry("503"), Rejected("no")]}))
    run(job, clock)
    clock.advance(minutes=5)
    run(job, clock)
    assert state(contact)[:3] == ("Error", "Error", 1)


def test_throttled_for_long_gives_the_try_back_and_ends_the_run(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    clock.advance(seconds=1)  # the older one goes first
    other = queued("bob@acme.example")
    pusher, report = push(clock, Throttled(timedelta(minutes=4), "slow down"), budget=BUDGET)
    assert state(contact) == ("Queued", "Queued", 0, clock.now() + timedelta(minutes=4), "slow down")
    assert state(other) == ("Queued", "Queued", 0, clock.now(), None)
    assert len(pusher.pushed) == 1
    assert report.reason == "slow down"
    assert not report.stopped


def test_after_a_long_throttle_nobody_calls_before_its_end(queued: Queued, clock: FakeClock) -> None:
    queued(ADA)
    clock.advance(seconds=1)
    queued("bob@acme.example")
    pusher, _ = push(clock, Throttled(timedelta(minutes=4), "slow down"), Synced("42"), budget=BUDGET)
    job = scripted_job(BREVO, pusher)
    clock.advance(minutes=3)
    assert run(job, clock).reason == "Brevo asked us to wait until 12:04:01 UTC."
    assert len(pusher.pushed) == 1
    clock.advance(minutes=1)
    assert run(job, clock).sentence() == "2 synced."


def test_throttled_for_short_is_waited_out_in_the_run(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    clock.advance(seconds=1)
    other = queued("bob@acme.example")
    _, report = push(clock, Throttled(timedelta(seconds=2), "slow down"), Synced("42"))
    assert state(contact) == ("Complete", "Complete", 0, None, None)
    assert state(other)[0] == "Complete"
    assert report.counts["synced"] == 2
    assert sum(clock.waited) == pytest.approx(2, abs=0.1)
    assert attempts() == [("throttled", "slow down")]


def test_stop_run_gives_every_try_back_and_ends_after_one_push(queued: Queued, clock: FakeClock) -> None:
    contacts = [queued(f"p{number}@acme.example") for number in range(30)]
    pusher = ScriptedPusher({contact.email or "": [StopRun("wrong key")] for contact in contacts})
    report = run(scripted_job(BREVO, pusher, concurrency=8), clock)
    assert len(pusher.pushed) == 1
    assert {state(contact)[:4] for contact in contacts} == {("Queued", "Queued", 0, clock.now())}
    assert report.stopped
    assert report.sentence().endswith("given back. Stopped: wrong key")
    row = SyncRun.objects.get()
    assert (row.state, row.reason) == ("stopped", "wrong key")


def test_stop_run_in_preparation_pushes_nothing(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    pusher = ScriptedPusher()
    pusher.on_prepare = [StopRun("no such list")]
    report = run(scripted_job(BREVO, pusher), clock)
    assert pusher.pushed == []
    assert report.stopped
    assert state(contact) == ("Queued", "Queued", 0, clock.now(), None)


def test_throttled_in_preparation_prepares_again(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    pusher = ScriptedPusher()
    pusher.on_prepare = [Throttled(timedelta(seconds=3), "slow down")]
    pusher.notes = ["An attribute is missing."]
    report = run(scripted_job(BREVO, pusher), clock)
    assert pusher.preparations == 2
    assert state(contact)[0] == "Complete"
    assert report.sentence() == "1 synced. An attribute is missing."
    assert SyncRun.objects.get().notes == "An attribute is missing."


def test_our_bug_is_an_error_with_its_class(queued: Queued, clock: FakeClock, caplog: Any) -> None:
    contact, other = queued(ADA), queued("bob@acme.example")
    push(clock, ZeroDivisionError("secret detail"))
    assert state(contact) == (
        "Error",
        "Error",
        0,
        None,
        "Unexpected ZeroDivisionError in our program. The worker's log has the details.",
    )
    assert state(other)[0] == "Complete"
    assert "Traceback" in caplog.text


def test_a_killed_worker_leaves_processing_until_the_lease_passes(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)

    job = scripted_job(BREVO, ScriptedPusher())
    policy = job.policy()
    claim(job, policy, now=clock.now(), size=10)  # and then the worker is gone
    assert state(contact) == ("Processing", "Processing", 1, clock.now() + policy.lease, None)
    clock.advance(minutes=5)
    assert run(job, clock).reason == "Nothing is due."
    clock.advance(minutes=1)
    assert run(job, clock).sentence() == "1 synced."
    assert state(contact) == ("Complete", "Complete", 0, None, None)


def test_a_contact_that_kills_every_worker_ends_in_error(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    pusher = ScriptedPusher()
    job = scripted_job(BREVO, pusher)
    for tries in range(1, 5):
        claim(job, job.policy(), now=clock.now(), size=10)
        assert state(contact)[2] == tries
        clock.advance(minutes=6)
    run(job, clock)
    assert pusher.pushed == []
    assert state(contact)[:2] == ("Error", "Error")
    assert contact.brevo_processing_error == "The worker died while pushing this contact, at the last of 4 tries."


@pytest.mark.parametrize(
    ("meanwhile", "after"),
    [
        (lambda contacts, now: cancel_queued(BREVO, contacts), ("New", None, 0, None, None)),
        (lambda contacts, now: skip_contacts(BREVO, contacts, reason="No."), ("Skipped", None, 0, None, "No.")),
    ],
    ids=["un-queued", "skipped"],
)
def test_a_word_of_the_operator_stands_against_the_late_answer(
    queued: Queued, clock: FakeClock, meanwhile: Any, after: Any
) -> None:
    contact = queued(ADA)
    chosen = Contact.objects.filter(pk=contact.pk)
    with before_settling(lambda: meanwhile(chosen, clock.now())):
        _, report = push(clock, Synced("42"))
    assert state(contact) == after
    assert contact.brevo_contact_id is None
    assert report.counts == {"late": 1}
    assert attempts() == [
        (
            "late",
            "Not applied: the contact had left the queue, or another worker had it. "
            "The answer was: The platform has the contact.",
        )
    ]


def test_requeued_while_being_pushed_is_pushed_again(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    chosen = Contact.objects.filter(pk=contact.pk)

    def requeue() -> None:
        cancel_queued(BREVO, chosen)
        queue_contacts(BREVO, chosen, now=clock.now())

    with before_settling(requeue):
        pusher, report = push(clock, Synced("42"))
    assert pusher.pushed == [ADA, ADA]
    assert report.counts == {"late": 1, "synced": 1}
    assert state(contact)[0] == "Complete"


def test_deleted_while_being_pushed(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    with before_settling(lambda: Contact.objects.filter(pk=contact.pk).delete()):
        _, report = push(clock, Synced("42", "a warning"))
    assert report.counts == {"late": 1}
    assert attempts() == []


def test_suppressed_between_queueing_and_sending(queued: Queued, clock: FakeClock) -> None:
    contact = queued(" Ada@ACME.example")
    Suppression.objects.create(email_key=ADA, reason="unsubscribed", since=clock.now())
    pusher = ScriptedPusher()
    run(scripted_job(BREVO, pusher), clock)
    assert pusher.pushed == []
    assert state(contact) == ("Skipped", None, 0, None, "Suppressed since 2026-11-24: Unsubscribed.")


def test_suppressed_between_the_claim_and_the_sending(queued: Queued, clock: FakeClock) -> None:
    first = queued(ADA)
    clock.advance(milliseconds=1)
    second = queued("bob@acme.example")

    def meanwhile() -> None:
        suppress([OptOut("bob@acme.example", Suppression.Reason.COMPLAINT)], "Mautic", now=clock.now())
        clock.advance(seconds=1)

    pusher = ScriptedPusher({ADA: [Synced("1")]})
    with before_settling(meanwhile):
        report = run(scripted_job(BREVO, pusher), clock)
    assert pusher.pushed == [ADA]
    assert report.counts == {"synced": 1, "skipped": 1}
    assert state(first)[:2] == ("Complete", "Complete")
    assert state(second) == ("Skipped", None, 0, None, "Suppressed since 2026-11-24: Spam complaint.")


def test_nobody_is_pushed_while_erased_people_cannot_be_recognised(
    queued: Queued, clock: FakeClock, settings: Any
) -> None:
    contact = queued(ADA)
    suppress_erased("bob@acme.example", "A person", now=clock.now())
    settings.ERASURE_KEY = "another"
    pusher = ScriptedPusher()
    report = run(scripted_job(BREVO, pusher), clock)
    assert pusher.pushed == []
    assert "ERASURE_KEY is not the one" in report.reason
    assert (SyncRun.objects.get().state, state(contact)[:2]) == ("stopped", ("Queued", "Queued"))


def test_address_removed_between_queueing_and_sending(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    Contact.objects.filter(pk=contact.pk).update(email=" ")
    pusher = ScriptedPusher()
    run(scripted_job(BREVO, pusher), clock)
    assert pusher.pushed == []
    assert state(contact)[:2] == ("Skipped", None)


def test_only_this_platforms_columns_change(queued: Queued, clock: FakeClock) -> None:
    contact = queued(ADA)
    before = Contact.objects.filter(pk=contact.pk).values().get()
    for answer in (Retry("503"), Rejected("no")):
        push(clock, answer)
        clock.advance(minutes=5)
    after = Contact.objects.filter(pk=contact.pk).values().get()
    changed = {name for name in before if before[name] != after[name]}
    assert changed
    assert all(name.startswith("brevo_") for name in changed), changed
