"""Queueing a million: the time to the answer, and the whole work against the plain UPDATE of the same columns.

    DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres python -m bench.queueing [CONTACTS [ROUNDS]]

Each turn begins with a copy of the same database and a checkpoint, and plain and ours take turns, since the disk of a
machine is rarely only ours. The work is done in this process, by what the worker's task calls.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from bench.report import show
from bench.scratch import scratch

FILL = """
INSERT INTO contacts (id, email, email_type, name, phone_number, context, source_url, created_at, updated_at)
SELECT gen_random_uuid(), CASE WHEN n %% 50 = 0 THEN NULL ELSE 'person.' || n || '@firm-' || n / 20 || '.example' END,
    CASE n %% 3 WHEN 0 THEN 'SERVICE' WHEN 1 THEN 'CORPORATE' ELSE 'FREE' END, 'Person Number ' || n,
    '+1 212 555 ' || lpad((n %% 10000)::text, 4, '0'), 'Person ' || n || ' of the firm, open Monday to Saturday.',
    'https://www.firm-' || n / 20 || '.example/contact', now() - interval '30 days' + n * interval '10 ms', now()
FROM generate_series(1, %s) AS n
"""
SUPPRESS = """
INSERT INTO suppressions (id, email_key)
SELECT gen_random_uuid(), email_key FROM contacts WHERE email_key IS NOT NULL ORDER BY id LIMIT 1000
"""
PLAIN = """
UPDATE contacts SET brevo_sync_status = 'Queued', brevo_processing_status = 'Queued', brevo_processing_error = NULL,
    brevo_error_cause = NULL,
    brevo_retry_count = 0, brevo_next_attempt_at = now()
"""


def main(contacts: int, rounds: int) -> None:
    with scratch(BREVO_API_KEY="bench") as database:
        if not database.url.startswith("postgres"):
            sys.exit("This measures PostgreSQL: set DATABASE_URL.")
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(FILL, [contacts])
            cursor.execute(SUPPRESS)
            cursor.execute("VACUUM ANALYZE contacts")
            cursor.execute("VACUUM ANALYZE suppressions")
        fresh = _Copies(database.url)
        plain: list[float] = []
        ours: list[float] = []
        answers: dict[str, list[float]] = {"API": [], "admin": []}
        longest: list[float] = []
        try:
            for turn in range(rounds):
                fresh.make()
                plain.append(_plain())
                fresh.make()
                through = "API" if turn % 2 == 0 else "admin"
                answers[through].append(_ask(through, contacts))
                seconds, chunk = _work_off(contacts)
                ours.append(seconds)
                longest.append(chunk)
                print(f"round {turn + 1}: plain {plain[-1]:.1f} s, in the background {seconds:.1f} s", flush=True)
        finally:
            fresh.end()
    ratios = [mine / theirs for mine, theirs in zip(ours, plain, strict=True)]
    show(
        f"{contacts:,} contacts, {rounds} rounds in turn, PostgreSQL",
        ["what", "seconds, each round", "median"],
        [
            ["plain UPDATE", _list(plain), statistics.median(plain)],
            ["all of it in the background", _list(ours), statistics.median(ours)],
            ["ratio, round by round", _list(ratios), statistics.median(ratios)],
            ["longest chunk", _list(longest), statistics.median(longest)],
            *(
                [f"answer of the {name}", _list(some), statistics.median(some)]
                for name, some in answers.items()
                if some
            ),
        ],
    )


class _Copies:
    """The database in its first state, again and again, under its own name."""

    def __init__(self, url: str) -> None:
        self.server, _, self.name = url.rpartition("/")
        self.first = f"{self.name}_first"
        self._do(f"ALTER DATABASE {self.name} RENAME TO {self.first}")

    def make(self) -> None:
        self._do(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
        self._do(f"CREATE DATABASE {self.name} TEMPLATE {self.first}")
        self._do("CHECKPOINT")

    def end(self) -> None:
        """Leave one database under the name that is going to be dropped."""
        self._do(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
        self._do(f"ALTER DATABASE {self.first} RENAME TO {self.name}")

    def _do(self, statement: str) -> None:
        import psycopg
        from django.db import connection

        connection.close()
        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as server:
            server.execute(statement)


def _plain() -> float:
    from django.db import connection

    connection.ensure_connection()
    begun = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(PLAIN)
    return time.perf_counter() - begun


def _ask(through: str, contacts: int) -> float:
    """The time to the answer, by way of the project's own addresses; the admin's preview is counted afterwards."""
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.utils import timezone

    from brevo_sync.job import BREVO
    from curation_sdk import operations, workers

    client = Client(headers={"host": "localhost"})
    client.force_login(get_user_model().objects.create_superuser(f"bench-{through}"))
    form: dict[str, Any] = {"action": "queue_for_brevo", "select_across": "1", "_selected_action": ["x"], "index": "0"}
    client.get("/api/v3/contacts/brevo/sync/operations")  # a web server has loaded its code long before
    client.get("/admin/")
    workers.beat(now=timezone.now())  # else the admin counts in the foreground
    begun = time.perf_counter()
    if through == "API":
        answer = client.post("/api/v3/contacts/brevo/sync/filtered", {"all": True}, content_type="application/json")
        assert answer.status_code == 202, answer.content
    else:
        form["_selected_action"] = ["00000000-0000-0000-0000-000000000000"]
        answer = client.post("/admin/contacts/contact/", form)
        assert answer.status_code == 302, answer.content
    seconds = time.perf_counter() - begun
    if through == "admin":
        operations.work_off(BREVO, seconds=None, stop=lambda: False, on_queued=lambda operation: None)
        assert client.post(f"{answer.headers['Location']}confirm/").status_code == 302
    return seconds


def _work_off(contacts: int) -> tuple[float, float]:
    """The seconds of the whole work, and of its longest chunk."""
    from brevo_sync.job import BREVO
    from curation_sdk import operations
    from curation_sdk.models import BulkOperation

    chunks: list[float] = []
    chunk = operations._chunk

    def timed(*args: Any, **kwargs: Any) -> Any:
        begun = time.perf_counter()
        done = chunk(*args, **kwargs)
        chunks.append(time.perf_counter() - begun)
        return done

    operations._chunk = timed
    begun = time.perf_counter()
    operations.work_off(BREVO, seconds=None, stop=lambda: False, on_queued=lambda operation: None)
    seconds = time.perf_counter() - begun
    operations._chunk = chunk
    done = BulkOperation.objects.get()
    assert done.state == "finished", done.problem
    assert done.queued + done.already_queued + done.skipped_count == contacts, operations.sentence(BREVO, done)
    return seconds, max(chunks)


def _list(values: list[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*[*given, *[1_000_000, 3][len(given) :]])
