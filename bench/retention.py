"""Does the table grow with every full re-sync? `python -m bench.retention [--contacts 100000] [--resyncs 10]`.

PostgreSQL only. Each re-sync queues every contact with the project's own `queue_contacts` and then writes what a claim
and a settlement write, in parts, to all of them; autovacuum runs as it is set up. After each the table says how many
rows live and how many are dead, and how large it and its indexes are. On a server whose autovacuum is switched off, a
VACUUM after each re-sync stands in for it; `--no-vacuum` shows what happens without.
"""

from __future__ import annotations

import argparse
import sys
import time

from bench.report import show
from bench.scratch import scratch

#: Rows per claim and settlement. A real run takes ten to some hundred; here only the table is looked at.
PART = 5_000

_CLAIM = """
UPDATE contacts SET brevo_sync_status = 'Processing', brevo_processing_status = 'Processing',
    brevo_retry_count = brevo_retry_count + 1, brevo_next_attempt_at = now() + interval '6 minutes'
WHERE id IN (SELECT id FROM contacts WHERE brevo_processing_status IN ('Queued', 'Processing')
    AND brevo_next_attempt_at <= now() ORDER BY brevo_next_attempt_at, id LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id
"""

_SETTLE = """
UPDATE contacts SET brevo_sync_status = 'Complete', brevo_processing_status = 'Complete', brevo_retry_count = 0,
    brevo_next_attempt_at = NULL, brevo_processing_error = NULL, brevo_error_cause = NULL, brevo_synced_at = now()
WHERE id = ANY(%s) AND brevo_processing_status = 'Processing'
"""

_SIZES = """
SELECT n_live_tup, n_dead_tup, pg_table_size('contacts') / 1048576, pg_indexes_size('contacts') / 1048576,
    autovacuum_count
FROM pg_stat_user_tables WHERE relname = 'contacts'
"""


def resync() -> None:
    """Queue, claim and settle every contact that has an address."""
    from django.db import connection
    from django.utils import timezone

    from brevo_sync.job import BREVO
    from curation_sdk.queueing import queue_contacts

    queue_contacts(BREVO, BREVO.contacts.all(), now=timezone.now())
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_CLAIM, [PART])
            taken = [key for (key,) in cursor.fetchall()]
            if not taken:
                return
            cursor.execute(_SETTLE, [taken])


def sizes() -> tuple[int, ...]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(_SIZES)
        return tuple(int(value) for value in cursor.fetchone())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--resyncs", type=int, default=10)
    parser.add_argument("--no-vacuum", action="store_true")
    options = parser.parse_args()
    with scratch() as database:
        if not database.url.startswith("postgres"):
            sys.exit("Set DATABASE_URL to a PostgreSQL server: SQLite reuses its space by itself.")
        from django.db import connection

        from bench.crowd import make_contacts

        make_contacts(options.contacts)
        time.sleep(1)  # the statistics come with a delay
        by_hand = _setting("autovacuum") == "off" and not options.no_vacuum
        rows: list[tuple[object, ...]] = [("start", *sizes(), 0.0)]
        for number in range(1, options.resyncs + 1):
            started = time.monotonic()
            resync()
            seconds = time.monotonic() - started
            if by_hand:
                with connection.cursor() as cursor:
                    cursor.execute("VACUUM ANALYZE contacts")
            time.sleep(1)
            rows.append((number, *sizes(), seconds))
            print(".", end="", flush=True)
        show(
            f"{options.contacts:,} contacts, {options.resyncs} full re-syncs, autovacuum "
            f"{_setting('autovacuum')}{', VACUUM after each re-sync' if by_hand else ''}",
            ("re-sync", "live", "dead", "table MB", "indexes MB", "autovacuums", "seconds"),
            rows,
        )


def _setting(name: str) -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
