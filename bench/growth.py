"""What a million contacts cost beside ten thousand: `python -m bench.growth [--large 1000000]`. PostgreSQL only.

Each figure is the median of several runs, in milliseconds, in one process: whole requests through Django's test client
(log-in, query, JSON or HTML), and the time in the database as Django's own cursor sees it. The bounds are those of
issue 3: a list, a search or a claim at most twice, the summary no more than a count from the index alone, ten readers
no more than one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from bench.report import show
from bench.scratch import scratch

SMALL = 10_000

#: What is asked of the lists, for the API and for the admin.
QUESTIONS = (
    ("first page", "", ""),
    ("filter, common value", "brevo_sync_status=Complete", "brevo_sync_status__exact=Complete"),
    ("filter, 200 contacts", "brevo_sync_status=Error", "brevo_sync_status__exact=Error"),
    ("filter, no such contact", "brevo_sync_status=Processing", "brevo_sync_status__exact=Processing"),
    ("filter, other platform", "hubspot_sync_status=Error", ""),
    ("filter, curation", "contact_curation_status=Complete", "contact_curation_status__exact=Complete"),
    ("filter, curation, 200 contacts", "contact_curation_status=Error", "contact_curation_status__exact=Error"),
    ("filter, e-mail type", "email_type=FREE", "email_type__exact=FREE"),
    ("filter, e-mail type, none", "email_type=UNKNOWN", "email_type__exact=UNKNOWN"),
    ("filter, Gmail", "has_gmail=true", "has_gmail__exact=1"),
    ("two filters, rare", "brevo_sync_status=Error&email_type=FREE", "brevo_sync_status=Error&email_type=FREE"),
    ("search, one address", "email_contains={address}", "q={address}"),
    ("search, part of an address", "email_contains={domain}", "q={domain}"),
    ("search, in every fifth", "email_contains=.example", "q=.example"),
    ("search, in nobody", "email_contains=qqxyzzy", "q=qqxyzzy"),
    ("search, one name", "name_contains={name}", "q={name}"),
    ("search, a common name", "name_contains=garcia", "q=garcia"),
    ("search, two words", "", "q=garcia+{domain}"),
    ("search, two letters", "name_contains=qq", "q=qq"),
)


class Clock:
    """Adds up the time that queries take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            self.seconds += time.perf_counter() - started


def measure(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """The medians of the whole time and of that in the database, in milliseconds."""
    from django.db import connection

    whole, queries = [], []
    work()
    for _ in range(runs):
        clock = Clock()
        started = time.perf_counter()
        with connection.execute_wrapper(clock):
            work()
        whole.append((time.perf_counter() - started) * 1000)
        queries.append(clock.seconds * 1000)
    return median(whole), median(queries)


def browser() -> Any:
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    users = get_user_model().objects
    client.force_login(users.filter(username="root").first() or users.create_superuser("root", password="x"))
    return client


def names() -> dict[str, str]:
    """Of one contact in the middle of the table."""
    from contacts.models import Contact

    number = Contact.objects.count() // 2
    contact = Contact.objects.exclude(email=None).select_related("domain")[number]
    assert contact.email
    assert contact.name
    assert contact.domain
    surname = contact.name.split()[1].lower()
    return {"address": contact.email[:-4], "domain": contact.domain.domain[:7], "name": surname}


def figures(runs: int) -> dict[str, tuple[float, float]]:
    """Everything that is measured, by its name: whole and in the database."""
    from datetime import timedelta

    from django.db import connection, transaction
    from django.utils import timezone

    from brevo_sync.job import BREVO
    from curation_sdk.claiming import claim, due

    client, found = browser(), {}
    words = names()

    def get(path: str, query: str = "") -> None:
        answer = client.get(f"{path}?{query.format(**words)}")
        assert answer.status_code == 200, f"{path}?{query}: {answer.status_code}"

    def claim_ten() -> None:
        with transaction.atomic():
            assert claim(BREVO, BREVO.policy(), now=timezone.now(), size=10).to_push
            transaction.set_rollback(True)

    found["claim of 10"] = measure(claim_ten, runs)
    found["is anything due?"] = measure(lambda: due(BREVO, now=timezone.now()).exists(), runs)
    long_ago = timezone.now() - timedelta(days=3650)
    found["is anything due? nothing is"] = measure(lambda: due(BREVO, now=long_ago).exists(), runs)
    for title, query, admin_query in QUESTIONS:
        if query or not admin_query:
            found[f"API: {title}"] = measure(partial(get, "/api/v3/contacts", query), runs)
        if admin_query or not query:
            found[f"admin: {title}"] = measure(partial(get, "/admin/contacts/contact/", admin_query), runs)

    def count() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT brevo_sync_status, count(*) FROM contacts GROUP BY 1")
            cursor.fetchall()

    from curation_sdk import status_counts

    def afresh() -> None:
        status_counts.statuses_changed(BREVO)
        get("/api/v3/contacts/brevo/status/summary")

    found["count from the index alone"] = measure(count, runs)
    found["summary, counted afresh"] = measure(afresh, runs)
    return found


def readers(number: int, seconds: float) -> tuple[float, int]:
    """So many browsers at the strip above the list, asking as it does. Returns the database's seconds, and answers."""
    import threading

    from django.db import connection

    spent, answers, lock = [0.0], [0], threading.Lock()
    all_there = threading.Barrier(number)

    def read(start_after: float) -> None:
        client, clock = browser(), Clock()
        client.get("/api/v3/contacts/brevo/status/summary")
        all_there.wait()
        time.sleep(start_after)
        end = time.monotonic() + seconds - start_after
        with connection.execute_wrapper(clock):
            while time.monotonic() < end:
                assert client.get("/api/v3/contacts/brevo").status_code == 200
                with lock:
                    answers[0] += 1
                time.sleep(2.0)
        with lock:
            spent[0] += clock.seconds
        connection.close()

    threads = [threading.Thread(target=read, args=(place * 2.0 / number,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return spent[0], answers[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=21, help="for which the browsers ask")
    options = parser.parse_args()
    with scratch(BREVO_API_KEY="xkeysib-bench", ALLOWED_HOSTS="testserver") as database:
        if not database.url.startswith("postgres"):
            sys.exit("Set DATABASE_URL to a PostgreSQL server: on SQLite nothing of this is promised.")
        from bench.crowd import make_contacts, remove_contacts

        make_contacts(SMALL)
        small = figures(options.runs)
        remove_contacts()
        make_contacts(options.large)
        large = figures(options.runs)
        rows = [
            (name, before, large[name][0], large[name][0] / before, database_before, large[name][1])
            for name, (before, database_before) in small.items()
        ]
        columns = (f"{SMALL:,}", f"{options.large:,}", "ratio", f"database {SMALL:,}", f"database {options.large:,}")
        show("Milliseconds, median", ("", *columns), rows)
        count, fresh = large["count from the index alone"][1], large["summary, counted afresh"][1]
        one, ten = readers(1, options.seconds), readers(10, options.seconds)
        show(
            f"Status summary at {options.large:,}",
            ("", "first", "second", "ratio"),
            [
                ("ms in the database: bare count, summary with its log-in", count, fresh, fresh / count),
                ("seconds in the database: one browser at the strip, ten", one[0], ten[0], ten[0] / one[0]),
                ("answers they got", one[1], ten[1], ten[1] / one[1]),
            ],
        )


if __name__ == "__main__":
    main()
