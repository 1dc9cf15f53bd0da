"""`manage.py import_suppressions FILE.csv`: people who must not be pushed, from a CSV file into the ledger."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.utils import timezone

from contacts.importing.command import Counts, ImportCommand
from contacts.importing.opt_outs import COLUMNS, OptOutImporter, read_opt_outs
from contacts.importing.problems import Refusal
from contacts.importing.source import Source


class Command(ImportCommand):
    help = (
        "Suppress the addresses of a CSV file in UTF-8, for every platform. A row that cannot be taken is reported "
        "with its line and does not stop the rest; what is in force already stays as it is. "
        "Exit code: 0 all rows are in, 1 some are not, 2 the file cannot be imported, 130 stopped."
    )
    file_help = (
        f'"-" reads standard input. Columns, in any order, at least email: {", ".join(COLUMNS)}. '
        "Or one address a line, without a header."
    )

    def begin(
        self, source: Source, on_refused: Callable[[Refusal], None], *, dry_run: bool
    ) -> tuple[Counts, Callable[[], None]]:
        now = timezone.now()
        importer = OptOutImporter(on_refused=on_refused, now=now, dry_run=dry_run)
        return importer.tally, partial(importer.run, read_opt_outs(source, now=now))
