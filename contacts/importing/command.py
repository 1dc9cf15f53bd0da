"""What `import_contacts` and `import_suppressions` have in common: the file, the report, the exit codes."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from contacts.importing.problems import FileRefused, Refusal
from contacts.importing.report import Report
from contacts.importing.source import Source, open_file

NOT_ALL, WRONG_USE, STOPPED = 1, 2, 130


class Counts(Protocol):
    """How many rows came to what, at any moment of an import."""

    refused: int

    def sentence(self, *, dry_run: bool) -> str:
        """All of it, for people."""

    def kept(self) -> str:
        """What stays of an import that is stopped, and what to do for the rest."""


class ImportCommand(BaseCommand):
    """A command that imports a CSV file, or standard input. A subclass says what is imported, and how."""

    file_help: str

    def begin(
        self, source: Source, on_refused: Callable[[Refusal], None], *, dry_run: bool
    ) -> tuple[Counts, Callable[[], None]]:
        """The count, and what does the import. The latter may raise FileRefused."""
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE.csv", help=self.file_help)
        parser.add_argument("--dry-run", action="store_true", help="Check and count only, write nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        path: str = options["file"]
        dry_run: bool = options["dry_run"]
        try:
            if path == "-":
                counts = self._import(sys.stdin.buffer, dry_run=dry_run)
            else:
                with open_file(path) as stream:
                    counts = self._import(stream, dry_run=dry_run)
        except FileRefused as refused:
            name = "standard input" if path == "-" else path
            raise CommandError(f"{name}: {refused}", returncode=WRONG_USE) from refused
        self.stdout.write(self.style.SUCCESS(counts.sentence(dry_run=dry_run)))
        if counts.refused:
            rows = "1 row was" if counts.refused == 1 else f"{counts.refused:,} rows were"
            raise CommandError(
                f"{rows} refused. Correct and import again: rows that are there are not imported twice.",
                returncode=NOT_ALL,
            )

    def _import(self, stream: BinaryIO, *, dry_run: bool) -> Counts:
        """Import what `stream` holds. Raise FileRefused, or CommandError when it is stopped on the way."""
        with Source(stream, terminal=self.stderr) as source:
            report = Report(source, self.stderr)
            counts, run = self.begin(source, report.refused, dry_run=dry_run)
            try:
                run()
            except KeyboardInterrupt:
                raise CommandError(f"Stopped. {_kept(counts, dry_run=dry_run)}", returncode=STOPPED) from None
            except OperationalError as error:  # locked for too long, gone away, disk full
                message = f"The database: {error}. {_kept(counts, dry_run=dry_run)}"
                raise CommandError(message, returncode=NOT_ALL) from error
            finally:
                report.finish()
        return counts


def _kept(counts: Counts, *, dry_run: bool) -> str:
    return "Nothing was written." if dry_run else counts.kept()
