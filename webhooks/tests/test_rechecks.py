"""Contacts to be read again: collected, taken once, and not lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from curation_sdk.testing import NOON
from webhooks import rechecks
from webhooks.models import Recheck

pytestmark = pytest.mark.django_db

LATER = NOON + rechecks.COLLECT


def test_many_words_of_a_change_are_one_reading() -> None:
    for seconds in (0, 5, 9):
        rechecks.ask("brevo", ["a@x.example", "a@x.example"], now=NOON + timedelta(seconds=seconds))
    assert rechecks.take("brevo", 10, now=NOON) == [], "they are collected for a moment"
    assert rechecks.take("mautic", 10, now=LATER) == []
    (taken,) = rechecks.take("brevo", 10, now=LATER)
    assert taken.address == "a@x.example"
    assert rechecks.take("brevo", 10, now=LATER) == [], "it is in hand"
    rechecks.done(taken, now=LATER)
    assert not Recheck.objects.exists()


def test_a_change_during_the_reading_is_read_once_more() -> None:
    rechecks.ask("brevo", ["a@x.example"], now=NOON)
    (taken,) = rechecks.take("brevo", 10, now=LATER)
    rechecks.ask("brevo", ["a@x.example"], now=LATER)
    rechecks.done(taken, now=LATER)
    assert len(rechecks.take("brevo", 10, now=LATER + rechecks.COLLECT)) == 1


def test_what_a_dead_worker_had_in_hand_is_taken_again() -> None:
    rechecks.ask("brevo", ["a@x.example"], now=NOON)
    rechecks.take("brevo", 10, now=LATER)
    assert len(rechecks.take("brevo", 10, now=LATER + rechecks.LEASE)) == 1


def test_the_oldest_come_first() -> None:
    for seconds, address in enumerate(("b", "a", "c")):
        rechecks.ask("brevo", [address], now=NOON + timedelta(seconds=seconds))
    assert [one.address for one in rechecks.take("brevo", 2, now=LATER + rechecks.LEASE)] == ["b", "a"]


def test_failures_are_tried_again_a_few_times() -> None:
    rechecks.ask("brevo", ["a@x.example"], now=NOON)
    now = LATER
    for _ in range(rechecks.MOST_TRIES):
        (taken,) = rechecks.take("brevo", 10, now=now)
        rechecks.failed(taken, now=now)
        now += rechecks.AGAIN_AFTER
    assert not Recheck.objects.exists()


def test_given_back_it_is_due_at_once() -> None:
    rechecks.ask("brevo", ["a@x.example"], now=NOON)
    rechecks.give_back(rechecks.take("brevo", 10, now=LATER), now=LATER)
    assert len(rechecks.take("brevo", 10, now=LATER)) == 1


def test_what_was_asked_long_ago_is_forgotten() -> None:
    rechecks.ask("brevo", ["old@x.example", "mine@x.example"], now=NOON)
    rechecks.ask("brevo", ["mine@x.example"], now=LATER)
    assert rechecks.forget(before=LATER) == 1
    assert rechecks.forget(before=NOON, addresses=["mine@x.example"]) == 1
