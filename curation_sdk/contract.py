"""The tests that every platform inherits: from a queued contact, over a stubbed wire, to what is stored.

A platform subclasses `PlatformContract` in its own tests, names its job and says how its API answers. The tests run
its real client and service; only the wire is stubbed (with `responses`), so an answer that the client reads wrongly
fails here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import pytest
import requests
import responses

from curation_sdk.causes import cause_of
from curation_sdk.claiming import claim
from curation_sdk.job import SyncJob
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.queueing import cancel_queued, queue_contacts
from curation_sdk.report import CycleReport
from curation_sdk.testing import FakeClock, before_settling, run

SECRET = "contract-test-secret"  # noqa: S105


@dataclass(frozen=True)
class Canned:
    """An answer of the platform to one push. `reply`: makes its body from that of the request."""

    status: int
    json: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    reply: Callable[[Any], Any] | None = None

    def answer(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        """For a callback of `responses`."""
        body = self.json if self.reply is None else self.reply(json.loads(request.body or "null"))
        if body is None:
            return self.status, self.headers, self.text
        return self.status, {"Content-Type": "application/json", **self.headers}, json.dumps(body)


@pytest.mark.django_db
class PlatformContract:
    """Subclass it as `class TestContract(PlatformContract)`; fill in the parts without a value."""

    job: ClassVar[SyncJob]
    push_method: ClassVar[str] = "POST"
    push_url: ClassVar[str]  # where a push goes
    success: ClassVar[Canned]
    remote_id: ClassVar[str]  # what the success answer calls the contact
    throttled: ClassVar[Canned]
    throttled_for: ClassVar[timedelta]
    rejected: ClassVar[Canned]
    wrong_key: ClassVar[Canned]
    max_retries: ClassVar[int] = 3

    def platform_on(self, settings: Any) -> None:
        """Switch the platform on, with SECRET as its key."""
        raise NotImplementedError

    def platform_off(self, settings: Any) -> None:
        """Take its key away."""
        raise NotImplementedError

    def other_answers(self, wire: responses.RequestsMock) -> None:
        """Answer what the platform's service asks besides its pushes."""

    # --- set-up -------------------------------------------------------------------------------------------------

    @pytest.fixture(autouse=True)
    def _switched_on(self, settings: Any) -> None:
        self.platform_on(settings)

    @pytest.fixture
    def contact(self, make_contact: Callable[..., Any], clock: FakeClock) -> Any:
        """Ada, queued."""
        contact = make_contact("ada@acme.example", name="Ada Lovelace")
        queue_contacts(self.job, self.job.contacts.filter(pk=contact.pk), now=clock.now())
        contact.refresh_from_db()
        return contact

    def cycle(self, clock: FakeClock, *answers: Canned | Exception, **options: Any) -> tuple[CycleReport, int]:
        """One run with these answers to its pushes, in turn. Returns its report and the number of pushes."""
        with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
            self.other_answers(wire)
            for answer in answers:
                if isinstance(answer, Exception):
                    wire.add(self.push_method, self.push_url, body=answer)
                else:
                    wire.add_callback(self.push_method, self.push_url, answer.answer)
            report = run(self.job, clock, **options)
            pushes = sum(call.request.url == self.push_url for call in wire.calls)
        return report, pushes

    def columns(self, contact: Any) -> tuple[Any, ...]:
        contact.refresh_from_db()
        names = ("sync_status", "processing_status", "retry_count", "next_attempt_at")
        return tuple(getattr(contact, getattr(self.job, name)) for name in names)

    def reason(self, contact: Any) -> str:
        contact.refresh_from_db()
        return str(getattr(contact, self.job.processing_error) or "")

    def cause(self, contact: Any) -> str | None:
        contact.refresh_from_db()
        found: str | None = getattr(contact, self.job.error_cause)
        return found

    # --- the contract ---------------------------------------------------------------------------------------------

    def test_every_column_it_names_exists(self) -> None:
        names = {field.name for field in self.job.model._meta.get_fields()}
        columns = (
            *(self.job.sync_status, self.job.processing_status, self.job.processing_error, self.job.error_cause),
            *(
                self.job.contact_id,
                self.job.retry_count,
                self.job.next_attempt_at,
                self.job.synced_at,
                self.job.identity,
            ),
        )
        assert set(columns) <= names
        assert all(column.startswith(self.job.platform) for column in columns[:-1])

    def test_success(self, contact: Any, clock: FakeClock) -> None:
        report, pushes = self.cycle(clock, self.success)
        assert self.columns(contact) == ("Complete", "Complete", 0, None)
        assert getattr(contact, self.job.contact_id) == self.remote_id
        assert getattr(contact, self.job.synced_at) == clock.now()
        assert (report.counts["synced"], pushes) == (1, 1)

    def test_without_an_address_nothing_is_sent(self, contact: Any, clock: FakeClock) -> None:
        self.job.contacts.filter(pk=contact.pk).update(email=None)
        _, pushes = self.cycle(clock)
        assert pushes == 0
        assert self.columns(contact) == ("Skipped", None, 0, None)
        assert "e-mail address" in self.reason(contact)

    def test_an_invalid_address_is_not_sent(self, contact: Any, clock: FakeClock) -> None:
        self.job.contacts.filter(pk=contact.pk).update(email="ada@@acme")
        _, pushes = self.cycle(clock)
        assert pushes == 0
        assert self.columns(contact) == ("Skipped", None, 0, None)

    def test_throttling_costs_no_try(self, contact: Any, clock: FakeClock) -> None:
        _, pushes = self.cycle(clock, self.throttled, budget=timedelta(seconds=1))
        assert pushes == 1
        assert self.columns(contact) == ("Queued", "Queued", 0, clock.now() + self.throttled_for)

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_trouble_on_its_side_is_tried_again(self, contact: Any, clock: FakeClock, status: int) -> None:
        page = Canned(status, text="<html><body>Bad gateway</body></html>", headers={"Content-Type": "text/html"})
        self.cycle(clock, page)
        due = clock.now() + self.job.policy().retry_delay
        assert self.columns(contact) == ("Queued", "Queued", 1, due)
        assert str(status) in self.reason(contact)
        assert self.cause(contact) == cause_of(self.reason(contact))

    @pytest.mark.parametrize(
        "fault", [requests.exceptions.ReadTimeout(), requests.exceptions.ConnectionError("reset")], ids=type
    )
    def test_no_answer_is_tried_again(self, contact: Any, clock: FakeClock, fault: Exception) -> None:
        self.cycle(clock, fault)
        assert self.columns(contact)[:3] == ("Queued", "Queued", 1)

    def test_garbage_is_tried_again(self, contact: Any, clock: FakeClock) -> None:
        self.cycle(clock, Canned(200, text="<html>maintenance</html>"))
        assert self.columns(contact)[:3] == ("Queued", "Queued", 1)

    def test_the_limit_of_tries(self, contact: Any, clock: FakeClock) -> None:
        for tries in range(1, self.max_retries + 1):
            self.cycle(clock, Canned(503))
            assert self.columns(contact)[:3] == ("Queued", "Queued", tries)
            clock.advance(hours=25)
        self.cycle(clock, Canned(503))
        assert self.columns(contact) == ("Error", "Error", self.max_retries, None)
        assert self.cycle(clock, self.success)[1] == 0

    def test_a_refusal_is_an_error_with_the_platforms_words(self, contact: Any, clock: FakeClock) -> None:
        self.cycle(clock, self.rejected)
        assert self.columns(contact)[:2] == ("Error", "Error")
        attempt = SyncAttempt.objects.get()
        assert attempt.http_status == self.rejected.status
        assert attempt.message
        assert attempt.message in self.reason(contact)
        assert self.cause(contact) == attempt.cause != ""

    def test_what_is_wrong_with_it_is_forgotten_with_success(self, contact: Any, clock: FakeClock) -> None:
        self.cycle(clock, Canned(503))
        assert self.cause(contact)
        clock.advance(hours=25)
        self.cycle(clock, self.success)
        assert (self.reason(contact), self.cause(contact)) == ("", None)

    def test_a_refusal_that_is_queued_again_has_no_cause_any_more(self, contact: Any, clock: FakeClock) -> None:
        self.cycle(clock, self.rejected)
        assert self.cause(contact)
        queue_contacts(self.job, self.job.contacts.filter(pk=contact.pk), now=clock.now())
        assert self.cause(contact) is None

    def test_a_key_that_may_not_push_stops_the_run_after_those_at_hand(
        self, contact: Any, clock: FakeClock, make_contact: Callable[..., Any]
    ) -> None:
        for number in range(15):
            make_contact(f"p{number}@acme.example")
        queue_contacts(self.job, self.job.contacts.all(), now=clock.now())
        report, pushes = self.cycle(clock, self.wrong_key)
        # The look around before the first push was answered, so the first few go out together.
        assert 1 <= pushes <= 2 * self.job.policy().concurrency
        assert report.stopped
        statuses = self.job.contacts.values_list(self.job.sync_status, self.job.retry_count).distinct()
        assert list(statuses.order_by()) == [("Queued", 0)]
        assert SyncRun.objects.get().state == "stopped"

    def test_the_key_shows_nowhere(self, contact: Any, clock: FakeClock, caplog: Any) -> None:
        caplog.set_level("DEBUG")
        echo = {**(self.wrong_key.json or {}), "message": f"The key {SECRET} is wrong"}
        report, _ = self.cycle(clock, Canned(self.wrong_key.status, json=echo))
        shown = [report.sentence(), SyncRun.objects.get().reason, self.reason(contact), caplog.text]
        shown += [f"{attempt.reason} {attempt.message}" for attempt in SyncAttempt.objects.all()]
        assert not [text for text in shown if SECRET in text]

    def test_a_dead_workers_contact_is_pushed_when_its_lease_ends(self, contact: Any, clock: FakeClock) -> None:
        policy = self.job.policy()
        claim(self.job, policy, now=clock.now(), size=10)
        assert self.cycle(clock, self.success)[1] == 0
        clock.advance(seconds=policy.lease.total_seconds())
        assert self.cycle(clock, self.success)[1] == 1
        assert self.columns(contact)[0] == "Complete"

    def test_an_answer_that_comes_too_late_changes_nothing(self, contact: Any, clock: FakeClock) -> None:
        mine = self.job.contacts.filter(pk=contact.pk)
        with before_settling(lambda: cancel_queued(self.job, mine)):
            report, _ = self.cycle(clock, self.success)
        assert report.counts == {"late": 1}
        assert self.columns(contact) == ("New", None, 0, None)

    def test_without_a_key_it_is_off_and_says_so(self, contact: Any, clock: FakeClock, settings: Any) -> None:
        self.platform_off(settings)
        report, pushes = self.cycle(clock)
        assert pushes == 0
        assert report.state is None
        assert report.reason.startswith(f"{self.job.label} is switched off: ")
        assert self.columns(contact)[:2] == ("Queued", "Queued")

    def test_no_other_platforms_column_changes(self, contact: Any, clock: FakeClock) -> None:
        before = self.job.contacts.values().get(pk=contact.pk)
        for answer in (Canned(503), self.rejected):
            self.cycle(clock, answer)
            clock.advance(hours=25)
        after = self.job.contacts.values().get(pk=contact.pk)
        changed = {name for name in before if before[name] != after[name]}
        assert changed
        assert all(name.startswith(f"{self.job.platform}_") for name in changed), changed
