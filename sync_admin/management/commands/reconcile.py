"""`manage.py reconcile brevo`: does the platform hold what is Complete here?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError
from django.utils import timezone

from curation_sdk.commands import INTERRUPTED
from curation_sdk.database import database_fault
from curation_sdk.shutdown import stop_on_signals
from reconciliation import engine
from reconciliation.beginning import begin
from reconciliation.models import Reconciliation
from reconciliation.retention import prune_of
from scrapersky.platforms import COMPARISONS, comparison_named


class Command(BaseCommand):
    """Compares in the foreground.

    Exit code: 0 when the comparison was finished, whatever it found; 1 when it could not be; 2 for wrong use; 130
    after Ctrl-C. What was read stays: the next one, or a worker, goes on.
    """

    help = "Compare what a platform holds with what is Complete here. Changes nothing there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("platform", choices=[one.job.platform for one in COMPARISONS])

    def handle(self, *args: Any, **options: Any) -> None:
        comparison = comparison_named(options["platform"])
        assert comparison is not None
        try:
            if off := comparison.job.off_reason():
                raise CommandError(off, returncode=1)
            current, begun = begin(comparison, trigger=Reconciliation.Trigger.COMMAND, by="", now=timezone.now())
            if not begun:
                self.stdout.write("A comparison is under way already: going on with it.")
            with stop_on_signals() as stop:
                report = engine.work(comparison, current, seconds=None, stop=stop)
                if report.finished:
                    prune_of(comparison.job.platform, stop=stop)
        except (OperationalError, ProgrammingError) as error:
            if reason := database_fault():
                raise CommandError(reason, returncode=1) from error
            raise
        if report.more:
            raise CommandError("Broken off. A worker goes on, or this command.", returncode=INTERRUPTED)
        if not report.finished:
            raise CommandError(report.said, returncode=1)
        self.stdout.write(report.said)
