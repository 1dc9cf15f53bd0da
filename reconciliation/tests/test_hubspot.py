"""What HubSpot holds is asked for by our ids and compared with what is Complete here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contacts.models import Contact, Suppression
from hubspot_sync.comparing import COMPARISON
from hubspot_sync.job import HUBSPOT
from reconciliation import engine
from reconciliation.models import HeldContact, Reconciliation
from reconciliation.tests.support import begin, compare, found
from sandbox.server import Sandbox

pytestmark = pytest.mark.django_db

Push = Callable[..., list[Contact]]
ADA, EVE = "ada@acme.example", "eve@acme.example"


def change(sandbox: Sandbox, address: str, **properties: str) -> None:
    store = sandbox.hubspot.account.store
    with sandbox.lock:
        store.update(sandbox.hubspot.contacts[address], properties)


def delete(sandbox: Sandbox, address: str) -> None:
    with sandbox.lock:
        sandbox.hubspot.account.store.delete(sandbox.hubspot.contacts[address])


def reads(sandbox: Sandbox) -> list[str]:
    return [one.path for one in sandbox.hubspot.requests if one.path.endswith("/batch/read")]


def test_nothing_differs_in_what_was_just_pushed(pushed: Push, sandbox: Sandbox) -> None:
    pushed(HUBSPOT, "Ada@Acme.Example", EVE, phone_number="(212) 555-0123", has_gmail=True)
    current = compare(COMPARISON)
    assert found(current) == {}
    assert (current.here, current.there, current.counts) == (2, 2, {"same": 2})
    assert len(reads(sandbox)) == 1


def test_a_hundred_are_asked_for_by_one_call(pushed: Push, sandbox: Sandbox) -> None:
    pushed(HUBSPOT, *(f"p{number}@acme.example" for number in range(101)))
    assert compare(COMPARISON).counts == {"same": 101}
    assert len(reads(sandbox)) == 2


def test_what_was_deleted_changed_or_opted_out_there_is_found(pushed: Push, sandbox: Sandbox) -> None:
    pushed(HUBSPOT, ADA, EVE, "out@acme.example", "bounced@acme.example", "moved@acme.example", "same@acme.example")
    delete(sandbox, ADA)
    change(sandbox, EVE, firstname="Eva", phone="of theirs")
    change(sandbox, "out@acme.example", hs_email_optout="true")
    change(sandbox, "bounced@acme.example", hs_email_hard_bounce_reason_enum="UNKNOWN_USER")
    change(sandbox, "moved@acme.example", email="elsewhere@acme.example")
    current = compare(COMPARISON)
    assert found(current) == {
        ADA: "missing",
        EVE: "changed",
        "out@acme.example": "blocked",
        "bounced@acme.example": "blocked",
        "moved@acme.example": "changed",
    }
    assert HeldContact.objects.get(email_key=EVE).details == "firstname"
    assert HeldContact.objects.get(email_key="moved@acme.example").details == "e-mail"
    assert set(Suppression.objects.values_list("email_key", "reason", "source", "note")) == {
        ("out@acme.example", "unsubscribed", "HubSpot", "Opted out of all e-mail in HubSpot."),
        ("bounced@acme.example", "hard_bounce", "HubSpot", "A mail from HubSpot bounced: UNKNOWN_USER."),
    }


def test_who_has_another_id_there_or_none_here_is_found_by_the_address(pushed: Push, sandbox: Sandbox) -> None:
    [ada, eve] = pushed(HUBSPOT, ADA, EVE)
    Contact.objects.filter(pk=ada.pk).update(hubspot_contact_id=None)
    properties = sandbox.hubspot.contacts[EVE].properties
    delete(sandbox, EVE)
    with sandbox.lock:
        sandbox.hubspot.account.store.create(properties)
    assert sandbox.hubspot.contacts[EVE].id != eve.hubspot_contact_id
    assert compare(COMPARISON).counts == {"same": 2}


def test_another_day_is_no_change(pushed: Push, sandbox: Sandbox) -> None:
    pushed(HUBSPOT, ADA)
    change(sandbox, ADA, scrapersky_sync_date="2020-02-02")
    assert found(compare(COMPARISON)) == {}


def test_a_scope_that_lacks_stops_it(pushed: Push, sandbox: Sandbox) -> None:
    pushed(HUBSPOT, ADA)
    sandbox.hubspot.set(hubspot_missing_scope="crm.objects.contacts.read")
    current = begin(COMPARISON)
    engine.work(COMPARISON, current, seconds=None)
    sandbox.hubspot.set(hubspot_missing_scope="")
    current.refresh_from_db()
    assert current.state == "stopped"
    assert "crm.objects.contacts.read" in current.problem


def test_a_day_s_limit_is_waited_for(pushed: Push, sandbox: Sandbox) -> None:
    pushed(HUBSPOT, ADA)
    sandbox.add_fault("429_daily", times=1)
    current = begin(COMPARISON)
    engine.work(COMPARISON, current, seconds=None)
    current.refresh_from_db()
    assert (current.state, current.cursor) == ("running", {"stage": "asking"})
    assert current.resume_at is not None
    Reconciliation.objects.update(resume_at=None)
    assert engine.work(COMPARISON, current, seconds=None).finished
