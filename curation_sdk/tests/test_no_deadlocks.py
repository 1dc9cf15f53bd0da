"""Operators, an operation and two runs on the same contacts at the same moment, with real connections."""

from __future__ import annotations

import pytest
from django.db import connection

from bench.operators import NEVER, play
from curation_sdk import operations
from curation_sdk.database import one_bulk_writer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_counts_add_up_skips_stand_and_nothing_is_deadlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rounds; `python -m bench.operators` plays 200."""
    monkeypatch.setattr(operations, "FIRST_CHUNK", 20)
    monkeypatch.setattr(operations, "SMALLEST", 20)
    counted = play(5)
    assert {name: counted[name] for name in NEVER} == dict.fromkeys(NEVER, 0)
    assert counted["skips"] > 0
    assert counted["pushes"] > 100


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_who_writes_many_contacts_waits_for_the_others() -> None:
    from django.db import transaction

    with transaction.atomic():
        one_bulk_writer()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            assert cursor.fetchone()[0] == 1
