"""A large table is counted once for all who ask; a small one each time, and any one afresh after a change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from brevo_sync.job import BREVO
from contacts.models import Contact
from curation_sdk import status_counts
from curation_sdk.models import StatusCounts
from curation_sdk.queueing import cancel_queued, queue_contacts, skip_contacts
from curation_sdk.status_counts import keep_status_counts, kept_counts, statuses_changed
from curation_sdk.status_counts import status_counts as counts_of
from hubspot_sync.job import HUBSPOT

Make = Callable[..., Contact]


class Counting:
    """Counts how often the table is really counted, and can hold a count up."""

    def __init__(self) -> None:
        self.times = 0
        self.seconds = 0.0
        self.now = 1000.0
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.answer: dict[str, int] = {"New": 1}

    def count(self, job: Any) -> dict[str, int]:
        self.times += 1
        answer = dict(self.answer)
        self.begun.set()
        assert self.go_on.wait(10)
        self.now += self.seconds
        return answer


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counting]:
    """A table that counts as large, a clock that is set."""
    counting = Counting()
    monkeypatch.setattr(status_counts, "_shared", {})
    monkeypatch.setattr(status_counts, "LARGE", 1)
    monkeypatch.setattr(status_counts, "_count", counting.count)
    monkeypatch.setattr(status_counts.time, "monotonic", lambda: counting.now)
    return counting


def test_a_small_table_is_counted_each_time(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_counts, "LARGE", 2)

    for number in range(3):
        counting.answer = {"New": 1, "Queued": 0, "Error": 0, "Skipped": 0, "Processing": 0, "Complete": 0}
        counts_of(BREVO)
        assert counting.times == number + 1


def test_a_large_tables_count_serves_for_two_seconds(counting: Counting) -> None:
    counts_of(BREVO)
    counting.answer = {"New": 2}
    counting.now += 1.9
    assert counts_of(BREVO) == {"New": 1}
    counting.now += 0.2
    assert counts_of(BREVO) == {"New": 2}
    assert counting.times == 2


def test_a_count_that_takes_long_serves_for_longer(counting: Counting) -> None:
    counting.seconds = 0.5
    counts_of(BREVO)
    counting.now += 9.9
    counts_of(BREVO)
    assert counting.times == 1
    counting.now += 0.2
    counts_of(BREVO)
    assert counting.times == 2


def test_the_answer_is_the_callers_own(counting: Counting) -> None:
    counts_of(BREVO)["New"] = 99
    assert counts_of(BREVO) == {"New": 1}


def test_ten_at_once_cost_one_count(counting: Counting) -> None:
    counting.go_on.clear()
    answers: list[dict[str, int]] = []
    threads = [threading.Thread(target=lambda: answers.append(counts_of(BREVO))) for _ in range(10)]
    for thread in threads:
        thread.start()
    assert counting.begun.wait(10)
    counting.go_on.set()
    for thread in threads:
        thread.join(10)

    assert answers == [{"New": 1}] * 10
    assert counting.times == 1


@pytest.mark.django_db
def test_a_change_while_it_is_being_counted_is_not_missed(counting: Counting) -> None:
    counting.go_on.clear()
    early = threading.Thread(target=counts_of, args=(BREVO,))
    early.start()
    assert counting.begun.wait(10)
    counting.answer = {"Queued": 1}
    statuses_changed(BREVO)
    counting.go_on.set()

    assert counts_of(BREVO) == {"Queued": 1}
    early.join(10)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda contacts: queue_contacts(BREVO, contacts, now=timezone.now()),
        lambda contacts: cancel_queued(BREVO, contacts),
        lambda contacts: skip_contacts(BREVO, contacts, reason="no"),
    ],
    ids=["queue", "cancel", "skip"],
)
def test_what_this_process_changed_is_counted_at_once(
    counting: Counting, make_contact: Make, change: Callable[[Any], Any]
) -> None:
    make_contact()
    counts_of(BREVO)
    change(Contact.objects.all())
    counts_of(BREVO)

    assert counting.times == 2


@pytest.mark.django_db(transaction=True)
def test_what_was_counted_before_the_commit_is_counted_again_after_it(counting: Counting) -> None:
    with transaction.atomic():
        statuses_changed(BREVO)
        counts_of(BREVO)
        counts_of(BREVO)
        assert counting.times == 1
    counts_of(BREVO)
    assert counting.times == 2


@pytest.mark.django_db
def test_the_contract_is_right_at_once(monkeypatch: pytest.MonkeyPatch, make_contact: Make, admin_client: Any) -> None:
    monkeypatch.setattr(status_counts, "LARGE", 1)
    monkeypatch.setattr(status_counts, "_shared", {})
    url = "/api/v3/contacts/brevo"
    contact = make_contact()
    assert admin_client.get(f"{url}/status/summary").json()["new"] == 1

    body = {"contact_ids": [str(contact.pk)]}
    admin_client.post(f"{url}/sync/batch", body, content_type="application/json")
    assert admin_client.get(f"{url}/status/summary").json()["queued"] == 1
    admin_client.post(f"{url}/sync/cancel", body, content_type="application/json")
    assert admin_client.get(url).json()["summary"]["new"] == 1


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="reads PostgreSQL's plan")
def test_the_counts_come_from_the_index_alone(make_contact: Make) -> None:
    make_contact()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        with connection.cursor() as cursor:
            if not sql.startswith("EXPLAIN"):
                cursor.execute(f"EXPLAIN {sql}", params)
                seen.extend(row[0] for row in cursor.fetchall())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        assert counts_of(BREVO)["New"] == 1

    assert any("Index Only Scan" in line for line in seen), seen


def test_a_page_begins_with_what_is_known_unless_this_process_changed_it(counting: Counting, db: None) -> None:
    counts_of(BREVO)
    counting.now += 500
    counts_of(BREVO, start=kept_counts())
    assert counting.times == 1
    counts_of(BREVO)
    assert counting.times == 2
    counting.now += 601
    counts_of(BREVO, start=kept_counts())
    assert counting.times == 3
    statuses_changed(BREVO)
    counts_of(BREVO, start=kept_counts())
    assert counting.times == 4


@pytest.fixture
def new_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Forget what this process knows, in a world in which one contact is a large table."""
    monkeypatch.setattr(status_counts, "LARGE", 1)

    def forget() -> None:
        for known in (status_counts._shared, status_counts._changes, status_counts._kept_at):
            known.clear()

    forget()
    yield forget
    forget()


@pytest.mark.django_db
def test_a_page_of_a_new_process_begins_with_what_a_worker_kept(
    new_process: Callable[[], None], make_contact: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    make_contact("ada@x.example")
    status_counts.keep_status_counts(BREVO)
    make_contact("bob@x.example")
    new_process()
    with django_assert_num_queries(1):
        assert counts_of(BREVO, start=kept_counts())["New"] == 1
    assert counts_of(BREVO)["New"] == 2, "whoever wants fresh numbers gets them"
    assert StatusCounts.objects.get().counts["New"] == 2


@pytest.mark.django_db
def test_what_was_kept_gets_old_and_is_nothing_beside_a_change_of_our_own(
    new_process: Callable[[], None], make_contact: Callable[..., Any]
) -> None:
    make_contact("ada@x.example")
    status_counts.keep_status_counts(BREVO)
    make_contact("bob@x.example")
    new_process()
    statuses_changed(BREVO)
    assert counts_of(BREVO, start=kept_counts())["New"] == 2
    StatusCounts.objects.update(counts={"New": 1}, counted_at=timezone.now() - timedelta(seconds=601))
    new_process()
    assert counts_of(BREVO, start=kept_counts())["New"] == 2


@pytest.mark.django_db
def test_small_tables_are_counted_and_not_kept(make_contact: Callable[..., Any]) -> None:
    make_contact("ada@x.example")
    status_counts.keep_status_counts(BREVO)
    assert not StatusCounts.objects.exists()


def test_after_its_work_a_worker_counts_once_a_minute(
    db: None, monkeypatch: pytest.MonkeyPatch, make_contact: Make, django_assert_num_queries: Any
) -> None:
    now = 1000.0
    monkeypatch.setattr(status_counts, "_shared", {})
    monkeypatch.setattr(status_counts, "_kept_at", {})
    monkeypatch.setattr(status_counts, "LARGE", 1)
    monkeypatch.setattr(status_counts.time, "monotonic", lambda: now)

    make_contact()
    keep_status_counts(BREVO)
    assert kept_counts()["brevo"]["New"] == 1
    make_contact()
    now += 59.9
    statuses_changed(BREVO)  # else what this process counted before would still be good
    with django_assert_num_queries(0):
        keep_status_counts(BREVO)
    keep_status_counts(HUBSPOT)  # each platform for itself
    assert {name: counts["New"] for name, counts in kept_counts().items()} == {"brevo": 1, "hubspot": 2}
    now += 0.2
    keep_status_counts(BREVO)
    assert kept_counts()["brevo"]["New"] == 2
