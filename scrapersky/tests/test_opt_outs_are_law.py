"""Opt-outs are law, whatever happens in whatever order: a machine that plays everything against the sandboxes.

It queues, pushes, kills, lets events come late, twice and in any order, loses them, sweeps, compares, imports, lifts
and erases, and after every step looks at what the platforms were sent and what they hold:

- nobody is pushed after his opt-out was recorded, on any platform, until a person lifts it;
- nobody is un-blocked by us anywhere;
- who was erased is in no table and on no platform, and does not come back.

The short form is part of the suite and always the same. The long one: LAW_STEPS=10000 bin/test -k opt_outs_are_law
"""

from __future__ import annotations

import io
import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress as suppress_error
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase
from hypothesis import settings as Settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from brevo_sync.comparing import COMPARISON as BREVO_COMPARISON
from brevo_sync.opt_outs import SWEEPER
from contacts.models import Contact, Suppression
from contacts.suppression import OptOut, lift, suppress, suppressed_keys
from curation_sdk import cycle
from curation_sdk.claiming import Person, claim, still_to_push
from curation_sdk.clock import SystemClock
from curation_sdk.cycle import run_cycle
from curation_sdk.models import SyncRun
from curation_sdk.queueing import cancel_queued, queue_contacts
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.settling import Result, settle
from erasure.erasing import Who, erase_person, erase_who_came_back, look_again
from erasure.job import ERASURE
from erasure.models import Deletion, Erasure
from erasure.tests.everywhere import found as found_anywhere
from hubspot_sync.comparing import COMPARISON as HUBSPOT_COMPARISON
from mautic_sync.comparing import COMPARISON as MAUTIC_COMPARISON
from opt_outs.models import LastTelling, Sweep, ToldOptOut
from opt_outs.sweeping import sweep
from opt_outs.telling import tell, tellers
from reconciliation import beginning, engine
from reconciliation.models import Reconciliation
from sandbox.mautic import webhooks as mautic_sends
from sandbox.server import Sandbox, running_sandbox
from scrapersky.tests.stand_ins import JOBS, use_sandbox
from webhooks import working
from webhooks.models import PlatformEvent, Recheck

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(0)]

STEPS = int(os.environ.get("LAW_STEPS", "600"))
STEPS_OF_A_PLAY = 60

KEYS = [f"p{number}@acme.example" for number in range(2)]
SPELLINGS = ("{}", " {}", "{}\n")
TOKEN = "a-token-that-is-long-enough"
SECRET = "mautic-webhook-secret"
NOES = ("unsubscribe", "hard_bounce", "hardBounce", "spam", "complaint", "update")
OTHERS = ("soft_bounce", "list_addition", "contact_deleted", "opened", "free", "again", "nonsense")
FAULTS = ("500", "503", "reset", "lost_answer", "truncated_json", "garbage_200", "429")
COMPARISONS = (BREVO_COMPARISON, HUBSPOT_COMPARISON, MAUTIC_COMPARISON)

people = st.sampled_from(KEYS)
platforms = st.sampled_from(sorted(JOBS))
#: More often all of them than one: what matters has to meet.
some_platforms = st.just(sorted(JOBS)) | platforms.map(lambda one: [one])

#: Requests that bring nobody anywhere, although they may name somebody.
NO_PUSH = ("/batch/read", "/gdpr-delete", "/dnc/")


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def killed_after_sending() -> Iterator[None]:
    """A worker that dies once the platform has what it sent: nothing is stored, nothing is given back."""
    with (
        patch.object(cycle, "settle", side_effect=Killed),
        patch.object(cycle._Cycle, "end", lambda self: None),
        pytest.raises(Killed),
    ):
        yield


class Play(RuleBasedStateMachine):
    """One play. `out`: whose opt-out is on record; `erased`: who was erased and has not come back by his own wish."""

    sandbox: Sandbox
    folder: Path

    @initialize()
    def begin(self) -> None:
        for model in (Deletion, Erasure, PlatformEvent, Recheck, ToldOptOut, LastTelling, Sweep, Reconciliation):
            model.objects.all().delete()
        for table in (Contact, Suppression, SyncRun):
            table.objects.all().delete()
        self.sandbox.reset()
        for platform in ("brevo", "hubspot", "mautic"):
            call_command(f"{platform}_setup", create=True, verbosity=0)
        self.out: set[str] = set()
        self.erased: set[str] = set()
        self.inserted: set[str] = set()  # since they were erased, past every check
        self.lost: dict[str, set[str]] = {"brevo": set(), "hubspot": set(), "mautic": set()}
        self.coming: list[tuple[str, str]] = []  # stored events that say no to somebody: person, what
        self.sent: list[Any] = []  # bodies of events, to be sent again
        self.known: set[str] = set()
        self.blocked: dict[tuple[str, str], str] = {}
        self.on_the_wire: list[tuple[str, list[Person]]] = []
        self.moment = 1_795_000_000
        Contact.objects.bulk_create(Contact(email=key, name="Ada Lovelace") for key in KEYS)
        self.before: set[str] = set()  # on record at the end of the last step
        self.forget_requests()

    # --- people and the queue ---------------------------------------------------------------------------

    @rule(key=people, spelling=st.sampled_from(SPELLINGS), capital=st.booleans())
    def scrape(self, key: str, spelling: str, capital: bool) -> None:
        """A scraper's plain INSERT."""
        address = spelling.format(key.upper() if capital else key)
        Contact.objects.bulk_create([Contact(email=address, name="Ada Lovelace", phone_number="")])
        if key in self.erased:
            self.inserted.add(key)

    @rule(keys=st.lists(people, min_size=1, max_size=4))
    def import_csv(self, keys: list[str]) -> None:
        file = self.folder / "people.csv"
        file.write_text("email,name\n" + "".join(f"{key},Ada {number}\n" for number, key in enumerate(keys)))
        before = self.rows_of_the_erased()
        with suppress_error(CommandError):  # rows of erased people are refused
            call_command("import_contacts", str(file), verbosity=0, stderr=io.StringIO())
        assert self.rows_of_the_erased() == before, "an import brought somebody back"

    def rows_of_the_erased(self) -> int:
        return Contact.objects.filter(email_key__in=self.erased).count()

    @rule(platforms=some_platforms, key=st.none() | people)
    def queue(self, platforms: list[str], key: str | None) -> None:
        chosen = Contact.objects.all() if key is None else Contact.objects.filter(email_key=key)
        for platform in platforms:
            queue_contacts(JOBS[platform], chosen, now=timezone.now())

    @rule(platform=platforms, key=people)
    def cancel(self, platform: str, key: str) -> None:
        cancel_queued(JOBS[platform], Contact.objects.filter(email_key=key))

    @rule(platforms=some_platforms, limit=st.sampled_from([None, None, 1]))
    def push(self, platforms: list[str], limit: int | None) -> None:
        for platform in platforms:
            run_cycle(JOBS[platform], trigger=SyncRun.Trigger.COMMAND, limit=limit)
        self.sandbox.clear_faults()

    @rule(keys=st.sets(people))
    def queue_and_push(self, keys: set[str]) -> None:
        """What people do most."""
        self.sandbox.clear_faults()
        for job in JOBS.values():
            queue_contacts(job, Contact.objects.filter(email_key__in=keys), now=timezone.now())
            run_cycle(job, trigger=SyncRun.Trigger.COMMAND)

    @rule(platform=platforms)
    def push_and_be_killed(self, platform: str) -> None:
        job = JOBS[platform]
        if job.contacts.filter(**{job.processing_status: "Queued", f"{job.next_attempt_at}__lte": timezone.now()}):
            self.sandbox.clear_faults()
            try:
                with killed_after_sending():
                    run_cycle(job, trigger=SyncRun.Trigger.COMMAND)
            except pytest.fail.Exception:
                pass  # nothing was sent, so there was nothing to store

    @rule(platform=platforms)
    def a_request_hangs_on_the_wire(self, platform: str) -> None:
        """A worker has looked right before sending, and has sent; what it sent has not arrived yet."""
        job = JOBS[platform]
        claimed = claim(job, job.policy(), now=timezone.now(), size=3)
        self.on_the_wire += [(platform, still_to_push(job, claimed.to_push).to_push)]

    @rule()
    def what_hangs_on_the_wire_arrives(self) -> None:
        """Of that nobody can call anything back; its answers are stored if they are still waited for."""
        self.sandbox.clear_faults()
        for platform, waiting in self.on_the_wire:
            job = JOBS[platform]
            with job.open(RateLimiter(1000.0, SystemClock())) as pusher:
                answers = pusher.push([person.contact for person in waiting]) if waiting else []
            results = [Result(person, answer) for person, answer in zip(waiting, answers, strict=True)]
            settle(job, job.policy(), results, run=None, now=timezone.now(), chance=random.random)
        self.on_the_wire.clear()
        self.forget_requests()

    @rule(platform=platforms)
    def claim_and_be_killed(self, platform: str) -> None:
        claim(JOBS[platform], JOBS[platform].policy(), now=timezone.now(), size=3)

    @rule()
    def an_hour_passes(self) -> None:
        """Leases, waits and runs of the dead are over."""
        self.on_the_wire.clear()
        hour = timedelta(hours=1)
        for job in (*JOBS.values(), ERASURE):
            job.contacts.filter(**{f"{job.next_attempt_at}__isnull": False}).update(
                **{job.next_attempt_at: F(job.next_attempt_at) - hour}
            )
        SyncRun.objects.filter(state="running").update(heartbeat_at=F("heartbeat_at") - hour)
        SyncRun.objects.update(resume_at=None)
        Reconciliation.objects.update(resume_at=None, heartbeat_at=F("heartbeat_at") - hour)

    @rule(kind=st.sampled_from(FAULTS), platform=platforms)
    def trouble(self, kind: str, platform: str) -> None:
        self.sandbox.add_fault(kind, times=1, path=getattr(self.sandbox, platform).prefix)

    # --- opt-outs -----------------------------------------------------------------------------------------

    @rule(key=people)
    def somebody_asks_us(self, key: str) -> None:
        suppress([OptOut(key.upper(), Suppression.Reason.REQUEST)], "A person", now=timezone.now())
        self.out.add(key)

    @rule(
        key=people, what=st.sampled_from(["unsubscribe", "hard_bounce", "hardBounce", "spam", "complaint", "update"])
    )
    def brevo_tells(self, key: str, what: str) -> None:
        """One event, in one of its forms. Nothing is recorded before a worker has seen to it."""
        self.moment += 1
        event: dict[str, Any] = {"id": 501, "event": what, "email": key, "camp_id": 88, "ts_event": self.moment}
        if what == "update":
            content = [{"email": key.upper(), "emailBlacklist": True}]
            event = {"id": 501, "event": "contact_updated", "ts": self.moment, "content": content}
        self.receive(event)
        self.coming.append((key, what))

    @rule(
        key=people,
        what=st.sampled_from(
            ["soft_bounce", "list_addition", "contact_deleted", "opened", "free", "again", "nonsense"]
        ),
    )
    def brevo_tells_of_something_else(self, key: str, what: str) -> None:
        """Of these none says no to anybody; none may take a no back either."""
        self.moment += 1
        event: dict[str, Any] = {"id": 501, "event": what, "email": [key], "ts": self.moment, "list_id": [2]}
        if what == "free":
            event |= {"event": "contact_updated", "content": [{"email": key, "emailBlacklisted": False}]}
        if what == "again":
            event |= {"event": "contact_updated", "content": {"emails": [key], "link_list_ids": [2]}}
        self.receive(event)

    @rule(seed=st.integers(0, 1000), form=st.sampled_from(["array", "held", "single"]))
    def brevo_repeats_itself(self, seed: int, form: str) -> None:
        """Events that were sent before, in another order, some of them twice."""
        chance = random.Random(seed)
        again = chance.sample(self.sent, min(len(self.sent), 5)) * 2
        chance.shuffle(again)
        for body in again if form == "single" else [again if form == "array" else {"events": again}] if again else []:
            assert self.post("brevo", json.dumps(body).encode()) == 200

    def receive(self, event: dict[str, Any]) -> None:
        self.sent.append(event)
        assert self.post("brevo", json.dumps(event).encode()) == 200

    @rule(key=people, status=st.sampled_from(["unsubscribed", "bounced", "manual", "contactable"]))
    def mautic_tells(self, key: str, status: str) -> None:
        self.moment += 1
        contact = {"id": 9_000_000, "fields": {"core": {"email": {"value": key}}}}
        event: Any = {"contact": contact, "channel": "email", "new_status": status, "timestamp": str(self.moment)}
        body = mautic_sends.as_php_writes_it({mautic_sends.SUBSCRIPTION_CHANGED: [event]})
        assert self.post("mautic", body) == 200
        if status != "contactable":
            self.coming.append((key, status))

    def post(self, platform: str, body: bytes) -> int:
        headers = {"Authorization": f"Bearer {TOKEN}", "Webhook-Signature": mautic_sends.signature(body, SECRET)}
        url = f"/api/v3/contacts/{platform}/webhook"
        return Client().post(url, body, content_type="application/json", headers=headers).status_code

    @rule()
    def events_are_worked_through(self) -> None:
        working.work_through(seconds=60)
        assert not working.waiting().exists()
        self.out.update(key for key, _ in self.coming)
        self.coming.clear()

    @rule()
    def a_worker_is_killed_at_events(self) -> None:
        if working.waiting().exists():
            with patch.object(working, "_mark", side_effect=Killed), pytest.raises(Killed):
                working.work_through(seconds=60)

    @rule(key=people)
    def somebody_unsubscribes_and_the_event_is_lost(self, key: str) -> None:
        for platform, lost in self.lost.items():
            stand_in = getattr(self.sandbox, platform)
            if (contact := stand_in.contact(key)) and stand_in.befall(str(contact.id), "unsubscribe"):
                lost.add(key)

    @rule()
    def brevo_is_swept(self) -> None:
        self.sandbox.clear_faults()
        swept = sweep(SWEEPER, within=None, begin=True)
        if not (swept.problem or swept.more):
            self.heard("brevo")

    @rule(comparison=st.sampled_from(COMPARISONS))
    def a_platform_is_compared(self, comparison: Any) -> None:
        self.sandbox.clear_faults()
        current, _ = beginning.begin(comparison, trigger=Reconciliation.Trigger.HAND, by="ada", now=timezone.now())
        report = engine.work(comparison, current, seconds=None)
        # In HubSpot only those are read whom we call Complete.
        if report.finished and comparison is not HUBSPOT_COMPARISON:
            self.heard(comparison.job.platform)

    def heard(self, platform: str) -> None:
        """What was lost has been read."""
        still = {key for key in self.lost[platform] if getattr(self.sandbox, platform).contact(key)}
        self.out.update(still)
        self.lost[platform].clear()

    @rule(key=people)
    def somebody_unsubscribes(self, key: str) -> None:
        """All that follows at once, as on a good day."""
        self.brevo_tells(key, "unsubscribe")
        self.events_are_worked_through()

    @rule()
    def a_person_lifts_everything(self) -> None:
        """Else nobody could be pushed any more before long, and little would happen."""
        for key in KEYS:
            self.a_person_lifts_it(key)

    @rule()
    def somebody_comes_back_and_leaves_again(self) -> None:
        self.a_person_lifts_everything()
        self.queue_and_push(set(KEYS[:1]))

    @rule(key=people)
    def a_person_lifts_it(self, key: str) -> None:
        lift(key, by="grace", why="A mistake.", now=timezone.now())
        self.out.discard(key)
        self.before.discard(key)
        self.erased.discard(key)
        for lost in self.lost.values():
            lost.discard(key)

    @rule()
    def platforms_are_told(self) -> None:
        self.sandbox.clear_faults()
        for teller in tellers():
            tell(teller, within=None)

    # --- erasure ------------------------------------------------------------------------------------------

    @rule(key=people)
    def a_person_is_erased(self, key: str) -> None:
        erase_person(Who(key), by="grace", why="Asked.", now=timezone.now())
        assert not Contact.objects.filter(email_key=key).exists()
        self.erased.add(key)
        self.inserted.discard(key)
        # What was still to be worked through goes with him: the erasure says no for all of it.
        self.coming = [one for one in self.coming if one[0] != key]
        self.out.add(key)

    @rule()
    def erasures_go_on(self) -> None:
        look_again(now=timezone.now())
        run_cycle(ERASURE, trigger=SyncRun.Trigger.COMMAND)
        self.sandbox.clear_faults()

    @rule(key=people)
    def an_erased_person_is_found_again(self, key: str) -> None:
        if key in self.erased:
            self.scrape(key, " {}", capital=True)
            self.queue_and_push({key})

    @rule()
    def the_erased_who_came_back_are_erased_again(self) -> None:
        erase_who_came_back(now=timezone.now())
        self.inserted.clear()

    # --- what must hold -----------------------------------------------------------------------------------

    @invariant()
    def the_law_holds(self) -> None:
        self.nobody_is_pushed_after_his_opt_out()
        self.what_was_recorded_holds()
        self.nobody_is_unblocked()
        self.nobody_is_resurrected()

    def nobody_is_pushed_after_his_opt_out(self) -> None:
        pushed = self.pushed_since_the_last_step()
        wrong = {(platform, key) for platform, key in pushed if key in self.before}
        assert not wrong, f"pushed after the opt-out: {wrong}"

    def what_was_recorded_holds(self) -> None:
        recorded = suppressed_keys(KEYS)
        assert self.out <= recorded, f"no longer on record: {self.out - recorded}"
        # Others found out something besides: a push, a sweep, a comparison.
        self.before = recorded

    def nobody_is_unblocked(self) -> None:
        blocked = {
            ("brevo", str(one.id)): one.email or "" for one in self.sandbox.brevo.everybody() if one.email_blacklisted
        } | {("mautic", str(one.id)): "" for one in self.sandbox.mautic.everybody() if one.blocks}
        there = {("brevo", str(one.id)) for one in self.sandbox.brevo.everybody()}
        there |= {("mautic", str(one.id)) for one in self.sandbox.mautic.everybody()}
        unblocked = {one for one in self.blocked if one in there and one not in blocked}
        assert not unblocked
        self.blocked = blocked

    def nobody_is_resurrected(self) -> None:
        back = set(Contact.objects.filter(email_key__in=self.erased).values_list("email_key", flat=True))
        assert back <= self.inserted
        if Deletion.objects.exclude(address="", remote_ids="").exists() or self.rows_in_hand():
            return  # not every platform has confirmed
        for key in self.erased:
            there = [name for name in ("brevo", "hubspot", "mautic") if getattr(self.sandbox, name).contact(key)]
            assert not there, f"{key} is on {there} again"
            if key not in self.inserted and not PlatformEvent.objects.filter(state="received").exists():
                assert not found_anywhere(key), f"{key} stands in {found_anywhere(key)}"

    def rows_in_hand(self) -> bool:
        """Is anything on its way whose end nobody knows yet?"""
        waits = (job.contacts.filter(**{job.processing_status: "Processing"}) for job in JOBS.values())
        return bool(self.on_the_wire) or any(one.exists() for one in waits)

    def pushed_since_the_last_step(self) -> set[tuple[str, str]]:
        pushed: set[tuple[str, str]] = set()
        for platform in JOBS:
            for request in getattr(self.sandbox, platform).requests:
                if request.method == "GET" or any(part in request.path for part in NO_PUSH):
                    continue
                body = request.raw_body.decode().lower()
                assert '"emailblacklisted": false' not in body
                assert "/remove" not in request.path
                pushed.update((platform, key) for key in KEYS if key in body)
        self.forget_requests()
        return pushed

    def forget_requests(self) -> None:
        with self.sandbox.lock:
            for platform in JOBS:
                getattr(self.sandbox, platform).journal.clear()


@pytest.fixture
def play(settings: Any, tmp_path: Path) -> Iterator[type[Play]]:
    with running_sandbox(rate_limit=None) as sandbox:
        use_sandbox(settings, sandbox)
        settings.BREVO_WEBHOOK_TOKENS = [TOKEN]
        settings.MAUTIC_WEBHOOK_SECRET = SECRET
        yield type("ThisPlay", (Play,), {"sandbox": sandbox, "folder": tmp_path})


def test_opt_outs_are_law(play: type[Play]) -> None:
    in_ci = "LAW_STEPS" not in os.environ
    run_state_machine_as_test(
        play,
        settings=Settings(
            max_examples=max(1, STEPS // STEPS_OF_A_PLAY),
            stateful_step_count=STEPS_OF_A_PLAY,
            derandomize=in_ci,
            deadline=None,
            database=None,
            phases=(Phase.generate,) if in_ci else (Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
