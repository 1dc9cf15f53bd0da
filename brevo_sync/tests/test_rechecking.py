"""Contacts that Brevo says have changed are read there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from brevo_sync.client import BrevoClient
from brevo_sync.rechecking import recheck
from contacts.models import Suppression
from contacts.suppression import OptOut, in_force, lift, suppress
from curation_sdk.models import QueuePause, SyncRun
from opt_outs.models import ToldOptOut
from sandbox.brevo.store import Contact
from sandbox.server import Sandbox
from webhooks import rechecks
from webhooks.models import Recheck

pytestmark = pytest.mark.django_db


def asked(*addresses: str) -> None:
    rechecks.ask("brevo", addresses, now=timezone.now() - timedelta(minutes=1))


def there(sandbox: Sandbox, email: str, **more: Any) -> None:
    store = sandbox.brevo.account.store
    store.put(Contact(store.next_id(), email, 0.0, 0.0, **more))


def read(seconds: float = 30, stop: Any = lambda: False) -> int:
    return recheck(seconds, stop)


def suppressed() -> list[tuple[str, str]]:
    return list(Suppression.objects.values_list("email_key", "reason").order_by("email_key"))


def test_blocked_ones_are_suppressed_and_others_left(sandbox: Sandbox) -> None:
    there(sandbox, "a@x.example", email_blacklisted=True)
    there(sandbox, "b@x.example")
    Suppression.objects.create(email_key="b@x.example", reason="manual", source="A person")
    asked("a@x.example", "b@x.example", "gone@x.example")
    assert read() == 3
    assert suppressed() == [("a@x.example", "blocked"), ("b@x.example", "manual")], "what is not blocked lifts nothing"
    assert not Recheck.objects.exists()
    assert [one.method for one in sandbox.brevo.requests] == ["GET"] * 3, "nothing is written"


@pytest.mark.parametrize(("changed", "again"), [(-60.0, False), (60.0, True)], ids=["before the lift", "after it"])
def test_a_block_that_a_person_lifted_here_stays_lifted(sandbox: Sandbox, changed: float, again: bool) -> None:
    """Until the contact changes there once more."""
    now = timezone.now()
    suppress([OptOut("a@x.example", Suppression.Reason.BLOCKED)], "Brevo", now=now - timedelta(hours=1))
    lift("a@x.example", by="eve", why="She wrote to us.", now=now)
    store = sandbox.brevo.account.store
    store.put(Contact(store.next_id(), "a@x.example", 0.0, now.timestamp() + changed, email_blacklisted=True))
    asked("a@x.example")
    assert read() == 1
    assert in_force().exists() == again


def test_our_own_block_is_no_news(sandbox: Sandbox) -> None:
    now = timezone.now()
    suppress([OptOut("a@x.example", Suppression.Reason.REQUEST)], "A person", now=now)
    ToldOptOut.objects.create(platform="brevo", suppression=Suppression.objects.get(), told_at=now)
    store = sandbox.brevo.account.store
    store.put(Contact(store.next_id(), "a@x.example", 0.0, now.timestamp(), email_blacklisted=True))
    asked("a@x.example")
    assert read() == 1
    assert suppressed() == [("a@x.example", "request")]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_asked_within_a_transaction(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_: list[bool] = []

    def get_contact(self: BrevoClient, email: str) -> dict[str, Any]:
        open_.append(connection.in_atomic_block)
        return {"emailBlacklisted": True}

    monkeypatch.setattr(BrevoClient, "get_contact", get_contact)
    asked("a@x.example")
    read()
    assert open_ == [False]


@pytest.mark.parametrize("fault", ["429", "401"])
def test_trouble_with_the_account_keeps_them(sandbox: Sandbox, fault: str) -> None:
    asked("a@x.example", "b@x.example")
    sandbox.add_fault(fault)
    assert read() == 0
    assert list(Recheck.objects.values_list("tries", flat=True)) == [0, 0]
    sandbox.clear_faults()
    assert read() == 2


def test_trouble_with_one_does_not_hold_up_the_others(sandbox: Sandbox) -> None:
    there(sandbox, "b@x.example", email_blacklisted=True)
    asked("a@x.example", "b@x.example")
    sandbox.add_fault("500", path="/contacts/a%40x.example")
    read()
    assert suppressed() == [("b@x.example", "blocked")]
    assert Recheck.objects.get().tries == 1


def test_it_leaves_brevo_alone_while_that_is_wanted(sandbox: Sandbox) -> None:
    asked("a@x.example")
    now = timezone.now()
    pause = QueuePause.objects.create(platform="brevo", paused_by="eve", paused_at=now)
    assert read() == 0
    pause.delete()
    SyncRun.objects.create(
        platform="brevo",
        trigger="schedule",
        state="finished",
        slot=0,
        started_at=now,
        heartbeat_at=now,
        resume_at=now + timedelta(hours=1),
    )
    assert read() == 0
    assert sandbox.brevo.requests == []
    SyncRun.objects.update(resume_at=now)
    assert read() == 1


def test_it_ends_when_asked_and_does_nothing_while_brevo_is_off(sandbox: Sandbox, settings: Any) -> None:
    asked("a@x.example")
    assert read(stop=lambda: True) == 0
    assert read(seconds=1) == 0
    settings.BREVO_API_KEY = ""
    assert read() == 0
    assert Recheck.objects.count() == 1
    assert sandbox.brevo.requests == []
