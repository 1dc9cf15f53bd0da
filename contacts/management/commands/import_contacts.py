"""`manage.py import_contacts FILE.csv`: contacts from a CSV file into the table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from contacts.importing.columns import COLUMNS
from contacts.importing.command import Counts, ImportCommand
from contacts.importing.problems import Refusal
from contacts.importing.run import Importer, read_rows
from contacts.importing.source import Source


class Command(ImportCommand):
    help = (
        "Import contacts from a CSV file in UTF-8. A row that cannot be imported is reported with its line "
        "and does not stop the rest; a row that was imported before is not imported again. "
        "Exit code: 0 all rows are in, 1 some are not, 2 the file cannot be imported, 130 stopped."
    )
    file_help = f'"-" reads standard input. Columns, in any order, at least email: {", ".join(COLUMNS)}.'

    def begin(
        self, source: Source, on_refused: Callable[[Refusal], None], *, dry_run: bool
    ) -> tuple[Counts, Callable[[], None]]:
        importer = Importer(on_refused=on_refused, dry_run=dry_run)
        return importer.tally, partial(importer.run, read_rows(source))
