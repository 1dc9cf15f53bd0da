"""What Mautic holds is read in the order of its ids and compared with what is Complete here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from contacts.models import Contact, Suppression
from mautic_sync import comparing
from mautic_sync.comparing import COMPARISON
from mautic_sync.job import MAUTIC
from reconciliation import engine
from reconciliation.models import HeldContact
from reconciliation.tests.support import begin, compare, found
from sandbox.server import Sandbox

pytestmark = pytest.mark.django_db

Push = Callable[..., list[Contact]]
ADA, EVE, BOB = "ada@acme.example", "eve@acme.example", "bob@acme.example"


def change(sandbox: Sandbox, address: str, **values: Any) -> None:
    store = sandbox.mautic.account.store
    with sandbox.lock:
        contact = sandbox.mautic.contacts[address]
        store.put(replace(contact, values={**contact.values, **values}, modified_at=store.now()))


def block(sandbox: Sandbox, address: str, reason: int, comments: str = "") -> None:
    with sandbox.lock:
        sandbox.mautic.account.store.block(sandbox.mautic.contacts[address], reason, comments=comments)


def delete(sandbox: Sandbox, address: str) -> None:
    with sandbox.lock:
        sandbox.mautic.account.store.delete(sandbox.mautic.contacts[address])


def test_nothing_differs_in_what_was_just_pushed(pushed: Push) -> None:
    pushed(MAUTIC, ADA, phone_number="(212) 555-0123", has_gmail=True, source_url="https://acme.example/team")
    pushed(MAUTIC, "Eve@Acme.Example", name=f"{'E' * 70} {'L' * 70}")  # longer than Mautic's fields
    current = compare(COMPARISON)
    assert found(current) == {}
    assert (current.here, current.there, current.read) == (2, 2, 2)


def test_what_was_deleted_changed_or_blocked_there_is_found(pushed: Push, sandbox: Sandbox) -> None:
    pushed(MAUTIC, ADA, EVE, BOB, "hard@acme.example", "hand@acme.example", "moved@acme.example", "same@acme.example")
    delete(sandbox, ADA)
    change(sandbox, EVE, lastname="Love", city="Paris")
    block(sandbox, BOB, 1)
    block(sandbox, "hard@acme.example", 2)
    block(sandbox, "hand@acme.example", 3)
    change(sandbox, "moved@acme.example", email="elsewhere@acme.example")
    current = compare(COMPARISON)
    assert found(current) == {
        ADA: "missing",
        EVE: "changed",
        BOB: "blocked",
        "hard@acme.example": "blocked",
        "hand@acme.example": "blocked",
        "moved@acme.example": "changed",
    }
    assert HeldContact.objects.get(email_key=EVE).details == "lastname"
    assert HeldContact.objects.get(email_key="moved@acme.example").details == "e-mail"
    assert set(Suppression.objects.values_list("email_key", "reason", "source")) == {
        (BOB, "unsubscribed", "Mautic"),
        ("hard@acme.example", "hard_bounce", "Mautic"),
        ("hand@acme.example", "blocked", "Mautic"),
    }


def test_what_we_told_mautic_ourselves_is_no_news(pushed: Push, sandbox: Sandbox) -> None:
    pushed(MAUTIC, ADA)
    block(sandbox, ADA, 3, "Suppressed in ScraperSky: Unsubscribed.")
    assert found(compare(COMPARISON)) == {ADA: "blocked"}
    assert not Suppression.objects.exists()


def test_a_block_of_another_channel_is_none(pushed: Push, sandbox: Sandbox) -> None:
    pushed(MAUTIC, ADA)
    with sandbox.lock:
        sandbox.mautic.account.store.block(sandbox.mautic.contacts[ADA], 1, "sms")
    assert found(compare(COMPARISON)) == {}


def test_fields_that_the_installation_lacks_are_no_change(pushed: Push, sandbox: Sandbox) -> None:
    with sandbox.lock:
        del sandbox.mautic.account.store.fields["scrapersky_email_type"]
    pushed(MAUTIC, ADA)
    assert found(compare(COMPARISON)) == {}


def test_an_address_that_mautic_writes_otherwise_is_the_same(pushed: Push) -> None:
    pushed(MAUTIC, "ada@bücher.example")
    assert compare(COMPARISON).counts == {"same": 1}


def test_who_was_merged_into_another_contact_is_found_by_the_address(pushed: Push) -> None:
    [ada] = pushed(MAUTIC, "ada@bücher.example")
    Contact.objects.filter(pk=ada.pk).update(mautic_contact_id="4711")
    assert compare(COMPARISON).counts == {"same": 1}


def test_pages_follow_the_ids_whoever_comes_and_goes(
    pushed: Push, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "ON_A_PAGE", 2)
    pushed(MAUTIC, *(f"p{number}@acme.example" for number in range(5)))
    with sandbox.lock:  # a visitor without an address
        store = sandbox.mautic.account.store
        oldest = min(sandbox.mautic.contacts.values(), key=lambda one: one.id)
        store.put(replace(oldest, id=store.next_id(), values={}))
    steps = iter([None, oldest.email])

    def between() -> bool:
        if address := next(steps, None):
            delete(sandbox, address)
        return False

    before = len(sandbox.mautic.requests)
    current = compare(COMPARISON, stop=between)
    assert (current.counts, current.read) == ({"same": 5}, 5)
    assert [one.path for one in sandbox.mautic.requests[before:]] == ["/api/contacts"] * 3


def test_a_mautic_that_does_not_heed_where_to_go_on_does_not_keep_us_for_ever(
    pushed: Push, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "ON_A_PAGE", 1)
    monkeypatch.setattr("sandbox.mautic.handlers._conditions", lambda query: [])
    pushed(MAUTIC, ADA, EVE)
    current = begin(COMPARISON)
    assert not engine.work(COMPARISON, current, seconds=None).finished
    current.refresh_from_db()
    assert current.problem == "Mautic did not heed from where on its contacts were asked for."
