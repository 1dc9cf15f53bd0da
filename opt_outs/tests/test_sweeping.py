"""The daily sweep: everybody whom a platform does not mail is found, whatever breaks it off or changes under it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from brevo_sync.job import BREVO
from contacts.models import Suppression
from contacts.suppression import OptOut, lift, suppress, suppress_erased, suppressed_keys
from curation_sdk import steering
from curation_sdk.answers import PlatformError
from curation_sdk.http import Unanswered
from curation_sdk.models import SyncRun
from curation_sdk.outcomes import NO_EVIDENCE, NotPushed, StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.testing import NOON, FakeClock
from opt_outs.models import Sweep, ToldOptOut
from opt_outs.news import Person
from opt_outs.sweeping import (
    EVERY,
    LOST_AFTER,
    OVERLAP,
    Page,
    Sweeper,
    Swept,
    is_due,
    sweep,
    sweeper_of,
    sweepers,
)

pytestmark = pytest.mark.django_db

REASON = Suppression.Reason
BLOCKED = ((REASON.BLOCKED, "Blocked there."),)


class Account:
    """A platform's list of contacts, oldest first. `before`: called with the number of each page that is asked for."""

    def __init__(self, count: int = 0, *, size: int = 4) -> None:
        self.people = [self.one(number) for number in range(count)]
        self.size = size
        self.asked: list[tuple[datetime | None, int]] = []
        self.limiter: RateLimiter | None = None
        self.before: Callable[[int], Any] = lambda page: None

    def one(self, number: int, changed: datetime | None = NOON - timedelta(days=2), opt_outs: Any = BLOCKED) -> Person:
        return Person(str(number), f"p{number}@x.example", changed, opt_outs)

    def page(self, since: datetime | None, offset: int, size: int) -> Page:
        self.before(len(self.asked))
        self.asked.append((since, offset))
        found = [one for one in self.people if since is None or one.changed is None or one.changed >= since]
        return Page(found[offset : offset + size], len(found))

    @contextmanager
    def open(self, limiter: RateLimiter) -> Iterator[Account]:
        self.limiter = limiter
        yield self

    def sweep(self, clock: FakeClock | None = None, **options: Any) -> Swept:
        sweeper = Sweeper(job=BREVO, open=self.open, size=self.size)
        return sweep(sweeper, clock=clock or FakeClock(), **options)


def suppressed() -> set[str]:
    return set(Suppression.objects.filter(lifted_at=None).values_list("email_key", flat=True))


def everybody(account: Account) -> set[str]:
    return {one.address for one in account.people}


def raising(error: BaseException, at: int) -> Callable[[int], None]:
    def before(page: int) -> None:
        if page == at:
            raise error

    return before


# --- what it finds -------------------------------------------------------------------------------------------


def test_who_is_blocked_there_is_suppressed_here_and_nobody_else() -> None:
    account = Account()
    account.people = [
        account.one(1),
        account.one(2, opt_outs=()),
        account.one(3, opt_outs=((REASON.UNSUBSCRIBED, "Unsubscribed from list 5."),)),
        Person("4", "", NOON, BLOCKED),
    ]
    assert account.sweep() == Swept("Read 4 people of Brevo, 2 newly suppressed.", suppressed=2)
    found = Suppression.objects.order_by("email_key").values_list("email_key", "reason", "source", "note", "since")
    then = NOON - timedelta(days=2)
    assert list(found) == [
        ("p1@x.example", "blocked", "Brevo", "Blocked there.", then),
        ("p3@x.example", "unsubscribed", "Brevo", "Unsubscribed from list 5.", then),
    ]
    row = Sweep.objects.get()
    assert (row.since, row.started_at, row.finished_at, row.problem) == (None, NOON, NOON, "")
    assert (row.read, row.suppressed, row.total, row.token) == (4, 2, 4, None)


def test_an_empty_account() -> None:
    assert Account().sweep().sentence == "Read 0 people of Brevo, 0 newly suppressed."
    assert Sweep.objects.get().finished_at == NOON


def test_the_same_again_records_nothing_twice() -> None:
    account = Account(9)
    assert account.sweep().suppressed == 9
    assert account.sweep(everything=True).suppressed == 0
    assert Suppression.objects.count() == 9


@pytest.mark.parametrize("count", [3, 4, 5, 6, 7, 8, 30])
@pytest.mark.parametrize("size", [2, 3, 4, 20])
def test_every_page_is_read(count: int, size: int) -> None:
    account = Account(count, size=size)
    assert account.sweep() == Swept(f"Read {count} people of Brevo, {count} newly suppressed.", suppressed=count)
    assert suppressed() == everybody(account)


# --- what a person has lifted --------------------------------------------------------------------------------


def lifted(*, at: datetime, source: str = "Brevo") -> Suppression:
    suppress([OptOut("p1@x.example", REASON.BLOCKED, since=at - timedelta(days=9))], source, now=at)
    assert lift("p1@x.example", by="ada", why="She asked for it.", now=at)
    return Suppression.objects.get()


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        (NOON - timedelta(seconds=1), False),
        (NOON, False),
        (NOON + timedelta(seconds=1), True),
        (None, True),
    ],
    ids=["before", "at the same time", "after", "unknown"],
)
def test_what_was_lifted_here_counts_again_when_it_changes_there(changed: datetime | None, again: bool) -> None:
    lifted(at=NOON)
    account = Account()
    account.people = [account.one(1, changed)]
    account.sweep(FakeClock(NOON + timedelta(hours=1)))
    assert suppressed() == ({"p1@x.example"} if again else set())


def test_what_was_never_known_from_there_is_not_lifted_with_what_was() -> None:
    lifted(at=NOON, source="A person")
    account = Account()
    account.people = [account.one(1, NOON - timedelta(days=5))]
    account.sweep()
    assert suppressed() == {"p1@x.example"}


def told(row: Suppression, at: datetime, platform: str = "brevo") -> None:
    ToldOptOut.objects.create(platform=platform, suppression=row, told_at=at, tried_at=at)


OUR_OWN = pytest.mark.parametrize(
    ("later", "news"),
    [(-90, True), (-30, False), (30, False), (90, True)],
    ids=["there before", "ours, by a slow clock", "ours", "later"],
)


@OUR_OWN
def test_our_own_block_is_lifted_with_the_suppression_that_it_came_from(later: int, news: bool) -> None:
    told_at = NOON - timedelta(days=1)
    told(lifted(at=NOON, source="A person"), told_at)
    account = Account()
    account.people = [account.one(1, told_at + timedelta(seconds=later))]
    account.sweep()
    assert suppressed() == ({"p1@x.example"} if news else set())


@OUR_OWN
def test_our_own_block_is_no_news(later: int, news: bool) -> None:
    suppress([OptOut("p1@x.example", REASON.REQUEST)], "A person", now=NOON)
    told_at = NOON - timedelta(days=1)
    told(Suppression.objects.get(), told_at)
    account = Account()
    account.people = [account.one(1, told_at + timedelta(seconds=later))]
    account.sweep()
    assert Suppression.objects.filter(source="Brevo").exists() == news


def test_an_unsubscription_beside_our_own_block_is() -> None:
    suppress([OptOut("p1@x.example", REASON.REQUEST)], "A person", now=NOON)
    told(Suppression.objects.get(), NOON)
    account = Account()
    account.people = [account.one(1, NOON, (*BLOCKED, (REASON.UNSUBSCRIBED, "Left list 5.")))]
    account.sweep()
    assert list(Suppression.objects.filter(source="Brevo").values_list("reason", flat=True)) == ["unsubscribed"]


@pytest.mark.parametrize("source", ["Brevo", "Mautic"])
def test_a_block_is_no_news_of_somebody_of_whom_the_platform_has_told_us_why(source: str) -> None:
    suppress([OptOut("p1@x.example", REASON.UNSUBSCRIBED)], source, now=NOON - timedelta(days=1))
    account = Account(2)
    assert account.sweep().suppressed == (1 if source == "Brevo" else 2)
    rows = Suppression.objects.filter(email_key="p1@x.example", source="Brevo")
    assert [row.reason for row in rows] == ["unsubscribed" if source == "Brevo" else "blocked"]


def test_what_else_it_says_of_such_a_person_is_news() -> None:
    suppress([OptOut("p1@x.example", REASON.BLOCKED)], "Brevo", now=NOON - timedelta(days=1))
    account = Account()
    account.people = [account.one(1, opt_outs=(*BLOCKED, (REASON.UNSUBSCRIBED, "Left list 5.")))]
    account.sweep()
    assert sorted(Suppression.objects.values_list("reason", flat=True)) == ["blocked", "unsubscribed"]


def test_once_what_it_told_us_was_lifted_its_block_is_news() -> None:
    suppress([OptOut("p1@x.example", REASON.UNSUBSCRIBED)], "Brevo", now=NOON - timedelta(days=9))
    lift("p1@x.example", by="ada", why="She asked for it.", now=NOON)
    account = Account()
    account.people = [account.one(1, NOON + timedelta(minutes=1))]
    account.sweep(FakeClock(NOON + timedelta(hours=1)))
    assert list(Suppression.objects.filter(lifted_at=None).values_list("reason", flat=True)) == ["blocked"]


def test_what_another_platform_was_told_does_not_count() -> None:
    row = lifted(at=NOON, source="A person")
    told(row, NOON - timedelta(days=2), "mautic")
    account = Account(2)
    account.sweep()
    assert suppressed() == everybody(account)


def test_it_lifts_nothing() -> None:
    suppress([OptOut("p0@x.example", REASON.BLOCKED)], "Brevo", now=NOON)
    account = Account()
    account.people = [account.one(0, opt_outs=())]
    account.sweep()
    assert suppressed() == {"p0@x.example"}


def test_the_address_of_an_erased_person_does_not_come_back() -> None:
    suppress([OptOut("p1@x.example", REASON.REQUEST)], "A person", now=NOON)
    suppress_erased("p1@x.example", "A person", now=NOON)
    Account(3).sweep()
    assert suppressed() - {""} == {"p0@x.example", "p2@x.example"}
    assert suppressed_keys({"p1@x.example"}) == {"p1@x.example"}


# --- windows -------------------------------------------------------------------------------------------------


def test_the_next_one_reads_from_an_hour_before_the_last_one_began() -> None:
    account, clock = Account(6), FakeClock()
    account.before = lambda page: clock.advance(minutes=20)
    account.sweep(clock, within=None)
    tomorrow = clock.advance(days=1)
    account.people.append(account.one(6, NOON - timedelta(minutes=59)))
    account.asked = []
    assert account.sweep(clock).suppressed == 1
    assert account.asked == [(NOON - OVERLAP, 0)]
    assert Sweep.objects.latest().started_at == tomorrow


def test_one_that_was_given_up_moves_no_window() -> None:
    Account(1).sweep()
    later = NOON + timedelta(days=1)
    Sweep.objects.create(platform="brevo", started_at=later, finished_at=later, problem="Given up.")
    account = Account(1)
    account.sweep(FakeClock(NOON + timedelta(days=2)))
    assert account.asked == [(NOON - OVERLAP, 0)]


def test_everything_on_demand() -> None:
    account = Account(1)
    account.sweep()
    account.sweep(begin=True)
    account.sweep(everything=True)
    assert [since for since, _ in account.asked] == [None, NOON - OVERLAP, None]


def test_everything_on_demand_while_one_is_unfinished() -> None:
    Account(1).sweep()
    account, clock = Account(9), FakeClock(NOON + timedelta(days=1))
    account.people = [account.one(number, NOON) for number in range(9)]
    account.before = raising(StopRun("No."), 1)
    account.sweep(clock)
    account.before = lambda page: None
    account.people.append(account.one(9, NOON - timedelta(days=99)))
    assert account.sweep(clock, everything=True).suppressed == 6
    assert suppressed() == everybody(account)
    assert Sweep.objects.count() == 2


def test_once_a_day() -> None:
    account, clock = Account(1), FakeClock()
    sweeper = Sweeper(job=BREVO, open=account.open, size=4)
    assert is_due(sweeper, now=clock.now())
    account.sweep(clock)
    clock.advance(hours=22)
    assert not is_due(sweeper, now=clock.now())
    assert account.sweep(clock).sentence == "Brevo was swept less than a day ago."
    assert len(account.asked) == 1
    clock.advance(seconds=(EVERY - timedelta(hours=22)).total_seconds())
    assert is_due(sweeper, now=clock.now())
    account.sweep(clock)
    assert len(account.asked) == 2


def test_a_clock_that_was_set_back_holds_up_no_sweep() -> None:
    account = Account(1)
    account.sweep(FakeClock(NOON + timedelta(days=400)))
    assert account.sweep().sentence.startswith("Read ")


# --- the list changes under it -------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [[0], [3], [0, 1], [2, 3], [0, 1, 2, 3], [4], [1, 5]], ids=str)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_people_who_are_deleted_hide_nobody(gone: list[int], at: int) -> None:
    account = Account(20, size=4)

    def before(page: int) -> None:
        if page == at:
            account.people = [one for one in account.people if int(one.id) not in gone]

    account.before = before
    account.sweep()
    assert suppressed() >= everybody(account)
    assert Sweep.objects.get().finished_at


def test_people_who_come_in_between_hide_nobody() -> None:
    account = Account(12, size=4)

    def before(page: int) -> None:
        if page in (1, 2):
            account.people[:0] = [account.one(100 + page * 10 + number) for number in range(3)]

    account.before = before
    account.sweep()
    assert suppressed() >= {f"p{number}@x.example" for number in range(12)}


def test_a_list_that_shrinks_all_the_time_is_given_up_and_read_again_the_next_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("opt_outs.sweeping.MOST_BACK", 5)
    account = Account(80, size=4)

    def before(page: int) -> None:
        del account.people[:4]

    account.before = before
    swept = account.sweep(within=None)
    assert swept.problem
    assert swept.sentence.endswith("Brevo's list changed faster than it could be read. The next sweep reads it anew.")
    assert len(account.asked) <= 20
    account.before = lambda page: None
    account.sweep(FakeClock(NOON + timedelta(days=1)), within=None)
    assert suppressed() >= everybody(account)


def test_a_page_without_people_is_no_end() -> None:
    account = Account(3)
    account.page = lambda since, offset, size: Page([], 7)  # type: ignore[method-assign]
    swept = account.sweep()
    assert swept.problem
    assert swept.sentence.endswith("Brevo sent no one from 0 on, although it counts 7 people.")
    assert not Sweep.objects.get().finished_at


# --- broken off ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        StopRun("Brevo rejected the key (401)."),
        Throttled(timedelta(minutes=1), "Brevo asked us to slow down (429)."),
        PlatformError("Brevo is in trouble (500).", NO_EVIDENCE, transient=True),
        Unanswered("No answer within 25 seconds.", timedelta(seconds=25)),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("at", [0, 2])
def test_trouble_is_kept_and_the_next_one_goes_on_at_the_page(error: Any, at: int) -> None:
    account, clock = Account(13), FakeClock()
    account.before = raising(error, at)
    swept = account.sweep(clock)
    done = (0, 0, 6)[at]
    assert swept.sentence == f"The sweep of Brevo goes on later, from {done} on. {error.reason}"
    assert (swept.problem, swept.more) == (True, False)
    row = Sweep.objects.get()
    assert (row.problem, row.finished_at, row.token, row.offset) == (error.reason, None, None, done)
    clock.advance(hours=1)
    account.asked = []
    account.before = lambda page: None
    assert not account.sweep(clock).problem
    assert account.asked[0] == (None, max(done - 2, 0))
    row = Sweep.objects.get()
    assert (row.problem, row.read, row.started_at) == ("", 13, NOON)
    assert suppressed() == everybody(account)


@pytest.mark.parametrize("at", range(6))
def test_a_kill_loses_nothing(at: int) -> None:
    account, clock = Account(13), FakeClock()
    account.before = raising(KeyboardInterrupt(), at)
    with pytest.raises(KeyboardInterrupt):
        account.sweep(clock)
    # What is killed for good does not even let go of the sweep.
    Sweep.objects.update(token="5b9a1e8e-5d0e-4c46-8e4b-52d7b2f0a001")
    account.before = lambda page: None
    assert account.sweep(clock).sentence == "Brevo is being swept at this moment."
    clock.advance(seconds=LOST_AFTER.total_seconds() + 1)
    assert not account.sweep(clock).problem
    assert suppressed() == everybody(account)
    assert Sweep.objects.get().read == 13


def test_a_stop_and_the_time_leave_the_rest_for_the_next() -> None:
    account, clock = Account(13), FakeClock()
    stops = iter((False, True))
    swept = account.sweep(clock, stop=lambda: next(stops))
    assert swept == Swept("Read 4 people of Brevo, 4 newly suppressed. It goes on.", more=True, suppressed=4)
    account.before = lambda page: clock.advance(minutes=3)
    assert account.sweep(clock).more
    assert len(account.asked) == 2
    assert account.sweep(clock, within=None) == Swept("Read 13 people of Brevo, 13 newly suppressed.", suppressed=7)


def test_who_waits_for_a_turn_goes_home() -> None:
    account = Account(13)
    account.before = raising(NotPushed(), 1)
    assert account.sweep().more
    account.before = lambda page: None
    assert account.sweep().suppressed == 9


def test_a_page_and_its_cursor_are_stored_together(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account(3)

    def lost(*args: Any, **named: Any) -> int:
        suppress(*args, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr("opt_outs.sweeping.suppress", lost)
    with pytest.raises(KeyboardInterrupt):
        account.sweep()
    assert suppressed() == set()
    assert Sweep.objects.get().offset == 0


# --- two at once ---------------------------------------------------------------------------------------------


def test_two_do_not_work_at_once() -> None:
    account, other = Account(9), Account(9)
    found: list[Swept] = []
    account.before = lambda page: found.append(other.sweep(begin=True))
    account.sweep()
    assert {one.sentence for one in found} == {"Brevo is being swept at this moment."}
    assert other.asked == []
    assert Sweep.objects.count() == 1


def test_one_that_was_taken_over_stores_nothing_more() -> None:
    account, clock = Account(13), FakeClock()
    other = Account(13)
    other.before = raising(StopRun("No."), 0)

    def before(page: int) -> None:
        if page == 1:
            clock.advance(seconds=LOST_AFTER.total_seconds() + 1)
            other.sweep(clock)

    account.before = before
    assert account.sweep(clock).sentence == "Somebody else goes on with the sweep of Brevo."
    row = Sweep.objects.get()
    assert (row.offset, row.read, row.problem) == (4, 4, "No.")
    assert len(suppressed()) == 4


# --- who may be called ---------------------------------------------------------------------------------------


def test_switched_off(settings: Any) -> None:
    settings.BREVO_API_KEY = ""
    account = Account(1)
    assert account.sweep().sentence == "Brevo was not swept. Brevo is switched off: BREVO_API_KEY is not set."
    assert (account.asked, Sweep.objects.count()) == ([], 0)


def test_a_pause_leaves_the_platform_alone() -> None:
    steering.pause(BREVO, by="ada", reason="", now=NOON)
    account = Account(1)
    assert account.sweep(begin=True) == Swept(
        "Brevo was not swept. Paused by ada since 2026-11-24 12:00 UTC.", problem=True
    )
    assert account.asked == []
    assert account.sweep(even_if_paused=True).suppressed == 1


def test_beside_a_run_it_takes_a_small_share_of_the_rate(settings: Any) -> None:
    settings.BREVO_RATE_LIMIT_PER_SECOND = 10.0
    account, rates = Account(9), []

    def before(page: int) -> None:
        assert account.limiter is not None
        rates.append(account.limiter._rate)
        if page == 0:
            SyncRun.objects.create(
                platform="brevo", trigger="schedule", slot=1, worker="w", started_at=NOON, heartbeat_at=NOON
            )
        else:
            SyncRun.objects.all().delete()

    account.before = before
    account.sweep()
    assert rates == [10.0, 1.0, 10.0, 10.0]


def test_what_is_listed() -> None:
    assert [one.job for one in sweepers()] == [BREVO]
    assert sweeper_of("brevo") is sweepers()[0]
    assert sweeper_of("n8n") is None
