"""`manage.py import_contacts FILE.csv`: contacts from a CSV file into the table."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from contacts.importing.columns import COLUMNS
from contacts.importing.problems import FileRefused
from contacts.importing.report import Report
from contacts.importing.run import Importer, Tally, read_rows
from contacts.importing.source import Source, open_file

NOT_ALL, WRONG_USE, STOPPED = 1, 2, 130


class Command(BaseCommand):
    help = (
        "Import contacts from a CSV file in UTF-8. A row that cannot be imported is reported with its line "
        "and does not stop the rest; a row that was imported before is not imported again. "
        "Exit code: 0 all rows are in, 1 some are not, 2 the file cannot be imported, 130 stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file",
            metavar="FILE.csv",
            help=f'"-" reads standard input. Columns, in any order, at least email: {", ".join(COLUMNS)}.',
        )
        parser.add_argument("--dry-run", action="store_true", help="Check and count only, write nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        path: str = options["file"]
        dry_run: bool = options["dry_run"]
        try:
            if path == "-":
                tally = self._import(sys.stdin.buffer, dry_run=dry_run)
            else:
                with open_file(path) as stream:
                    tally = self._import(stream, dry_run=dry_run)
        except FileRefused as refused:
            name = "standard input" if path == "-" else path
            raise CommandError(f"{name}: {refused}", returncode=WRONG_USE) from refused
        self.stdout.write(self.style.SUCCESS(_summary(tally, dry_run=dry_run)))
        if tally.refused:
            rows = "1 row was" if tally.refused == 1 else f"{tally.refused:,} rows were"
            raise CommandError(
                f"{rows} refused. Correct and import again: rows that are there are not imported twice.",
                returncode=NOT_ALL,
            )

    def _import(self, stream: BinaryIO, *, dry_run: bool) -> Tally:
        """Import what `stream` holds. Raise FileRefused, or CommandError when it is stopped on the way."""
        with Source(stream, terminal=self.stderr) as source:
            report = Report(source, self.stderr)
            importer = Importer(on_refused=report.refused, dry_run=dry_run)
            try:
                importer.run(read_rows(source))
            except KeyboardInterrupt:
                message = f"Stopped. {_kept(importer.tally, dry_run=dry_run)}"
                raise CommandError(message, returncode=STOPPED) from None
            except OperationalError as error:  # locked for too long, gone away, disk full
                message = f"The database: {error}. {_kept(importer.tally, dry_run=dry_run)}"
                raise CommandError(message, returncode=NOT_ALL) from error
            finally:
                report.finish()
        return importer.tally


def _summary(tally: Tally, *, dry_run: bool) -> str:
    read = "1 row" if tally.read == 1 else f"{tally.read:,} rows"
    imported = "would be imported" if dry_run else "imported"
    return (
        f"{'Dry run, nothing written. ' if dry_run else ''}{read} read: {tally.imported:,} {imported}, "
        f"{tally.existing:,} already there, {tally.refused:,} refused."
    )


def _kept(tally: Tally, *, dry_run: bool) -> str:
    if dry_run:
        return "Nothing was written."
    contacts = "1 contact was" if tally.imported == 1 else f"{tally.imported:,} contacts were"
    return f"{contacts} imported before that and stay. Import the file again for the rest."
