"""Our opt-outs, told to Mautic: once each, never taken back, none lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from contacts.models import Contact, Suppression
from curation_sdk.outcomes import NO_EVIDENCE, Evidence, StopRun, Throttled
from curation_sdk.testing import NOON
from mautic_sync.models import MauticOptOut
from mautic_sync.opt_outs import Told, tell_opt_outs, untold
from mautic_sync.refusals import MauticError
from mautic_sync.tests.test_sandbox_run import log_in
from sandbox.server import Sandbox, running_sandbox

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]


class Blocker:
    """Stands in for the client: remembers, and raises what it is told to for an id."""

    def __init__(self, **trouble: Exception) -> None:
        self.told: list[tuple[str, str]] = []
        self.there: dict[str, list[str]] = {}
        self.looked_up: list[str] = []
        self.trouble = {name.removeprefix("id"): error for name, error in trouble.items()}

    def block_contact(self, contact_id: str, comments: str) -> None:
        self.told.append((contact_id, comments))
        if contact_id in self.trouble:
            raise self.trouble[contact_id]

    def find_contacts(self, address: str) -> list[str]:
        self.looked_up.append(address)
        return self.there.get(address, [])


def suppress(email: str, **columns: Any) -> Suppression:
    return Suppression.objects.create(email_key=email, **{"reason": "unsubscribed", **columns})


def failed(status: int = 500) -> MauticError:
    return MauticError("Mautic is in trouble.", Evidence(http_status=status), transient=True)


def test_told_once_under_every_id(make_contact: Make) -> None:
    make_contact("ada@x.example", mautic_contact_id="47")
    make_contact("ADA@x.example", mautic_contact_id="48")
    make_contact("ada@x.example", mautic_contact_id="47")
    suppress("ada@x.example")
    blocker = Blocker()
    assert tell_opt_outs(blocker) == Told(1)
    assert sorted(blocker.told) == [
        ("47", "Suppressed in ScraperSky: Unsubscribed."),
        ("48", "Suppressed in ScraperSky: Unsubscribed."),
    ]
    assert tell_opt_outs(blocker) == Told(0)
    assert len(blocker.told) == 2


@pytest.mark.parametrize(
    ("contact_id", "source"), [(None, ""), ("", ""), ("47", "Mautic")], ids=["never there", "no id", "from Mautic"]
)
def test_whom_mautic_need_not_be_told_of(make_contact: Make, contact_id: str | None, source: str) -> None:
    make_contact("ada@x.example", mautic_contact_id=contact_id)
    make_contact("bob@x.example", mautic_contact_id="5")
    suppress("ada@x.example", source=source)
    assert list(untold()) == []


def test_a_suppression_that_is_made_anew_is_told_anew(make_contact: Make) -> None:
    make_contact("ada@x.example", mautic_contact_id="47")
    blocker = Blocker()
    for since in (NOON, NOON + timedelta(days=1)):
        suppression = suppress("ada@x.example", since=since)
        assert tell_opt_outs(blocker) == Told(1)
        suppression.delete()
    assert len(blocker.told) == 2
    assert not MauticOptOut.objects.exists(), "what was told goes with the suppression"


def test_two_steps_at_once_and_a_suppression_that_is_deleted_meanwhile(make_contact: Make) -> None:
    for number in (1, 2):
        make_contact(f"p{number}@x.example", mautic_contact_id=str(number))
        suppress(f"p{number}@x.example", since=NOON + timedelta(minutes=number))

    class Meanwhile(Blocker):
        def block_contact(self, contact_id: str, comments: str) -> None:
            super().block_contact(contact_id, comments)
            if contact_id == "1":
                Suppression.objects.get(email_key="p1@x.example").delete()
            else:
                tell_opt_outs(Blocker())

    assert tell_opt_outs(Meanwhile()) == Told(2)
    assert MauticOptOut.objects.count() == 1


def test_one_that_is_gone_over_there_is_done(make_contact: Make) -> None:
    make_contact("ada@münchen.example", mautic_contact_id="47")
    suppress("ada@münchen.example")
    blocker = Blocker(id47=failed(404))
    assert tell_opt_outs(blocker) == Told(1)
    assert blocker.looked_up == ["ada@xn--mnchen-3ya.example"]
    assert not untold().exists()


def test_one_that_was_merged_over_there_is_told_under_its_new_id(make_contact: Make) -> None:
    make_contact("ada@x.example", mautic_contact_id="47")
    suppress("ada@x.example")
    blocker = Blocker(id47=failed(404))
    blocker.there["ada@x.example"] = ["50", "51"]
    assert tell_opt_outs(blocker) == Told(1)
    assert [contact_id for contact_id, _ in blocker.told] == ["47", "50", "51"]
    assert not untold().exists()


def test_one_without_an_id_who_may_be_there_is_looked_up(make_contact: Make) -> None:
    """A batch timed out although Mautic saved it, or the segment could not be joined to the last try."""
    make_contact("ada@x.example", mautic_sync_status="Error", mautic_processing_status="Error")
    make_contact("bob@x.example", mautic_sync_status="Skipped")
    suppress("ada@x.example")
    suppress("bob@x.example")
    blocker = Blocker()
    blocker.there["ada@x.example"] = ["47"]
    assert tell_opt_outs(blocker) == Told(2)
    assert sorted(blocker.looked_up) == ["ada@x.example", "bob@x.example"]
    assert [contact_id for contact_id, _ in blocker.told] == ["47"]
    assert not untold().exists(), "who is not there is not asked for again"


def test_who_is_being_pushed_waits_for_the_outcome(make_contact: Make) -> None:
    contact = make_contact("ada@x.example", mautic_sync_status="Processing", mautic_processing_status="Processing")
    make_contact("ada@x.example", mautic_contact_id="47")
    suppress("ada@x.example")
    blocker = Blocker()
    assert tell_opt_outs(blocker) == Told(0)
    Contact.objects.filter(pk=contact.pk).update(mautic_sync_status="Queued", mautic_processing_status="Queued")
    assert tell_opt_outs(blocker) == Told(1)


def test_one_that_is_gone_but_cannot_be_looked_up_or_told_waits(make_contact: Make) -> None:
    make_contact("ada@x.example", mautic_contact_id="47")
    suppress("ada@x.example")
    blocker = Blocker(id47=failed(404), id50=failed(404))
    blocker.there["ada@x.example"] = ["50"]
    assert tell_opt_outs(blocker) == Told(0, "Mautic is in trouble.")
    assert untold().exists()


def test_the_time_holds_within_one_person_too(make_contact: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    make_contact("ada@x.example", mautic_contact_id="47")
    suppress("ada@x.example")
    seconds = iter((0.0, 0.0, 11.0))
    monkeypatch.setattr("mautic_sync.opt_outs.time.monotonic", lambda: next(seconds))
    blocker = Blocker(id47=failed(404))
    assert tell_opt_outs(blocker) == Told(0)
    assert blocker.looked_up == []
    assert untold().exists()


def test_an_id_that_is_none_of_mautics_is_left_alone(make_contact: Make) -> None:
    make_contact("ada@x.example", mautic_contact_id="../1")
    make_contact("ada@x.example", mautic_contact_id="²")
    suppress("ada@x.example")
    blocker = Blocker()
    assert tell_opt_outs(blocker) == Told(1)
    assert blocker.told == []


def test_a_failure_is_tried_again_and_holds_up_nobody(make_contact: Make) -> None:
    for number in range(4):
        make_contact(f"p{number}@x.example", mautic_contact_id=str(number))
        suppress(f"p{number}@x.example", since=NOON + timedelta(minutes=number))
    assert tell_opt_outs(Blocker(id1=failed())) == Told(3, "Mautic is in trouble.")
    assert [one.email_key for one in untold()] == ["p1@x.example"]
    kept = MauticOptOut.objects.get(suppression__email_key="p1@x.example")
    assert kept.told_at is None
    assert kept.tried_at is not None
    assert tell_opt_outs(Blocker()) == Told(1)


def test_trouble_ends_the_step(make_contact: Make) -> None:
    for number in range(6):
        make_contact(f"p{number}@x.example", mautic_contact_id=str(number))
        suppress(f"p{number}@x.example")
    blocker = Blocker(**{f"id{number}": failed() for number in range(6)})
    assert tell_opt_outs(blocker) == Told(0, "Mautic is in trouble.")
    assert len(blocker.told) == 3


def test_the_same_few_do_not_hold_up_the_others_for_ever(make_contact: Make) -> None:
    for number in range(6):
        make_contact(f"p{number}@x.example", mautic_contact_id=str(number))
        suppress(f"p{number}@x.example", since=NOON + timedelta(minutes=number))
    blocker = Blocker(**{f"id{number}": failed() for number in range(3)})
    assert tell_opt_outs(blocker) == Told(0, "Mautic is in trouble.")
    assert [one.email_key[:2] for one in untold()] == ["p3", "p4", "p5", "p0", "p1", "p2"]
    assert tell_opt_outs(blocker) == Told(3, "Mautic is in trouble.")
    assert [one.email_key[:2] for one in untold()] == ["p0", "p1", "p2"]
    assert tell_opt_outs(Blocker()) == Told(3)


def test_one_that_our_role_may_not_change_holds_up_nobody(make_contact: Make) -> None:
    for number in range(3):
        make_contact(f"p{number}@x.example", mautic_contact_id=str(number))
        suppress(f"p{number}@x.example", since=NOON + timedelta(minutes=number))
    forbidden = StopRun("Not ours.", Evidence(http_status=403, code="403"))
    assert tell_opt_outs(Blocker(id0=forbidden)) == Told(2, "Not ours.")
    assert [one.email_key for one in untold()] == ["p0@x.example"]


@pytest.mark.parametrize(
    "error",
    [
        StopRun("API off", Evidence(http_status=403, code="api_disabled")),
        StopRun("no log-in", NO_EVIDENCE),
        Throttled(timedelta(minutes=1), "slow down", NO_EVIDENCE),
    ],
    ids=type,
)
def test_what_concerns_everybody_ends_the_step_at_once(make_contact: Make, error: Any) -> None:
    for number in range(3):
        make_contact(f"p{number}@x.example", mautic_contact_id=str(number))
        suppress(f"p{number}@x.example", since=NOON + timedelta(minutes=number))
    blocker = Blocker(id1=error)
    assert tell_opt_outs(blocker) == Told(1, error.reason)
    assert len(blocker.told) == 2
    assert untold().count() == 2


def test_time_and_a_stop_leave_the_rest_for_the_next(make_contact: Make) -> None:
    make_contact("ada@x.example", mautic_contact_id="47")
    suppress("ada@x.example")
    assert tell_opt_outs(Blocker(), within=timedelta(seconds=-1)) == Told(0)
    assert tell_opt_outs(Blocker(), stop=lambda: True) == Told(0)
    assert untold().count() == 1


def test_there_is_more_at_once_only_after_a_success(make_contact: Make) -> None:
    for number in range(3):
        make_contact(f"p{number}@x.example", mautic_contact_id=str(number))
        suppress(f"p{number}@x.example", since=NOON + timedelta(minutes=number))
    stops = iter((False, True))
    assert tell_opt_outs(Blocker(id0=failed()), stop=lambda: next(stops)) == Told(0, "Mautic is in trouble.")
    stops = iter((False, True))
    assert tell_opt_outs(Blocker(), stop=lambda: next(stops)) == Told(1, more=True)


def test_more_than_are_read_at_once(make_contact: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mautic_sync.opt_outs.AT_ONCE", 2)
    for number in range(5):
        make_contact(f"p{number}@x.example", mautic_contact_id=str(number))
        suppress(f"p{number}@x.example")
    assert tell_opt_outs(Blocker(), within=None) == Told(5)


def test_switched_off(make_contact: Make, settings: Any) -> None:
    make_contact("ada@x.example", mautic_contact_id="47")
    suppress("ada@x.example")
    settings.MAUTIC_USERNAME = settings.MAUTIC_PASSWORD = ""
    assert tell_opt_outs(Blocker()) == Told(0)
    assert untold().count() == 1


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as running:
        settings.MAUTIC_API_BASE_URL = running.mautic_url
        log_in(settings, "user")
        settings.MAUTIC_RATE_LIMIT_PER_SECOND = 5000.0
        yield running


def test_a_merged_contact_in_the_sandbox(sandbox: Sandbox, make_contact: Make) -> None:
    from django.core.management import call_command

    make_contact("ada+x@x.example")
    call_command("mautic_sync", "--queue-all-new", verbosity=0)
    Contact.objects.update(mautic_contact_id="4711")
    suppress("ada+x@x.example")
    call_command("mautic_sync", verbosity=0)
    assert sandbox.mautic.contacts["ada+x@x.example"].blocked


def test_a_batch_that_was_saved_but_not_answered(sandbox: Sandbox, make_contact: Make) -> None:
    from django.core.management import call_command

    make_contact("ada@x.example")
    sandbox.add_fault("lost_answer", path="/api/contacts/batch/new", times=1)
    call_command("mautic_sync", "--queue-all-new", verbosity=0)
    assert Contact.objects.get().mautic_contact_id is None
    assert not sandbox.mautic.contacts["ada@x.example"].blocked
    suppress("ada@x.example")
    call_command("mautic_sync", verbosity=0)
    assert sandbox.mautic.contacts["ada@x.example"].blocked


def test_against_the_sandbox(sandbox: Sandbox, make_contact: Make) -> None:
    from django.core.management import call_command

    make_contact("ada@x.example")
    call_command("mautic_sync", "--queue-all-new", verbosity=0)
    assert not sandbox.mautic.contacts["ada@x.example"].blocked
    suppress("ada@x.example")
    call_command("mautic_sync", verbosity=0)
    (entry,) = sandbox.mautic.contacts["ada@x.example"].blocks
    assert (entry.channel, entry.reason, entry.comments) == ("email", 3, "Suppressed in ScraperSky: Unsubscribed.")
    Suppression.objects.all().delete()
    call_command("mautic_sync", "--ids", str(Contact.objects.get().pk), verbosity=0)
    assert sandbox.mautic.contacts["ada@x.example"].blocked, "lifting ours lifts nothing there"
