"""A cycle of a platform's loop: claim, push, settle, until nothing is due or something ends it.

One thread, the caller's, talks to the database; a pool of threads pushes and never touches it. The two meet in
`_Cycle`, which keeps the pool busy, stores the answers as they come, and gives back what it could not push.
"""

from __future__ import annotations

import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from curation_sdk import runs, steering
from curation_sdk.brakes import Brakes, Pause, Stop
from curation_sdk.claiming import Claim, Claimer, Person, due, release, still_to_push, work_is_due
from curation_sdk.clock import Clock, SteadyClock
from curation_sdk.database import patiently
from curation_sdk.decisions import Answer
from curation_sdk.job import Preparation, Pusher, SyncJob, SyncPolicy
from curation_sdk.models import SyncRun
from curation_sdk.outcomes import NotPushed, Retry, StopRun, Throttled
from curation_sdk.pool import PushPool
from curation_sdk.questions import Question
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.report import CycleReport
from curation_sdk.settling import Result, settle

Found = TypeVar("Found")

#: Answers are stored at the latest after this, so that people see them, or when there are so many.
SETTLE_WITHIN = 0.5  # seconds
SETTLE_AT = 100

#: Contacts go to the pool this long before their turn, and at most this long after we last saw that they are still
#: ours: somebody may have taken them out of the queue.
AHEAD = 0.2  # seconds

#: How long the loop waits for answers before it looks for other things to do.
LOOK = 0.05  # seconds

#: A run asks this often whether a person wants it to end.
LISTEN = 1.0  # seconds

#: A run that was asked to stop leaves pushes that hang for longer to their lease.
PATIENCE = 7.0  # seconds

#: A run that cannot use the database for so long ends. Well below half a lease: nobody else has its contacts by then.
OUTAGE = 120.0  # seconds

#: A run waits out a pause that the platform asks for if it is no longer than this; else it ends and frees its slot.
LONGEST_PAUSE = timedelta(minutes=1)

#: A run ends when nothing that is due could be taken for so many looks: others hold it.
LOOKS = 100


def run_cycle(
    job: SyncJob,
    *,
    trigger: SyncRun.Trigger,
    budget: timedelta | None = None,
    limit: int | None = None,
    only: Collection[Any] | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[Counter[str]], None] = lambda counts: None,
    even_if_paused: bool = False,
    clock: Clock | None = None,
    chance: Callable[[], float] = random.random,
) -> CycleReport:
    """Push what is due for a platform and return when nothing is, or when the run has to end.

    budget: end after this long and report the work that is left; None: no end.
    limit: take at most so many due contacts. only: keys of the contacts to take; None: all.
    stop: asked often; once it is true the run ends, cleanly and soon.
    progress: called with the counts so far whenever answers were stored.
    even_if_paused: somebody has paused the queue, and this run is wanted all the same.
    """
    clock = clock or SteadyClock()
    if off := job.off_reason():
        return CycleReport(None, reason=off)
    now, policy = clock.now(), job.policy()
    if not even_if_paused and (pause := steering.paused(job)):
        return CycleReport(None, reason=steering.pause_sentence(pause), held=True)
    if not work_is_due(job, policy, now=now, only=only):
        return CycleReport(None, reason="Nothing is due.")
    if until := runs.resume_at(job, now=now):
        return CycleReport(None, reason=f"{job.label} asked us to wait until {until:%H:%M:%S} UTC.", later=True)
    run = runs.take_slot(job, policy, trigger=trigger, now=now)
    if run is None:
        return CycleReport(None, reason="Another run is under way.", later=True)
    cycle = _Cycle(job, policy, run, budget, limit, only, stop, progress, even_if_paused, clock, chance)
    try:
        cycle.work()
    finally:
        cycle.end()
    return cycle.report()


class _Cycle:
    """The state of one run."""

    def __init__(
        self,
        job: SyncJob,
        policy: SyncPolicy,
        run: SyncRun,
        budget: timedelta | None,
        limit: int | None,
        only: Collection[Any] | None,
        stop: Callable[[], bool],
        progress: Callable[[Counter[str]], None],
        even_if_paused: bool,
        clock: Clock,
        chance: Callable[[], float],
    ) -> None:
        self.job, self.policy, self.run = job, policy, run
        self.push_size = min(job.push_size, policy.batch_size)
        self.limit, self.only = limit, only
        self.stop, self.progress, self.clock, self.chance = stop, progress, clock, chance
        self.even_if_paused = even_if_paused
        self.never = threading.Event()
        began = clock.monotonic()
        self.deadline = None if budget is None else began + budget.total_seconds()
        # Runs side by side share the account's rate; `_beat` gives back the share of those that are not there.
        self.limiter = RateLimiter(policy.rate_per_second / policy.max_instances, clock)
        self.claimer = Claimer(job, policy, only)
        self.brakes = Brakes()
        self.counts: Counter[str] = Counter()  # of the whole run
        self.unsaved: Counter[str] = Counter()  # not yet in the run's row
        self.waiting: deque[Person] = deque()  # claimed, not handed to the pool
        self.answered: list[Result] = []  # not yet stored
        self.settled_at = self.beaten_at = self.checked_at = self.listened_at = began
        self.question: Question[Preparation] | None = None
        self.preparation: Preparation | None = None
        self.looks = 0  # in vain
        self.pause_ends = began
        self.stop_asked_at: float | None = None
        self.state: SyncRun.State | None = None  # set once the run has to end
        self.reason = ""
        self.held = False  # a person wants the run to end
        self.work_left = False

    # --- the loop ---------------------------------------------------------------------------------------

    def work(self) -> None:
        with self.job.open(self.limiter) as pusher:
            pool = PushPool(pusher, max(1, self.policy.concurrency), self.job.platform)
            try:
                while self._step(pusher, pool):
                    pass
            finally:
                self.limiter.stop()
                pool.close()

    def _step(self, pusher: Pusher, pool: PushPool) -> bool:
        """One turn of the loop. False when the run is over."""
        self._watch()
        if not self._ending and not self._paused() and self.preparation is None:
            self._prepare(pusher)
            return True
        if self._ending or self._paused():
            self.waiting.extendleft(reversed(pool.take_back()))
        if self.waiting and (self._paused() or self._claims_grow_old()):
            # Nobody is pushed on a claim that may have passed, or on what was known before a pause.
            given_back = self._give_back()
            if self.limit is not None:
                self.limit += given_back
        if not self._ending and not self._paused():
            self._fill(pool)
        if pool.under_way:
            for people, answers in pool.collect(timeout=LOOK):
                self._collect(people, answers)
        self._settle(everything=not pool.under_way or self._out_of_patience())
        if pool.under_way:
            return not self._out_of_patience()
        return not self._ending and self._wait_for_work()

    @property
    def _ending(self) -> bool:
        return self.state is not None

    def _paused(self) -> bool:
        return self.pause_ends > self.clock.monotonic()

    def _out_of_patience(self) -> bool:
        return self.stop_asked_at is not None and self.clock.monotonic() - self.stop_asked_at > PATIENCE

    def _prepare(self, pusher: Pusher) -> None:
        """Have the platform's service look around, while we watch the time and keep the slot."""
        if self.question is None:
            if trouble := self._database(self.job.unsafe):
                self._finish(SyncRun.State.STOPPED, trouble)
                return
            self.question = Question(pusher.prepare)
        if not self.question.answered(LOOK):
            return
        question, self.question = self.question, None
        try:
            self.preparation = question.reply()
            self.brakes.proven = self.preparation.proven
        except (StopRun, Throttled) as error:
            self._consider(error)
        except NotPushed:
            pass  # the run is ending

    def _watch(self) -> None:
        """End the run when its time is up, when somebody asks for it, or when it is no longer ours."""
        now = self.clock.monotonic()
        self._asked_to_stop()
        if now - self.listened_at >= LISTEN:
            self._listen()
        if self.deadline is not None and now >= self.deadline:
            if trouble := self.brakes.nothing_worked():
                self._finish(SyncRun.State.STOPPED, trouble)
            self._finish(SyncRun.State.FINISHED, "")
        if now - self.beaten_at >= runs.HEARTBEAT.total_seconds():
            self._beat()

    def _asked_to_stop(self) -> None:
        if self.stop_asked_at is None and self.stop():
            self.stop_asked_at = self.clock.monotonic()
            self._finish(SyncRun.State.FINISHED, "The worker was asked to stop.")

    def _listen(self) -> None:
        """End the run, as when the worker has to stop, if a person has paused the queue or cancelled the run."""
        word = self._database(lambda: steering.word_on(self.run, even_if_paused=self.even_if_paused))
        self.listened_at = self.clock.monotonic()
        if word and self.stop_asked_at is None:
            self.stop_asked_at = self.clock.monotonic()
            self.held = True
            self._finish(SyncRun.State.FINISHED, word)

    def _fill(self, pool: PushPool) -> None:
        """Keep the pool busy, claiming more contacts as needed.

        Until the platform has shown that our key is good, they go one by one: a wrong one costs one call, not one for
        each thread. Pushes of many do so until somebody has arrived: what a platform has against everybody costs one
        batch.
        """
        proven = self.brakes.arrived if self.push_size > 1 else self.brakes.proven
        window = self.policy.concurrency if proven else 1
        at_hand = len(self.waiting) + pool.backlog * self.push_size
        if at_hand < window * self.push_size and self._may_claim():
            self._claim()
        self._check_claims()
        # As many again wait for a free thread, so that none stands still while we are at the database.
        most = 2 * window if proven else 1
        room = min(most - pool.under_way, self.limiter.turns_within(AHEAD) - self.limiter.queued - pool.backlog)
        while self.waiting and room > 0:
            size = min(self.push_size, len(self.waiting))
            pool.submit([self.waiting.popleft() for _ in range(size)])
            room -= 1

    def _may_claim(self) -> bool:
        return self.limit is None or self.limit > 0

    def _claim(self) -> None:
        size = self.policy.batch_size if self.limit is None else min(self.policy.batch_size, self.limit)
        claimed: Claim = self._database(lambda: self.claimer.claim(now=self.clock.now(), size=size))
        if self.limit is not None:
            self.limit -= min(size, sum(len(person.rows) for person in claimed.to_push) + len(claimed.answered))
        if claimed.to_push or claimed.answered:
            self.looks = 0
        self.waiting.extend(claimed.to_push)
        self.answered.extend(Result(person, answer) for person, answer in claimed.answered)

    def _claims_grow_old(self) -> bool:
        return self.waiting[0].lease - self.clock.now() < self.policy.lease / 2

    def _check_claims(self) -> None:
        """Leave out those who were taken out of the queue, or must not be pushed any more, since they were claimed or
        since the last check."""
        if not self.waiting or self.clock.monotonic() - self.checked_at <= AHEAD:
            return
        claimed_at = self.waiting[0].lease - self.policy.lease
        if (self.clock.now() - claimed_at).total_seconds() > AHEAD:
            self.checked_at = self.clock.monotonic()
            found = self._database(lambda: still_to_push(self.job, self.waiting))
            self.waiting = deque(found.to_push)
            self.answered.extend(Result(person, answer) for person, answer in found.answered)

    def _wait_for_work(self) -> bool:
        """Nothing is under way. Wait out a pause, go on with what there is, wait for what others hold, or end."""
        if self._paused():
            # In small steps: a stop may be asked for meanwhile.
            self.clock.wait(min(self.pause_ends - self.clock.monotonic(), 1.0), self.never)
            return True
        if self.waiting:
            return True
        if self._may_claim() and self._work_is_due():
            self.looks += 1
            if self.looks > LOOKS:
                self._finish(SyncRun.State.FINISHED, "What is due is held by others.")
            self.clock.wait(0.05, self.never)
            return True
        self._finish(SyncRun.State.FINISHED, "")
        return False

    def _work_is_due(self) -> bool:
        return self._database(lambda: work_is_due(self.job, self.policy, now=self.clock.now(), only=self.only))

    def _database(self, work: Callable[[], Found]) -> Found:
        """Everything that the loop asks of the database goes through here, so that it survives a restart of it."""
        began = self.clock.monotonic()

        def give_up() -> bool:
            self._asked_to_stop()
            return self._out_of_patience() or self.clock.monotonic() - began > OUTAGE

        return patiently(work, clock=self.clock, give_up=give_up)

    # --- answers ----------------------------------------------------------------------------------------

    def _collect(self, people: Sequence[Person], answers: Sequence[Answer]) -> None:
        failures: set[str] = set()
        for person, answer in zip(people, answers, strict=True):
            if isinstance(answer, NotPushed):
                # First in line: its claim is the oldest, and by the first the age of all is told.
                self.waiting.appendleft(person)
                continue
            self.answered.append(Result(person, answer))
            # A push of many that fails is one failure, not as many as it has people.
            failure = answer.reason if isinstance(answer, Retry) else ""
            if failure not in failures:
                self._consider(answer)
            if failure:
                failures.add(failure)

    def _consider(self, answer: Answer) -> None:
        match self.brakes.consider(answer, paused=self._paused()):
            case Stop(reason):
                self._finish(SyncRun.State.STOPPED, reason)
            case Pause(length, reason):
                self._pause(length, reason)

    def _pause(self, length: timedelta, reason: str) -> None:
        seconds = length.total_seconds()
        self.limiter.refused(seconds)
        ends = self.clock.monotonic() + seconds
        self.pause_ends = max(self.pause_ends, ends)
        if length > LONGEST_PAUSE or (self.deadline is not None and ends >= self.deadline):
            self._finish(SyncRun.State.FINISHED, reason)

    def _settle(self, *, everything: bool) -> None:
        now = self.clock.monotonic()
        enough = len(self.answered) >= SETTLE_AT or now - self.settled_at >= SETTLE_WITHIN
        if not self.answered or not (everything or enough):
            return
        results, self.answered = self.answered, []
        counts = self._database(
            lambda: settle(self.job, self.policy, results, run=self.run, now=self.clock.now(), chance=self.chance)
        )
        self.settled_at = now
        self.counts += counts
        self.unsaved += counts
        self._beat()
        self.progress(self.counts)

    # --- the end ----------------------------------------------------------------------------------------

    def _finish(self, state: SyncRun.State, reason: str) -> None:
        """From here on nothing new is pushed; what is on the wire gets its answer."""
        if self.state is None or (state == SyncRun.State.STOPPED and self.state != state):
            self.state, self.reason = state, reason
            self.limiter.stop()

    def _beat(self) -> None:
        now = self.clock.now()
        alive = self._database(lambda: runs.beat(self.run, self.unsaved, now=now))
        self.unsaved.clear()
        if self.policy.max_instances > 1:
            others = self._database(lambda: runs.running(self.job, now=now).count())
            self.limiter.set_rate(self.policy.rate_per_second / max(others, 1))
        self.beaten_at = self.clock.monotonic()
        if not alive:
            self._finish(SyncRun.State.LOST, "The run was declared lost while it was working.")

    def _give_back(self) -> int:
        """Release what is claimed and not handed to the pool. Returns how many rows."""
        given_back = self._database(lambda: release(self.job, self.waiting, now=self.clock.now()))
        self.waiting.clear()
        return given_back

    def end(self) -> None:
        """Give back what was not pushed, and free the slot. Runs also after an error of ours."""
        state, reason = self.state, self.reason
        if state is None:
            state, reason = SyncRun.State.STOPPED, "Broken off by an error of ours. The worker's log has it."
        if given_back := self._give_back():
            self.counts["released"] += given_back
            self.unsaved["released"] += given_back
        now = self.clock.now()
        pause = timedelta(seconds=self.pause_ends - self.clock.monotonic())
        resume = now + pause if pause > timedelta(0) else None
        self._database(
            lambda: runs.finish(
                self.run, self.unsaved, state=state, reason=reason, notes=self._notes, resume=resume, now=now
            )
        )
        # Somebody may have queued more between our last look and the end of the run, and been told that a run
        # is under way.
        if state == SyncRun.State.FINISHED and not self.reason and self.limit is None:
            self.work_left = self._database(lambda: due(self.job, now=self.clock.now(), only=self.only).exists())

    @property
    def _notes(self) -> list[str]:
        return self.preparation.notes if self.preparation else []

    def report(self) -> CycleReport:
        return CycleReport(
            self.state,
            self.counts,
            self.reason,
            self._notes,
            later=self.state == SyncRun.State.FINISHED and self._paused(),
            work_left=self.work_left and not self.reason,
            held=self.held,
            done=self.job.done,
        )
