"""Our opt-outs, told to Mautic: what it does for one person, and all of it against the sandbox.

What is the same for every platform: `opt_outs/tests/test_telling.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from contacts.models import Contact, Suppression
from contacts.suppression import lift
from curation_sdk.answers import PlatformError
from curation_sdk.outcomes import NO_EVIDENCE, Evidence, StopRun, Throttled
from curation_sdk.testing import NOON
from mautic_sync.opt_outs import MauticBlocker
from mautic_sync.refusals import MauticError
from mautic_sync.tests.test_sandbox_run import log_in
from sandbox.server import Sandbox, running_sandbox

Make = Callable[..., Contact]


class Client:
    """Stands in for the client: says what it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls: list[tuple[str, ...]] = []

    def block_contact(self, contact_id: str, comments: str) -> None:
        self.calls.append((contact_id, comments))
        if self.error:
            raise self.error

    def find_contacts(self, address: str) -> list[str]:
        self.calls.append((address,))
        if self.error:
            raise self.error
        return ["50", "51"]


def blocker(client: Client) -> MauticBlocker:
    return MauticBlocker(client)  # type: ignore[arg-type]


def suppress(email: str, **columns: Any) -> Suppression:
    return Suppression.objects.create(email_key=email, **{"reason": "unsubscribed", **columns})


def test_the_address_as_mautic_writes_it() -> None:
    client = Client()
    assert blocker(client).find("ada@münchen.example") == ["50", "51"]
    assert client.calls == [("ada@xn--mnchen-3ya.example",)]


def test_a_block_with_its_reason() -> None:
    client = Client()
    assert blocker(client).block("47", "Why.")
    assert client.calls == [("47", "Why.")]


def test_one_that_is_gone() -> None:
    gone = MauticError("Gone.", Evidence(http_status=404))
    assert not blocker(Client(gone)).block("47", "Why.")


@pytest.mark.parametrize("call", [lambda one: one.block("47", "Why."), lambda one: one.find("ada@x.example")])
def test_one_that_our_role_may_not_change_is_about_this_one(call: Any) -> None:
    forbidden = StopRun("Not ours.", Evidence(http_status=403, code="403"))
    with pytest.raises(PlatformError, match="Not ours"):
        call(blocker(Client(forbidden)))


@pytest.mark.parametrize(
    "error",
    [
        StopRun("API off", Evidence(http_status=403, code="api_disabled")),
        StopRun("no log-in", NO_EVIDENCE),
        Throttled(timedelta(minutes=1), "slow down", NO_EVIDENCE),
        MauticError("Mautic is in trouble.", Evidence(http_status=500), transient=True),
    ],
    ids=["off", "log-in", "throttled", "trouble"],
)
@pytest.mark.parametrize("call", [lambda one: one.block("47", "Why."), lambda one: one.find("ada@x.example")])
def test_all_else_is_passed_on(error: Any, call: Any) -> None:
    with pytest.raises(type(error)) as raised:
        call(blocker(Client(error)))
    assert raised.value is error


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as running:
        settings.MAUTIC_API_BASE_URL = running.mautic_url
        log_in(settings, "user")
        settings.MAUTIC_RATE_LIMIT_PER_SECOND = 5000.0
        yield running


@pytest.mark.django_db
def test_a_merged_contact_in_the_sandbox(sandbox: Sandbox, make_contact: Make) -> None:
    make_contact("ada+x@x.example")
    call_command("mautic_sync", "--queue-all-new", verbosity=0)
    Contact.objects.update(mautic_contact_id="4711")
    suppress("ada+x@x.example")
    call_command("mautic_sync", verbosity=0)
    assert sandbox.mautic.contacts["ada+x@x.example"].blocked


@pytest.mark.django_db
def test_a_batch_that_was_saved_but_not_answered(sandbox: Sandbox, make_contact: Make) -> None:
    make_contact("ada@x.example")
    sandbox.add_fault("lost_answer", path="/api/contacts/batch/new", times=1)
    call_command("mautic_sync", "--queue-all-new", verbosity=0)
    assert Contact.objects.get().mautic_contact_id is None
    assert not sandbox.mautic.contacts["ada@x.example"].blocked
    suppress("ada@x.example")
    call_command("mautic_sync", verbosity=0)
    assert sandbox.mautic.contacts["ada@x.example"].blocked


@pytest.mark.django_db
def test_against_the_sandbox(sandbox: Sandbox, make_contact: Make) -> None:
    make_contact("ada@x.example")
    call_command("mautic_sync", "--queue-all-new", verbosity=0)
    assert not sandbox.mautic.contacts["ada@x.example"].blocked
    suppress("ada@x.example")
    call_command("mautic_sync", verbosity=0)
    (entry,) = sandbox.mautic.contacts["ada@x.example"].blocks
    assert (entry.channel, entry.reason, entry.comments) == ("email", 3, "Suppressed in ScraperSky: Unsubscribed.")
    assert lift("ada@x.example", by="ada", why="A mistake.", now=NOON)
    call_command("mautic_sync", "--ids", str(Contact.objects.get().pk), verbosity=0)
    assert sandbox.mautic.contacts["ada@x.example"].blocked, "lifting ours lifts nothing there"
