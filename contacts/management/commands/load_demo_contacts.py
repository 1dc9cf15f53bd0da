"""`manage.py load_demo_contacts`: made-up contacts into the table, or into a CSV file."""

from __future__ import annotations

import csv
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from contacts.demo import demo_contacts
from contacts.importing.columns import COLUMNS
from contacts.importing.problems import Refusal
from contacts.importing.rows import clean_row
from contacts.importing.run import Importer, NumberedRow
from contacts.lawful_basis import COLUMNS as BASIS

#: Nobody has a lawful basis for writing to people who are made up.
_WRITTEN = tuple(column for column in COLUMNS if column not in BASIS)


class Command(BaseCommand):
    help = (
        "Load made-up contacts, the same ones every time: those that are there already are left as they are. "
        "Nothing is sent anywhere."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=_count, default=300, help="How many (300).")
        parser.add_argument("--csv", metavar="PATH", help="Write them to this file instead, for import_contacts.")

    def handle(self, *args: Any, **options: Any) -> None:
        count: int = options["count"]
        path: str | None = options["csv"]
        message = _load(count) if path is None else _write(Path(path), count)
        self.stdout.write(self.style.SUCCESS(message))


def _load(count: int) -> str:
    """Load the contacts as an import would, so that the file of --csv holds the same ones. Return what happened."""
    importer = Importer(on_refused=_impossible)
    importer.run(_rows(count))
    tally = importer.tally
    return f"{tally.imported:,} made-up contacts loaded, {tally.existing:,} already there."


def _rows(count: int) -> Iterator[NumberedRow]:
    for number, contact in enumerate(demo_contacts(count), start=1):
        row = clean_row(_WRITTEN, [contact[column] for column in _WRITTEN])
        assert row is not None
        yield NumberedRow(number, row)


def _impossible(refusal: Refusal) -> None:
    raise CommandError(f"Made-up contact {refusal.line} was refused: {refusal.message}.")


def _write(path: Path, count: int) -> str:
    """Write the contacts to a CSV file. Raise CommandError when that cannot be done."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _WRITTEN)
            writer.writeheader()
            writer.writerows(demo_contacts(count))
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.", returncode=2) from error
    return f"{count:,} made-up contacts written to {path}."


def _count(text: str) -> int:
    """Return the number for --count. Raise ArgumentTypeError when it is none, or less than one."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ArgumentTypeError(f"{text!r} is not a number of contacts, 1 or more")
    return int(text)
