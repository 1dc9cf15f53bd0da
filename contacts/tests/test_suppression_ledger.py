"""The ledger: what is recorded, what a person lifts, and how erased people are known again."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from brevo_sync.job import BREVO
from contacts.address_hash import AddressHash, address_hash
from contacts.models import Contact, Suppression
from contacts.suppression import (
    OptOut,
    erased_keys,
    in_force,
    lift,
    lost_key,
    of_person,
    suppress,
    suppress_erased,
    suppressed_keys,
)
from curation_sdk.handed_over import hand_over
from curation_sdk.queueing import queue_contacts
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
Reason = Suppression.Reason
ADA = "ada@acme.example"


def unsubscribed(address: str = ADA, **more: Any) -> OptOut:
    return OptOut(address, Reason.UNSUBSCRIBED, **more)


def test_each_reason_and_source_is_recorded_once() -> None:
    assert suppress([unsubscribed(), unsubscribed(" ADA@acme.example")], "Brevo", now=NOON) == 1
    assert suppress([unsubscribed()], "Brevo", now=NOON + timedelta(days=1)) == 0
    assert suppress([unsubscribed()], "Mautic", now=NOON) == 1
    assert suppress([OptOut(ADA, Reason.COMPLAINT, "marked as spam")], "Brevo", now=NOON) == 1

    rows = Suppression.objects.order_by("source", "reason").values_list("reason", "source", "note", "since")
    assert list(rows) == [
        ("complaint", "Brevo", "marked as spam", NOON),
        ("unsubscribed", "Brevo", "", NOON),
        ("unsubscribed", "Mautic", "", NOON),
    ]


def test_the_time_is_that_of_the_event_and_never_in_the_future() -> None:
    then = NOON - timedelta(days=3)
    suppress([unsubscribed(since=then)], "Brevo", now=NOON)
    suppress([unsubscribed("bob@x.example", since=NOON + timedelta(hours=5))], "Brevo", now=NOON)

    assert dict(Suppression.objects.values_list("email_key", "since")) == {ADA: then, "bob@x.example": NOON}


@pytest.mark.parametrize("address", ["", " ", "\n", "x" * 320 + "@x.example"], ids=ascii)
def test_what_cannot_be_a_contacts_address_is_passed_over(address: str) -> None:
    assert suppress([unsubscribed(address)], "Brevo", now=NOON) == 0
    assert not Suppression.objects.exists()


def test_rubbish_in_an_address_or_note_is_stored_as_the_database_takes_it() -> None:
    suppress([OptOut("a\x00da@x.example", Reason.BLOCKED, "why\x00 \ud800not")], "Brevo", now=NOON)
    assert Suppression.objects.get().note == "why  ?not"


def test_many_at_once() -> None:
    many = [unsubscribed(f"p{number}@x.example") for number in range(2500)]
    assert suppress(many, "Brevo", now=NOON) == 2500
    assert suppress(many, "Brevo", now=NOON) == 0
    assert len(suppressed_keys([one.address for one in many])) == 2500


def test_a_person_lifts_everything_that_holds_and_it_stays_on_record(make_contact: Make) -> None:
    contact = make_contact(ADA)
    suppress([unsubscribed()], "Brevo", now=NOON)
    suppress([OptOut(ADA, Reason.HARD_BOUNCE)], "Mautic", now=NOON)

    assert lift(ADA, by="grace", why=" Signed up again by form. ", now=NOON + timedelta(hours=1)) == 2

    assert suppressed_keys([ADA]) == set()
    assert queue_contacts(BREVO, Contact.objects.filter(pk=contact.pk), now=NOON).queued == 1
    assert {(one.lifted_by, one.lift_reason) for one in of_person(ADA)} == {("grace", "Signed up again by form.")}
    assert lift(ADA, by="grace", why="again", now=NOON) == 0


def test_nothing_is_lifted_without_a_reason() -> None:
    suppress([unsubscribed()], "Brevo", now=NOON)
    with pytest.raises(ValueError, match="reason"):
        lift(ADA, by="grace", why="  ", now=NOON)
    assert in_force().count() == 1


def test_who_opts_out_again_after_a_lift_is_suppressed_again(make_contact: Make) -> None:
    make_contact(ADA)
    suppress([unsubscribed()], "Brevo", now=NOON)
    lift(ADA, by="grace", why="a mistake", now=NOON)

    assert suppress([unsubscribed()], "Brevo", now=NOON) == 1
    assert queue_contacts(BREVO, Contact.objects.all(), now=NOON).skipped == {"suppressed": 1}


def test_the_hash_is_an_hmac_and_the_database_makes_the_same(make_contact: Make, settings: Any) -> None:
    key = hashlib.sha256(settings.ERASURE_KEY.encode()).digest()
    for address in (ADA, "münchen@bücher.example", "o'neil+x@x.example", None):
        make_contact(address)
    rows = Contact.objects.annotate(hashed=AddressHash(F("email_key"))).values_list("email_key", "hashed")
    assert len(rows) == 4
    for found, hashed in rows:
        assert hashed == address_hash(found or "")
        assert hashed[9:] == hmac.new(key, (found or "").encode(), "sha256").hexdigest()


def test_an_erased_person_leaves_only_a_hash_and_is_known_again(make_contact: Make) -> None:
    suppress([OptOut(ADA, Reason.COMPLAINT, "ada@acme.example marked it as spam")], "Brevo", now=NOON)

    suppress_erased(ADA, "A person", now=NOON)

    kept = str(list(Suppression.objects.values_list()))
    assert "ada" not in kept
    assert address_hash(ADA) in kept
    assert sorted(Suppression.objects.values_list("reason", flat=True)) == ["complaint", "erased"]
    assert erased_keys([ADA, "bob@x.example"]) == suppressed_keys([ADA, "bob@x.example"]) == {ADA}

    contact, other = make_contact("Ada@ACME.example "), make_contact("bob@x.example")
    result = queue_contacts(BREVO, Contact.objects.all(), now=NOON)
    contact.refresh_from_db()
    other.refresh_from_db()
    assert (result.queued, result.skipped) == (1, {"erased": 1})
    assert contact.brevo_processing_error == "Erased on 2026-11-24: this person asked to be forgotten."
    assert contact.brevo_error_cause == "Erased on …: this person asked to be forgotten."
    assert other.brevo_sync_status == "Queued"


def test_the_address_of_an_erased_person_does_not_come_back_with_his_next_opt_out() -> None:
    suppress_erased(ADA, "A person", now=NOON)
    suppress_erased(ADA, "A person", now=NOON)

    assert suppress([unsubscribed(), unsubscribed("bob@x.example")], "Brevo", now=NOON) == 1
    assert sorted(in_force().values_list("email_key", flat=True)) == ["", "bob@x.example"]


def test_an_erased_person_can_come_back_by_his_own_wish(make_contact: Make) -> None:
    make_contact(ADA)
    suppress([unsubscribed()], "Brevo", now=NOON)
    suppress_erased(ADA, "A person", now=NOON)

    assert lift(ADA, by="grace", why="He signed up again.", now=NOON) == 2
    assert queue_contacts(BREVO, Contact.objects.all(), now=NOON).queued == 1


def test_another_key_is_noticed_and_nobody_is_handed_over(make_contact: Make, settings: Any) -> None:
    make_contact("bob@x.example")
    queue_contacts(BREVO, Contact.objects.all(), now=NOON)
    suppress_erased(ADA, "A person", now=NOON)
    assert lost_key() == ""

    settings.ERASURE_KEY = "another"

    assert "ERASURE_KEY" in lost_key()
    assert hand_over(BREVO, now=NOON, size=5, lease=timedelta(minutes=1), refuse=lambda contact: None) == []


@pytest.mark.parametrize("columns", [{}, {"email_key": ADA, "key_hash": "x"}], ids=["neither", "both"])
def test_a_row_has_an_address_or_a_hash(columns: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Suppression.objects.create(**columns)


def test_a_plain_insert_suppresses(make_contact: Make) -> None:
    make_contact(ADA)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO suppressions (id, email_key) VALUES (%s, %s)", ["00000000000000000000000000000001", ADA]
        )
    assert queue_contacts(BREVO, Contact.objects.all(), now=NOON).skipped == {"suppressed": 1}
