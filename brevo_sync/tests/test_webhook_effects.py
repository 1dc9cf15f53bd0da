"""What Brevo's events change here: opt-outs are added and never lifted, in whatever order and number they come."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from brevo_sync.tests.test_webhook import TOKEN, send
from contacts.models import Contact, Suppression
from webhooks.models import PlatformEvent, Recheck
from webhooks.tasks import work_through_events

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
WHEN = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
SECONDS = int(WHEN.timestamp())


@pytest.fixture(autouse=True)
def tokens(settings: Any) -> None:
    settings.BREVO_WEBHOOK_TOKENS = [TOKEN]


def event(name: str, email: Any = "Ada@x.example", **more: Any) -> dict[str, Any]:
    return {"id": 501, "event": name, "email": email, "ts_event": SECONDS, **more}


def come(*bodies: Any) -> None:
    """They come, and a worker works through them."""
    for body in bodies:
        assert send(body).status_code == 200
    work_through_events()


def suppressed() -> list[tuple[str, str, str]]:
    return list(Suppression.objects.values_list("email_key", "reason", "source").order_by("email_key", "reason"))


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("unsubscribed", "unsubscribe"), "unsubscribed"),
        (("hard_bounce", "hard_bounced", "hardBounce"), "hard_bounce"),
        (("spam", "complaint"), "complaint"),
        (("blocked",), "blocked"),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_opt_outs_become_suppressions_under_every_name(names: tuple[str, ...], reason: str) -> None:
    """Also of people whom we do not know: we may find them tomorrow."""
    come(*(event(name, f"p{number}@x.example") for number, name in enumerate(names)))
    assert suppressed() == [(f"p{number}@x.example", reason, "Brevo") for number in range(len(names))]
    assert set(PlatformEvent.objects.values_list("state", "result").distinct()) == {
        ("applied", f"Suppressed: {Suppression.Reason(reason).label}.")
    }


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({}, "Unsubscribed in Brevo."),
        ({"list_id": [12]}, "Unsubscribed in Brevo, list 12."),
        ({"list_id": [12, 13], "camp_id": 88}, "Unsubscribed in Brevo, campaign 88, lists 12, 13."),
        (
            {"list_id": 12, "camp_id": 88, "campaign name": "May"},
            'Unsubscribed in Brevo, campaign "May" (88), list 12.',
        ),
        ({"reason": "no more.", "list_id": None}, "Unsubscribed in Brevo: no more."),
        ({"list_id": ["x"], "campaign name": "\x00\n"}, 'Unsubscribed in Brevo, campaign "  ".'),
    ],
    ids=str,
)
def test_the_note_names_list_and_campaign(more: dict[str, Any], note: str) -> None:
    come(event("unsubscribe", **more))
    assert Suppression.objects.get().note == note


@pytest.mark.parametrize(
    "body",
    [
        event("soft_bounce"),
        event("soft_bounced"),
        event("softBounce"),
        event("list_addition", list_id=[2]),
        event("delivered"),
        event("of_tomorrow"),
        event("unsubscribe", None),
        event("contact_updated", content=[{"email": "ada@x.example", "emailBlacklist": False}]),
        event("contact_updated", content={"emails": ["ada@x.example"], "link_list_ids": [41]}),
        {"event": ["unsubscribe"], "email": "ada@x.example"},
        {"event": {"a": 1}, "email": {"b": 2}, "content": 7, "ts": "x"},
        {},
    ],
    ids=str,
)
def test_what_is_no_opt_out_suppresses_nobody(make_contact: Make, body: Any) -> None:
    make_contact("ada@x.example", brevo_contact_id="9", brevo_sync_status="Complete")
    before = Contact.objects.values().get()
    come(body)
    assert suppressed() == []
    assert Contact.objects.values().get() == before, "and nothing is queued or pushed"
    assert PlatformEvent.objects.get().state in ("applied", "ignored")


@pytest.mark.parametrize(
    "content",
    [
        [{"email": "Ada@x.example", "emailBlacklist": True}],
        [{"emailBlacklisted": True}],
        {"emails": ["ada@x.example"], "emailBlacklisted": True},
    ],
    ids=str,
)
def test_a_contact_that_is_said_to_be_blocked(content: Any) -> None:
    come({"event": "contact_updated", "email": "ada@x.example", "ts": SECONDS, "content": content})
    assert suppressed() == [("ada@x.example", "blocked", "Brevo")]
    assert not Recheck.objects.exists(), "it need not be read"


def test_only_the_blocked_one_of_several() -> None:
    entries = [{"email": "a@x.example", "emailBlacklist": True}, {"email": "b@x.example", "emailBlacklist": False}]
    come({"event": "contact_updated", "ts": SECONDS, "content": entries})
    assert [one[0] for one in suppressed()] == ["a@x.example"]


def test_changed_contacts_of_ours_are_to_be_read_once(make_contact: Make) -> None:
    make_contact("ada@x.example")
    make_contact("ADA@x.example")
    come(*(event("contact_updated", ts=SECONDS + number, content=[{"attributes": {}}]) for number in range(3)))
    come(event("contact_updated", "stranger@x.example", ts=SECONDS))
    assert list(Recheck.objects.values_list("platform", "email_key")) == [("brevo", "ada@x.example")]


ATTRIBUTES = [{"email": "ada@x.example", "attributes": {"PHONE": "1"}}]
JOINED = {"emails": ["ada@x.example"], "link_list_ids": [2]}


def updated(content: Any, **more: Any) -> dict[str, Any]:
    return {"id": 5, "event": "contact_updated", "email": "ada@x.example", "ts": SECONDS, "content": content, **more}


@pytest.mark.parametrize(
    ("content", "after", "read"),
    [
        (ATTRIBUTES, 2, False),
        (JOINED, 2, False),
        ([{"email": "ada@x.example", "list": {"addition": [2]}}], 2, False),
        (ATTRIBUTES, -58, False),
        (ATTRIBUTES, 61, True),
        (ATTRIBUTES, -61, True),
        ([], 2, True),
        (None, 2, True),
        ([{"email": "ada@x.example"}], 2, True),
        ([{"email": "ada@x.example", "list": {"removal": [2]}}], 2, True),
        ({**JOINED, "unlink_list_ids": [3]}, 2, True),
        ([{**ATTRIBUTES[0], "emailBlacklist": False}], 2, True),
        ([*ATTRIBUTES, {"email": "ada@x.example", "news": 1}], 2, True),
    ],
    ids=str,
)
def test_the_echo_of_a_push_is_not_read(make_contact: Make, content: Any, after: int, read: bool) -> None:
    """Else each push would cost another call. What may speak of a block is read in any case."""
    pushed = WHEN - timedelta(seconds=after)
    make_contact("ada@x.example", brevo_sync_status="Complete", brevo_synced_at=pushed, brevo_contact_id="9")
    come(updated(content))
    assert Recheck.objects.exists() == read


def test_what_says_more_beside_an_echo_is_read(make_contact: Make) -> None:
    make_contact("ada@x.example", brevo_synced_at=WHEN)
    come(updated(ATTRIBUTES, emailBlacklisted=False))
    assert Recheck.objects.exists()


def test_a_block_within_a_push_counts(make_contact: Make) -> None:
    make_contact("ada@x.example", brevo_synced_at=WHEN)
    come(updated([{**ATTRIBUTES[0], "emailBlacklisted": True}]))
    assert suppressed() == [("ada@x.example", "blocked", "Brevo")]


def test_an_echo_that_is_quicker_than_we_are(make_contact: Make) -> None:
    """It comes while the push has not been stored yet."""
    columns = {"brevo_sync_status": "Processing", "brevo_processing_status": "Processing"}
    make_contact("ada@x.example", brevo_synced_at=WHEN - timedelta(days=9), **columns)
    come(updated(ATTRIBUTES))
    assert not Recheck.objects.exists()


def test_an_echo_whose_time_is_in_another_timezone(make_contact: Make) -> None:
    make_contact("ada@x.example", brevo_synced_at=timezone.now())
    come(updated(ATTRIBUTES, ts=int(timezone.now().timestamp()) - 7200))
    assert not Recheck.objects.exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time anyway")
def test_an_opt_out_does_not_wait_for_somebody_who_queues_a_million(make_contact: Make) -> None:
    make_contact("ada@x.example", brevo_contact_id="9")
    for name, waits in (("unsubscribe", False), ("contact_deleted", True)):
        assert send(event(name)).status_code == 200
        with CaptureQueriesContext(connection) as queries:
            work_through_events()
        assert any("pg_advisory_xact_lock" in one["sql"] for one in queries) == waits
    assert suppressed() == [("ada@x.example", "unsubscribed", "Brevo")]


# --- deletions ----------------------------------------------------------------------------------------------------


def deleted(email: Any = ("ada@x.example",), ts: int = SECONDS) -> dict[str, Any]:
    return {"id": 7, "event": "contact_deleted", "email": list(email), "date": "2026-11-20", "ts": ts}


def test_a_deletion_forgets_the_id_and_nothing_else(make_contact: Make) -> None:
    make_contact("ada@x.example", brevo_contact_id="47", mautic_contact_id="7", brevo_sync_status="Complete")
    before = Contact.objects.values().get()
    come(deleted())
    after = Contact.objects.values().get()
    assert {name for name in before if before[name] != after[name]} == {"brevo_contact_id"}
    assert after["brevo_contact_id"] is None
    assert "It is not made again there by itself" in PlatformEvent.objects.get().result
    assert suppressed() == []


def test_the_id_of_a_contact_that_was_pushed_after_its_deletion_stays(make_contact: Make) -> None:
    make_contact("ada@x.example", brevo_contact_id="48", brevo_synced_at=WHEN + timedelta(seconds=1))
    come(deleted())
    assert Contact.objects.get().brevo_contact_id == "48"
    come(deleted(ts=SECONDS + 1))
    assert Contact.objects.get().brevo_contact_id is None


# --- time, order, repetition --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "since"),
    [
        ({"ts_event": SECONDS}, WHEN),
        ({"ts_event": str(SECONDS)}, WHEN),
        ({"ts_epoch": SECONDS * 1000 + 500, "ts_event": 1}, WHEN + timedelta(seconds=0.5)),
        ({"ts": SECONDS}, WHEN),
        ({"ts_event": None, "ts": SECONDS}, WHEN),
    ],
    ids=str,
)
def test_the_time_of_an_opt_out_is_that_of_the_event(times: dict[str, Any], since: datetime) -> None:
    come({"event": "spam", "email": "a@x.example", **times})
    assert Suppression.objects.get().since == since


@pytest.mark.parametrize(
    "ts", [SECONDS * 1000, 4_000_000_000, 0, -5, 1, "x", [], {}, True, 1e300, "1e999", float("nan")], ids=str
)
def test_a_time_that_cannot_be_is_not_believed(ts: Any) -> None:
    come({"event": "spam", "email": "a@x.example", "ts_event": ts})
    assert Suppression.objects.get().since == PlatformEvent.objects.get().received_at


def test_whatever_the_order_and_number_the_result_is_the_same(make_contact: Make) -> None:
    bodies = [
        event("unsubscribe"),
        event("contact_updated", content=[{"email": "ada@x.example", "emailBlacklist": False}], ts=SECONDS + 60),
        deleted(ts=SECONDS + 30),
        event("list_addition", list_id=[2], ts_event=SECONDS + 90),
    ]
    results = set()
    for order in itertools.permutations(bodies):
        contact = make_contact("ada@x.example", brevo_contact_id="47", brevo_synced_at=WHEN)
        come([*order, *order])
        come(order[0], [order[-1]])
        results.add((*suppressed(), Contact.objects.get().brevo_contact_id))
        contact.delete()
        Suppression.objects.all().delete()
        PlatformEvent.objects.all().delete()
    assert results == {(("ada@x.example", "unsubscribed", "Brevo"), None)}


def test_a_person_s_lift_is_not_undone_by_a_repeat() -> None:
    come(event("unsubscribe"))
    Suppression.objects.all().delete()
    come(event("unsubscribe"))
    assert suppressed() == []
