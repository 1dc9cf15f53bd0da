"""100,000 rows through the page "Import", against `manage.py import_contacts`: time and peak memory.

    python -m bench.importing [--rows 100000]

A process of its own for each step, as the web server and the worker are; its start counts. On a machine that has other
things to do compare the processor time; that of a PostgreSQL server is not in it. On SQLite, or on the server
that DATABASE_URL names.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.report import show
from bench.scratch import scratch

if TYPE_CHECKING:
    from scrapersky.tests.processes import ScratchDatabase

COLUMNS = ("email", "name", "phone_number", "domain", "page_url", "context")

_UPLOAD = """
from django.utils import timezone
from contacts.importing.upload import receive
with open({path!r}, "rb") as file:
    receive(file, name="contacts.csv", size={size}, user=None, now=timezone.now())
"""

_CONFIRM = """
from django.utils import timezone
from contacts.importing.work import confirm
from contacts.models import ContactImport
assert confirm(ContactImport.objects.get(), user=None, now=timezone.now())
"""

_WORK = "from contacts.tasks import process_imports\nprocess_imports()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows in the file (%(default)s)", metavar="N")
    options = parser.parse_args()
    with scratch(DEBUG="false") as database, tempfile.TemporaryDirectory() as folder:
        path = write_file(Path(folder) / "contacts.csv", options.rows)
        command = _measure(database, "import_contacts", str(path))
        _check_and_clear(options.rows)
        steps = [
            ("manage.py import_contacts", *command),
            ("the upload", *_shell(database, _UPLOAD.format(path=str(path), size=path.stat().st_size))),
            ("its check", *_shell(database, _WORK)),
        ]
        _shell(database, _CONFIRM)
        steps.append(("its import", *_shell(database, _WORK)))
        _check_and_clear(options.rows)
    show(
        f"{options.rows:,} rows",
        ("step", "seconds", "of the processor", "ratio", "megabytes", "ratio"),
        [(name, seconds, busy, busy / command[1], size, size / command[2]) for name, seconds, busy, size in steps],
    )


def write_file(path: Path, rows: int) -> Path:
    """A file as a scraper would write it: twenty people for each domain."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(rows):
            domain = f"d{number // 20}.example"
            person = (f"p{number}@{domain}", f"Ada {number} Lovelace", f"+49 30 {number:07}")
            writer.writerow((*person, domain, f"https://{domain}/team", f"Call Ada {number}, our engineer, any day."))
    return path


def _shell(database: ScratchDatabase, code: str) -> tuple[float, float, float]:
    return _measure(database, "shell", "--verbosity", "0", "-c", code)


def _measure(database: ScratchDatabase, *arguments: str) -> tuple[float, float, float]:
    """Seconds, those of the processor, and megabytes of a command."""
    begun = time.monotonic()
    process = database.start(*arguments, DEBUG="false")
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, output
    return time.monotonic() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def _check_and_clear(rows: int) -> None:
    from contacts.models import Contact, Domain, Page

    there = Contact.objects.count()
    assert there == rows, f"{there} of {rows} rows were imported"
    for model in (Contact, Page, Domain):
        model._default_manager.all()._raw_delete(using="default")


if __name__ == "__main__":
    main()
