"""Our opt-outs, told to a platform: once each, never taken back, none lost. The same for every platform."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from contacts.suppression import OptOut, lift, suppress, suppress_erased
from curation_sdk import steering
from curation_sdk.answers import PlatformError
from curation_sdk.http import Unanswered
from curation_sdk.job import SyncJob
from curation_sdk.models import SyncRun
from curation_sdk.outcomes import NO_EVIDENCE, NotPushed, StopRun, Throttled
from curation_sdk.testing import NOON, FakeClock
from mautic_sync.job import MAUTIC
from opt_outs.models import LastTelling, ToldOptOut
from opt_outs.telling import LOST_AFTER, Teller, Told, tell, tellers, untold, waiting

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
REASON = Suppression.Reason


@pytest.fixture(params=[BREVO, MAUTIC], ids=lambda job: job.platform)
def job(request: Any) -> SyncJob:
    return request.param


class Blocker:
    """Stands in for a platform: remembers, has the contacts that are `there`, raises what it is told to for an id."""

    def __init__(self, job: SyncJob, **trouble: Exception) -> None:
        self.job = job
        self.told: list[tuple[str, str]] = []
        self.there: dict[str, list[str]] = {}
        self.gone: set[str] = set()
        self.looked_up: list[str] = []
        self.trouble = {name.removeprefix("id"): error for name, error in trouble.items()}

    def block(self, contact_id: str, why: str) -> bool:
        self.told.append((contact_id, why))
        if contact_id in self.trouble:
            raise self.trouble[contact_id]
        return contact_id not in self.gone

    def find(self, address: str) -> list[str]:
        self.looked_up.append(address)
        return self.there.get(address, [])

    @property
    def ids(self) -> list[str]:
        return [contact_id for contact_id, _ in self.told]

    def step(self, **options: Any) -> Told:
        teller = Teller(job=self.job, open=lambda limiter: nullcontext(self))
        return tell(teller, **{"clock": FakeClock(), **options})


def record(email: str, minutes: int = 0, *, reason: Any = REASON.UNSUBSCRIBED, source: str = "A person") -> None:
    since = NOON - timedelta(days=1) + timedelta(minutes=minutes)
    assert suppress([OptOut(email, reason, since=since)], source, now=NOON) == 1


def failed() -> PlatformError:
    return PlatformError("It is in trouble.", NO_EVIDENCE, transient=True)


@pytest.fixture
def make(make_contact: Make, job: SyncJob) -> Callable[..., Contact]:
    """Makes a contact: `make("ada@x.example", id="47", sync_status="Error")`, with columns of the platform."""

    def made(email: str, *, id: str | None = None, **columns: Any) -> Contact:
        named = {f"{job.platform}_{name}": value for name, value in columns.items()}
        return make_contact(email, **{job.contact_id: id}, **named)

    return made


@pytest.fixture
def many(make: Make) -> Callable[[int], None]:
    """So many suppressed people, p0 with the id 0 first."""

    def made(count: int) -> None:
        for number in range(count):
            make(f"p{number}@x.example", id=str(number))
            record(f"p{number}@x.example", number)

    return made


def left(job: SyncJob) -> list[str]:
    return [one.email_key.partition("@")[0] for one in untold(job)]


# --- who is told ---------------------------------------------------------------------------------------------


def test_told_once_under_every_id(job: SyncJob, make: Make) -> None:
    make("ada@x.example", id="47")
    make("ADA@x.example", id="48")
    make("ada@x.example", id="47")
    record("ada@x.example")
    blocker = Blocker(job)
    assert blocker.step() == Told(1)
    assert sorted(blocker.told) == [
        ("47", "Suppressed in ScraperSky: Unsubscribed."),
        ("48", "Suppressed in ScraperSky: Unsubscribed."),
    ]
    assert blocker.step() == Told(0)
    assert len(blocker.told) == 2
    assert blocker.looked_up == []


def test_each_platform_is_told_for_itself(make_contact: Make) -> None:
    make_contact("ada@x.example", brevo_contact_id="47", mautic_contact_id="5")
    record("ada@x.example")
    brevo, mautic = Blocker(BREVO), Blocker(MAUTIC)
    assert (brevo.step(), mautic.step()) == (Told(1), Told(1))
    assert (brevo.ids, mautic.ids) == (["47"], ["5"])
    assert (brevo.step(), mautic.step()) == (Told(0), Told(0))


def test_what_is_listed() -> None:
    assert [teller.job for teller in tellers()] == [BREVO, MAUTIC]


@pytest.mark.parametrize("contact_id", [None, ""], ids=["no id", "an empty id"])
def test_whom_it_cannot_have(job: SyncJob, make: Make, contact_id: str | None) -> None:
    make("ada@x.example", id=contact_id)
    make("bob@x.example", id="5")
    record("ada@x.example")
    record("nobody@x.example")
    assert not waiting(job).exists()


def test_what_it_told_us_itself_is_not_told_back(job: SyncJob, make: Make) -> None:
    make("ada@x.example", id="47")
    record("ada@x.example", source=job.label)
    assert not waiting(job).exists()
    record("ada@x.example", reason=REASON.REQUEST)
    assert Blocker(job).step() == Told(1), "a person's word comes on top"


def test_reasons_of_one_address_are_told_together(job: SyncJob, make: Make) -> None:
    make("ada@x.example", id="47")
    record("ada@x.example")
    record("ada@x.example", 1, reason=REASON.REQUEST)
    blocker = Blocker(job)
    assert blocker.step() == Told(1)
    assert blocker.ids == ["47"]
    assert not waiting(job).exists()
    record("ada@x.example", 2, reason=REASON.COMPLAINT)
    assert blocker.step() == Told(1)
    assert blocker.told[-1] == ("47", "Suppressed in ScraperSky: Spam complaint.")


def test_a_lift_tells_nobody_and_what_comes_after_it_is_told_anew(job: SyncJob, make: Make) -> None:
    make("ada@x.example", id="47")
    blocker = Blocker(job)
    record("ada@x.example")
    assert blocker.step() == Told(1)
    assert lift("ada@x.example", by="ada", why="A mistake.", now=NOON) == 1
    assert blocker.step() == Told(0)
    record("ada@x.example")
    assert blocker.step() == Told(1)
    assert blocker.ids == ["47", "47"]


def test_what_is_lifted_before_it_was_told_is_not_told(job: SyncJob, make: Make) -> None:
    make("ada@x.example", id="47")
    record("ada@x.example")
    lift("ada@x.example", by="ada", why="A mistake.", now=NOON)
    assert Blocker(job).step() == Told(0)


def test_erased_people_are_not_told_but_deleted(job: SyncJob, make: Make) -> None:
    make("ada@x.example", id="47")
    make("", id="48")
    record("ada@x.example")
    suppress_erased("ada@x.example", "A person", now=NOON)
    blocker = Blocker(job)
    assert blocker.step() == Told(0)
    assert (blocker.told, blocker.looked_up) == ([], [])


# --- where they are there ------------------------------------------------------------------------------------


def test_one_that_is_gone_over_there_is_done(job: SyncJob, make: Make) -> None:
    make("ada@x.example", id="47")
    record("ada@x.example")
    blocker = Blocker(job)
    blocker.gone = {"47"}
    assert blocker.step() == Told(1)
    assert blocker.looked_up == ["ada@x.example"]
    assert not waiting(job).exists()


def test_one_that_was_merged_over_there_is_told_under_its_new_id(job: SyncJob, make: Make) -> None:
    make("ada@x.example", id="47")
    record("ada@x.example")
    blocker = Blocker(job)
    blocker.gone, blocker.there = {"47"}, {"ada@x.example": ["50", "51"]}
    assert blocker.step() == Told(1)
    assert blocker.ids == ["47", "50", "51"]


def test_one_without_an_id_who_may_be_there_is_looked_up(job: SyncJob, make: Make) -> None:
    """An answer was lost although the platform saved the contact."""
    make("ada@x.example", sync_status="Error", processing_status="Error")
    make("bob@x.example", sync_status="Skipped")
    record("ada@x.example")
    record("bob@x.example")
    blocker = Blocker(job)
    blocker.there["ada@x.example"] = ["47"]
    assert blocker.step() == Told(2)
    assert sorted(blocker.looked_up) == ["ada@x.example", "bob@x.example"]
    assert blocker.ids == ["47"]
    assert blocker.step() == Told(0), "who is not there is not asked for again"


def test_one_that_is_found_and_gone_waits(job: SyncJob, make: Make) -> None:
    make("ada@x.example", sync_status="Error")
    record("ada@x.example")
    blocker = Blocker(job)
    blocker.gone, blocker.there = {"50"}, {"ada@x.example": ["50"]}
    assert blocker.step() == Told(0, f"{job.label} found contact 50 and then had none with this id.")
    assert left(job) == ["ada"]


def test_an_id_that_is_none_of_the_platforms_is_left_alone(job: SyncJob, make: Make) -> None:
    make("ada@x.example", id="../1")
    make("ada@x.example", id="²")
    record("ada@x.example")
    blocker = Blocker(job)
    assert blocker.step() == Told(1)
    assert blocker.told == []


# --- who is being pushed -------------------------------------------------------------------------------------


def test_who_is_being_pushed_waits_for_the_outcome(job: SyncJob, make: Make) -> None:
    contact = make("ada@x.example", sync_status="Processing", processing_status="Processing")
    make("ada@x.example", id="47")
    record("ada@x.example")
    blocker = Blocker(job)
    assert blocker.step() == Told(0)
    assert waiting(job).count() == 1
    Contact.objects.filter(pk=contact.pk).update(**{job.sync_status: "Queued", job.processing_status: "Queued"})
    assert blocker.step() == Told(1)


def test_a_push_that_begins_while_nobody_is_found_is_waited_for(job: SyncJob, make: Make) -> None:
    contact = make("ada@x.example", sync_status="Queued", processing_status="Queued")
    record("ada@x.example")

    class Meanwhile(Blocker):
        def find(self, address: str) -> list[str]:
            columns = {job.sync_status: "Processing", job.processing_status: "Processing"}
            Contact.objects.filter(pk=contact.pk).update(**columns)
            return super().find(address)

    assert Meanwhile(job).step() == Told(0)
    assert waiting(job).count() == 1
    Contact.objects.filter(pk=contact.pk).update(
        **{job.sync_status: "Complete", job.processing_status: "Complete", job.contact_id: "47"}
    )
    blocker = Blocker(job)
    assert blocker.step() == Told(1)
    assert blocker.ids == ["47"]


# --- trouble -------------------------------------------------------------------------------------------------


def test_of_two_steps_at_once_one_tells(job: SyncJob, many: Any) -> None:
    """Even when one of them was taken for lost and is not: what is kept is kept once."""
    many(3)
    others = [Blocker(job) for _ in range(2)]
    clock = FakeClock()

    class Meanwhile(Blocker):
        def block(self, contact_id: str, why: str) -> bool:
            if contact_id == "0":
                assert others[0].step(clock=clock) == Told(0)
                clock.advance(seconds=90)
            if contact_id == "1":
                assert others[0].step(clock=clock) == Told(0), "the first one has shown that it lives"
                clock.advance(minutes=3)
                assert others[1].step(clock=clock) == Told(2)
            return super().block(contact_id, why)

    first = Meanwhile(job)
    assert first.step(clock=clock, within=None) == Told(2)
    assert (first.ids, others[0].ids, others[1].ids) == (["0", "1"], [], ["1", "2"])
    assert ToldOptOut.objects.count() == 3
    assert Blocker(job).step(clock=clock) == Told(0)


def test_a_step_that_died_holds_up_nobody_for_long(job: SyncJob, many: Any) -> None:
    many(1)
    LastTelling.objects.create(platform=job.platform, busy_until=NOON + LOST_AFTER)
    assert Blocker(job).step() == Told(0)
    assert Blocker(job).step(clock=FakeClock(NOON + LOST_AFTER)) == Told(1)


def test_a_suppression_that_is_deleted_meanwhile(job: SyncJob, many: Any) -> None:
    many(2)

    class Meanwhile(Blocker):
        def block(self, contact_id: str, why: str) -> bool:
            if contact_id == "0":
                Suppression.objects.get(email_key="p0@x.example").delete()
            return super().block(contact_id, why)

    assert Meanwhile(job).step() == Told(2)
    assert ToldOptOut.objects.count() == 1


def test_what_another_step_left_to_this_one_is_told_at_once(job: SyncJob, many: Any) -> None:
    many(1)

    class LastMoment(Blocker):
        def step(self, **options: Any) -> Told:
            def closed() -> Any:
                yield self
                record("late@x.example")

            return tell(Teller(job=job, open=lambda limiter: contextmanager(closed)()), clock=FakeClock())

    Contact.objects.create(email="late@x.example", **{job.contact_id: "9"})
    assert LastMoment(job).step() == Told(1, more=True)


def test_the_ledger_is_read_as_a_whole_only_now_and_then(job: SyncJob, make: Make) -> None:
    """Before each run it is asked whether somebody has to be told."""
    clock = FakeClock(NOON + timedelta(days=1))
    record("ada@x.example")
    assert Blocker(job).step(clock=clock) == Told(0), "nobody here has the address"
    make("ada@x.example", id="47")
    assert Blocker(job).step(clock=clock) == Told(0)
    with CaptureQueriesContext(connection) as queries:
        Blocker(job).step(clock=clock)
    asked = [one["sql"] for one in queries if '"suppressions"' in one["sql"]]
    assert len(asked) == 1
    assert '"recorded_at" >=' in asked[0]
    make("bob@x.example", id="48")
    suppress([OptOut("bob@x.example", REASON.REQUEST)], "CSV", now=clock.now() - timedelta(minutes=50))
    blocker = Blocker(job)
    assert blocker.step(clock=clock) == Told(2), "a long transaction has just ended"
    clock.advance(minutes=61)
    make("eve@x.example", id="49")
    record("eve@x.example")
    assert Blocker(job).step(clock=clock) == Told(1)


def test_who_is_being_pushed_is_not_forgotten(job: SyncJob, make: Make) -> None:
    clock = FakeClock(NOON + timedelta(days=1))
    contact = make("ada@x.example", sync_status="Processing", processing_status="Processing")
    record("ada@x.example")
    assert Blocker(job).step(clock=clock) == Told(0)
    columns = {job.sync_status: "Complete", job.processing_status: "Complete", job.contact_id: "47"}
    Contact.objects.filter(pk=contact.pk).update(**columns)
    assert Blocker(job).step(clock=clock) == Told(1)


def test_the_database_keeps_each_once(job: SyncJob, many: Any) -> None:
    many(1)
    row = {"platform": job.platform, "suppression": Suppression.objects.get()}
    ToldOptOut.objects.create(**row)
    with pytest.raises(IntegrityError), transaction.atomic():
        ToldOptOut.objects.create(**row)


@pytest.mark.parametrize(
    "error", [failed(), Unanswered("No answer within 10 seconds.", timedelta(seconds=10))], ids=["refused", "silent"]
)
def test_a_failure_is_tried_again_and_holds_up_nobody(job: SyncJob, many: Any, error: Any) -> None:
    many(4)
    assert Blocker(job, id1=error).step() == Told(3, error.reason)
    assert left(job) == ["p1"]
    kept = ToldOptOut.objects.get(suppression__email_key="p1@x.example")
    assert (kept.told_at, kept.tried_at) == (None, NOON)
    assert LastTelling.objects.get(pk=job.platform).problem == error.reason
    assert Blocker(job).step() == Told(1)
    assert LastTelling.objects.get(pk=job.platform).problem == ""


def test_trouble_ends_the_step(job: SyncJob, many: Any) -> None:
    many(6)
    blocker = Blocker(job, **{f"id{number}": failed() for number in range(6)})
    assert blocker.step() == Told(0, "It is in trouble.")
    assert len(blocker.told) == 3


def test_failures_that_are_not_in_a_row_do_not(job: SyncJob, many: Any) -> None:
    many(7)
    assert Blocker(job, **{f"id{number}": failed() for number in (0, 1, 3, 4, 6)}).step() == Told(
        2, "It is in trouble."
    )
    assert left(job) == ["p0", "p1", "p3", "p4", "p6"]


def test_the_same_few_do_not_hold_up_the_others_for_ever(job: SyncJob, many: Any) -> None:
    many(6)
    blocker = Blocker(job, **{f"id{number}": failed() for number in range(3)})
    assert blocker.step() == Told(0, "It is in trouble.")
    assert left(job) == ["p3", "p4", "p5", "p0", "p1", "p2"]
    assert blocker.step() == Told(3, "It is in trouble.")
    assert left(job) == ["p0", "p1", "p2"]


@pytest.mark.parametrize(
    "error", [StopRun("no log-in"), Throttled(timedelta(minutes=1), "slow down")], ids=["stopped", "throttled"]
)
def test_what_concerns_everybody_ends_the_step_at_once(job: SyncJob, many: Any, error: Any) -> None:
    many(3)
    blocker = Blocker(job, id1=error)
    assert blocker.step() == Told(1, error.reason)
    assert blocker.ids == ["0", "1"]
    assert left(job) == ["p1", "p2"]


def test_a_crash_repeats_one_call_at_most(job: SyncJob, many: Any) -> None:
    many(3)
    with pytest.raises(KeyboardInterrupt):
        Blocker(job, id1=KeyboardInterrupt()).step()  # type: ignore[arg-type]
    blocker = Blocker(job)
    assert blocker.step() == Told(2)
    assert blocker.ids == ["1", "2"]


# --- time, stops and pauses ----------------------------------------------------------------------------------


def test_time_and_a_stop_leave_the_rest_for_the_next(job: SyncJob, many: Any) -> None:
    many(1)
    blocker = Blocker(job)
    assert blocker.step(within=timedelta(seconds=-1)) == Told(0)
    assert blocker.step(stop=lambda: True) == Told(0)
    assert (blocker.told, left(job)) == ([], ["p0"])


def test_the_time_holds_within_one_person_too(job: SyncJob, make: Make) -> None:
    make("ada@x.example", id="47")
    record("ada@x.example")
    clock = FakeClock()

    class Slow(Blocker):
        def block(self, contact_id: str, why: str) -> bool:
            clock.advance(seconds=11)
            return super().block(contact_id, why)

    blocker = Slow(job)
    blocker.gone = {"47"}
    assert blocker.step(clock=clock) == Told(0)
    assert blocker.looked_up == []
    assert left(job) == ["ada"]


def test_who_waits_for_a_turn_is_sent_home(job: SyncJob, many: Any) -> None:
    many(2)
    assert Blocker(job, id1=NotPushed()).step() == Told(1, more=True)
    assert left(job) == ["p1"]


def test_there_is_more_at_once_only_after_a_success(job: SyncJob, many: Any) -> None:
    many(3)
    stops = iter((False, True))
    assert Blocker(job, id0=failed()).step(stop=lambda: next(stops)) == Told(0, "It is in trouble.")
    stops = iter((False, True))
    assert Blocker(job).step(stop=lambda: next(stops)) == Told(1, more=True)


def test_more_than_are_read_at_once(job: SyncJob, many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opt_outs.telling.AT_ONCE", 2)
    many(5)
    assert Blocker(job).step(within=None) == Told(5)


def test_switched_off(job: SyncJob, many: Any, settings: Any) -> None:
    many(1)
    settings.BREVO_API_KEY = settings.MAUTIC_USERNAME = settings.MAUTIC_PASSWORD = ""
    blocker = Blocker(job)
    assert blocker.step() == Told(0)
    assert (blocker.told, left(job)) == ([], ["p0"])


def test_a_pause_leaves_the_platform_alone(job: SyncJob, many: Any) -> None:
    many(1)
    steering.pause(job, by="ada", reason="", now=NOON)
    assert Blocker(job).step() == Told(0)
    assert Blocker(job).step(even_if_paused=True) == Told(1)


def test_a_platform_that_asked_to_be_left_alone_is(job: SyncJob, many: Any) -> None:
    many(1)
    ended = {"slot": 1, "state": SyncRun.State.FINISHED, "heartbeat_at": NOON, "finished_at": NOON}
    SyncRun.objects.create(
        platform=job.platform, trigger="schedule", started_at=NOON, resume_at=NOON + timedelta(minutes=5), **ended
    )
    assert Blocker(job).step() == Told(0)
    clock = FakeClock(NOON + timedelta(minutes=6))
    assert Blocker(job).step(clock=clock) == Told(1)


def test_what_a_step_says() -> None:
    assert Told(0).sentence("Brevo") == ""
    assert Told(1).sentence("Brevo") == "Told Brevo of 1 opt-out."
    assert Told(2, "Why.").sentence("Brevo") == "Told Brevo of 2 opt-outs. Opt-outs wait: Why."
