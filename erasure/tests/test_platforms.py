"""Erasing people who are in every platform, over HTTP, with all that may go wrong on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from curation_sdk.claiming import claim
from curation_sdk.cycle import run_cycle
from curation_sdk.job import LEASE
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.outcomes import Rejected
from curation_sdk.queueing import queue_contacts
from curation_sdk.settling import Result, settle
from curation_sdk.testing import FakeClock
from erasure.certificate import certificate, sentence
from erasure.erasing import Who, erase_person, erase_who_came_back, look_again
from erasure.job import ERASURE
from erasure.models import Deletion, Erasure
from hubspot_sync.job import HUBSPOT
from mautic_sync.job import MAUTIC
from n8n_sync.job import N8N
from sandbox.server import Sandbox
from scrapersky.platforms import PLATFORMS

pytestmark = pytest.mark.django_db

ADA = "ada@acme.example"
BOB = "bob@acme.example"


def pushed(clock: FakeClock, *addresses: str) -> None:
    """These people, in every platform."""
    for address in addresses:
        Contact.objects.create(email=address, name="Ada Lovelace")
    for job in PLATFORMS:
        queue_contacts(job, Contact.objects.all(), now=clock.now())
        run_cycle(job, trigger=SyncRun.Trigger.COMMAND, clock=clock)


def erase(clock: FakeClock, address: str = ADA) -> Erasure:
    return erase_person(Who(address), by="ada", why="Asked.", now=clock.now())


def ask(clock: FakeClock) -> Any:
    look_again(now=clock.now())
    return run_cycle(ERASURE, trigger=SyncRun.Trigger.COMMAND, clock=clock)


def states(erasure: Erasure) -> dict[str, str]:
    return {one["platform"]: one["state"] for one in certificate(erasure)["platforms"]}


ALL_CONFIRMED = {"Brevo": "confirmed", "HubSpot": "confirmed", "Mautic": "confirmed", "n8n": "not asked"}


def there(sandbox: Sandbox, address: str = ADA) -> set[str]:
    return {one.name for one in (sandbox.brevo, sandbox.hubspot, sandbox.mautic) if one.contact(address)}


def test_a_person_is_deleted_everywhere_and_nobody_else(sandbox: Sandbox, clock: FakeClock) -> None:
    pushed(clock, "Ada@Acme.example ", BOB)
    assert there(sandbox) == there(sandbox, BOB) == {"Brevo", "HubSpot", "Mautic"}
    erasure = erase(clock)
    waiting = set(Deletion.objects.exclude(address="").values_list("address", flat=True))
    assert waiting == {ADA}, "the address is kept until the platforms have confirmed"
    report = ask(clock)
    assert report.counts == {"synced": 3}
    assert there(sandbox) == set()
    assert there(sandbox, BOB) == {"Brevo", "HubSpot", "Mautic"}
    assert set(Deletion.objects.values_list("address", "remote_ids")) == {("", "")}
    erasure.refresh_from_db()
    shown = certificate(erasure)
    assert states(erasure) == ALL_CONFIRMED
    assert {one["text"] for one in shown["platforms"][:3]} == {"Deleted, and gone when we looked again."}
    assert shown["complete"]
    assert sentence(shown) == "Erased here and on every platform that was asked."
    shell = Contact.objects.get(email=None)
    assert {getattr(shell, job.sync_status) for job in PLATFORMS} == {"Skipped"}
    assert shell.brevo_processing_error == "Erased on 2026-11-24: this person asked to be forgotten."


def test_somebody_who_is_in_no_row_is_erased_in_the_platforms_and_remembered(
    sandbox: Sandbox, clock: FakeClock
) -> None:
    pushed(clock, ADA)
    Contact.objects.all().delete()
    erasure = erase(clock)
    ask(clock)
    assert there(sandbox) == set()
    assert states(erasure) == ALL_CONFIRMED
    row = Suppression.objects.get()
    assert (row.email_key, row.reason, row.key_hash) == ("", "erased", erasure.key_hash)


def test_nobody_there_is_a_confirmation_and_hubspot_keeps_the_address_out(sandbox: Sandbox, clock: FakeClock) -> None:
    erasure = erase(clock)
    ask(clock)
    said = {one["text"] for one in certificate(erasure)["platforms"][:3]}
    assert said == {"There was nobody to delete."}
    assert sandbox.hubspot.account.store.blocklist == {ADA}


def test_every_contact_with_the_address_goes_in_mautic(sandbox: Sandbox, clock: FakeClock) -> None:
    pushed(clock, ADA)
    first = sandbox.mautic.contact(ADA)
    assert first is not None
    store = sandbox.mautic.account.store
    with sandbox.lock:
        store.put(type(first)(store.next_id(), 0.0, 0.0, dict(first.values), (), (), ()))
    assert len(store.contacts) == 2
    erase(clock)
    ask(clock)
    assert store.contacts == {}


def test_who_is_known_there_by_another_address_goes_by_his_id(sandbox: Sandbox, clock: FakeClock) -> None:
    pushed(clock, ADA)
    for platform in (sandbox.hubspot, sandbox.mautic, sandbox.brevo):
        contact = platform.contact(ADA)
        assert contact is not None
    hubspot = sandbox.hubspot.contact(ADA)
    with sandbox.lock:
        sandbox.hubspot.account.store.update(hubspot, {"email": "new@acme.example"})
    erase(clock)
    ask(clock)
    assert sandbox.hubspot.contacts == {}


@pytest.mark.parametrize("kind", ["500", "503", "429", "reset", "lost_answer", "truncated_json", "redirect"])
def test_whatever_goes_wrong_it_is_asked_until_it_confirms(sandbox: Sandbox, clock: FakeClock, kind: str) -> None:
    pushed(clock, ADA)
    erasure = erase(clock)
    sandbox.add_fault(kind, times=6)
    for _ in range(8):
        ask(clock)
        clock.advance(minutes=30)
    assert there(sandbox) == set()
    assert states(erasure) == ALL_CONFIRMED


def test_the_wait_grows_and_nobody_is_given_up(sandbox: Sandbox, clock: FakeClock) -> None:
    pushed(clock, ADA)
    erase(clock)
    sandbox.add_fault("500", times=1_000_000, path="/brevo")
    waits = []
    for _ in range(16):
        ask(clock)
        one = Deletion.objects.get(platform="brevo")
        assert (one.status, one.processing_status, one.address) == ("Queued", "Queued", ADA)
        assert one.due_at is not None
        waits.append(one.due_at - clock.now())
        clock.advance(seconds=waits[-1].total_seconds() + 1)
    assert waits == sorted(waits) or waits[-1] >= timedelta(hours=24)
    assert waits[0] < timedelta(minutes=2)
    sandbox.clear_faults()
    ask(clock)
    assert Deletion.objects.get(platform="brevo").status == "Complete"


def test_a_wrong_key_of_one_platform_holds_up_no_other(sandbox: Sandbox, clock: FakeClock, settings: Any) -> None:
    pushed(clock, ADA, BOB)
    settings.BREVO_API_KEY = "xkeysib-wrong"
    erasures = [erase(clock), erase(clock, BOB)]
    before = len(sandbox.brevo.requests)
    report = ask(clock)
    assert not report.stopped
    for erasure in erasures:
        assert states(erasure) == {**ALL_CONFIRMED, "Brevo": "waits"}
        assert not certificate(erasure)["complete"]
        assert sentence(certificate(erasure)) == "Erased here; Brevo has not confirmed yet."
    assert len(sandbox.brevo.requests) - before <= 2, "a wrong key costs no more than those under way at once"
    assert "Brevo rejected the key (401)" in (Deletion.objects.filter(platform="brevo")[0].reason or "")
    from sandbox.brevo.account import DEFAULT_KEY

    settings.BREVO_API_KEY = DEFAULT_KEY
    clock.advance(hours=1)
    ask(clock)
    assert states(erasures[0]) == states(erasures[1]) == ALL_CONFIRMED


def test_a_platform_that_asks_to_slow_down_is_left_alone_and_no_other(sandbox: Sandbox, clock: FakeClock) -> None:
    pushed(clock, ADA, BOB)
    erasures = [erase(clock), erase(clock, BOB)]
    sandbox.add_fault("429", times=2, path="/mautic")
    ask(clock)
    assert states(erasures[0])["Brevo"] == states(erasures[1])["HubSpot"] == "confirmed"
    for _ in range(2):
        clock.advance(hours=1)
        ask(clock)
    assert states(erasures[0]) == states(erasures[1]) == ALL_CONFIRMED


def test_what_a_platform_says_without_a_confirmation_is_none(sandbox: Sandbox, clock: FakeClock) -> None:
    """HubSpot at another version: a 404 that speaks of no contact."""
    pushed(clock, ADA)
    erasure = erase(clock)
    from django.conf import settings as used

    used.HUBSPOT_API_VERSION = "2026-01"
    try:
        ask(clock)
    finally:
        used.HUBSPOT_API_VERSION = "2026-09"
    assert states(erasure)["HubSpot"] == "waits"
    assert "There is no such HubSpot API" in (Deletion.objects.get(platform="hubspot").reason or "")


def test_a_worker_that_is_killed_in_the_middle_costs_nothing(sandbox: Sandbox, clock: FakeClock) -> None:
    pushed(clock, ADA)
    erasure = erase(clock)
    claim(ERASURE, ERASURE.policy(), now=clock.now(), size=10)  # and the worker dies
    assert ask(clock).state is None
    clock.advance(minutes=7)
    ask(clock)
    assert states(erasure) == ALL_CONFIRMED
    assert there(sandbox) == set()


def test_a_push_that_is_under_way_cannot_bring_the_person_back(sandbox: Sandbox, clock: FakeClock) -> None:
    Contact.objects.create(email=ADA, name="Ada Lovelace", phone_number="(212) 555-0123")
    queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
    (person,) = claim(BREVO, BREVO.policy(), now=clock.now(), size=1).to_push
    erasure = erase(clock)
    assert erasure.look_again_at == person.lease
    ask(clock)
    assert states(erasure) == {**ALL_CONFIRMED, "Brevo": "waits"}
    # Now it arrives, and the answer with it.
    with BREVO.open(_limiter(clock)) as service:
        (outcome,) = service.push([person.contact])
    answer = Rejected(f"Brevo refused {ADA}, Ada Lovelace, +12125550123.")
    for said in (outcome, answer):
        settle(BREVO, BREVO.policy(), [Result(person, said)], run=None, now=clock.now(), chance=lambda: 0.0)
    assert there(sandbox) == {"Brevo"}
    shell = Contact.objects.get()
    assert (shell.email, shell.brevo_sync_status, shell.brevo_contact_id) == (None, "Skipped", None)
    assert not certificate(erasure)["complete"]
    clock.advance(seconds=LEASE.total_seconds() + 1)
    ask(clock)
    erasure.refresh_from_db()
    assert states(erasure) == ALL_CONFIRMED
    assert certificate(erasure)["complete"]
    assert there(sandbox) == set()
    assert not SyncAttempt.objects.filter(reason__contains="ada").exists()


def _limiter(clock: FakeClock) -> Any:
    from curation_sdk.ratelimit import RateLimiter

    return RateLimiter(1000.0, clock)


def test_who_was_skipped_while_a_run_had_him_may_be_on_the_wire(sandbox: Sandbox, clock: FakeClock) -> None:
    from curation_sdk import runs
    from curation_sdk.queueing import skip_contacts

    Contact.objects.create(email=ADA)
    queue_contacts(BREVO, Contact.objects.all(), now=clock.now())
    claim(BREVO, BREVO.policy(), now=clock.now(), size=1)
    runs.take_slot(BREVO, BREVO.policy(), trigger=SyncRun.Trigger.ADMIN, now=clock.now())
    skip_contacts(BREVO, Contact.objects.all(), reason="No.")
    erase(clock)
    assert Deletion.objects.get(platform="brevo").due_at == clock.now() + LEASE
    assert Deletion.objects.get(platform="mautic").due_at == clock.now()


def test_a_platform_that_is_off_is_not_asked_and_the_certificate_says_so(
    sandbox: Sandbox, clock: FakeClock, settings: Any
) -> None:
    pushed(clock, ADA)
    settings.MAUTIC_USERNAME = settings.MAUTIC_PASSWORD = ""
    erasure = erase(clock)
    ask(clock)
    assert states(erasure) == {**ALL_CONFIRMED, "Mautic": "not asked"}
    said = {one["platform"]: one["text"] for one in certificate(erasure)["platforms"]}
    assert said["Mautic"].startswith("Not asked. Mautic is switched off: ")
    assert said["Mautic"].endswith("If Mautic has the person, delete them there by hand.")
    assert "Deliveries went there: " in said["n8n"]
    erasure.refresh_from_db()
    assert certificate(erasure)["complete"]


def test_a_platform_that_is_switched_off_meanwhile_waits(sandbox: Sandbox, clock: FakeClock, settings: Any) -> None:
    erasure = erase(clock)
    settings.MAUTIC_USERNAME = settings.MAUTIC_PASSWORD = ""
    ask(clock)
    assert states(erasure)["Mautic"] == "waits"


def test_two_erasures_of_one_person_are_one(sandbox: Sandbox, clock: FakeClock) -> None:
    pushed(clock, ADA)
    first, second = erase(clock), erase(clock)
    assert first == second
    assert Suppression.objects.filter(reason="erased").count() == 1
    ask(clock)
    assert states(first) == ALL_CONFIRMED


def test_an_erased_person_who_is_stored_again_is_pushed_nowhere_and_erased_again(
    sandbox: Sandbox, clock: FakeClock
) -> None:
    pushed(clock, ADA)
    erase(clock)
    ask(clock)
    with connection.cursor() as cursor:  # as a scraper does
        cursor.execute(
            "INSERT INTO contacts (id, email, name) VALUES (%s, %s, %s)",
            ["7f0c8a3e5d6b4a7c9e1f2a3b4c5d6e7f", " ADA@acme.example", "Ada Lovelace"],
        )
    for job in PLATFORMS:
        result = queue_contacts(job, Contact.objects.exclude(email=None), now=clock.now())
        assert result.skipped == {"erased": 1}
        run_cycle(job, trigger=SyncRun.Trigger.COMMAND, clock=clock)
    assert there(sandbox) == set()
    assert erase_who_came_back(now=clock.now()) == 1
    assert not Contact.objects.exclude(email=None).exists()
    again = Erasure.objects.first()
    assert again is not None
    assert again.why == "The person had been erased before, and was stored again."
    ask(clock)
    assert states(again) == ALL_CONFIRMED
    assert erase_who_came_back(now=clock.now()) == 0


def test_a_row_without_an_address_goes_by_its_ids(sandbox: Sandbox, clock: FakeClock) -> None:
    from erasure.erasing import whose

    pushed(clock, ADA)
    contact = Contact.objects.get()
    Contact.objects.update(email=None)
    erasure = erase_person(whose(contact := Contact.objects.get()), by="ada", why="Asked.", now=clock.now())
    ask(clock)
    assert there(sandbox) == set()
    assert erasure.key_hash == ""
    assert Contact.objects.get(pk=contact.pk).name is None
    assert not Suppression.objects.exists()


# --- The command ----------------------------------------------------------------------------------------------


def test_the_command_erases_and_says_that_all_confirmed(
    sandbox: Sandbox, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    pushed(clock, ADA)
    call_command("erase_contact", ADA, "--yes", "--why", f"Ticket 812 of {ADA}")
    said = capsys.readouterr().out
    assert "Erased here and on every platform that was asked." in said
    assert '"why": "Ticket 812 of [erased]"' in said
    assert ADA not in said
    assert there(sandbox) == set()
    call_command("erase_contact", ADA, "--certificate")
    assert '"complete": true' in capsys.readouterr().out


def test_the_command_tells_what_waits(sandbox: Sandbox, clock: FakeClock, settings: Any) -> None:
    pushed(clock, ADA)
    settings.BREVO_API_KEY = "wrong"
    with pytest.raises(CommandError, match=r"Brevo has not confirmed yet\. A worker goes on with it\.") as raised:
        call_command("erase_contact", str(Contact.objects.get().pk), "--yes")
    assert raised.value.returncode == 1


@pytest.mark.parametrize("given", ["nobody", "@", "9d7f4c8e-8c2b-4c1c-9a52-3a7d3f0f6f11", ""])
def test_the_command_refuses_who_is_nobody(db: None, given: str) -> None:
    with pytest.raises(CommandError) as raised:
        call_command("erase_contact", given, "--yes")
    assert raised.value.returncode == 2


def test_a_dry_run_shows_and_erases_nothing(
    sandbox: Sandbox, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    pushed(clock, ADA)
    call_command("erase_contact", ADA, "--dry-run")
    said = capsys.readouterr().out
    assert "Contacts to be emptied: 1" in said
    assert "Brevo: is asked to delete the address and 1 id." in said
    assert Contact.objects.get().email == ADA
    assert not Erasure.objects.exists()
    assert {HUBSPOT.label, MAUTIC.label, N8N.label} <= {line.partition(":")[0] for line in said.splitlines()}


def test_what_a_platform_says_of_the_person_is_kept_without_the_address(sandbox: Sandbox, clock: FakeClock) -> None:
    """It stands in the history of runs when it stops one, and nobody looks there once more."""
    from brevo_sync.client import BrevoError, Kind
    from curation_sdk.outcomes import NO_EVIDENCE
    from erasure import services

    erase(clock)

    def refuse(address: str, _: Any) -> bool:
        raise BrevoError(Kind.TRANSIENT, f"Brevo cannot delete {address.upper()} now.", NO_EVIDENCE)

    service = services.ErasureService(dict.fromkeys(("brevo", "hubspot", "mautic"), refuse), {}, clock)
    (outcome,) = service.push(list(Deletion.objects.filter(platform="brevo")))
    assert outcome == services.Retry("Brevo cannot delete [erased] now.", evidence=NO_EVIDENCE)
