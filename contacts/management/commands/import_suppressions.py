"""`manage.py import_suppressions FILE.csv`: people who must not be pushed, from a CSV file into the ledger."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils import timezone

from contacts.importing.opt_outs import COLUMNS, OptOutImporter, Tally, read_opt_outs
from contacts.importing.problems import FileRefused
from contacts.importing.report import Report
from contacts.importing.source import Source, open_file

NOT_ALL, WRONG_USE, STOPPED = 1, 2, 130


class Command(BaseCommand):
    help = (
        "Suppress the addresses of a CSV file in UTF-8, for every platform. A row that cannot be taken is reported "
        "with its line and does not stop the rest; what is in force already stays as it is. "
        "Exit code: 0 all rows are in, 1 some are not, 2 the file cannot be imported, 130 stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file",
            metavar="FILE.csv",
            help=(
                f'"-" reads standard input. Columns, in any order, at least email: {", ".join(COLUMNS)}. '
                "Or one address a line, without a header."
            ),
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
        self.stdout.write(self.style.SUCCESS(tally.sentence(dry_run=dry_run)))
        if tally.refused:
            rows = "1 row was" if tally.refused == 1 else f"{tally.refused:,} rows were"
            raise CommandError(
                f"{rows} refused. Correct and import again: rows that are there are not imported twice.",
                returncode=NOT_ALL,
            )

    def _import(self, stream: BinaryIO, *, dry_run: bool) -> Tally:
        """Record what `stream` holds. Raise FileRefused, or CommandError when it is stopped on the way."""
        now = timezone.now()
        with Source(stream, terminal=self.stderr) as source:
            report = Report(source, self.stderr)
            importer = OptOutImporter(on_refused=report.refused, now=now, dry_run=dry_run)
            try:
                importer.run(read_opt_outs(source, now=now))
            except (KeyboardInterrupt, OperationalError) as error:
                kept = "Import the file again for the rest; what was recorded stays."
                if isinstance(error, KeyboardInterrupt):
                    raise CommandError(f"Stopped. {kept}", returncode=STOPPED) from None
                raise CommandError(f"The database: {error}. {kept}", returncode=NOT_ALL) from error
            finally:
                report.finish()
        return importer.tally
