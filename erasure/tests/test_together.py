"""Two erasures of one person at once, and an erasure beside claims: real transactions, real threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from curation_sdk.claiming import claim
from curation_sdk.queueing import queue_contacts
from erasure.erasing import Who, erase_person
from erasure.models import Deletion, Erasure

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor == "sqlite", reason="one writer at a time, and the tests' database has one thread"
    ),
]

ADA = "ada@acme.example"


def at_once(*work: Callable[[], Any]) -> list[Any]:
    """Do all of it in threads that begin together. Returns what each returned, or raises what one raised."""
    begin, results = threading.Barrier(len(work)), dict[int, Any]()

    def run(place: int, one: Callable[[], Any]) -> None:
        begin.wait()
        try:
            results[place] = one()
        except BaseException as error:  # noqa: BLE001 - raised by whoever waits
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results.values():
        if isinstance(result, BaseException):
            raise result
    return [results[place] for place in range(len(work))]


def erase(now: datetime) -> Erasure:
    return erase_person(Who(ADA), by="ada", why="Asked.", now=now)


def test_two_at_once_are_one_erasure() -> None:
    for number in range(20):
        Contact.objects.create(email=ADA, brevo_contact_id=str(number))
    now = timezone.now()
    first, second = at_once(lambda: erase(now), lambda: erase(now))
    assert first == second
    assert Suppression.objects.get().reason == "erased"
    assert Erasure.objects.get().done["contacts emptied"] == 20
    assert sorted(Deletion.objects.get(platform="brevo").remote_ids.split()) == sorted(map(str, range(20)))
    assert not Contact.objects.exclude(email=None).exists()


@pytest.mark.parametrize("round_", range(5))
def test_nobody_is_claimed_behind_an_erasure_without_being_waited_for(round_: int) -> None:
    """Either the claim comes first, and Brevo is asked when it has passed; or the erasure, and nobody is claimed."""
    now = timezone.now()
    for number in range(5):
        Contact.objects.create(email=ADA, name=f"Ada {number}")
        Contact.objects.create(email=f"p{number}@acme.example")
    queue_contacts(BREVO, Contact.objects.all(), now=now)
    taken = at_once(lambda: erase(now), *[lambda: claim(BREVO, BREVO.policy(), now=now, size=4) for _ in range(3)])
    hers = [person for one in taken[1:] for person in one.to_push if person.contact.email == ADA]
    due = Deletion.objects.get(platform="brevo").due_at
    assert due == max([person.lease for person in hers], default=now)
    assert not Contact.objects.exclude(email=None).filter(email_key=ADA).exists()
