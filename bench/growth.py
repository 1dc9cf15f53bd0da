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
    ("filter, curation", "contact_curation_status=New", "contact_curation_status__exact=New"),
    ("filter, curation, 200 contacts", "contact_curation_status=Error", "contact_curation_status__exact=Error"),
    ("filter, e-mail type", "email_type=FREE", "email_type__exact=FREE"),
    ("filter, e-mail type, none", "email_type=UNKNOWN", "email_type__exact=UNKNOWN"),
    ("filter, Gmail", "has_gmail=true", "has_gmail__exact=1"),
    ("two filters, rare", "brevo_sync_status=Error&email_type=FREE", "brevo_sync_status=Error&email_type=FREE"),
    ("three filters", "", "contact_curation_status__exact=Complete&email_type__exact=FREE&has_gmail__exact=1"),
    ("filter and order by name", "", "brevo_sync_status__exact=Error&o=2"),
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
    """Adds up the time that queries take, and how many of them count statuses."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.counts = 0

    def __call__(self, execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        self.counts += "GROUP BY" in sql
        started = time.perf_counter()
        try:
            return execute(sql, *arguments)
        finally:
            self.seconds += time.perf_counter() - started


def use(schema: str) -> None:
    """From here on the tables of this schema are meant; both stand in one database."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path = {schema}, public")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """The whole time and that in the database, in milliseconds."""
    from django.db import connection

    clock = Clock()
    started = time.perf_counter()
    with connection.execute_wrapper(clock):
        work()
    return (time.perf_counter() - started) * 1000, clock.seconds * 1000


def measure(work: Callable[[], object], runs: int) -> tuple[float, float, float, float, float]:
    """Medians for the small table and the large one, whole and in the database, and the median of the ratios.

    In turn, so that what else the machine does meets both.
    """
    small: list[tuple[float, float]] = []
    large: list[tuple[float, float]] = []
    for run in range(runs + 1):
        for schema, times in (("small", small), ("large", large)):
            use(schema)
            if run == 0:
                work()  # warms up
            else:
                times.append(timed(work))
    ratio = median(after[0] / before[0] for before, after in zip(small, large, strict=True))
    (whole, database), (whole_large, database_large) = (
        map(median, zip(*times, strict=True)) for times in (small, large)
    )
    return whole, whole_large, ratio, database, database_large


def browser() -> Any:
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    users = get_user_model().objects
    client.force_login(users.filter(username="root").first() or users.create_superuser("root", password="x"))
    return client


def names() -> dict[str, str]:
    """Of one contact in the middle of the small table; the large one has as many like it."""
    from contacts.models import Contact

    use("small")
    number = Contact.objects.count() // 2
    contact = Contact.objects.exclude(email=None).select_related("domain")[number]
    assert contact.email
    assert contact.name
    assert contact.domain
    surname = contact.name.split()[1].lower()
    return {"address": contact.email[:-4], "domain": contact.domain.domain[:7], "name": surname}


def figures(runs: int) -> dict[str, tuple[float, ...]]:
    """Everything that is measured, by its name; see `measure`."""
    from datetime import timedelta

    from django.db import transaction
    from django.utils import timezone

    from brevo_sync.job import BREVO
    from contacts.models import Contact
    from curation_sdk.claiming import claim, due

    client = browser()
    found: dict[str, tuple[float, ...]] = {}
    words = names()

    def get(path: str, query: str = "") -> None:
        answer = client.get(f"{path}?{query.format(**words)}")
        assert answer.status_code == 200, f"{path}?{query}: {answer.status_code}"

    def claim_ten() -> None:
        with transaction.atomic():
            assert claim(BREVO, BREVO.policy(), now=timezone.now(), size=10).to_push
            transaction.set_rollback(True)

    def one_contact() -> None:
        get(f"/admin/contacts/contact/{Contact.objects.values_list('pk', flat=True).first()}/change/")

    found["admin: one contact"] = measure(one_contact, runs)
    found["claim of 10"] = measure(claim_ten, runs)
    found["is anything due?"] = measure(lambda: due(BREVO, now=timezone.now()).exists(), runs)
    long_ago = timezone.now() - timedelta(days=3650)
    found["is anything due? nothing is"] = measure(lambda: due(BREVO, now=long_ago).exists(), runs)
    for title, query, admin_query in QUESTIONS:
        if query or not admin_query:
            found[f"API: {title}"] = measure(partial(get, "/api/v3/contacts", query), runs)
        if admin_query or not query:
            found[f"admin: {title}"] = measure(partial(get, "/admin/contacts/contact/", admin_query), runs)

    return found


def summary(runs: int) -> tuple[float, float, float]:
    """A count from the index alone, the summary's own, and the median of their ratios: in milliseconds."""
    from django.db import connection

    from brevo_sync.job import BREVO
    from curation_sdk import status_counts

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM contacts")
            cursor.fetchall()

    def ours() -> None:
        status_counts.statuses_changed(BREVO)
        status_counts.status_counts(BREVO)

    use("large")
    bare()
    ours()
    pairs = [(timed(bare)[1], timed(ours)[1]) for _ in range(runs)]
    count, counts = (median(times) for times in zip(*pairs, strict=True))
    return count, counts, median(after / before for before, after in pairs)


def readers(number: int, seconds: float) -> tuple[float, int, int]:
    """So many browsers at the strip above the list, asking as it does.

    Returns the database's seconds, how often the table was counted, and how many answers they got.
    """
    import threading

    from django.db import connection

    spent, counted, answers, lock = [0.0], [0], [0], threading.Lock()
    all_there = threading.Barrier(number)

    def read(start_after: float) -> None:
        use("large")
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
            counted[0] += clock.counts
        connection.close()

    threads = [threading.Thread(target=read, args=(place * 2.0 / number,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return spent[0], counted[0], answers[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=21, help="for which the browsers ask")
    options = parser.parse_args()
    with scratch(BREVO_API_KEY="xkeysib-bench", ALLOWED_HOSTS="testserver") as database:
        if not database.url.startswith("postgres"):
            sys.exit("Set DATABASE_URL to a PostgreSQL server: on SQLite nothing of this is promised.")
        from bench.crowd import make_contacts

        make_contacts(SMALL, schema="small")
        make_contacts(options.large, schema="large")
        found = figures(options.runs)
        columns = (f"{SMALL:,}", f"{options.large:,}", "ratio", f"database {SMALL:,}", f"database {options.large:,}")
        show("Milliseconds, median", ("", *columns), [(name, *values) for name, values in found.items()])
        one, ten = readers(1, options.seconds), readers(10, options.seconds)
        show(
            f"Status summary at {options.large:,}",
            ("", "first", "second", "ratio"),
            [
                ("ms: count from the index alone, summary", *summary(options.runs)),
                ("one browser at the strip, ten: counts of the table", one[1], ten[1], ten[1] / max(one[1], 1)),
                ("… seconds in the database", one[0], ten[0], ten[0] / one[0]),
                ("… answers", one[2], ten[2], ten[2] / one[2]),
            ],
        )


if __name__ == "__main__":
    main()
