"""Peak memory of `manage.py brevo_sync` that pushes 10,000 contacts, and of one that pushes 200,000.

    DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres python -m bench.memory [--few 10000] [--many 200000]

A process of its own for each, as an operator would start it; the sandbox answers at once.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from bench.report import show
from bench.sandbox_process import SandboxProcess, sandbox_process
from bench.scratch import scratch

if TYPE_CHECKING:
    from scrapersky.tests.processes import ScratchDatabase


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=10_000, help="contacts (%(default)s)", metavar="N")
    parser.add_argument("--many", type=int, default=200_000, help="contacts (%(default)s)", metavar="N")
    options = parser.parse_args()
    with sandbox_process("--rate-limit", "0") as sandbox, scratch() as database:
        few = _peak_megabytes(database, sandbox, options.few)
        many = _peak_megabytes(database, sandbox, options.many)
    rows = [(options.few, few, 1.0), (options.many, many, many / few)]
    show("Peak memory of manage.py brevo_sync", ("contacts pushed", "megabytes", "ratio"), rows)


def _peak_megabytes(database: ScratchDatabase, sandbox: SandboxProcess, count: int) -> float:
    from contacts.models import Contact

    Contact.objects.all()._raw_delete(using="default")
    sandbox.control("POST", "reset")
    for start in range(0, count, 10_000):
        numbers = range(start, min(start + 10_000, count))
        Contact.objects.bulk_create([Contact(email=f"p{number}@acme.example", name="Ada L") for number in numbers])
    settings = sandbox.settings(BREVO_RATE_LIMIT_PER_SECOND="100000", BREVO_CONCURRENCY="8", DEBUG="false")
    process = database.start("brevo_sync", "--queue-all-new", log=None, **settings)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, output
    done = Contact.objects.filter(brevo_sync_status="Complete").count()
    assert done == count, f"{done} of {count} contacts are Complete: {output}"
    return usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
