"""What the admin's pages cost with a million contacts beside ten thousand: `python -m bench.pages`. PostgreSQL only.

Whole requests through Django's test client, in turn on a small table and on a large one, and the queries of each.
The bound is that of issue 5: at most twice the time, at most 30 queries. "first" is a page in a process that has just
started and has counted nothing yet.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from bench.growth import SMALL, browser, use
from bench.report import show
from bench.scratch import scratch

LIST = "/admin/contacts/contact/"

#: Three common values, each with another platform.
THREE = f"{LIST}?brevo_sync_status__exact=Complete&hubspot_sync_status__exact=New&mautic_sync_status__exact="

#: Pages by what people call them. {contact} is one in the middle of the table.
PAGES = {
    "contacts": LIST,
    "contacts, a filter": f"{LIST}?brevo_sync_status__exact=Error",
    "contacts, three filters, many": f"{THREE}New",
    "contacts, three filters, the oldest": f"{THREE}Error",
    "contacts, three filters, nobody": f"{THREE}Complete",
    "contacts, by e-mail type": f"{LIST}?email_type__exact=FREE",
    "contacts, by name": f"{LIST}?o=2",
    "contacts, a filter, by name": f"{LIST}?brevo_sync_status__exact=Complete&o=2",
    "contacts, page 50 of a filter": f"{LIST}?brevo_sync_status__exact=Complete&p=50",
    "search, a common name": f"{LIST}?q=anna",
    "search, a rare name": f"{LIST}?q=garcia7a",
    "search, a name of nobody": f"{LIST}?q=qqxyzzy",
    "search, every fifth domain": f"{LIST}?q=.example",
    "search, two words": f"{LIST}?q=garcia+media",
    "search, two letters": f"{LIST}?q=an",
    "search, two letters of nobody": f"{LIST}?q=qq",
    "search and a filter": f"{LIST}?q=anna&mautic_sync_status__exact=Error",
    "a contact": "/admin/contacts/contact/{contact}/change/",
    "the lines above the contacts": "/admin/sync/strip/",
    "dashboard": "/admin/sync/",
    "dashboard, its figures": "/admin/sync/state/",
    "errors": "/admin/sync/errors/",
    "errors of a queue": "/admin/sync/brevo/errors/",
    "connections": "/admin/sync/connections/",
    "a connection": "/admin/sync/brevo/connection/",
    "suppressions": "/admin/contacts/suppression/",
    "suppressions, an address": "/admin/contacts/suppression/?q=anna%40example.com",
    "events": "/admin/webhooks/platformevent/",
    "comparison": "/admin/sync/brevo/comparison/",
    "privacy": "/admin/sync/privacy/",
    "import": "/admin/sync/import/",
    "runs": "/admin/curation_sdk/syncrun/",
    "attempts": "/admin/curation_sdk/syncattempt/",
    "history": "/admin/curation_sdk/bulkoperation/",
}


class Queries:
    """Counts them."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.number += 1
        return execute(*arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    keys = {"BREVO_API_KEY": "xkeysib-bench", "HUBSPOT_API_KEY": "bench", "N8N_WEBHOOK_URL": "https://n8n.example/x"}
    with scratch(ALLOWED_HOSTS="testserver", DEBUG="false", **keys) as database:
        if not database.url.startswith("postgres"):
            sys.exit("Set DATABASE_URL to a PostgreSQL server: on SQLite nothing of this is promised.")
        from bench.crowd import make_contacts

        make_contacts(SMALL, schema="small", platforms=True)
        make_contacts(options.large, schema="large", platforms=True)
        rows = [(name, *measure(path, options.runs)) for name, path in PAGES.items()]
        rows += [
            (f"{name}, first", *measure(PAGES[name], options.runs, first=True)) for name in ("contacts", "dashboard")
        ]
        show("Milliseconds, median", ("", f"{SMALL:,}", f"{options.large:,}", "ratio", "queries"), rows)


def measure(path: str, runs: int, *, first: bool = False) -> tuple[float, float, float, int]:
    """Medians on the small table and on the large one, the median of the ratios, and the most queries."""
    client = browser()
    times: dict[str, list[float]] = {"small": [], "large": []}
    most = 0
    for run in range(runs + 1):
        for schema, found in times.items():
            use(schema)
            seconds, queries = timed(partial(client.get, path.format(contact=somebody(schema))), first=first)
            if run:  # the first one warms up
                found.append(seconds * 1000)
                most = max(most, queries)
    ratio = median(large / small for small, large in zip(*times.values(), strict=True))
    return median(times["small"]), median(times["large"]), ratio, most


def timed(get: Callable[[], Any], *, first: bool) -> tuple[float, int]:
    from django.db import connection

    if first:
        forget_counts()
    queries = Queries()
    started = time.perf_counter()
    with connection.execute_wrapper(queries):
        answer = get()
    assert answer.status_code == 200, f"{answer.request['PATH_INFO']}: {answer.status_code}"
    return time.perf_counter() - started, queries.number


def forget_counts() -> None:
    """As in a process that has just started."""
    from curation_sdk import status_counts

    status_counts._shared.clear()


def somebody(schema: str, known: dict[str, Any] = {}) -> Any:  # noqa: B006  (remembers)
    from contacts.models import Contact

    if schema not in known:
        known[schema] = Contact.objects.filter(brevo_sync_status="Complete").values_list("pk", flat=True)[100]
    return known[schema]


if __name__ == "__main__":
    main()
