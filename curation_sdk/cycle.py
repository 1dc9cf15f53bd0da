"""A cycle of a platform's loop: claim, push, settle, until nothing is due or something ends it.

One thread, the caller's, talks to the database; a pool of threads pushes and never touches it. The two meet in
`_Cycle`, which keeps the pool busy, stores the answers as they come, and gives back what it could not push.
"""

from __future__ import annotations

import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from curation_sdk import runs
from curation_sdk.claiming import Person, claim, due, release
from curation_sdk.clock import Clock, SystemClock
from curation_sdk.decisions import Answer
from curation_sdk.job import Pusher, SyncJob, SyncPolicy
from curation_sdk.models import SyncRun
from curation_sdk.outcomes import NotPushed, Rejected, Retry, StopRun, Synced, Throttled
from curation_sdk.pool import PushPool
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.report import CycleReport
from curation_sdk.settling import Result, settle

#: Answers are stored at the latest after this, so that people see them.
SETTLE_WITHIN = timedelta(seconds=0.5)

#: So many failed pushes in a row, or refusals in a row with the same words, mean that it is not about the contacts:
#: the run ends before it uses up the whole queue.
TROUBLE = 20

#: A run that was asked to stop leaves pushes that hang for longer to their lease.
PATIENCE = 7.0  # seconds

#: A run waits out a pause that the platform asks for if it is no longer than this; else it ends and frees its slot.
LONGEST_PAUSE = timedelta(minutes=1)

#: A platform that says "slow down" again and again is asked less and less often, down to this.
RAREST = timedelta(minutes=5)

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
    clock: Clock | None = None,
    chance: Callable[[], float] = random.random,
) -> CycleReport:
    """Push what is due for a platform and return when nothing is, or when the run has to end.

    budget: end after this long and report the work that is left; None: no end.
    limit: take at most so many due contacts. only: keys of the contacts to take; None: all.
    stop: asked often; once it is true the run ends, cleanly and soon.
    progress: called with the counts so far whenever answers were stored.
    """
    clock = clock or SystemClock()
    if off := job.off_reason():
        return CycleReport(None, reason=off)
    now = clock.now()
    if not due(job, now=now, only=only).exists():
        return CycleReport(None, reason="Nothing is due.")
    if until := runs.resume_at(job, now=now):
        return CycleReport(None, reason=f"{job.label} asked us to wait until {until:%H:%M:%S} UTC.", later=True)
    policy = job.policy()
    run = runs.take_slot(job, policy, trigger=trigger, now=now)
    if run is None:
        return CycleReport(None, reason="Another run is under way.", later=True)
    cycle = _Cycle(job, policy, run, budget, limit, only, stop, progress, clock, chance)
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
        clock: Clock,
        chance: Callable[[], float],
    ) -> None:
        self.job, self.policy, self.run = job, policy, run
        self.limit, self.only = limit, only
        self.stop, self.progress, self.clock, self.chance = stop, progress, clock, chance
        self.never = threading.Event()
        self.deadline = None if budget is None else clock.monotonic() + budget.total_seconds()
        # Runs side by side share the account's rate; `_beat` gives back the share of those that are not there.
        self.limiter = RateLimiter(policy.rate_per_second / policy.max_instances, clock)
        self.counts: Counter[str] = Counter()  # of the whole run
        self.unsaved: Counter[str] = Counter()  # not yet in the run's row
        self.waiting: deque[Person] = deque()  # claimed, not handed to the pool
        self.answered: list[Result] = []  # not yet stored
        self.settled_at = self.beaten_at = clock.now()
        self.prepared = False
        self.proven = False
        self.failures = 0  # in a row
        self.last_failure = ""
        self.refusals = 0  # in a row, with the same words
        self.refused_with = ""
        self.throttles = 0  # in a row
        self.looks = 0  # in vain
        self.pause_until: datetime | None = None
        self.stop_asked_at: float | None = None
        self.state: SyncRun.State | None = None  # set once the run has to end
        self.reason = ""
        self.notes: list[str] = []
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
        if not self._ending and not self._paused():
            self._prepare(pusher)
            self._watch()
        now = self.clock.now()
        if self.waiting and (self._paused() or self.waiting[0].lease - now < self.policy.lease / 2):
            # Nobody is pushed on a claim that may have passed, or on what was known before a pause.
            given_back = self._give_back(now)
            if self.limit is not None:
                self.limit += given_back
        if not self._ending and not self._paused():
            self._fill(pool)
        if pool.under_way:
            for people, answers in pool.collect(timeout=0.2):
                self._collect(people, answers)
        self._settle(everything=not pool.under_way or self._out_of_patience())
        if pool.under_way:
            return not self._out_of_patience()
        return not self._ending and self._wait_for_work()

    @property
    def _ending(self) -> bool:
        return self.state is not None

    def _paused(self) -> bool:
        return self.pause_until is not None and self.pause_until > self.clock.now()

    def _out_of_patience(self) -> bool:
        return self.stop_asked_at is not None and self.clock.monotonic() - self.stop_asked_at > PATIENCE

    def _prepare(self, pusher: Pusher) -> None:
        if self.prepared:
            return
        try:
            self.notes = pusher.prepare()
            self.prepared = True
        except (StopRun, Throttled) as error:
            self._consider(error)

    def _watch(self) -> None:
        """End the run when its time is up, when somebody asks for it, or when it is no longer ours."""
        if self.stop_asked_at is None and self.stop():
            self.stop_asked_at = self.clock.monotonic()
            self._finish(SyncRun.State.FINISHED, "The worker was asked to stop.")
        if self.deadline is not None and self.clock.monotonic() >= self.deadline:
            if self.failures and not self.proven:
                # Each took so long that there was no time for as many as TROUBLE.
                self._finish(SyncRun.State.STOPPED, f"Every push failed. The last: {self.last_failure}")
            self._finish(SyncRun.State.FINISHED, "")
        now = self.clock.now()
        if now - self.beaten_at >= runs.HEARTBEAT:
            self._beat(now)

    def _fill(self, pool: PushPool) -> None:
        """Keep the pool busy, claiming more contacts as needed.

        Until one push has shown that the platform takes what we send, they go one by one: a wrong key costs one
        call, not one for each thread.
        """
        window = self.policy.concurrency if self.proven else 1
        if len(self.waiting) < window * self.job.push_size and self._may_claim():
            self._claim()
        while self.waiting and pool.under_way < window:
            size = min(self.job.push_size, len(self.waiting))
            pool.submit([self.waiting.popleft() for _ in range(size)])

    def _may_claim(self) -> bool:
        return self.limit is None or self.limit > 0

    def _claim(self) -> None:
        size = self.policy.batch_size if self.limit is None else min(self.policy.batch_size, self.limit)
        claimed = claim(self.job, self.policy, now=self.clock.now(), size=size, only=self.only)
        if self.limit is not None:
            self.limit -= min(size, sum(len(person.rows) for person in claimed.to_push) + len(claimed.answered))
        if claimed.to_push or claimed.answered:
            self.looks = 0
        self.waiting.extend(claimed.to_push)
        self.answered.extend(Result(person, answer) for person, answer in claimed.answered)

    def _wait_for_work(self) -> bool:
        """Nothing is under way. Wait out a pause, go on with what there is, wait for what others hold, or end."""
        now = self.clock.now()
        if self.pause_until is not None and self.pause_until > now:
            # In small steps: a stop may be asked for meanwhile.
            self.clock.wait(min((self.pause_until - now).total_seconds(), 1.0), self.never)
            return True
        if self.waiting:
            return True
        if self._may_claim() and due(self.job, now=now, only=self.only).exists():
            self.looks += 1
            if self.looks > LOOKS:
                self._finish(SyncRun.State.FINISHED, "What is due is held by others.")
            self.clock.wait(0.05, self.never)
            return True
        self._finish(SyncRun.State.FINISHED, "")
        return False

    # --- answers ----------------------------------------------------------------------------------------

    def _collect(self, people: Sequence[Person], answers: Sequence[Answer]) -> None:
        for person, answer in zip(people, answers, strict=True):
            if isinstance(answer, NotPushed):
                self.waiting.append(person)
            else:
                self.answered.append(Result(person, answer))
                self._consider(answer)

    def _consider(self, answer: Answer) -> None:
        """What an answer means for the run."""
        match answer:
            case StopRun():
                self._finish(SyncRun.State.STOPPED, answer.reason)
            case Throttled():
                self._throttled(answer)
            case Synced():
                self.proven = True
                self.failures = self.refusals = self.throttles = 0
            case Rejected():
                self.proven = True
                self.failures = self.throttles = 0
                self.refusals = self.refusals + 1 if answer.reason == self.refused_with else 1
                self.refused_with = answer.reason
                if self.refusals >= TROUBLE:
                    text = f"{self.refusals} contacts in a row were refused with the same words: {answer.reason}"
                    self._finish(SyncRun.State.STOPPED, text)
            case Retry() | Exception():
                self.failures += 1
                self.refusals = 0
                self.last_failure = (
                    answer.reason if isinstance(answer, Retry) else f"{type(answer).__name__} in our program"
                )
                if self.failures >= TROUBLE:
                    text = f"{self.failures} pushes in a row failed. The last: {self.last_failure}"
                    self._finish(SyncRun.State.STOPPED, text)

    def _throttled(self, throttled: Throttled) -> None:
        now = self.clock.now()
        pause = throttled.after
        if not self._paused():
            # Those that were under way when the first one came back say the same; they count as one.
            self.throttles += 1
            pause = max(pause, min(pause * 2 ** min(self.throttles - 1, 10), RAREST))
        self.limiter.refused(pause.total_seconds())
        self.pause_until = max(self.pause_until or now, now + pause)
        ends = self.clock.monotonic() + pause.total_seconds()
        if pause > LONGEST_PAUSE or (self.deadline is not None and ends >= self.deadline):
            self._finish(SyncRun.State.FINISHED, throttled.reason)

    def _settle(self, *, everything: bool) -> None:
        now = self.clock.now()
        enough = len(self.answered) >= self.policy.batch_size or now - self.settled_at >= SETTLE_WITHIN
        if not self.answered or not (everything or enough):
            return
        results, self.answered = self.answered, []
        counts = settle(self.job, self.policy, results, run=self.run, now=now, chance=self.chance)
        self.settled_at = now
        self.counts += counts
        self.unsaved += counts
        self._beat(now)
        self.progress(self.counts)

    # --- the end ----------------------------------------------------------------------------------------

    def _finish(self, state: SyncRun.State, reason: str) -> None:
        """From here on nothing new is pushed; what is on the wire gets its answer."""
        if self.state is None or (state == SyncRun.State.STOPPED and self.state != state):
            self.state, self.reason = state, reason
            self.limiter.stop()

    def _beat(self, now: datetime) -> None:
        alive = runs.beat(self.run, self.unsaved, now=now)
        self.unsaved.clear()
        if self.policy.max_instances > 1:
            others = runs.running(self.job, now=now).count()
            self.limiter.set_rate(self.policy.rate_per_second / max(others, 1))
        self.beaten_at = now
        if not alive:
            self._finish(SyncRun.State.LOST, "The run was declared lost while it was working.")

    def _give_back(self, now: datetime) -> int:
        """Release what is claimed and not handed to the pool. Returns how many rows."""
        given_back = release(self.job, self.waiting, now=now)
        self.waiting.clear()
        return given_back

    def end(self) -> None:
        """Give back what was not pushed, and free the slot. Runs also after an error of ours."""
        now = self.clock.now()
        state, reason = self.state, self.reason
        if state is None:
            state, reason = SyncRun.State.STOPPED, "Broken off by an error of ours. The worker's log has it."
        if given_back := self._give_back(now):
            self.counts["released"] += given_back
            self.unsaved["released"] += given_back
        resume = self.pause_until if self.pause_until and self.pause_until > now else None
        runs.finish(self.run, self.unsaved, state=state, reason=reason, notes=self.notes, resume=resume, now=now)
        # Somebody may have queued more between our last look and the end of the run, and been told that a run
        # is under way.
        if state == SyncRun.State.FINISHED and not self.reason and self.limit is None:
            self.work_left = due(self.job, now=self.clock.now(), only=self.only).exists()

    def report(self) -> CycleReport:
        return CycleReport(
            self.state,
            self.counts,
            self.reason,
            self.notes,
            later=self.state == SyncRun.State.FINISHED and self._paused(),
            work_left=self.work_left and not self.reason,
        )
