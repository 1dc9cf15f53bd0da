"""The sweep command, the same for every platform that is swept. A platform's command names its sweeper."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation_sdk.commands import INTERRUPTED
from curation_sdk.shutdown import stop_on_signals
from opt_outs.sweeping import Sweeper, sweep


class SweepCommand(BaseCommand):
    """Sweeps now, to the end. One that was broken off is gone on with.

    Exit code: 0 when all was read, 1 when the platform did not let it or nobody may call it now, 130 after Ctrl-C.
    """

    sweeper: ClassVar[Sweeper]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--everything", action="store_true", help="not only what changed since the last sweep")

    def handle(self, *args: Any, **options: Any) -> None:
        everything: bool = options["everything"]
        with stop_on_signals() as stop:
            swept = sweep(self.sweeper, within=None, begin=True, everything=everything, stop=stop)
        if swept.problem:
            raise CommandError(swept.sentence, returncode=1)
        self.stdout.write(swept.sentence)
        if swept.more:
            sys.exit(INTERRUPTED)
