"""`manage.py <platform>_setup`: is the account ready for us? A platform's command says what there is to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from curation_sdk.answers import PlatformError
from curation_sdk.database import database_fault
from curation_sdk.http import Unanswered
from curation_sdk.job import SyncJob
from curation_sdk.outcomes import StopRun, Throttled
from curation_sdk.setting_changes import in_force


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: is it well, and if not, what to do.

    `made`: we have just put it right. `can_make`: `--create` would. `about`: our name of the field that it is about.
    `note`: something is missing that a sync can do without.
    """

    ok: bool
    text: str
    made: bool = False
    can_make: bool = False
    about: str = ""
    note: bool = False


class SetupCommand(BaseCommand):
    """Subclass it, name the job, and yield what was found."""

    job: SyncJob
    create_help = "make what is missing"

    def findings(self, *, create: bool) -> Iterator[Finding]:
        """What there is to say about the account; with `create`, after making what is missing.

        Raises PlatformError, Unanswered, StopRun or Throttled when the account cannot be asked.
        """
        raise NotImplementedError

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--create", action="store_true", help=self.create_help)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            off, changed = self.job.off_reason(), in_force(self.job.platform)
        except DatabaseError as error:
            raise CommandError(database_fault() or str(error), returncode=1) from error
        label = self.job.label
        if off:
            raise CommandError(off, returncode=1)
        for sentence in changed:
            self.stdout.write(f"     {sentence}")
        wrong = can_make = 0
        try:
            for finding in self.findings(create=options["create"]):
                self.stdout.write(f"{self._mark(finding)} {finding.text}")
                wrong += not finding.ok
                can_make += finding.can_make
        except (StopRun, Throttled, PlatformError, Unanswered) as error:
            raise CommandError(f"{label} could not be asked. {error.reason}", returncode=1) from None
        if wrong:
            command = f"manage.py {self.job.platform}_setup --create"
            advice = f' "{command}" makes what is missing.' if can_make else ""
            raise CommandError(f"{wrong} to do.{advice}", returncode=1)
        self.stdout.write(self.style.SUCCESS(f"{label} is ready."))

    def _mark(self, finding: Finding) -> str:
        if not finding.ok:
            return self.style.ERROR("todo")
        return self.style.WARNING("note") if finding.note else self.style.SUCCESS("ok  ")
