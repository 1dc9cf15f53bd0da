"""Operators on the same contacts at the same moment, while runs are under way.

    DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres python -m bench.operators [ROUNDS]

Do the counts add up, does a skip stand, does the database ever have to end a deadlock? In each round two people queue
overlapping sets, a third skips some, a fourth curates, a fifth deletes, and an operation goes through all contacts in
chunks, while two runs claim, push and settle. Each is a thread with a connection of its own.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.report import show
from bench.scratch import scratch

CONTACTS = 240


@dataclass
class Round:
    """What happened in one round."""

    pushes: list[tuple[str, float]] = field(default_factory=list)  # address, when it began
    queued: list[tuple[set[str], float]] = field(default_factory=list)  # who was asked for, when it was committed
    skipped: list[tuple[set[str], set[str], float, float]] = field(default_factory=list)
    wrong_counts: list[str] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)


def play(rounds: int, *, seed: int = 1) -> Counter[str]:
    """Play so many rounds; what was counted. On the database that Django is set up for."""
    total: Counter[str] = Counter()
    before = deadlocks()
    for number in range(rounds):
        total += _judge(_round(random.Random(seed + number)))
    total["deadlocks"] = deadlocks() - before
    total["rounds"] = rounds
    return total


def deadlocks() -> int:
    """How many deadlocks PostgreSQL has ended in this database."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def _round(chance: random.Random) -> Round:
    from contacts.models import Contact

    Contact.objects.all().delete()
    Contact.objects.bulk_create(Contact(email=f"p{number}@x.example") for number in range(CONTACTS))
    played = Round()
    addresses = [f"p{number}@x.example" for number in range(CONTACTS)]
    over = threading.Event()
    operators = [
        _thread(played, lambda: _queue(played, _some(chance, addresses))),
        _thread(played, lambda: _queue(played, _some(chance, addresses))),
        _thread(played, lambda: _skip(played, _some(chance, addresses, 40))),
        _thread(played, lambda: _curate(_some(chance, addresses))),
        _thread(played, lambda: _delete(_some(chance, addresses, 5))),
        _thread(played, lambda: _operation(played)),
    ]
    runs = [_thread(played, lambda: _push(played, over)) for _ in range(2)]
    for thread in (*runs, *operators):
        thread.start()
    for thread in operators:
        thread.join()
    over.set()
    for thread in runs:
        thread.join()
    return played


def _some(chance: random.Random, addresses: Sequence[str], size: int = 150) -> list[set[str]]:
    """Three choices, each in another order when it comes to rows: the database finds them as it likes."""
    return [set(chance.sample(addresses, size)) for _ in range(3)]


def _thread(played: Round, work: Callable[[], None]) -> threading.Thread:
    from django.db import connection

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - shown by `_judge`
            played.errors.append(error)
        finally:
            connection.close()

    return threading.Thread(target=run)


def _queue(played: Round, choices: Sequence[set[str]]) -> None:
    from django.utils import timezone

    from brevo_sync.job import BREVO
    from contacts.models import Contact
    from curation_sdk.queueing import queue_contacts

    for chosen in choices:
        result = queue_contacts(BREVO, Contact.objects.filter(email__in=chosen), now=timezone.now())
        played.queued.append((chosen, time.monotonic()))
        # Some may have been deleted.
        if not len(chosen) - 15 <= result.total <= len(chosen):
            played.wrong_counts.append(f"{result} for {len(chosen)}")


def _skip(played: Round, choices: Sequence[set[str]]) -> None:
    from django.db import transaction

    from brevo_sync.job import BREVO
    from contacts.models import Contact
    from curation_sdk.database import one_bulk_writer
    from curation_sdk.queueing import skip_contacts

    for chosen in choices:
        time.sleep(0.03)
        begun = time.monotonic()
        with transaction.atomic():
            one_bulk_writer()
            rows = Contact.objects.filter(email__in=chosen)
            # Some may have been deleted, perhaps while a run had them in hand.
            there = {row.email: row.brevo_processing_status for row in rows.order_by("pk").select_for_update()}
            claimed = {email for email, status in there.items() if email and status == "Processing"}
            taken = skip_contacts(BREVO, rows, reason="Skipped by the third.")
            if taken.under_way != len(claimed):
                played.wrong_counts.append(f"{taken} for {len(claimed)} in a run's hands")
        played.skipped.append((chosen & set(there), claimed, begun, time.monotonic()))


def _curate(choices: Sequence[set[str]]) -> None:
    from contacts.curation import set_curation_status
    from contacts.models import Contact, CurationStatus

    for chosen in choices:
        set_curation_status(Contact.objects.filter(email__in=chosen), CurationStatus.QUEUED)


def _delete(choices: Sequence[set[str]]) -> None:
    from contacts.deleting import deleting_many
    from contacts.models import Contact

    for chosen in choices:
        with deleting_many():
            Contact.objects.filter(email__in=chosen).delete()


def _operation(played: Round) -> None:
    from django.utils import timezone

    from brevo_sync.job import BREVO
    from curation_sdk import operations
    from curation_sdk.models import BulkOperation, SyncRun

    operation = operations.request(
        BREVO,
        BulkOperation.Action.QUEUE,
        {"filters": {"contact_curation_status": "New"}},
        trigger=SyncRun.Trigger.API,
        user=None,
        now=timezone.now(),
    )
    # Whoever was skipped before it was asked for may be queued by it.
    played.queued.append(({f"p{number}@x.example" for number in range(CONTACTS)}, time.monotonic()))
    operations.work_off(BREVO, seconds=None, stop=lambda: False, on_queued=lambda operation: None)
    operation.refresh_from_db()
    if operation.state != "finished" or operations.result(BREVO, operation).total + operation.spared > CONTACTS:
        played.wrong_counts.append(f"{operation.state}: {operations.sentence(BREVO, operation)}")


def _push(played: Round, over: threading.Event) -> None:
    from brevo_sync.job import BREVO
    from curation_sdk.cycle import run_cycle
    from curation_sdk.models import SyncRun
    from curation_sdk.outcomes import Outcome
    from curation_sdk.testing import ScriptedPusher, scripted_job

    class Timed(ScriptedPusher):
        def push(self, contacts: Sequence[Any]) -> list[Outcome]:
            played.pushes.extend((contact.email, time.monotonic()) for contact in contacts)
            time.sleep(0.001)
            return super().push(contacts)

    job = scripted_job(BREVO, Timed(), max_instances=2, concurrency=4, batch_size=25, rate_per_second=100_000.0)
    while True:
        last = over.is_set()
        report = run_cycle(job, trigger=SyncRun.Trigger.COMMAND)
        if report.stopped:
            raise AssertionError(report.sentence())
        if last:
            return
        time.sleep(0.002)


def _judge(played: Round) -> Counter[str]:
    from django.db.models import Count

    from contacts.models import Contact

    if played.errors:
        raise played.errors[0]
    counted = Counter({"pushes": len(played.pushes), "counts that do not add up": len(played.wrong_counts)})
    held: set[str] = set()
    for chosen, claimed, begun, committed in played.skipped:
        # A run may still have in hand what it had at an earlier skip: it looks at a claim again only when it settles.
        held |= claimed
        counted["skips"] += len(chosen)
        # Asked for again after the skip, or at the same moment: the later word stands.
        again = set().union(*(queued for queued, when in played.queued if when >= begun))
        for address, when in played.pushes:
            if address in chosen - again and when > committed:
                known = "in a run's hands" if address in held else "that were not in a run's hands"
                counted[f"pushed after their skip, {known}"] += 1
    left = dict(Contact.objects.order_by().values_list("brevo_sync_status").annotate(Count("pk")))
    counted["neither queued, done nor skipped in the end"] = sum(
        count for status, count in left.items() if status not in ("New", "Complete", "Skipped")
    )
    return counted


#: What has to be none.
NEVER = (
    "deadlocks",
    "counts that do not add up",
    "pushed after their skip, that were not in a run's hands",
    "neither queued, done nor skipped in the end",
)


def main(rounds: int) -> None:
    with scratch(BREVO_API_KEY="bench") as database:
        if not database.url.startswith("postgres"):
            sys.exit("This is about PostgreSQL: set DATABASE_URL.")
        begun = time.monotonic()
        counted = play(rounds)
        names = sorted({*counted, *NEVER})
        show(
            f"{rounds} rounds in {time.monotonic() - begun:.0f} seconds",
            ["what", "how many"],
            [[n, counted[n]] for n in names],
        )
    sys.exit(any(counted[name] for name in NEVER))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
